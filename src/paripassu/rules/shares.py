"""A ledger's share of rules that count over all ledgers."""

from __future__ import annotations

from dataclasses import replace

from paripassu.errors import InvalidQuantity
from paripassu.quantities import Units
from paripassu.rules.state import RuleSet


def share(rules: RuleSet, ledgers: int, *, home: bool) -> RuleSet:
    """The rules as one of `ledgers` ledgers applies them.

    Holding cap and holder limit are divided in equal parts, and the home ledger has what remains:
    the parts add up to the whole, so no race between ledgers breaks it, and no transfer waits for a
    message. A holder on two ledgers takes a place on each of them.

    Raises:
        InvalidQuantity: a cap or limit that is too small for every ledger to have a part.
    """
    return replace(
        rules,
        holding_cap=None
        if rules.holding_cap is None
        else Units(_part(int(rules.holding_cap), ledgers, home, "holding cap")),
        holder_limit=None
        if rules.holder_limit is None
        else _part(rules.holder_limit, ledgers, home, "holder limit"),
    )


def _part(whole: int, ledgers: int, home: bool, name: str) -> int:
    part = whole // ledgers
    if part == 0:
        raise InvalidQuantity(f"A {name} of {whole} cannot be shared by {ledgers} ledgers.")
    return whole - part * (ledgers - 1) if home else part
