"""Units on safekeeping accounts: issue, transfer, client positions, balances of any time."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from paripassu.commands import AttestBreakdown, Issue, Transfer
from paripassu.errors import BreakdownRefused, CommandRefused
from paripassu.ledgers.book import controls
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import ISSUE_ACCOUNT, Entry
from paripassu.ledgers.book.register import balance
from paripassu.ledgers.book.ruling import require_allowed
from paripassu.ledgers.book.schema import breakdown, posting
from paripassu.quantities import Units
from paripassu.rules import Kind


def issue(entry: Entry, configuration: BookConfiguration, command: Issue) -> None:
    """Mark up, on the home ledger and within the issue limit (ISS-1)."""
    if not configuration.home:
        raise CommandRefused(f"{configuration.ledger} is not the home ledger: units are issued there alone.")
    issued = -balance(entry.connection, configuration.asset, ISSUE_ACCOUNT)
    limit = configuration.security.issue_limit
    if issued + command.units > limit:
        raise CommandRefused(
            f"Issuing {int(command.units)} units on top of {issued} exceeds the issue limit of {int(limit)}."
        )
    require_allowed(entry, configuration, Kind.ISSUE, "", command.account, command.units)
    entry.move(configuration.asset, ISSUE_ACCOUNT, command.account, command.units)
    entry.note(issued=str(int(command.units)), to=command.account)


def transfer(entry: Entry, configuration: BookConfiguration, command: Transfer) -> None:
    controls.move(entry, configuration, command.source, command.target, command.units)


def attest_breakdown(entry: Entry, configuration: BookConfiguration, command: AttestBreakdown) -> None:
    """A servicer's statement of client positions, never above the balance (UBO-4, UBO-7)."""
    asset = configuration.asset
    held = balance(entry.connection, asset, command.account)
    if command.total > held:
        raise BreakdownRefused(
            f"A breakdown of {int(command.total)} units exceeds the {held} that '{command.account}' holds, "
            f"by {int(command.total) - held}."
        )
    last = entry.connection.execute(
        select(func.max(breakdown.c.sequence)).where(
            breakdown.c.asset == asset, breakdown.c.account == command.account
        )
    ).scalar()
    values = {
        "asset": asset,
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


def eligible_at(connection: Connection, asset: str, account: str, time: int) -> Units:
    """Units held at `time`, and those that had left another ledger by then and arrived later (CA-5)."""
    held = connection.execute(
        select(posting.c.balance)
        .where(posting.c.asset == asset, posting.c.account == account, posting.c.time <= time)
        .order_by(posting.c.id.desc())
        .limit(1)
    ).scalar()
    arrived = connection.execute(
        select(posting.c.amount).where(
            posting.c.asset == asset,
            posting.c.account == account,
            posting.c.time > time,
            posting.c.dispatched <= time,
        )
    ).scalars()
    return Units((held or 0) + sum(arrived))
