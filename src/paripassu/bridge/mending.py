"""The store is a cache and a journal: what is pending follows from the ledgers' own counters.

When a relayer starts, after every so many blocks, and as soon as something does not add up, the counters of
a ledger, as of the block to which it was read, are held against what is stored: what a lane sent, and up
to which message a lane was executed. What is missing is read again from where it is missing, and from
there on waits, or is settled, as if it had never been missing. Nothing is removed and nothing replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Table, select

from paripassu.bridge import records
from paripassu.bridge.columns import in_lane
from paripassu.bridge.observer import CHUNK, RelayerKeeper
from paripassu.errors import IncompleteOutbox
from paripassu.ledgers.port import Ledger
from paripassu.messages import Lane
from paripassu.store import Store, audit, cursors
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table

BLOCKS_BETWEEN = 100
"""Blocks of a ledger after which its counters are held against the store again."""

SECONDS_BETWEEN = 1.0

log = structlog.get_logger("paripassu.bridge.mending")


@dataclass(frozen=True, slots=True)
class Hole:
    """Messages of a lane that a table lacks, and the heights between which they are."""

    lane: Lane
    nonces: frozenset[int]
    first: int
    last: int


def hole_in(lane: Lane, stored: Mapping[int, int], count: int, height: int) -> Hole | None:
    """What is missing of a lane.

    Args:
        stored: height by nonce of what is stored.
        count: what the ledger's counter says as of `height`: there are the nonces 1 to `count`.
    """
    missing = frozenset(range(1, count + 1)) - stored.keys()
    if not missing:
        return None
    low, high = min(missing), max(missing)
    below = max((at for nonce, at in stored.items() if nonce < low), default=0)
    above = min((at for nonce, at in stored.items() if nonce > high), default=height)
    return Hole(lane, missing, below, min(above, height))


class Mender:
    """Holds the counters of one ledger against what is stored of it, and mends the difference."""

    def __init__(self, store: Store, ledger: Ledger, lanes: Sequence[Lane]) -> None:
        self._store = store
        self._ledger = ledger
        self._outward = [lane for lane in lanes if lane.source == ledger.id]
        self._inward = [lane for lane in lanes if lane.destination == ledger.id]
        self._looked_at: int | None = None
        self._next = 0.0

    async def around(self, read: Callable[[], Awaitable[bool]]) -> bool:
        """One look where it is due, then one step of reading; what does not add up there makes a look due."""
        mended = False
        if self._store.clock() >= self._next:
            self._next = self._store.clock() + SECONDS_BETWEEN
            mended = await self.look()
        try:
            return await read() or mended
        except IncompleteOutbox:
            self._looked_at = None
            raise

    async def look(self) -> bool:
        """Compare, and mend; True where something was missing.

        Raises:
            IncompleteOutbox: the ledger itself does not show what its counters say; another look may.
            LedgerError: it cannot be read now.
        """
        with self._store.read() as connection:
            cursor = cursors.get(connection, RelayerKeeper.party, self._ledger.id)
            halted = self._ledger.id in cursors.halted(connection)
        if cursor is None or halted:
            return False
        height = cursor.height
        if self._looked_at is not None and height - self._looked_at < BLOCKS_BETWEEN:
            return False
        sent = await self._ledger.sent_counts(self._outward, height)
        taken = [await self._ledger.inbound_nonce(lane, height) for lane in self._inward]
        with self._store.read() as connection:
            unsent = _holes(connection, message_table, zip(self._outward, sent, strict=True), height)
            untaken = _holes(connection, delivery_table, zip(self._inward, taken, strict=True), height)
        for hole in unsent:
            await self._mend_sent(hole)
        for hole in untaken:
            await self._mend_taken(hole)
        self._looked_at = height
        return bool(unsent or untaken)

    async def _mend_sent(self, hole: Hole) -> None:
        for first in range(hole.first, hole.last + 1, CHUNK):
            shown = await self._ledger.sent_messages(first, min(hole.last, first + CHUNK - 1))
            found = [
                item for item in shown if item.message.lane == hole.lane and item.message.nonce in hole.nonces
            ]
            with self._store.write() as connection:
                number = records.record_sent(connection, self._store.clock(), hole.lane, found)
                self._note(connection, hole, "sent", number)
        self._require_none(message_table, hole)

    async def _mend_taken(self, hole: Hole) -> None:
        for first in range(hole.first, hole.last + 1, CHUNK):
            shown = await self._ledger.deliveries(first, min(hole.last, first + CHUNK - 1))
            found = [item for item in shown if item.lane == hole.lane and item.nonce in hole.nonces]
            with self._store.write() as connection:
                number = records.record_deliveries(connection, self._store.clock(), found)
                self._note(connection, hole, "taken", number)
        self._require_none(delivery_table, hole)

    def _note(self, connection: Connection, hole: Hole, what: str, number: int) -> None:
        if number:
            log.warning("records mended", lane=str(hole.lane), what=what, number=number)
            facts = {"what": what, "number": number, "first": min(hole.nonces)}
            audit.append(connection, self._store.clock(), "records.mended", str(hole.lane), facts)

    def _require_none(self, table: Table, hole: Hole) -> None:
        with self._store.read() as connection:
            left = hole.nonces - _heights(connection, table, hole.lane).keys()
        if left:
            raise IncompleteOutbox(
                f"{self._ledger.name} does not show message {min(left)} of lane {hole.lane}, which it counts."
            )


def _holes(
    connection: Connection, table: Table, counts: Iterable[tuple[Lane, int]], height: int
) -> list[Hole]:
    found = []
    for lane, count in counts:
        # most lanes lack nothing, which a count tells; only where it does are the rows read
        if records.gapless(connection, table, in_lane(table, lane)) < count:
            hole = hole_in(lane, _heights(connection, table, lane), count, height)
            found += [hole] if hole is not None else []
    return found


def _heights(connection: Connection, table: Table, lane: Lane) -> dict[int, int]:
    column = table.c.source_height if table is message_table else table.c.height
    rows = connection.execute(select(table.c.nonce, column).where(in_lane(table, lane)))
    return {int(nonce): int(height) for nonce, height in rows}
