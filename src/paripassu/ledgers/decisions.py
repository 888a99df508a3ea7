"""Where ledgers keep the verdicts that they give on instructions (CTL-11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paripassu.acts import ExecuteAct
from paripassu.commands import Command, Deliver, Issue, Move, Pay, Redeem, Retry, Transfer
from paripassu.controls import BatchTransfer, EndPledge, Pledge
from paripassu.rules import DecisionRecord, Kind, Movement


class DecisionLog(Protocol):
    """Durable, append-only record of decisions; the store has one (`paripassu.store`)."""

    def append(self, records: Sequence[DecisionRecord]) -> None:
        """Keep decisions; one on a movement of a transaction that is kept already is passed over."""
        ...


class MemoryDecisionLog:
    """Decisions kept in memory, for tests."""

    def __init__(self) -> None:
        self.records: list[DecisionRecord] = []

    def append(self, records: Sequence[DecisionRecord]) -> None:
        known = {(one.ledger, one.transaction, one.position) for one in self.records if one.transaction}
        self.records += [one for one in records if (one.ledger, one.transaction, one.position) not in known]


def movements_of(command: Command) -> list[Movement]:
    """What a command moves, in order, as far as it says so itself."""
    match command:
        case Transfer(source, target, units):
            return [Movement(Kind.TRANSFER, source, target, units)]
        case BatchTransfer(source, transfers):
            return [Movement(Kind.TRANSFER, source, target, units) for target, units in transfers]
        case Move(source, _, _, units):
            return [Movement(Kind.BRIDGE_OUT, source, "", units)]
        case Issue(account, units):
            return [Movement(Kind.ISSUE, "", account, units)]
        case Redeem(account, units):
            return [Movement(Kind.REDEEM, account, "", units)]
        case Pledge(account, pledgee, units):
            return [Movement(Kind.PLEDGE, account, pledgee, units)]
    return []


def moves_units(command: Command) -> bool:
    """Whether the rules have a say in a command: on units, or on who is paid."""
    return bool(movements_of(command)) or isinstance(command, Deliver | Retry | Pay | EndPledge | ExecuteAct)
