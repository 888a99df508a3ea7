"""The book's register of accounts: holder records and sanctions for all securities, freezes and balances
for each."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from paripassu.commands import Onboard
from paripassu.controls import SANCTION, SUSPENSION, Freeze, Reason, Rotate, Sanction, SetStatus
from paripassu.errors import CommandRefused
from paripassu.identifiers import Bytes32, Country, account_to_bytes
from paripassu.ledgers.book import orders
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import account as account_table
from paripassu.ledgers.book.schema import holding, position
from paripassu.rules import HolderRecord


def balance(connection: Connection, asset: str, account: str) -> int:
    """Current balance; negative for technical accounts."""
    return (
        connection.execute(
            select(position.c.balance).where(position.c.asset == asset, position.c.account == account)
        ).scalar()
        or 0
    )


def holder(connection: Connection, account: str) -> HolderRecord | None:
    """The account's holder record; None where it was never onboarded."""
    return holders(connection, account).get(account)


def holders(connection: Connection, account: str | None = None) -> dict[str, HolderRecord]:
    """All holder records by account, or one account's, with what is ordered against the holder."""
    ordered = orders.in_force(connection)
    query = select(account_table).where(account_table.c.holder.is_not(None))
    if account is not None:
        query = query.where(account_table.c.account == account)
    return {
        row.account: HolderRecord(
            holder=Bytes32(row.holder),
            country=Country(row.country),
            investor_class=row.investor_class,
            active=row.active and (row.holder, SUSPENSION.text) not in ordered,
            expiry=row.expiry,
            servicer=row.servicer,
            sanctioned=row.sanctioned or (row.holder, SANCTION.text) in ordered,
            additional=row.additional,
            superseded=row.successor is not None,
        )
        for row in connection.execute(query)
    }


def accounts_with_units(connection: Connection, asset: str) -> dict[Bytes32, int]:
    """Accounts that have units of a security, counted by the commitment of their holder."""
    query = (
        select(account_table.c.holder, func.count())
        .join(position, position.c.account == account_table.c.account)
        .where(position.c.asset == asset, position.c.balance != 0, account_table.c.holder.is_not(None))
        .group_by(account_table.c.holder)
    )
    return {Bytes32(found): number for found, number in connection.execute(query)}


def successor(connection: Connection, account: str) -> tuple[str, int] | None:
    """The account that took this one's place, and when."""
    row = connection.execute(
        select(account_table.c.successor, account_table.c.superseded_at).where(
            account_table.c.account == account
        )
    ).first()
    return None if row is None or row.successor is None else (row.successor, row.superseded_at)


def current(connection: Connection, account: str) -> str:
    """The account that stands for this one now: itself where none took its place."""
    found = successor(connection, account)
    while found is not None:
        account = found[0]
        found = successor(connection, account)
    return account


def is_frozen(connection: Connection, asset: str, account: str) -> bool:
    """Whether an account is frozen in a security, itself or by an order against its holder."""
    if is_itself_frozen(connection, asset, account):
        return True
    query = select(account_table.c.holder).where(account_table.c.account == account)
    named = connection.execute(query).scalar()
    return named is not None and orders.freezes(connection, asset, Bytes32(named))


def is_itself_frozen(connection: Connection, asset: str, account: str) -> bool:
    """Whether an account is frozen in a security, whatever is ordered against its holder."""
    query = select(holding.c.frozen).where(holding.c.asset == asset, holding.c.account == account)
    return bool(connection.execute(query).scalar())


def onboard(entry: Entry, configuration: BookConfiguration, command: Onboard) -> None:
    """Register or renew an account. Another holder never takes over an account (UBO-10), and a renewal
    lifts neither suspension nor sanction.

    The book knows its signers by name, so it needs no proof of key control.
    """
    account_to_bytes(configuration.ledger, command.account)
    known = holder(entry.connection, command.account)
    if known is not None and known.superseded:
        raise CommandRefused(f"Another account took the place of '{command.account}'.")
    if known is not None and known.holder != command.holder:
        raise CommandRefused(
            f"Account '{command.account}' belongs to the holder {known.holder}, not to {command.holder}."
        )
    record = HolderRecord(
        command.holder,
        Country(command.country),
        command.investor_class,
        True,
        command.expiry,
        command.servicer,
        additional=command.additional,
    )
    values = {
        "holder": record.holder.text,
        "country": str(record.country),
        "investor_class": record.investor_class,
        "expiry": record.expiry,
        "servicer": record.servicer,
        "additional": record.additional,
    }
    upsert(entry.connection, command.account, **values)
    entry.note(onboarded=command.account, **values)


def freeze(entry: Entry, asset: str, command: Freeze) -> None:
    hold(entry.connection, asset, command.account, frozen=command.frozen)
    entry.note(account=command.account, frozen=command.frozen, reason=command.reason.text)


def set_status(entry: Entry, command: SetStatus) -> None:
    """Suspend or reinstate an account; saying the same twice changes nothing."""
    _require_current(entry.connection, command.account)
    upsert(entry.connection, command.account, active=command.active)
    entry.note(account=command.account, active=command.active, reason=command.reason.text)


def sanction(entry: Entry, command: Sanction) -> None:
    """Mark an account's holder as sanctioned, or lift that; a renewal does not lift it."""
    _require_current(entry.connection, command.account)
    upsert(entry.connection, command.account, sanctioned=command.sanctioned)
    entry.note(account=command.account, sanctioned=command.sanctioned, reason=command.reason.text)


def rotate(entry: Entry, configuration: BookConfiguration, command: Rotate) -> None:
    """Let another account take an account's place. The book knows its signers by name: no proof is asked."""
    supersede(entry, configuration, command.source, command.target, command.reason)


def supersede(
    entry: Entry, configuration: BookConfiguration, source: str, target: str, reason: Reason
) -> None:
    """Move a record to an account that was never onboarded; the former one stays readable (UBO-10)."""
    connection = entry.connection
    account_to_bytes(configuration.ledger, target)
    _require_current(connection, source)
    if holder(connection, target) is not None:
        raise CommandRefused(f"Account '{target}' is taken: only one that was never onboarded takes a place.")
    row = connection.execute(select(account_table).where(account_table.c.account == source)).one()
    moved = (
        "holder",
        "country",
        "investor_class",
        "active",
        "expiry",
        "servicer",
        "sanctioned",
        "additional",
    )
    upsert(connection, target, **{name: row._mapping[name] for name in moved})
    upsert(connection, source, successor=target, superseded_at=entry.time)
    entry.note(superseded=source, successor=target, reason=reason.text)


def _require_current(connection: Connection, account: str) -> None:
    record = holder(connection, account)
    if record is None:
        raise CommandRefused(f"Account '{account}' is not registered.")
    if record.superseded:
        raise CommandRefused(f"Another account took the place of '{account}'.")


def upsert(connection: Connection, account: str, **values: object) -> None:
    """Change what the register says of an account; an unknown one gets a blank line first."""
    where = account_table.c.account == account
    if connection.execute(select(account_table.c.account).where(where)).first() is None:
        blank: dict[str, object] = {"active": True, "expiry": 0, "servicer": ""}
        connection.execute(insert(account_table).values(account=account, **(blank | values)))
    else:
        connection.execute(update(account_table).where(where).values(**values))


def hold(connection: Connection, asset: str, account: str, **values: object) -> None:
    """Change what encumbers an account's units of a security; an unknown one gets a blank line first."""
    where = (holding.c.asset == asset, holding.c.account == account)
    if connection.execute(select(holding.c.account).where(*where)).first() is None:
        blank: dict[str, object] = {"frozen": False, "blocked": 0, "pledged": 0}
        connection.execute(insert(holding).values(asset=asset, account=account, **(blank | values)))
    else:
        connection.execute(update(holding).where(*where).values(**values))
