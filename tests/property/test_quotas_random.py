"""Caps over all chains (CTL-4): random movements of units, quotas and places between three books, each lane
delivered when it likes. Parts of the limits and what is on its way always add up to the terms'."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paripassu.commands import Command, Deliver, Issue, Move, MovePlaces, MoveQuota, Onboard, Retry, Transfer
from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, commitment
from paripassu.jobs.quotas import places_over_all, quota_of_holder
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Batch, GatewayDomain, Message, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.testing.books import ATTESTOR_NAMES, TEST_RULES, Desk, SettableClock, book_network

DESK = Desk()
CAP, LIMIT = 32, 4
RULES = replace(TEST_RULES, holding_cap=Units(CAP), holder_limit=LIMIT)
HOLDERS = {"anna": "anna", "annas_second": "anna", "bert": "bert", "cleo": "cleo"}

account = st.sampled_from((*HOLDERS, "stranger"))
units = st.integers(0, 14).map(Units)
side = st.integers(0, 2)
step = st.one_of(
    st.tuples(st.just("issue"), account, units),
    st.tuples(st.just("transfer"), side, account, account, units),
    st.tuples(st.just("move"), side, side, account, account, units),
    st.tuples(st.just("quota"), side, side, account, account, units),
    st.tuples(st.just("quota home"), side, side, account, units),
    st.tuples(st.just("places"), side, side, st.integers(1, 3)),
    st.tuples(st.just("deliver"), side, side, st.sampled_from((Purpose.MOVEMENT, Purpose.QUOTA))),
    st.tuples(st.just("retry"), side, st.integers(0, 5)),
)


class World:
    """Three books and what happened to them, by kind."""

    def __init__(self, books: tuple[BookLedger, ...]) -> None:
        self.books = books
        self.happened: Counter[str] = Counter()
        self.number = 0

    async def apply(self, action: tuple[object, ...]) -> None:
        match action:
            case ("issue", str(to), Units() as amount):
                await self.attempt(0, Issue(to, amount), "transfer_agent")
            case ("transfer", int(at), str(source), str(target), Units() as amount):
                await self.attempt(at, Transfer(source, target, amount), source)
            case ("move", int(at), int(to), str(source), str(target), Units() as amount):
                await self.attempt(at, Move(source, self.books[to].id, target, amount), source)
            case ("quota", int(at), int(to), str(source), str(target), Units() as amount):
                await self.attempt(at, MoveQuota(source, self.books[to].id, target, amount), source)
            case ("quota home", int(at), int(to), str(who), Units() as amount):
                await self.attempt(at, MoveQuota(who, self.books[to].id, who, amount), "transfer_agent")
            case ("places", int(at), int(to), int(number)):
                await self.attempt(at, MovePlaces(self.books[to].id, number), "transfer_agent")
            case ("deliver", int(source), int(target), Purpose() as purpose):
                await self.deliver(source, target, purpose)
            case ("retry", int(at), int(which)):
                parked = [one async for one in self.parked(at)]
                if parked:
                    await self.attempt(at, Retry(parked[which % len(parked)]), "relayer")

    async def attempt(self, at: int, command: Command, signer: str) -> None:
        self.number += 1
        book = self.books[at]
        before = await book.head()
        try:
            await book.submit(command, DESK[signer], f"step:{self.number}")
            self.happened[type(command).__name__] += 1
        except PariError:
            assert await book.head() == before  # a refusal changes nothing

    async def deliver(self, source: int, target: int, purpose: Purpose) -> None:
        """The next message of one lane; the other lane between the two may be before or behind."""
        if source == target:
            return
        giving, taking = self.books[source], self.books[target]
        for message in await self.sent(giving):
            lane = message.lane
            if (lane.destination, lane.purpose) != (taking.id, purpose):
                continue
            if message.nonce == await taking.inbound_nonce(lane) + 1:
                await self.attempt(target, self.signed(message), "relayer")
                return

    async def sent(self, book: BookLedger) -> list[Message]:
        return [item.message for item in await book.sent_messages(0, (await book.head()).height)]

    async def parked(self, at: int) -> AsyncIterator[Message]:
        book = self.books[at]
        fates = {one.message_id: one.status for one in await book.deliveries(0, (await book.head()).height)}
        for other in self.books:
            for message in await self.sent(other):
                if fates.get(message.id) is DeliveryStatus.PARKED:
                    yield message

    def signed(self, message: Message) -> Deliver:
        batch = Batch(1, (message,))
        digest = batch_digest(batch, GatewayDomain(message.lane.destination))
        signers = sorted((DESK[n] for n in ATTESTOR_NAMES[:2]), key=lambda s: int(s.address, 16))
        return Deliver(batch, tuple(signer.sign_digest(digest) for signer in signers))

    async def check(self) -> None:
        ledgers = {book.id: book for book in self.books}
        places = await places_over_all(ledgers)
        assert places is not None
        assert places.total == LIMIT
        everywhere = 0
        for line in places.lines:
            counted = await self.holders_with_units(ledgers[line.ledger])
            assert line.holders == len(counted) <= line.limit
            everywhere += len(counted)
        assert everywhere <= LIMIT
        for holder in commitments():
            quota = await quota_of_holder(ledgers, holder)
            assert quota is not None
            assert quota.total == CAP
            assert all(line.held <= line.quota for line in quota.lines)
            assert sum(int(line.held) for line in quota.lines) <= CAP
        for book in self.books:
            book.check()

    async def holders_with_units(self, book: BookLedger) -> set[Bytes32]:
        records = await book.holders()
        return {record.holder for name, record in records.items() if await book.position(name)}


def commitments() -> Iterator[Bytes32]:
    for holder in sorted(set(HOLDERS.values())):
        yield commitment(holder.encode())


async def walk(folder: Path, actions: list[tuple[object, ...]]) -> Counter[str]:
    books = await book_network(folder, ("home", "south", "west"), SettableClock(1_800_000_000), rules=RULES)
    for book in books:
        for name, holder in HOLDERS.items():
            if name == "cleo" and book is books[2]:
                continue  # known on two ledgers alone
            command = Onboard(
                name, commitment(holder.encode()), "DE", 1, 0, additional=name == "annas_second"
            )
            await book.execute(command, DESK["registrar"], f"onboard:{name}")
    world = World(books)
    for action in actions:
        await world.apply(action)
        await world.check()
    for book in books:
        await book.close()
    return world.happened


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(step, max_size=40))
def test_ctl_4_caps_over_all_chains_hold_under_random_movements(actions: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(walk(Path(folder), actions))
