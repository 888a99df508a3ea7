"""Facts from the ledgers themselves: each block is read once, and all anew after a reorganisation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, DeliveryStatus, Ledger, Refunded, SentMessage
from paripassu.messages import Lane, MovementPayload, Purpose
from paripassu.watch.facts import BookFacts, Facts, LaneFacts, LedgerFacts


@dataclass(slots=True)
class _Sight:
    """What has been seen of one ledger: arrivals and refunds up to the final block `at`, messages sent up to
    `sent_at`; these are read after all arrivals, for nothing arrives before its source is final."""

    at: BlockRef | None = None
    sent_at: int = -1
    sent: dict[Bytes32, SentMessage] = field(default_factory=dict)
    taken: dict[Bytes32, Delivery] = field(default_factory=dict)
    refunds: dict[Bytes32, Refunded] = field(default_factory=dict)


class Watch:
    """Looks at all ledgers of one security again and again."""

    def __init__(
        self, ledgers: Mapping[LedgerId, Ledger], home: LedgerId, security_id: Bytes32, lanes: Sequence[Lane]
    ) -> None:
        self._ledgers = ledgers
        self._home = home
        self._security = security_id
        self._lanes = tuple(lanes)
        self._sights = {ledger: _Sight() for ledger in ledgers}

    async def look(self) -> Facts:
        """Read what is new; a ledger that cannot be read is said to be so, and the others are compared."""
        stands = await self._each(self._take_in, self._ledgers)
        stands |= await self._each(self._read_sent, _readable(stands))
        readable = _readable(stands)
        lanes = [lane for lane in self._lanes if {lane.source, lane.destination} <= set(readable)]
        return Facts(
            time=max((one.head_time for one in stands.values()), default=0),
            home=self._home,
            ledgers=tuple(stands.values()),
            books=tuple(await asyncio.gather(*map(self._book, readable))),
            lanes=tuple(await asyncio.gather(*map(self._lane, lanes))),
        )

    async def _each(
        self, read: Callable[[LedgerId], Awaitable[LedgerFacts]], ledgers: Iterable[LedgerId]
    ) -> dict[LedgerId, LedgerFacts]:
        async def one(ledger: LedgerId) -> LedgerFacts:
            try:
                return await read(ledger)
            except (PariError, OSError, TimeoutError) as error:
                return LedgerFacts(ledger, problem=str(error))

        wanted = tuple(ledgers)
        return dict(zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True))

    async def _take_in(self, id: LedgerId) -> LedgerFacts:
        """Arrivals and refunds that have become final; all of them where a final block has changed."""
        ledger, sight = self._ledgers[id], self._sights[id]
        final = await ledger.final()
        if sight.at is not None and (await ledger.block_at(sight.at.height)).hash != sight.at.hash:
            sight = self._sights[id] = _Sight()
        first = 0 if sight.at is None else sight.at.height + 1
        if first <= final.height:
            deliveries = await ledger.deliveries(first, final.height)
            refunds = await ledger.refunds(first, final.height)
            sight.taken |= {one.message_id: one for one in deliveries}
            sight.refunds |= {one.message_id: one for one in refunds}
            sight.at = final
        return LedgerFacts(id, final=final.height, final_time=final.time)

    async def _read_sent(self, id: LedgerId) -> LedgerFacts:
        ledger, sight = self._ledgers[id], self._sights[id]
        head, final = await ledger.head(), await ledger.final()
        if sight.sent_at < final.height:
            sent = await ledger.sent_messages(sight.sent_at + 1, final.height)
            sight.sent |= {one.message.id: one for one in sent}
            sight.sent_at = final.height
        events = len(await ledger.events())
        return LedgerFacts(id, head.height, head.time, final.height, final.time, known_events=events)

    async def _book(self, id: LedgerId) -> BookFacts:
        """A ledger's book at the block up to which its arrivals were read."""
        ledger, sight = self._ledgers[id], self._sights[id]
        assert sight.at is not None, "a ledger that was read has a final block"
        height = sight.at.height
        left = {key: self._units(one) for key, one in sight.sent.items() if one.block.height <= height}
        return BookFacts(
            ledger=id,
            supply=int(await ledger.supply(height)),
            issued=int(await ledger.issued(height)),
            left=sum(left.values()),
            arrived=sum(map(self._arrived, sight.taken.values())),
            returned=sum(left.get(key, 0) for key in sight.refunds),
        )

    def _units(self, sent: SentMessage) -> int:
        """Units of our security that a message carries."""
        if sent.message.lane.purpose is not Purpose.MOVEMENT:
            return 0
        payload = MovementPayload.decode(sent.message.payload)
        return int(payload.amount) if payload.security_id == self._security else 0

    def _arrived(self, delivery: Delivery) -> int:
        """Units that a message brought, by what its source says; nothing where the source never sent it."""
        source = self._sights.get(delivery.lane.source)
        sent = source.sent.get(delivery.message_id) if source else None
        if sent is None or delivery.status is not DeliveryStatus.EXECUTED:
            return 0
        return self._units(sent)

    async def _lane(self, lane: Lane) -> LaneFacts:
        source, destination = self._sights[lane.source], self._sights[lane.destination]
        sent = [one for one in source.sent.values() if one.message.lane == lane]
        taken = {id: one for id, one in destination.taken.items() if one.lane == lane}
        return LaneFacts(
            lane=lane,
            sent=len(sent),
            taken=len(taken),
            acknowledged=await self._ledgers[lane.source].acknowledged_nonce(lane),
            parked=sum(one.status is DeliveryStatus.PARKED for one in taken.values()),
            waiting_since=min(
                (one.message.timestamp for one in sent if one.message.id not in taken), default=None
            ),
            unsent=tuple(id for id in taken if id not in source.sent),
            stopped=await self._stopped(lane),
        )

    async def _stopped(self, lane: Lane) -> bool:
        there = self._ledgers[lane.destination].lane_stopped(lane.source, lane.purpose)
        here = self._ledgers[lane.source].lane_stopped(lane.destination, lane.purpose)
        return any(await asyncio.gather(here, there))


def _readable(stands: Mapping[LedgerId, LedgerFacts]) -> list[LedgerId]:
    return [ledger for ledger, facts in stands.items() if not facts.problem]
