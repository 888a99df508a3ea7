"""Lots: where units were issued, since when their holder has them, and which ledgers they passed (MOV-8).

No rule on a ledger reads since when units are held, so no ledger pays for keeping it: it follows from what
the ledgers tell. Units of an account are delivered first in, first out; locked-up ones by their lots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from paripassu.errors import LedgerInconsistent
from paripassu.identifiers import ZERO32, AccountId, Bytes32, LedgerId
from paripassu.lots.records import Dispatched, Ended, Issued, Journey, Landed, Locked, Record, Transferred
from paripassu.messages import next_path
from paripassu.quantities import Units
from paripassu.rules import Lot


@dataclass(frozen=True, slots=True)
class OnLedger:
    """Units are in an account of a ledger."""

    account: AccountId

    def __str__(self) -> str:
        return str(self.account)


@dataclass(frozen=True, slots=True)
class InTransit:
    """Units left `source` for an account of `destination` at `since`; they are there or back later."""

    source: LedgerId
    destination: LedgerId
    since: int
    account: AccountId
    message_id: Bytes32

    def __str__(self) -> str:
        return f"IN_TRANSIT({self.source}, {self.destination}, {self.since})"


@dataclass(frozen=True, slots=True)
class UnitLot:
    """Units with one history.

    `home` and `reference` are where and by what they were issued, `acquired` since when their holder has
    them, on whichever ledgers. `lock` is their lock-up, over or not, None for none; its path is the hash that
    ledgers keep.
    """

    units: Units
    home: LedgerId
    reference: str
    acquired: int
    path: tuple[Journey, ...]
    lock: Lot | None
    location: OnLedger | InTransit

    def is_free(self, now: int) -> bool:
        """Whether no lock-up stands against their delivery."""
        return self.lock is None or now >= self.lock.until

    @property
    def path_hash(self) -> Bytes32:
        """What `path` comes to as ledgers keep it of units that are locked up."""
        found = ZERO32
        for one in self.path:
            found = next_path(found, one.message_id)
        return found


def location_of(lot: UnitLot) -> OnLedger | InTransit:
    """Where units are: one answer at any time (MOV-5)."""
    return lot.location


@dataclass(frozen=True, slots=True)
class _Moving:
    """A movement on its way: its lots, and as they were before, for what comes back comes back as it left."""

    sent: Dispatched
    lots: list[UnitLot]
    before: list[UnitLot]


@dataclass(slots=True)
class _Books:
    """Lots by account, oldest first, and those on their way by movement."""

    holders: Mapping[AccountId, Bytes32]
    accounts: dict[AccountId, list[UnitLot]] = field(default_factory=dict)
    moving: dict[Bytes32, _Moving] = field(default_factory=dict)

    def add(self, account: AccountId, lots: Iterable[UnitLot]) -> None:
        held = self.accounts.setdefault(account, [])
        held += [replace(lot, location=OnLedger(account)) for lot in lots]
        held.sort(key=lambda lot: lot.acquired)  # stable: what came first stays before what came later

    def take(self, account: AccountId, units: int, order: Sequence[UnitLot]) -> list[UnitLot]:
        """Take units out of an account's lots, in an order. Raises LedgerInconsistent."""
        held, taken = self.accounts.setdefault(account, []), []
        for lot in order:
            part = min(units, int(lot.units))
            if not part:
                break
            at = next(at for at, one in enumerate(held) if one is lot)
            left = [replace(lot, units=lot.units - Units(part))] if part < lot.units else []
            held[at : at + 1] = left
            taken.append(replace(lot, units=Units(part)))
            units -= part
        if units:
            raise LedgerInconsistent(f"{units} units more leave {account} than its lots have.")
        return taken

    def free(self, account: AccountId, now: int) -> list[UnitLot]:
        return [lot for lot in self.accounts.get(account, []) if lot.is_free(now)]

    def by_law(self, account: AccountId, now: int) -> list[UnitLot]:
        """The order in which the law takes: free ones, then those that unlock last."""
        bound = [lot for lot in self.accounts.get(account, []) if not lot.is_free(now)]
        return self.free(account, now) + sorted(bound, key=_end, reverse=True)

    def same_holder(self, one: AccountId, other: AccountId) -> bool:
        found = self.holders.get(one)
        return one == other or (found is not None and found == self.holders.get(other))

    def given(self, source: AccountId, target: AccountId, lots: list[UnitLot], at: int) -> list[UnitLot]:
        """Lots as another account has them: another holder has them since now."""
        return lots if self.same_holder(source, target) else [replace(lot, acquired=at) for lot in lots]


def trace(
    records: Mapping[LedgerId, Sequence[Record]], holders: Mapping[AccountId, Bytes32]
) -> tuple[UnitLot, ...]:
    """All lots that there are, from what each ledger tells, in its own order.

    Args:
        records: by ledger, in the ledger's order.
        holders: commitment to each account's holder; accounts of one holder keep since when units are held.

    Raises:
        LedgerInconsistent: more units leave an account than it has, or units land that never left.
    """
    books = _Books(holders)
    for record in _in_order(records):
        _apply(books, record)
    held = [lot for account in sorted(books.accounts, key=str) for lot in books.accounts[account]]
    return (*held, *(lot for one in books.moving.values() for lot in one.lots))


def _in_order(records: Mapping[LedgerId, Sequence[Record]]) -> Iterator[Record]:
    """Records of all ledgers by time, each ledger's in its own order, and none lands before it left."""
    waiting = {ledger: list(reversed(rows)) for ledger, rows in records.items() if rows}
    gone: set[Bytes32] = set()
    while waiting:
        ready = [
            ledger
            for ledger, rows in waiting.items()
            if not isinstance(rows[-1], Landed) or rows[-1].message_id in gone
        ]
        if not ready:
            stuck = next(iter(waiting.values()))[-1]
            raise LedgerInconsistent(f"Units landed at {stuck.account} that no ledger tells to have left.")
        ledger = min(ready, key=lambda one: (waiting[one][-1].time, one))
        record = waiting[ledger].pop()
        if isinstance(record, Dispatched):
            gone.add(record.message_id)
        if not waiting[ledger]:
            del waiting[ledger]
        yield record


def _apply(books: _Books, record: Record) -> None:
    account, now = record.account, record.time
    match record:
        case Issued(_, _, units, reference):
            place = OnLedger(account)
            books.add(account, [UnitLot(units, account.ledger, reference, now, (), None, place)])
        case Ended(_, _, units, by_law):
            books.take(account, int(units), _order(books, account, now, by_law))
        case Transferred(_, _, units, target, by_law, succeeded):
            order = books.accounts.get(account, []) if succeeded else _order(books, account, now, by_law)
            taken = books.take(account, int(units), list(order))
            if by_law:
                taken = [lot if lot.is_free(now) else replace(lot, lock=None) for lot in taken]
            books.add(target, books.given(account, target, taken, now))
        case Locked(_, _, units, until):
            # those that came last: what is granted last is what is locked up
            taken = books.take(account, int(units), list(reversed(books.free(account, now))))
            books.add(account, [replace(lot, lock=Lot(lot.units, until, now)) for lot in taken])
        case Dispatched():
            _depart(books, record)
        case Landed():
            _land(books, record)


def _order(books: _Books, account: AccountId, now: int, by_law: bool) -> list[UnitLot]:
    return books.by_law(account, now) if by_law else books.free(account, now)


def _depart(books: _Books, record: Dispatched) -> None:
    account, now = record.account, record.time
    taken: list[UnitLot] = []
    for wanted in record.lots:
        like = [
            lot
            for lot in books.accounts.get(account, [])
            if lot.lock is not None and lot.lock.is_like(wanted)
        ]
        taken += books.take(account, int(wanted.units), like)
    rest = int(record.units) - sum(int(lot.units) for lot in taken)
    taken += books.take(account, rest, books.free(account, now))
    place = InTransit(account.ledger, record.target.ledger, now, record.target, record.message_id)
    # in transit they count for the account that the message names
    given = books.given(account, record.target, taken, now)
    moving = [replace(lot, location=place) for lot in given]
    books.moving[record.message_id] = _Moving(record, moving, taken)


def _land(books: _Books, record: Landed) -> None:
    found = books.moving.pop(record.message_id, None)
    if found is None:
        raise LedgerInconsistent(f"Units of message {record.message_id} landed twice.")
    sent = found.sent
    if record.account.ledger == sent.account.ledger:
        books.add(record.account, found.before)
        return
    journey = Journey(sent.message_id, sent.account.ledger, record.account.ledger, sent.time, record.time)
    books.add(record.account, [_travelled(lot, journey, record.time) for lot in found.lots])


def _travelled(lot: UnitLot, journey: Journey, now: int) -> UnitLot:
    lock = lot.lock
    if lock is not None:
        # what has ended on the way is over
        path = next_path(lock.path, journey.message_id)
        lock = replace(lock, path=path) if now < lock.until else None
    return replace(lot, path=(*lot.path, journey), lock=lock)


def _end(lot: UnitLot) -> int:
    return 0 if lot.lock is None else lot.lock.until
