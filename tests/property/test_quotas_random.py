"""Caps over all chains (CTL-4): random movements of units, quotas and places between three books, each lane
delivered when it likes, late, too early or again. Parts of the limits and what is on its way always add up
to the terms'."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paripassu.commands import Command, Deliver, Issue, Move, MovePlaces, MoveQuota, Onboard, Retry, Transfer
from paripassu.errors import PariError
from paripassu.identifiers import Bytes32, commitment
from paripassu.jobs.quotas import places_over_all, quota_of_holder
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Batch, GatewayDomain, Lane, Message, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_RULES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    book_network,
)

DESK = Desk()
CAP, LIMIT = 32, 5
RULES = replace(TEST_RULES, holding_cap=Units(CAP), holder_limit=LIMIT)
HOLDERS = {"anna": "anna", "annas_second": "anna", "bert": "bert", "cleo": "cleo"}

account = st.sampled_from((*HOLDERS, "stranger"))
units = st.integers(0, 14).map(Units)
part = st.integers(1, 14).map(Units)
side = st.integers(0, 2)
ends = st.permutations(range(3)).map(lambda sides: (sides[0], sides[1]))
purpose = st.sampled_from((Purpose.MOVEMENT, Purpose.QUOTA))
step = st.one_of(
    st.tuples(st.just("issue"), account, units),
    st.tuples(st.just("transfer"), side, account, account, units),
    st.tuples(st.just("move"), side, side, account, account, units),
    st.tuples(st.just("quota"), side, side, account, account, part),
    st.tuples(st.just("quota home"), side, side, account, part),
    st.tuples(st.just("places"), side, side, st.integers(1, 3)),
    st.tuples(st.just("deliver"), ends, purpose),
    st.tuples(st.just("out of turn"), ends, purpose, st.integers(0, 9)),
    st.tuples(st.just("onboard"), st.just("cleo")),
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
            case ("deliver", (int(source), int(target)), Purpose() as purpose):
                await self.deliver(source, target, purpose)
            case ("out of turn", (int(source), int(target)), Purpose() as purpose, int(which)):
                await self.deliver_out_of_turn(source, target, purpose, which)
            case ("onboard", str(who)):
                await self.attempt(2, onboarding(who), "registrar")
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
        lane, taking = self.lane(source, target, purpose), self.books[target]
        for message in await self.sent(self.books[source], lane):
            if message.nonce == await taking.inbound_nonce(lane) + 1:
                await self.attempt(target, self.signed(message), "relayer")
                if message in [one async for one in self.parked(target)]:
                    self.happened[f"parked {purpose.name}"] += 1

    async def deliver_out_of_turn(self, source: int, target: int, purpose: Purpose, which: int) -> None:
        """Some message of one lane: taken in before, so that nothing happens, or too early."""
        lane, taking = self.lane(source, target, purpose), self.books[target]
        sent = await self.sent(self.books[source], lane)
        message = sent[which % len(sent)] if sent else None
        if message is None or message.nonce == await taking.inbound_nonce(lane) + 1:
            return
        before = await self.parts()
        await self.attempt(target, self.signed(message), "relayer")
        assert await self.parts() == before
        self.happened["out of turn"] += 1

    async def parts(self) -> list[object]:
        """All parts of the limits, and those on their way."""
        ledgers = {book.id: book for book in self.books}
        quotas = [await quota_of_holder(ledgers, TEST_SECURITY, holder) for holder in commitments()]
        return [await places_over_all(ledgers, TEST_SECURITY), *quotas]

    def lane(self, source: int, target: int, purpose: Purpose) -> Lane:
        return Lane(self.books[source].id, self.books[target].id, purpose)

    async def sent(self, book: BookLedger, lane: Lane | None = None) -> list[Message]:
        """Messages of a book, or of one of its lanes, in their order."""
        sent = await book.sent_messages(0, (await book.head()).height)
        return [item.message for item in sent if lane in (None, item.message.lane)]

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
        places = await places_over_all(ledgers, TEST_SECURITY)
        assert places is not None
        assert places.total == LIMIT
        everywhere = 0
        for line in places.lines:
            counted = await self.holders_with_units(ledgers[line.ledger])
            assert line.holders == len(counted) <= line.limit
            everywhere += len(counted)
        assert everywhere <= LIMIT
        for holder in commitments():
            quota = await quota_of_holder(ledgers, TEST_SECURITY, holder)
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


def onboarding(name: str) -> Onboard:
    holder = commitment(HOLDERS[name].encode())
    return Onboard(name, holder, "DE", 1, 0, additional=name == "annas_second")


async def walk(folder: Path, actions: list[tuple[object, ...]], *, checked_each: int = 1) -> Counter[str]:
    books = await book_network(folder, ("home", "south", "west"), SettableClock(1_800_000_000), rules=RULES)
    for book in books:
        for name in HOLDERS:
            if name != "cleo" or book is not books[2]:  # not known there yet
                await book.execute(onboarding(name), DESK["registrar"], f"onboard:{name}")
    world = World(books)
    for number, action in enumerate(actions, start=1):
        await world.apply(action)
        if number % checked_each == 0:
            await world.check()
    for book in books:
        await book.close()
    return world.happened


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(step, max_size=30))
def test_ctl_4_caps_over_all_chains_hold_under_random_movements(actions: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(walk(Path(folder), actions))


async def test_ctl_4_caps_over_all_chains_hold_in_a_walk_that_meets_every_case(tmp_path: Path) -> None:
    random = Random(4)
    actions = [_drawn(random) for _ in range(400)]
    actions.insert(200, ("onboard", "cleo"))
    happened = await walk(tmp_path, actions, checked_each=25)
    cases = ("Issue", "Transfer", "Move", "MoveQuota", "MovePlaces", "Deliver", "Retry", "out of turn")
    for case in (*cases, "parked MOVEMENT", "parked QUOTA"):
        assert happened[case], case


def _drawn(random: Random) -> tuple[object, ...]:
    """One step, with the kinds that other steps need more often."""
    here, there = random.sample(range(3), 2)
    one, other = random.choices((*HOLDERS, "stranger"), k=2)
    lane = random.choice((Purpose.MOVEMENT, Purpose.QUOTA))
    amount = Units(random.randint(1, 5))
    return random.choice(
        (
            ("issue", one, amount),
            ("transfer", here, one, other, amount),
            ("move", here, there, one, other, amount),
            ("quota", here, here, "anna", "annas_second", amount),
            ("quota home", here, there, one, amount),
            ("quota home", random.randint(0, 1), 2, "cleo", amount),
            ("places", here, there, 1),
            ("deliver", (here, there), lane),
            ("deliver", (here, there), lane),
            ("deliver", (here, there), lane),
            ("out of turn", (here, there), lane, random.randint(0, 9)),
            ("retry", here, random.randint(0, 5)),
        )
    )
