"""Facts from the ledgers themselves: each block is read once, and all anew after a reorganisation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, Ledger, Refunded, SentMessage
from paripassu.messages import Lane, Message, MovementPayload, Purpose
from paripassu.watch.facts import BookFacts, Facts, LaneFacts, LedgerFacts
from paripassu.watch.ledger_book import LedgerBook, Standing


@dataclass(slots=True)
class _Sight:
    """How far one ledger has been read: arrivals and refunds up to the final block `at`, messages sent up to
    `sent_at`; these are read after all arrivals, for nothing arrives before its source is final."""

    at: BlockRef | None = None
    sent_at: int = -1
    counts: dict[Lane, int] = field(default_factory=dict)


@dataclass(slots=True)
class _News:
    """What a look has read of one ledger."""

    final: BlockRef
    deliveries: Sequence[Delivery] = ()
    refunds: Sequence[Refunded] = ()


class Watch:
    """Looks at all ledgers of one security again and again."""

    def __init__(
        self, ledgers: Mapping[LedgerId, Ledger], home: LedgerId, security_id: Bytes32, lanes: Sequence[Lane]
    ) -> None:
        self._ledgers = ledgers
        self._home = home
        self._security = security_id
        self._lanes = tuple(lanes)
        self._forget()

    def _forget(self) -> None:
        self._stale = False
        self._sights = {ledger: _Sight() for ledger in self._ledgers}
        self._book = LedgerBook(self._units)
        self._news: dict[LedgerId, _News] = {}

    async def look(self) -> Facts:
        """Read what is new; a ledger that cannot be read is said to be so, and the others are compared."""
        if any(await asyncio.gather(*map(self._has_changed, self._ledgers))) or self._stale:
            self._forget()
        self._news = {}
        stands = await self._each(self._read_arrivals, self._ledgers)
        stands |= await self._each(self._read_sent, _readable(stands))
        for news in self._news.values():
            self._book.take_deliveries(news.deliveries)
        for news in self._news.values():
            self._book.take_refunds(news.refunds)
        readable = _readable(stands)
        standing = self._book.standing()
        both = [lane for lane in self._lanes if {lane.source, lane.destination} <= set(readable)]
        lanes = await asyncio.gather(*(self._lane(lane, standing.get(lane, Standing())) for lane in both))
        whole = set(readable) - {ledger for one in lanes if one.holes for ledger in self._holed(one)}
        self._stale = len(whole) < len(readable)
        books = [ledger for ledger in readable if ledger in whole and self._book.can_be_judged(ledger, whole)]
        return Facts(
            time=max((one.head_time for one in stands.values()), default=0),
            home=self._home,
            ledgers=tuple(stands.values()),
            books=tuple(await asyncio.gather(*map(self._facts_of, books))),
            lanes=tuple(lanes),
        )

    def _holed(self, facts: LaneFacts) -> Iterator[LedgerId]:
        """Which ledgers of a lane show less than their gateways count: all is read anew at the next look, and
        nothing is concluded from them meanwhile."""
        if facts.sent > self._book.sent[facts.lane]:
            yield facts.lane.source
        if facts.taken > self._book.taken[facts.lane]:
            yield facts.lane.destination

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

    async def _has_changed(self, id: LedgerId) -> bool:
        """Whether a block that was final is another one now; no where that cannot be read."""
        at = self._sights[id].at
        try:
            return at is not None and (await self._ledgers[id].block_at(at.height)).hash != at.hash
        except (PariError, OSError, TimeoutError):
            return False

    async def _read_arrivals(self, id: LedgerId) -> LedgerFacts:
        """Arrivals and refunds that have become final."""
        ledger, sight = self._ledgers[id], self._sights[id]
        final = await ledger.final()
        news = _News(final)
        first = 0 if sight.at is None else sight.at.height + 1
        if first <= final.height:
            news.deliveries = await ledger.deliveries(first, final.height)
            news.refunds = await ledger.refunds(first, final.height)
            sight.at = final
            self._book.reach(id, final.height)
        self._news[id] = news
        return LedgerFacts(id, final=final.height, final_time=final.time)

    async def _read_sent(self, id: LedgerId) -> LedgerFacts:
        ledger, sight = self._ledgers[id], self._sights[id]
        head, final = await ledger.head(), await ledger.final()
        if sight.sent_at < final.height:
            sent: Sequence[SentMessage] = await ledger.sent_messages(sight.sent_at + 1, final.height)
            outward = [lane for lane in self._lanes if lane.source == id]
            counts = await ledger.sent_counts(outward, final.height)
            sight.counts = dict(zip(outward, counts, strict=True))
            self._book.take_sent(sent, _height(sight))
            sight.sent_at = final.height
        events = len(await ledger.events())
        return LedgerFacts(id, head.height, head.time, final.height, final.time, known_events=events)

    async def _facts_of(self, id: LedgerId) -> BookFacts:
        """A ledger's book at the block up to which its arrivals were read."""
        ledger, height = self._ledgers[id], _height(self._sights[id])
        return BookFacts(
            ledger=id,
            supply=int(await ledger.supply(height)),
            issued=int(await ledger.issued(height)),
            left=self._book.left[id],
            arrived=self._book.arrived[id],
            returned=self._book.returned[id],
        )

    def _units(self, message: Message) -> int:
        """Units of our security that a message carries."""
        if message.lane.purpose is not Purpose.MOVEMENT:
            return 0
        payload = MovementPayload.decode(message.payload)
        return int(payload.amount) if payload.security_id == self._security else 0

    async def _lane(self, lane: Lane, standing: Standing) -> LaneFacts:
        """Both ends by the gateways' own counters; what these count and no log shows is a hole."""
        source, destination = self._ledgers[lane.source], self._ledgers[lane.destination]
        sent = self._sights[lane.source].counts[lane]
        taken = await destination.inbound_nonce(lane, _height(self._sights[lane.destination]))
        holes = max(0, sent - self._book.sent[lane]) + max(0, taken - self._book.taken[lane])
        return LaneFacts(
            lane=lane,
            sent=sent,
            taken=taken,
            acknowledged=await source.acknowledged_nonce(lane),
            parked=standing.parked,
            waiting_since=standing.waiting_since,
            unsent=() if holes else standing.unsent,
            stopped=await self._stopped(lane),
            holes=holes,
        )

    async def _stopped(self, lane: Lane) -> bool:
        there = self._ledgers[lane.destination].lane_stopped(lane.source, lane.purpose)
        here = self._ledgers[lane.source].lane_stopped(lane.destination, lane.purpose)
        return any(await asyncio.gather(here, there))


def _height(sight: _Sight) -> int:
    assert sight.at is not None, "a ledger that was read has a final block"
    return sight.at.height


def _readable(stands: Mapping[LedgerId, LedgerFacts]) -> list[LedgerId]:
    return [ledger for ledger, facts in stands.items() if not facts.problem]
