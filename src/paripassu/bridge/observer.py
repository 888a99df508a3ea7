"""The one loop that reads a ledger, for history and live alike, for relayer and attestors alike.

A step reads from the cursor to the ledger's own finality. At each look, the
highest block that was seen as final must still be the ledger's block, whether
or not it carried anything and whether or not the chain grew (MOV-4). Every
lane's stored count must equal the gateway's own counter: an empty answer is
no evidence. Messages, deliveries and cursor go into the store in one
transaction.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from sqlalchemy import Connection

from paripassu.bridge import attestations, records
from paripassu.bridge.finality import Sight, sight
from paripassu.bridge.pace import REST_SECONDS, Traffic
from paripassu.bridge.seams import seam
from paripassu.errors import ContractMissing, ContradictoryMessage, FinalityViolated, IncompleteOutbox
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.observed import Observed
from paripassu.ledgers.port import Delivery, SentMessage
from paripassu.messages import Lane
from paripassu.store import Store, cursors

CHUNK = 5_000
"""Blocks read in one step at most: from `FEW` on it doubles as long as they hold little."""

FEW = 64

AT_ONCE = 100
"""Messages read in one step, or those of one block: a backlog must not hold live lanes up."""

QUIET_BLOCKS = 32
"""Quiet blocks that a party which reads outboxes alone looks through before it moves its cursor.

It remembers the last of them meanwhile; a restart forgets it, and with it only blocks of which nothing
was kept or signed.
"""

log = structlog.get_logger("paripassu.bridge.observer")


class Keeper(Protocol):
    """Where a party keeps what it observes."""

    party: str
    reads_deliveries: bool

    def keep_sent(
        self, connection: Connection, at: float, lane: Lane, sent: Sequence[SentMessage]
    ) -> int: ...
    def keep_deliveries(self, connection: Connection, at: float, items: Sequence[Delivery]) -> int: ...
    def count(self, connection: Connection, lane: Lane) -> int: ...
    def last_height(self, connection: Connection, lane: Lane) -> int: ...


class RelayerKeeper:
    """The relayer keeps messages and what became of them."""

    party = "relayer"
    reads_deliveries = True

    def keep_sent(self, connection: Connection, at: float, lane: Lane, sent: Sequence[SentMessage]) -> int:
        return records.record_sent(connection, at, lane, sent)

    def keep_deliveries(self, connection: Connection, at: float, items: Sequence[Delivery]) -> int:
        return records.record_deliveries(connection, at, items)

    def count(self, connection: Connection, lane: Lane) -> int:
        return records.sent_count(connection, lane)

    def last_height(self, connection: Connection, lane: Lane) -> int:
        return records.last_height(connection, lane)


class AttestorKeeper:
    """An attestor keeps messages alone, apart from everybody else's."""

    reads_deliveries = False

    def __init__(self, attestor: str) -> None:
        self.party = attestor

    def keep_sent(self, connection: Connection, at: float, lane: Lane, sent: Sequence[SentMessage]) -> int:
        return attestations.record_observed(connection, self.party, lane, sent)

    def keep_deliveries(self, connection: Connection, at: float, items: Sequence[Delivery]) -> int:
        return 0

    def count(self, connection: Connection, lane: Lane) -> int:
        return attestations.observed_count(connection, self.party, lane)

    def last_height(self, connection: Connection, lane: Lane) -> int:
        return attestations.last_height(connection, self.party, lane)


class Observer:
    """Reads one ledger for one party. `lanes` are those that start at the ledger; `traffic` is what the
    party reads of all its ledgers."""

    def __init__(
        self,
        store: Store,
        ledger: Observed,
        lanes: Sequence[Lane],
        keeper: Keeper,
        traffic: Traffic | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = tuple(lanes)
        self._keeper = keeper
        self._read_again_from: int | None = None
        self._seen: BlockRef | None = None
        self._stored: tuple[BlockRef | None, dict[Lane, int]] | None = None
        self._width = FEW
        self._traffic = traffic or Traffic()

    async def step(self) -> bool:
        """Read what has become final; True where the cursor moved.

        Raises:
            IncompleteOutbox: the ledger shows fewer messages than its gateway counted; nothing is kept.
            LedgerError: the ledger cannot be read now.
        """
        with self._store.read() as connection:
            if self._ledger.id in cursors.halted(connection):
                self._seen = None  # whoever lifts the halt decides by the cursor alone
                return False
            cursor = cursors.get(connection, self._keeper.party, self._ledger.id)
        final = await self._ledger.final()
        try:
            if not await self._shows_more(cursor, final):
                return False
            return await self._read_to(cursor, final, self._counts(cursor))
        except (FinalityViolated, ContradictoryMessage) as error:
            log.error("ledger halted", ledger=self._ledger.name, party=self._keeper.party, why=str(error))
            with self._store.write() as connection:
                cursors.halt_ledger(connection, self._store.clock(), self._ledger.id, error)
            return True

    def _counts(self, cursor: BlockRef | None) -> dict[Lane, int]:
        """What is stored of each lane; it changes only together with the cursor."""
        if self._stored is None or self._stored[0] != cursor:
            with self._store.read() as connection:
                counts = {lane: self._keeper.count(connection, lane) for lane in self._lanes}
            self._stored = (cursor, counts)
        return self._stored[1]

    async def _shows_more(self, cursor: BlockRef | None, final: BlockRef) -> bool:
        """Whether there is something to read, after what was seen as final was found unchanged.

        Raises FinalityViolated.
        """
        seen = self._seen
        if seen is None or (cursor is not None and cursor.height >= seen.height):
            seen = cursor
        found = sight(seen, final)
        if seen is None or found is Sight.BEHIND:
            return seen is None
        now = final if found is not Sight.FURTHER else await self._ledger.block_at(seen.height)
        if now.hash != seen.hash:
            raise FinalityViolated(
                f"{self._ledger.name} shows block {seen.height} as {now.hash}; it was final as {seen.hash}."
            )
        return found is Sight.FURTHER

    async def _read_to(self, cursor: BlockRef | None, final: BlockRef, stored: Mapping[Lane, int]) -> bool:
        """Read up to `final`; True where the cursor moved."""
        begin = self._ledger.first_block if cursor is None else cursor.height + 1
        last, counted = await self._reach(begin, final.height, stored)
        target = final if last == final.height else await self._ledger.block_at(last)
        first = begin if self._read_again_from is None else min(begin, self._read_again_from)
        sent: tuple[SentMessage, ...] = ()
        if any(counted[lane] != stored[lane] for lane in self._lanes):
            sent = await self._ledger.sent_messages(first, last)
        deliveries: tuple[Delivery, ...] = ()
        if self._keeper.reads_deliveries:
            deliveries = await self._ledger.deliveries(begin, last)
            self._width = max(1, self._width * AT_ONCE // max(AT_ONCE, len(deliveries)))
        elif cursor is not None and last == final.height < cursor.height + QUIET_BLOCKS and counted == stored:
            self._seen = target
            return False
        self._keep(cursor, target, counted, stored, sent, deliveries)
        self._seen = target
        if sent:
            self._traffic.use(self._ledger.id)
        if sent and last < final.height and self._traffic.gives_way(self._ledger.id):
            await asyncio.sleep(REST_SECONDS)
        return True

    async def _reach(self, begin: int, final: int, stored: Mapping[Lane, int]) -> tuple[int, dict[Lane, int]]:
        """How far to read in this step, and what the gateway counts by then of each lane."""
        least = begin
        while True:
            last = min(final, max(least, begin + self._width - 1))
            try:
                counts = await self._ledger.sent_counts(self._lanes, last)
            except ContractMissing:
                if last >= final:
                    raise
                least, self._width = last + 1, 2 * self._width  # the deployment goes on beyond that block
                continue
            counted = dict(zip(self._lanes, counts, strict=True))
            new = sum(max(0, counted[lane] - max(0, stored[lane])) for lane in self._lanes)
            if new <= AT_ONCE or last == least:
                self._width = FEW if last == final else min(CHUNK, 2 * self._width)
                return last, counted
            self._width = max(1, (last - begin + 1) * AT_ONCE // new)

    def _keep(
        self,
        cursor: BlockRef | None,
        target: BlockRef,
        counted: Mapping[Lane, int],
        stored: Mapping[Lane, int],
        sent: Sequence[SentMessage],
        deliveries: Sequence[Delivery],
    ) -> None:
        by_lane: dict[Lane, list[SentMessage]] = defaultdict(list)
        for item in sent:
            if item.message.lane in counted:
                by_lane[item.message.lane].append(item)
        now = self._store.clock()
        try:
            with self._store.write() as connection:
                if cursors.get(connection, self._keeper.party, self._ledger.id) != cursor:
                    return  # another task of the same party was faster
                # The cursor is where `stored` was read: a lane that got nothing holds what it held.
                held = dict(stored)
                for lane, items in by_lane.items():
                    fresh = self._keeper.keep_sent(connection, now, lane, items)
                    held[lane] = self._held(connection, lane, held[lane], fresh, items)
                self._require_complete(counted, held)
                if deliveries:
                    self._keeper.keep_deliveries(connection, now, deliveries)
                cursors.move(connection, self._keeper.party, self._ledger.id, target)
                if sent or deliveries:
                    seam(f"{self._keeper.party}.observed.before_commit")
        except IncompleteOutbox:
            with self._store.read() as connection:
                self._read_again_from = min(self._keeper.last_height(connection, ln) for ln in self._lanes)
            raise
        self._read_again_from = None
        self._stored = (target, held)
        if sent or deliveries:
            seam(f"{self._keeper.party}.observed.after_commit")

    def _held(
        self, connection: Connection, lane: Lane, before: int, fresh: int, items: Sequence[SentMessage]
    ) -> int:
        """What the store holds of a lane. Counted only where it does not follow from what it held: that
        takes longer the more there are."""
        last = max(item.message.nonce for item in items)
        return last if 0 <= before == last - fresh else self._keeper.count(connection, lane)

    def _require_complete(self, counted: Mapping[Lane, int], stored: Mapping[Lane, int]) -> None:
        for lane, number in counted.items():
            if stored[lane] != number:
                raise IncompleteOutbox(
                    f"The gateway of {self._ledger.name} counts {number} messages in lane {lane}, "
                    f"{'a gapless ' + str(stored[lane]) if stored[lane] >= 0 else 'a set with gaps'} "
                    "could be read."
                )
