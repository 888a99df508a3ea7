"""Caps on what arrives of a security from a ledger, as by the contract `TokenBridge` (MOV-13)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from paripassu.commands import SetArrivalCap
from paripassu.errors import CommandRefused
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import arrival_approval, arrival_cap
from paripassu.ledgers.port import ArrivalCap
from paripassu.messages import Message
from paripassu.quantities import ZERO_UNITS, Units

NO_CAP = ArrivalCap(ZERO_UNITS, 0, ZERO_UNITS, 0)


def set_cap(entry: Entry, configuration: BookConfiguration, command: SetArrivalCap) -> None:
    """Set a cap; what has arrived in the window that runs goes on to count. Raises CommandRefused."""
    asset = configuration.of_security(command.security_id).asset
    values = {"units": int(command.units), "window": command.window}
    where = _of(asset, command.source)
    if entry.connection.execute(update(arrival_cap).where(*where).values(**values)).rowcount == 0:
        entry.connection.execute(
            insert(arrival_cap).values(asset=asset, source=str(command.source), arrived=0, since=0, **values)
        )
    entry.note(asset=asset, source=str(command.source), cap=str(values["units"]), window=command.window)


def cap_of(connection: Connection, asset: str, source: LedgerId) -> ArrivalCap:
    """The cap, and what has arrived in its window so far."""
    row = connection.execute(select(arrival_cap).where(*_of(asset, source))).first()
    return NO_CAP if row is None else ArrivalCap(Units(row.units), row.window, Units(row.arrived), row.since)


def approve(entry: Entry, message_id: Bytes32) -> None:
    """Let a movement arrive although it exceeds the cap; a retry carries it out."""
    known = select(arrival_approval.c.id).where(arrival_approval.c.id == message_id.text)
    if entry.connection.execute(known).first() is None:
        values = {"id": message_id.text, "height": entry.height}
        entry.connection.execute(insert(arrival_approval).values(**values))
    entry.note(arrival_approved=message_id.text)


def count_arrival(entry: Entry, asset: str, message: Message, units: Units) -> None:
    """Count what arrives against the cap, if there is one; what was approved passes beside it.

    Raises:
        CommandRefused: more would arrive in this window than the cap allows.
    """
    source = message.lane.source
    cap = cap_of(entry.connection, asset, source)
    if cap.window == 0:
        return
    approved = delete(arrival_approval).where(arrival_approval.c.id == message.id.text)
    if entry.connection.execute(approved).rowcount:
        return
    fresh = entry.time - cap.since >= cap.window
    arrived, since = (ZERO_UNITS, entry.time) if fresh else (cap.arrived, cap.since)
    if arrived + units > cap.units:
        raise CommandRefused(
            f"At most {int(cap.units)} units may arrive from {source} in {cap.window} s, and {int(arrived)} "
            f"have: {int(units)} more wait for an approval.",
            next_command=f"pari act propose arrival {message.id.text[:18]}",
        )
    values = {"arrived": int(arrived + units), "since": since}
    entry.connection.execute(update(arrival_cap).where(*_of(asset, source)).values(**values))


def _of(asset: str, source: LedgerId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return arrival_cap.c.asset == asset, arrival_cap.c.source == source
