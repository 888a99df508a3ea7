"""Records of messages in the book, by its journal (MOV-7)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, func, select

from paripassu.identifiers import Bytes32
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import journal, lanes
from paripassu.ledgers.book.configuration import from_json
from paripassu.ledgers.book.schema import configuration, counter, entry, inbox, outbox, outbox_return
from paripassu.ledgers.port import AttestorSet, DeliveryStatus, Recorded, Standing
from paripassu.messages import Lane


class BookEvidence:
    """Implements `paripassu.ledgers.port.Evidence`. An entry is its own transaction."""

    def __init__(self, read: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._read = read

    async def sent(self, message_id: Bytes32, height: int) -> Recorded | None:
        query = select(outbox.c.height).where(outbox.c.id == message_id.text, outbox.c.height == height)
        with self._read() as connection:
            return _recorded(connection, connection.execute(query).scalar())

    async def delivered(self, message_id: Bytes32, height: int) -> tuple[DeliveryStatus, Recorded] | None:
        query = select(inbox.c.status).where(inbox.c.id == message_id.text, inbox.c.height == height)
        with self._read() as connection:
            status = connection.execute(query.order_by(inbox.c.serial.desc()).limit(1)).scalar()
            found = _recorded(connection, height if status is not None else None)
        return None if found is None else (DeliveryStatus(status), found)

    async def acknowledged(self, lane: Lane, nonce: int) -> Recorded | None:
        query = select(func.min(counter.c.height)).where(
            counter.c.direction == lanes.ACKNOWLEDGED,
            counter.c.ledger == lane.destination,
            counter.c.purpose == int(lane.purpose),
            counter.c.count >= nonce,
        )
        with self._read() as connection:
            return _recorded(connection, connection.execute(query).scalar())

    async def returned(self, message_id: Bytes32) -> Recorded | None:
        return self._standing(message_id, Standing.RETURNED)

    async def refunded(self, message_id: Bytes32) -> Recorded | None:
        return self._standing(message_id, Standing.REFUNDED)

    async def seated(self, version: int) -> tuple[AttestorSet, Recorded] | None:
        query = select(configuration).order_by(configuration.c.height)
        with self._read() as connection:
            for row in connection.execute(query).all():
                attestors = from_json(row.document).attestors
                found = _recorded(connection, row.height)
                if attestors.version == version and found is not None:
                    return attestors, found
        return None

    def _standing(self, message_id: Bytes32, reached: Standing) -> Recorded | None:
        query = select(outbox_return.c.height).where(
            outbox_return.c.id == message_id.text, outbox_return.c.standing == reached.value
        )
        with self._read() as connection:
            return _recorded(connection, connection.execute(query).scalar())

    async def finality(self, block: BlockRef) -> tuple[str, BlockRef] | None:
        return "entry", block


def _recorded(connection: Connection, height: int | None) -> Recorded | None:
    if height is None:
        return None
    row = connection.execute(select(entry).where(entry.c.height == height)).first()
    return None if row is None else Recorded(journal.block_of(row), Bytes32(row.hash).text)
