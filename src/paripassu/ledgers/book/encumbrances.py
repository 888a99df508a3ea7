"""What encumbers units of accounts in the book: blocks, pledges, lock-ups (CTL-10), asset by asset.

The core's pure functions decide; here their results are stored. Lapsed lock-ups count no more,
and leave the table when their account is next written.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from paripassu.errors import CommandRefused, InvalidQuantity
from paripassu.identifiers import ZERO32, Bytes32
from paripassu.ledgers.book import register
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import holding, lot
from paripassu.quantities import ZERO_UNITS, Units
from paripassu.rules import AccountState, BalanceType, Lot, encumber, free
from paripassu.rules import land_lots as land_arrived
from paripassu.rules import lock as lock_units
from paripassu.rules import take_lots as take_standing


def state(connection: Connection, asset: str, account: str, now: int) -> AccountState:
    """An account as the rules read it; one that was never heard of holds nothing."""
    where = (holding.c.asset == asset, holding.c.account == account)
    row = connection.execute(select(holding).where(*where)).first()
    lots = connection.execute(
        select(lot)
        .where(lot.c.asset == asset, lot.c.account == account, lot.c.until > now)
        .order_by(lot.c.serial)
    )
    return AccountState(
        register.holder(connection, account),
        register.is_frozen(connection, asset, account),
        Units(register.balance(connection, asset, account)),
        blocked=Units(row.blocked) if row else ZERO_UNITS,
        pledged=Units(row.pledged) if row else ZERO_UNITS,
        lots=tuple(
            Lot(Units(row.units), row.until, row.since, Bytes32(row.path) if row.path else ZERO32)
            for row in lots
        ),
        quota=None if row is None or row.quota is None else Units(row.quota),
    )


def store(connection: Connection, asset: str, account: str, changed: AccountState) -> None:
    """Keep an account's blocks, pledges and lots as they are in `changed`."""
    register.hold(connection, asset, account, blocked=int(changed.blocked), pledged=int(changed.pledged))
    connection.execute(delete(lot).where(lot.c.asset == asset, lot.c.account == account))
    for one in changed.lots:
        values = {"asset": asset, "account": account, "units": int(one.units), "until": one.until}
        travelled = {"since": one.since, "path": one.path.text}
        connection.execute(insert(lot).values(**values, **travelled))


def set_blocked(entry: Entry, asset: str, account: str, units: Units) -> None:
    """Set (not add to) an account's blocked units. Raises CommandRefused where too few are available."""
    _change(entry, asset, account, BalanceType.BLOCKED, units)


def set_pledged(entry: Entry, asset: str, account: str, units: Units) -> None:
    """Set (not add to) an account's pledged units. Raises CommandRefused where too few are available."""
    _change(entry, asset, account, BalanceType.PLEDGED, units)


def add_lot(entry: Entry, asset: str, account: str, units: Units, until: int) -> None:
    """Lock available units up. Raises CommandRefused where that cannot be."""
    before = state(entry.connection, asset, account, entry.time)
    try:
        store(entry.connection, asset, account, lock_units(before, units, until, entry.time))
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None


def take_lots(entry: Entry, asset: str, account: str, wanted: Sequence[Lot]) -> tuple[Lot, ...]:
    """Lift the lock-ups that leave with their units (MOV-8). Raises CommandRefused where there are none."""
    before = state(entry.connection, asset, account, entry.time)
    try:
        changed, taken = take_standing(before, wanted, entry.time)
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None
    store(entry.connection, asset, account, changed)
    return taken


def land_lots(entry: Entry, asset: str, account: str, lots: Sequence[Lot]) -> None:
    """Lay lock-ups that came with units on their account (MOV-8). Raises CommandRefused where no more fit."""
    before = state(entry.connection, asset, account, entry.time)
    try:
        store(entry.connection, asset, account, land_arrived(before, lots, entry.time))
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None


def follow_freeze(entry: Entry, asset: str, lost: str, successor: str) -> None:
    """A freeze that was laid on an account goes to the one that took its place, with the first units that do:
    they land frozen (CTL-8)."""
    while lost != successor:
        if register.is_itself_frozen(entry.connection, asset, lost):
            register.hold(entry.connection, asset, lost, frozen=False)
            register.hold(entry.connection, asset, successor, frozen=True)
            entry.note(account=successor, frozen=True, succeeds=lost)
        found = register.successor(entry.connection, lost)
        if found is None:
            return
        lost = found[0]


def seize(entry: Entry, asset: str, account: str, units: Units) -> None:
    """Free units that the law takes from whatever encumbers them; they must be held."""
    before = state(entry.connection, asset, account, entry.time)
    store(entry.connection, asset, account, free(before, units, entry.time))


def hand_over(entry: Entry, asset: str, lost: str, successor: str) -> Units:
    """Move all units of an account, and what encumbers them, to its successor."""
    connection, now = entry.connection, entry.time
    one, other = state(connection, asset, lost, now), state(connection, asset, successor, now)
    if one.balance:
        entry.move(asset, lost, successor, one.balance)
    store(connection, asset, lost, AccountState(one.record))
    store(
        connection,
        asset,
        successor,
        AccountState(
            other.record,
            balance=one.balance + other.balance,
            blocked=one.blocked + other.blocked,
            pledged=one.pledged + other.pledged,
            lots=(*other.lots, *one.lots),
        ),
    )
    if register.is_itself_frozen(connection, asset, lost):
        register.hold(connection, asset, successor, frozen=True)
    return one.balance


def _change(entry: Entry, asset: str, account: str, kind: BalanceType, units: Units) -> None:
    before = state(entry.connection, asset, account, entry.time)
    try:
        store(entry.connection, asset, account, encumber(before, kind, units, entry.time))
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None
