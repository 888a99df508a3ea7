"""Random commands on two books: postings sum to zero, balances stay at or above zero, I1 and I6 hold."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from paripassu.commands import Command, Deliver, Issue, Move, Transfer
from paripassu.controls import Freeze, Reason
from paripassu.errors import PariError
from paripassu.invariants.books import DeliveredEntry, LaneState, SentEntry, once
from paripassu.invariants.supply import SupplyState, conservation
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.schema import posting
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Batch, GatewayDomain, Lane, Message, MovementPayload, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.testing.books import ATTESTOR_NAMES, Desk, SettableClock, book_network, onboard

DESK = Desk()
ACCOUNTS = ("holder_de", "holder_fr", "stranger")

account = st.sampled_from(ACCOUNTS)
units = st.integers(0, 60).map(Units)
side = st.integers(0, 1)
step = st.one_of(
    st.tuples(st.just("issue"), account, units),
    st.tuples(st.just("transfer"), side, account, account, units),
    st.tuples(st.just("move"), side, account, account, units),
    st.tuples(st.just("freeze"), side, account, st.booleans()),
    st.tuples(st.just("deliver"), side, st.integers(0, 6), st.integers(1, 6)),
    st.tuples(st.just("clock"), st.integers(-5, 20)),
)


class World:
    """Two books, and what was seen of them."""

    def __init__(self, books: tuple[BookLedger, ...], clock: SettableClock) -> None:
        self.books = books
        self.clock = clock
        self.number = 0

    def lane(self, source: int) -> Lane:
        return Lane(self.books[source].id, self.books[1 - source].id, Purpose.MOVEMENT)

    async def sent(self, source: int) -> list[Message]:
        head = await self.books[source].head()
        return [s.message for s in await self.books[source].sent_messages(0, head.height)]

    async def apply(self, action: tuple[object, ...]) -> None:
        self.number += 1
        reference = f"step:{self.number}"
        match action:
            case ("issue", str(to), Units() as amount):
                await self.attempt(0, Issue(to, amount), "transfer_agent", reference)
            case ("transfer", int(at), str(source), str(target), Units() as amount):
                await self.attempt(at, Transfer(source, target, amount), source, reference)
            case ("move", int(at), str(source), str(target), Units() as amount):
                move = Move(source, self.books[1 - at].id, target, amount)
                await self.attempt(at, move, source, reference)
            case ("freeze", int(at), str(who), bool(frozen)):
                await self.attempt(at, Freeze(who, frozen, Reason("drawn")), "freezer", reference)
            case ("clock", int(seconds)):
                self.clock.advance(seconds)
            case ("deliver", int(source), int(start), int(length)):
                messages = (await self.sent(source))[start : start + length]
                if messages:
                    batch = Batch(1, tuple(messages))
                    await self.attempt(
                        1 - source, Deliver(batch, self.signatures(batch)), "relayer", reference
                    )

    async def attempt(self, at: int, command: Command, signer: str, reference: str) -> None:
        before = await self.books[at].head()
        try:
            await self.books[at].submit(command, DESK[signer], reference)
        except PariError:
            assert await self.books[at].head() == before  # a refusal changes nothing

    def signatures(self, batch: Batch) -> tuple[bytes, ...]:
        digest = batch_digest(batch, GatewayDomain(batch.lane.destination))
        signers = sorted((DESK[n] for n in ATTESTOR_NAMES[:2]), key=lambda s: int(s.address, 16))
        return tuple(signer.sign_digest(digest) for signer in signers)

    async def check(self) -> None:
        delivered = [await self.delivered(source) for source in (0, 1)]
        lanes = [
            LaneState(
                self.lane(source),
                tuple(SentEntry(m.nonce, m.id) for m in await self.sent(source)),
                tuple(delivered[source]),
            )
            for source in (0, 1)
        ]
        result = once(tuple(lanes))
        assert result.ok, result
        arrived = {entry.message_id for lane in delivered for entry in lane if not entry.parked}
        sent = [*await self.sent(0), *await self.sent(1)]
        in_transit = sum(
            int(MovementPayload.decode(message.payload).amount)
            for message in sent
            if message.id not in arrived
        )
        supplies = {book.id: await book.supply() for book in self.books}
        issued = Units(sum(self.issued_postings()))
        result = conservation(SupplyState(issued, supplies, Units(in_transit)))
        assert result.ok, result
        for book in self.books:
            book.check()  # hashes, zero sums, no holder below zero, counters

    async def delivered(self, source: int) -> list[DeliveredEntry]:
        book = self.books[1 - source]
        return [
            DeliveredEntry(d.nonce, d.message_id, d.status is DeliveryStatus.PARKED, d.reason)
            for d in await book.deliveries(0, (await book.head()).height)
        ]

    def issued_postings(self) -> list[int]:
        with self.books[0]._db.read() as connection:
            query = select(posting.c.amount).where(posting.c.account == "~issue")
            return [-amount for amount in connection.execute(query).scalars()]


# long lists overrun the generator's buffer by chance, in some runs often enough for its health check
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(step, min_size=8, max_size=40))
def test_mov_1_mov_3_random_commands_keep_postings_balanced_and_each_message_once(
    steps: list[tuple[object, ...]],
) -> None:
    asyncio.run(run(steps))


async def run(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = SettableClock(1_800_000_000)
        books = await book_network(Path(folder), ("home", "south"), clock)
        try:
            for book in books:
                for name in ACCOUNTS[:2]:
                    await onboard(book, name)
            world = World(books, clock)
            await world.apply(("issue", "holder_de", Units(500)))
            for action in steps:
                await world.apply(action)
            await world.check()
        finally:
            for book in books:
                await book.close()


def test_the_example_world_really_moves_units() -> None:
    """Guards the property above against a world in which nothing ever happens."""
    steps: list[tuple[object, ...]] = [
        ("move", 0, "holder_de", "holder_fr", Units(7)),
        ("move", 0, "holder_de", "stranger", Units(5)),
        ("deliver", 0, 0, 2),
    ]

    async def body() -> None:
        with tempfile.TemporaryDirectory() as folder:
            books = await book_network(Path(folder), ("home", "south"), SettableClock(1_800_000_000))
            for book in books:
                await onboard(book, "holder_de")
                await onboard(book, "holder_fr")
            world = World(books, SettableClock(0))
            for action in [("issue", "holder_de", Units(100)), *steps]:
                await world.apply(action)
            assert await books[1].position("holder_fr") == 7
            assert [entry.parked for entry in await world.delivered(0)] == [False, True]
            await world.check()
            for book in books:
                await book.close()

    asyncio.run(body())
