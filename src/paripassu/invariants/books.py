"""I6 and I7: each message taken once, and custody books that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.custody import CustodyNode, ShareholdingType
from paripassu.identifiers import Bytes32
from paripassu.invariants.result import Figures, InvariantResult, result
from paripassu.messages import Lane
from paripassu.quantities import ZERO_UNITS, Units


@dataclass(frozen=True, slots=True)
class SentEntry:
    """A message in the source's outbox."""

    nonce: int
    message_id: Bytes32


@dataclass(frozen=True, slots=True)
class DeliveredEntry:
    """A message that the destination took: executed, parked, or refused for good, the latter two with a
    reason. In the order it was taken."""

    nonce: int
    message_id: Bytes32
    parked: bool = False
    reason: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class LaneState:
    """Both ends of one lane."""

    lane: Lane
    sent: tuple[SentEntry, ...]
    delivered: tuple[DeliveredEntry, ...]


def once(states: tuple[LaneState, ...]) -> InvariantResult:
    """I6 (MOV-3): each message takes effect once, in lane order, or is parked or refused with a reason."""
    faults, figures = [], Figures()
    for state in states:
        faults += _lane_faults(state)
        waiting = len(state.sent) - len(state.delivered)
        parked = [entry for entry in state.delivered if entry.parked]
        refused = sum(entry.refused for entry in state.delivered)
        figures[str(state.lane)] = (
            f"{len(state.sent)} sent, {len(state.delivered) - len(parked) - refused} executed, "
            f"{len(parked)} parked, {f'{refused} refused, ' if refused else ''}{max(waiting, 0)} waiting"
        )
        figures |= {f"parked {entry.message_id}": entry.reason for entry in parked}
    total = sum(len(state.delivered) for state in states)
    holds = f"{total} messages of {len(states)} lanes were taken once each, in order."
    return result("I6", "Once", figures, faults, holds)


def _lane_faults(state: LaneState) -> list[str]:
    faults = []
    if [entry.nonce for entry in state.sent] != list(range(1, len(state.sent) + 1)):
        faults.append(f"Lane {state.lane} sent nonces that are not 1 to {len(state.sent)}.")
    if [entry.nonce for entry in state.delivered] != list(range(1, len(state.delivered) + 1)):
        faults.append(f"Lane {state.lane} took nonces that are not 1 to {len(state.delivered)} in order.")
    for side in (state.sent, state.delivered):
        ids = Counter(entry.message_id for entry in side)
        faults += [f"Lane {state.lane} has message {m} {n} times." for m, n in ids.items() if n > 1]
    sent = {entry.nonce: entry.message_id for entry in state.sent}
    for entry in state.delivered:
        if sent.get(entry.nonce) != entry.message_id:
            original = sent.get(entry.nonce)
            faults.append(
                f"Lane {state.lane} took {entry.message_id} as nonce {entry.nonce}, "
                f"but {original if original is not None else 'nothing'} was sent."
            )
        if (entry.parked or entry.refused) and not entry.reason:
            what = "parked" if entry.parked else "refused"
            faults.append(f"Lane {state.lane} {what} {entry.message_id} without a reason.")
    return faults


@dataclass(frozen=True, slots=True)
class CustodyState:
    """Custody trees of all accounts of all ledgers, units in transit, and the issued amount.

    One tree for each account on a ledger: a leaf for a direct account, an omnibus account with
    its clients below it. `balances` is what each ledger says of the account at a tree's root.
    """

    trees: tuple[CustodyNode, ...]
    balances: Mapping[str, Units]
    in_transit: Units
    issued: Units


def sums(state: CustodyState) -> InvariantResult:
    """I7 (UBO-1, UBO-2): own + client = total everywhere; holders' units + unknown + transit = issued."""
    faults: list[str] = []
    known, unknown = ZERO_UNITS, ZERO_UNITS
    for tree in state.trees:
        faults += tree.broken_sums()
        balance = state.balances.get(tree.name)
        if balance is None or balance != tree.total:
            said = "no balance" if balance is None else f"{int(balance)} units"
            faults.append(
                f"Account '{tree.name}' has {int(tree.total)} units in the tree, {said} on its ledger."
            )
        for node in tree.walk():
            if node.kind is ShareholdingType.UKWN:
                unknown += node.own
            else:
                known += node.own
    names = Counter(tree.name for tree in state.trees)
    faults += [f"Account '{name}' has {count} trees." for name, count in names.items() if count > 1]
    faults += [
        f"Account '{name}' holds {int(units)} units and has no tree."
        for name, units in state.balances.items()
        if name not in names and units
    ]
    total = known + unknown + state.in_transit
    if total != state.issued:
        faults.append(
            f"Holders' {int(known)}, unknown {int(unknown)} and {int(state.in_transit)} units in transit "
            f"are {int(total)}, but {int(state.issued)} are issued."
        )
    figures: Figures = {
        "accounts": len(state.trees),
        "holders' units": int(known),
        "unknown": int(unknown),
        "in transit": int(state.in_transit),
        "issued": int(state.issued),
    }
    holds = f"Own and client balances of {len(state.trees)} account trees add up to the issued amount."
    return result("I7", "Sums", figures, faults, holds)
