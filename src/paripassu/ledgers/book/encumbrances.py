"""What encumbers units of accounts in the book: blocks, pledges, lock-ups (CTL-10).

The core's pure functions decide; here their results are stored. Lapsed lock-ups count no more,
and leave the table when their account is next written.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from paripassu.errors import CommandRefused, InvalidQuantity
from paripassu.ledgers.book import register
from paripassu.ledgers.book.journal import UNITS, Entry
from paripassu.ledgers.book.schema import account as account_table
from paripassu.ledgers.book.schema import lot
from paripassu.quantities import ZERO_UNITS, Units
from paripassu.rules import AccountState, BalanceType, Lot, encumber, free
from paripassu.rules import lock as lock_units


def state(connection: Connection, account: str, now: int) -> AccountState:
    """An account as the rules read it; one that was never heard of holds nothing."""
    columns = (account_table.c.blocked, account_table.c.pledged, account_table.c.quota)
    row = connection.execute(select(*columns).where(account_table.c.account == account)).first()
    lots = connection.execute(
        select(lot.c.units, lot.c.until)
        .where(lot.c.account == account, lot.c.until > now)
        .order_by(lot.c.serial)
    )
    return AccountState(
        register.holder(connection, account),
        register.is_frozen(connection, account),
        Units(register.balance(connection, UNITS, account)),
        blocked=Units(row.blocked) if row else ZERO_UNITS,
        pledged=Units(row.pledged) if row else ZERO_UNITS,
        lots=tuple(Lot(Units(units), until) for units, until in lots),
        quota=None if row is None or row.quota is None else Units(row.quota),
    )


def store(connection: Connection, account: str, changed: AccountState) -> None:
    """Keep an account's blocks, pledges and lots as they are in `changed`."""
    register.upsert(connection, account, blocked=int(changed.blocked), pledged=int(changed.pledged))
    connection.execute(delete(lot).where(lot.c.account == account))
    for one in changed.lots:
        connection.execute(insert(lot).values(account=account, units=int(one.units), until=one.until))


def set_blocked(entry: Entry, account: str, units: Units) -> None:
    """Set (not add to) an account's blocked units. Raises CommandRefused where too few are available."""
    _change(entry, account, BalanceType.BLOCKED, units)


def set_pledged(entry: Entry, account: str, units: Units) -> None:
    """Set (not add to) an account's pledged units. Raises CommandRefused where too few are available."""
    _change(entry, account, BalanceType.PLEDGED, units)


def add_lot(entry: Entry, account: str, units: Units, until: int) -> None:
    """Lock available units up. Raises CommandRefused where that cannot be."""
    before = state(entry.connection, account, entry.time)
    try:
        store(entry.connection, account, lock_units(before, units, until, entry.time))
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None


def seize(entry: Entry, account: str, units: Units) -> None:
    """Free units that the law takes from whatever encumbers them; they must be held."""
    before = state(entry.connection, account, entry.time)
    store(entry.connection, account, free(before, units, entry.time))


def hand_over(entry: Entry, lost: str, successor: str) -> Units:
    """Move all units of an account, and what encumbers them, to its successor."""
    connection, now = entry.connection, entry.time
    one, other = state(connection, lost, now), state(connection, successor, now)
    if one.balance:
        entry.move(UNITS, lost, successor, one.balance)
    store(connection, lost, AccountState(one.record))
    store(
        connection,
        successor,
        AccountState(
            other.record,
            balance=one.balance + other.balance,
            blocked=one.blocked + other.blocked,
            pledged=one.pledged + other.pledged,
            lots=(*other.lots, *one.lots),
        ),
    )
    if one.frozen:
        register.upsert(connection, successor, frozen=True)
    return one.balance


def _change(entry: Entry, account: str, kind: BalanceType, units: Units) -> None:
    before = state(entry.connection, account, entry.time)
    try:
        store(entry.connection, account, encumber(before, kind, units, entry.time))
    except InvalidQuantity as error:
        raise CommandRefused(f"Account '{account}': {error.sentence}") from None
