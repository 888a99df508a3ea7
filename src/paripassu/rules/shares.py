"""A ledger's share of rules that count over all ledgers."""

from __future__ import annotations

from dataclasses import replace

from paripassu.quantities import Units
from paripassu.rules.state import RuleSet


def share(rules: RuleSet, ledgers: int, *, home: bool) -> RuleSet:
    """The rules as one of `ledgers` ledgers applies them at first.

    Holding cap and holder limit are divided in equal parts, and the home ledger has what remains:
    the parts add up to the whole, so no race between ledgers breaks it, and no transfer waits for a
    message. A holder on two ledgers takes a place on each of them. Ledgers may move unused quota
    between each other afterwards, which leaves the sum as it is.
    """
    cap, limit = rules.holding_cap, rules.holder_limit
    return replace(
        rules,
        holding_cap=None if cap is None else Units(_part(int(cap), ledgers, home)),
        holder_limit=None if limit is None else _part(limit, ledgers, home),
    )


def _part(whole: int, ledgers: int, home: bool) -> int:
    part = whole // ledgers
    return whole - part * (ledgers - 1) if home else part
