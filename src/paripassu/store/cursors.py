"""Cursors: how far each observer has read each ledger, and ledgers that are halted.

A cursor moves in the transaction that stores what was read up to it, never
in one of its own.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.port import BlockRef
from paripassu.store import audit
from paripassu.store.schema import cursor, halt


def get(connection: Connection, observer: str, ledger: LedgerId) -> BlockRef | None:
    """The last block that `observer` has read, with the hash that it had then."""
    row = connection.execute(
        select(cursor).where(cursor.c.observer == observer, cursor.c.ledger == ledger)
    ).first()
    return None if row is None else BlockRef(row.height, Bytes32(row.hash), row.time)


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
    return {LedgerId(row.ledger): f"{row.code}: {row.sentence}" for row in connection.execute(select(halt))}


def clear_halt(connection: Connection, now: float, ledger: LedgerId, operator: str) -> None:
    """Let a halted ledger's lanes run again, by a named operator."""
    if connection.execute(delete(halt).where(halt.c.ledger == ledger)).rowcount:
        audit.append(connection, now, "ledger.cleared", ledger, {"operator": operator})
