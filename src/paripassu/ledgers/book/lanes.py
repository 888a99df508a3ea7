"""The book's lanes: how many messages each has counted, and whether it is stopped (MOV-9).

As in the contract `Gateway`, the two lanes of a purpose with another ledger are stopped together.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from paripassu.commands import ResumeLane, StopLane
from paripassu.errors import CommandRefused, LaneHalted
from paripassu.identifiers import LedgerId
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import counter, lane_stop
from paripassu.messages import Purpose

OUT, IN, ACKNOWLEDGED = "out", "in", "ack"
"""What is counted of a lane: sent, taken in, and attested to have arrived."""


def count(
    connection: Connection, direction: str, ledger: LedgerId, purpose: Purpose, height: int | None = None
) -> int:
    """Messages counted `out` to, `in` from, or `ack`nowledged by a ledger, up to a height."""
    query = select(func.max(counter.c.count)).where(
        counter.c.direction == direction, counter.c.ledger == ledger, counter.c.purpose == int(purpose)
    )
    if height is not None:
        query = query.where(counter.c.height <= height)
    return connection.execute(query).scalar() or 0


def set_count(entry: Entry, direction: str, ledger: LedgerId, purpose: Purpose, number: int) -> None:
    key = {"direction": direction, "ledger": str(ledger), "purpose": int(purpose), "height": entry.height}
    changed = entry.connection.execute(
        update(counter).where(*(counter.c[name] == value for name, value in key.items())).values(count=number)
    )
    if changed.rowcount == 0:
        entry.connection.execute(insert(counter).values(**key, count=number))


def set_stopped(entry: Entry, configuration: BookConfiguration, command: StopLane | ResumeLane) -> None:
    """Stop lanes, or let them go on. Raises CommandRefused where there are none."""
    peer = configuration.peers.get(command.ledger)
    if peer is None or command.purpose not in peer.applications:
        raise CommandRefused(
            f"{configuration.ledger} has no lanes with {command.ledger} for {command.purpose.name}."
        )
    stopped = isinstance(command, StopLane)
    key = {"ledger": str(command.ledger), "purpose": int(command.purpose)}
    entry.connection.execute(
        insert(lane_stop).values(**key, height=entry.height, stopped=stopped, reason=command.reason.text)
    )
    entry.note(**key, stopped=stopped, reason=command.reason.text)


def is_stopped(connection: Connection, ledger: LedgerId, purpose: Purpose) -> bool:
    query = select(lane_stop.c.stopped).where(
        lane_stop.c.ledger == ledger, lane_stop.c.purpose == int(purpose)
    )
    return bool(connection.execute(query.order_by(lane_stop.c.height.desc()).limit(1)).scalar())


def require_going(connection: Connection, own: LedgerId, ledger: LedgerId, purpose: Purpose) -> None:
    """Raise LaneHalted where the lanes are stopped."""
    if is_stopped(connection, ledger, purpose):
        raise LaneHalted(
            f"The {purpose.name} lanes of {own} with {ledger} are stopped.",
            next_command=f"pari lane show {own}",
        )
