"""What ledgers tell of units, as lots are traced by it: one record for each change of who has which."""

from __future__ import annotations

from dataclasses import dataclass

from paripassu.identifiers import AccountId, Bytes32, LedgerId
from paripassu.quantities import Units
from paripassu.rules import Lot


@dataclass(frozen=True, slots=True)
class Issued:
    """Units were created on the home ledger; `reference` is the transaction or entry that did it."""

    account: AccountId
    time: int
    units: Units
    reference: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Units were redeemed or, `by_law`, destroyed."""

    account: AccountId
    time: int
    units: Units
    by_law: bool = False


@dataclass(frozen=True, slots=True)
class Transferred:
    """Units went to another account of the ledger. `by_law`: lock-ups do not stand against it. `succeeded`:
    all of a former account went to the one that took its place, with what encumbers it."""

    account: AccountId
    time: int
    units: Units
    target: AccountId
    by_law: bool = False
    succeeded: bool = False


@dataclass(frozen=True, slots=True)
class Locked:
    """Units were locked up until a time."""

    account: AccountId
    time: int
    units: Units
    until: int


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Units left for an account of another ledger; `lots` are those of them that are locked up."""

    account: AccountId
    time: int
    units: Units
    message_id: Bytes32
    target: AccountId
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True, slots=True)
class Landed:
    """Units of a movement arrived, at the account that stands for the one named; or, on the ledger that
    they left, they came back, because they were refused for good."""

    account: AccountId
    time: int
    message_id: Bytes32


Record = Issued | Ended | Transferred | Locked | Dispatched | Landed


@dataclass(frozen=True, slots=True)
class Journey:
    """One movement that units made: from, to, and when they left and arrived (seconds)."""

    message_id: Bytes32
    source: LedgerId
    destination: LedgerId
    since: int
    arrived: int
