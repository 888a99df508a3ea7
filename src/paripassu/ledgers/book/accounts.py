"""Safekeeping accounts: holder records, freezes, balances, and movements under the rules."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from paripassu.commands import AttestBreakdown, Freeze, Issue, Onboard, Transfer
from paripassu.errors import BreakdownRefused, CommandRefused
from paripassu.identifiers import Bytes32, Country, account_to_bytes
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import ISSUE_ACCOUNT, UNITS, Entry
from paripassu.ledgers.book.schema import account as account_table
from paripassu.ledgers.book.schema import breakdown, position, posting, setting
from paripassu.quantities import Units
from paripassu.rules import AccountState, HolderRecord, Restriction, refusal, verdict


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
    """All holder records by account, or one account's."""
    query = select(account_table).where(account_table.c.holder.is_not(None))
    if account is not None:
        query = query.where(account_table.c.account == account)
    return {
        row.account: HolderRecord(
            holder=Bytes32(row.holder),
            country=Country(row.country),
            investor_class=row.investor_class,
            active=row.active,
            expiry=row.expiry,
            servicer=row.servicer,
        )
        for row in connection.execute(query)
    }


def is_paused(connection: Connection) -> bool:
    return connection.execute(select(setting.c.value).where(setting.c.name == "paused")).scalar() == "1"


def judge(
    connection: Connection,
    configuration: BookConfiguration,
    source: str | None,
    target: str | None,
    units: Units,
    now: int,
) -> Restriction:
    """The verdict of the rules on a movement; None for a side on another ledger or at the issuer."""
    return verdict(
        configuration.rules,
        is_paused(connection),
        None if source is None else _state(connection, source),
        None if target is None else _state(connection, target),
        units,
        now,
    )


def require_allowed(
    entry: Entry, configuration: BookConfiguration, source: str | None, target: str | None, units: Units
) -> None:
    """Raise the RuleError of the restriction that refuses the movement."""
    restriction = judge(entry.connection, configuration, source, target, units, entry.time)
    if restriction is not Restriction.NONE:
        raise refusal(
            restriction,
            source=source or "",
            target=target or "",
            units=units,
            ledger=configuration.ledger,
        )


def _state(connection: Connection, account: str) -> AccountState:
    frozen = connection.execute(
        select(account_table.c.frozen).where(account_table.c.account == account)
    ).scalar()
    return AccountState(holder(connection, account), bool(frozen), Units(balance(connection, UNITS, account)))


def onboard(entry: Entry, configuration: BookConfiguration, command: Onboard) -> None:
    """Register or renew an account. Another holder never takes over an account (UBO-10)."""
    account_to_bytes(configuration.ledger, command.account)
    known = holder(entry.connection, command.account)
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
    )
    values = {
        "holder": record.holder.text,
        "country": str(record.country),
        "investor_class": record.investor_class,
        "active": True,
        "expiry": record.expiry,
        "servicer": record.servicer,
    }
    _upsert(entry.connection, command.account, **values)
    entry.note(onboarded=command.account, **values)


def freeze(entry: Entry, command: Freeze) -> None:
    _upsert(entry.connection, command.account, frozen=command.frozen)
    entry.note(account=command.account, frozen=command.frozen)


def _upsert(connection: Connection, account: str, **values: object) -> None:
    where = account_table.c.account == account
    if connection.execute(select(account_table.c.account).where(where)).first() is None:
        blank: dict[str, object] = {"active": True, "expiry": 0, "servicer": "", "frozen": False}
        connection.execute(insert(account_table).values(account=account, **(blank | values)))
    else:
        connection.execute(update(account_table).where(where).values(**values))


def issue(entry: Entry, configuration: BookConfiguration, command: Issue) -> None:
    """Mark up, on the home ledger and within the issue limit (ISS-1)."""
    if not configuration.home:
        raise CommandRefused(f"{configuration.ledger} is not the home ledger: units are issued there alone.")
    issued = -balance(entry.connection, UNITS, ISSUE_ACCOUNT)
    if issued + command.units > configuration.issue_limit:
        raise CommandRefused(
            f"Issuing {int(command.units)} units on top of {issued} exceeds the issue limit of "
            f"{int(configuration.issue_limit)}."
        )
    require_allowed(entry, configuration, None, command.account, command.units)
    entry.move(UNITS, ISSUE_ACCOUNT, command.account, command.units)
    entry.note(issued=str(int(command.units)), to=command.account)


def transfer(entry: Entry, configuration: BookConfiguration, command: Transfer) -> None:
    require_allowed(entry, configuration, command.source, command.target, command.units)
    if command.units:  # ERC-20 allows a transfer of nothing, so the book does too (I3)
        entry.move(UNITS, command.source, command.target, command.units)
    entry.note(moved=str(int(command.units)), source=command.source, target=command.target)


def attest_breakdown(entry: Entry, command: AttestBreakdown) -> None:
    """A servicer's statement of client positions, never above the balance (UBO-4, UBO-7)."""
    held = balance(entry.connection, UNITS, command.account)
    if command.total > held:
        raise BreakdownRefused(
            f"A breakdown of {int(command.total)} units exceeds the {held} that '{command.account}' holds, "
            f"by {int(command.total) - held}."
        )
    last = entry.connection.execute(
        select(func.max(breakdown.c.sequence)).where(breakdown.c.account == command.account)
    ).scalar()
    values = {
        "account": command.account,
        "sequence": (last or 0) + 1,
        "as_of": command.as_of,
        "root": command.root.text,
        "total": int(command.total),
    }
    entry.connection.execute(insert(breakdown).values(**values, height=entry.height))
    entry.note(attested=values)


def balances_at(
    connection: Connection, asset: str, *, time: int | None = None, height: int | None = None
) -> dict[str, int]:
    """Balances other than zero after the last posting up to a time or a height, technical accounts too."""
    within = select(func.max(posting.c.id)).where(posting.c.asset == asset).group_by(posting.c.account)
    if time is not None:
        within = within.where(posting.c.time <= time)
    if height is not None:
        within = within.where(posting.c.height <= height)
    rows = connection.execute(
        select(posting.c.account, posting.c.balance)
        .where(posting.c.id.in_(within))
        .order_by(posting.c.account)
    )
    return {account: held for account, held in rows if held}


def eligible_at(connection: Connection, account: str, time: int) -> Units:
    """Units held at `time`, and those that had left another ledger by then and arrived later (CA-5)."""
    held = connection.execute(
        select(posting.c.balance)
        .where(posting.c.asset == UNITS, posting.c.account == account, posting.c.time <= time)
        .order_by(posting.c.id.desc())
        .limit(1)
    ).scalar()
    arrived = connection.execute(
        select(posting.c.amount).where(
            posting.c.asset == UNITS,
            posting.c.account == account,
            posting.c.time > time,
            posting.c.dispatched <= time,
        )
    ).scalars()
    return Units((held or 0) + sum(arrived))
