"""Cursors: how far each observer has read each ledger, and ledgers that are halted.

A cursor moves in the transaction that stores what was read up to it, never
in one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.store import audit
from paripassu.store.schema import cursor, halt


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a ledger's lanes are halted, and since when, in seconds since the epoch."""

    ledger: LedgerId
    at: float
    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def get(connection: Connection, observer: str, ledger: LedgerId) -> BlockRef | None:
    """The last block that `observer` has read, with the hash that it had then."""
    row = connection.execute(
        select(cursor).where(cursor.c.observer == observer, cursor.c.ledger == ledger)
    ).first()
    return None if row is None else BlockRef(row.height, Bytes32(row.hash), row.time)


def all_of(connection: Connection, ledger: LedgerId) -> dict[str, BlockRef]:
    """The cursor of every observer of a ledger."""
    rows = connection.execute(select(cursor).where(cursor.c.ledger == ledger).order_by(cursor.c.observer))
    return {row.observer: BlockRef(row.height, Bytes32(row.hash), row.time) for row in rows}


def move(connection: Connection, observer: str, ledger: LedgerId, block: BlockRef) -> None:
    """Set the cursor to `block`."""
    values = {"height": block.height, "hash": block.hash.text, "time": block.time}
    moved = connection.execute(
        update(cursor).where(cursor.c.observer == observer, cursor.c.ledger == ledger).values(**values)
    )
    if moved.rowcount == 0:
        connection.execute(insert(cursor).values(observer=observer, ledger=ledger, **values))


def halt_ledger(connection: Connection, now: float, ledger: LedgerId, error: PariError) -> None:
    """Stop all lanes of a ledger until an operator clears it; durable, so that a restart stays stopped."""
    if ledger in halted(connection):
        return
    connection.execute(insert(halt).values(ledger=ledger, at=now, code=error.code, sentence=error.sentence))
    audit.append(connection, now, "ledger.halted", ledger, {"code": error.code, "sentence": error.sentence})


def halted(connection: Connection) -> dict[LedgerId, str]:
    """Halted ledgers with the reason."""
    return {ledger: str(found) for ledger, found in halts(connection).items()}


def halts(connection: Connection) -> dict[LedgerId, Halt]:
    """The halts that nobody has lifted."""
    rows = connection.execute(select(halt))
    return {LedgerId(row.ledger): Halt(LedgerId(row.ledger), row.at, row.code, row.sentence) for row in rows}


def clear_halt(connection: Connection, now: float, ledger: LedgerId, operator: str, reason: str) -> None:
    """Let a halted ledger's lanes run again, by a named operator, for a reason."""
    if connection.execute(delete(halt).where(halt.c.ledger == ledger)).rowcount:
        audit.append(connection, now, "ledger.cleared", ledger, {"operator": operator, "reason": reason})
