"""I3, I4 and I5: same verdict, same record, same outcome on every ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.entitlements import Holding, Part, entitle
from paripassu.events import EventRecord
from paripassu.identifiers import AccountId, Bytes32, LedgerId
from paripassu.invariants.result import Figures, InvariantResult, result
from paripassu.quantities import ZERO_MINOR, Minor


@dataclass(frozen=True, slots=True)
class VerdictState:
    """The restriction code that each ledger gives to the same movement."""

    movement: str
    codes: Mapping[LedgerId, int]


def same_verdict(states: tuple[VerdictState, ...]) -> InvariantResult:
    """I3 (CTL-1): the same movement gets the same code on every ledger."""
    faults, figures = [], Figures()
    for state in states:
        said = ", ".join(f"{ledger}: {int(code)}" for ledger, code in state.codes.items())
        figures[state.movement] = said
        if len({int(code) for code in state.codes.values()}) != 1:
            faults.append(f"Movement '{state.movement}' gets different codes ({said or 'none'}).")
    if not states:
        faults.append("No movement was put to the ledgers.")
    holds = f"{len(states)} movements got the same code on every ledger."
    return result("I3", "Same verdict", figures, faults, holds)


@dataclass(frozen=True, slots=True)
class RecordState:
    """The record hash of one official event as each ledger computes it; None where it is not known yet."""

    event_id: str
    hashes: Mapping[LedgerId, Bytes32 | None]


def same_record(states: tuple[RecordState, ...]) -> InvariantResult:
    """I4 (CA-1): an event's record hash is equal on every ledger that knows it."""
    faults, figures = [], Figures()
    for state in states:
        known = {ledger: value for ledger, value in state.hashes.items() if value is not None}
        for ledger, value in state.hashes.items():
            figures[f"{state.event_id} {ledger}"] = "not known" if value is None else str(value)
        if len(set(known.values())) > 1:
            said = ", ".join(f"{ledger}: {value}" for ledger, value in known.items())
            faults.append(f"Event '{state.event_id}' has different records ({said}).")
        if not known:
            faults.append(f"Event '{state.event_id}' is known on no ledger.")
    holds = f"{len(states)} events have one record each."
    return result("I4", "Same record", figures, faults, holds)


@dataclass(frozen=True, slots=True)
class ProceedsState:
    """The event, the consolidated holdings at record time, and what was paid to each account."""

    event: EventRecord
    holdings: tuple[Holding, ...]
    paid: Mapping[AccountId, Minor]


def same_outcome(state: ProceedsState) -> InvariantResult:
    """I5 (CA-6, CA-7): proceeds depend on the position at record time alone.

    Each holder's amount is computed from its units alone, from the table that divides it over
    ledgers, and from a table in which all of its units sit in one account; all must agree, and
    each account must have been paid what the table says.
    """
    faults = []
    exponent = state.event.currency.exponent
    table = entitle(state.event, state.holdings)
    gathered = entitle(state.event, [_on_one_account(holding) for holding in state.holdings])
    together = {entitlement.holder: entitlement.amount for entitlement in gathered.holders}
    for entitlement in table.holders:
        alone = state.event.rate.floor_minor(entitlement.units, exponent)
        divided = sum((part.amount for part in entitlement.parts), ZERO_MINOR)
        if not alone == divided == entitlement.amount == together[entitlement.holder]:
            faults.append(
                f"Holder {entitlement.holder} is owed {int(alone)} on {int(entitlement.units)} units, but "
                f"{int(divided)} as divided and {int(together[entitlement.holder])} on one ledger."
            )
    due = {line.account: line.amount for line in table.lines}
    for account in sorted(due.keys() | state.paid.keys(), key=str):
        owed, paid = due.get(account, ZERO_MINOR), state.paid.get(account, ZERO_MINOR)
        if owed != paid:
            faults.append(f"Account '{account}' was paid {int(paid)} and is owed {int(owed)}.")
    exact = state.event.rate.exact_minor(table.units, exponent)
    if int(table.total) + table.residue != exact:
        faults.append(f"Entitlements {int(table.total)} and residue {table.residue} are not {exact}.")
    figures: Figures = {
        "holders": len(table.holders),
        "eligible units": int(table.units),
        "rate": str(state.event.rate),
        "entitled": int(table.total),
        "residue": str(table.residue),
        "paid": int(sum(state.paid.values(), ZERO_MINOR)),
        "accounts paid": sum(1 for amount in state.paid.values() if amount),
    }
    holds = (
        f"{len(table.holders)} holders were paid {int(table.total)} minor units on {int(table.units)} units, "
        "the same as if each held all on one ledger."
    )
    return result("I5", "Same outcome", figures, faults, holds)


def _on_one_account(holding: Holding) -> Holding:
    return Holding(holding.holder, holding.kind, (Part(holding.parts[0].account, holding.units),))
