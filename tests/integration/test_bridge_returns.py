"""The bridge's way back between book-entry ledgers: acknowledgements, refunds, stopped lanes, and faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from paripassu.bridge import acknowledgements
from paripassu.bridge.node import BridgeSettings, Seat, drain, run_bridge
from paripassu.bridge.queries import list_messages, message_history
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Move, Refuse, ResumeLane, Retry, StopLane
from paripassu.controls import Reason, SetStatus
from paripassu.errors import CommandRefused, DrainTimeout, LaneHalted
from paripassu.identifiers import LedgerId
from paripassu.invariants import LocationState, SupplyState, conservation, location, once
from paripassu.jobs.observe import read_at, settled_instant
from paripassu.jobs.reconciling import _held, _movements, _supplies, lane_states
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import Delivery, DeliveryStatus, Ledger, Standing
from paripassu.messages import Lane, Message, Purpose
from paripassu.quantities import Units
from paripassu.store import Store, audit
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    book_network,
    delivery,
    issue,
    onboard,
)
from paripassu.testing.bridge_process import BookPlace, BridgePlan, drain_plan, run_bridge_process
from paripassu.testing.faults import FaultyLedger, crash_points, run_until_crash, seams_passed

START = 1_800_000_000
FAST = BridgeSettings(poll=0.01, idle_poll=0.03)
PROMPT = replace(FAST, ack_quiet=0.0)
DESK = Desk()
WHY = Reason("never onboarded")


@dataclass(slots=True)
class World:
    """Two books, their clock, and the bridge's store; units of holder_de leave the home book."""

    folder: Path
    home: BookLedger
    south: BookLedger
    clock: SettableClock
    store: Store
    number: int = 0

    @property
    def lane(self) -> Lane:
        return Lane(self.home.id, self.south.id, Purpose.MOVEMENT)

    def seat(self, name: str, *others: FaultyLedger) -> Seat:
        ledgers: dict[LedgerId, Ledger] = {book.id: book for book in (self.home, self.south)}
        return Seat(name, DESK[name], ledgers | {other.ledger.id: other.port for other in others})

    def seats(self, *others: FaultyLedger) -> list[Seat]:
        return [self.seat(name, *others) for name in ATTESTOR_NAMES]

    async def do(self, ledger: BookLedger, command: Command, signer: str = "relayer") -> None:
        self.number += 1
        await ledger.execute(command, DESK[signer], f"step:{self.number}")

    async def send(self, units: int, to: str = "holder_fr", expiry: int = 0) -> Message:
        await self.do(self.home, Move("holder_de", self.south.id, to, Units(units), expiry), "holder_de")
        head = await self.home.head()
        (sent,) = await self.home.sent_messages(head.height, head.height)
        return sent.message

    async def refused(self, units: int = 100) -> Message:
        """A movement that the operator of the other book has refused, before the bridge saw any of it."""
        message = await self.send(units, to="nobody")
        await self.do(self.south, delivery(message))
        await self.do(self.south, Refuse(message, WHY), "bridge_operator")
        return message

    async def drain(
        self,
        relayer: Seat | None = None,
        attestors: Sequence[Seat] | None = None,
        patience: float = 20.0,
        settings: BridgeSettings = FAST,
    ) -> None:
        await drain(
            self.store,
            relayer=relayer or self.seat("relayer"),
            attestors=self.seats() if attestors is None else attestors,
            patience=patience,
            settings=settings,
        )

    @asynccontextmanager
    async def running(
        self,
        settings: BridgeSettings = PROMPT,
        relayer: Seat | None = None,
        attestors: Sequence[Seat] | None = None,
    ) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(
            run_bridge(
                self.store,
                relayer=relayer or self.seat("relayer"),
                attestors=self.seats() if attestors is None else attestors,
                stop=stop,
                settings=settings,
            )
        )
        try:
            yield
        finally:
            stop.set()
            await task

    def state(self, message: Message) -> MessageState | None:
        """None before the bridge has seen it."""
        found = {view.id: view.state for view in list_messages(self.store)}
        return found.get(message.id)

    def states(self) -> list[MessageState]:
        return [view.state for view in list_messages(self.store)]

    def told(self) -> int:
        """Up to which message the store says that the source knows of arrivals."""
        with self.store.read() as connection:
            return acknowledgements.level(connection, self.lane)

    def kept(self, kind: str) -> list[str]:
        with self.store.read() as connection:
            return [entry.detail for entry in audit.entries(connection, kind)]

    async def check(self, issued: int = 1_000) -> None:
        await check_books((self.home, self.south), issued)
        with self.store.read() as connection:
            audit.verify(connection)


async def check_books(books: Sequence[BookLedger], issued: int) -> None:
    """I1, I2 and I6 over everything that the books themselves say, and their own hashes and sums."""
    ledgers: dict[LedgerId, Ledger] = {book.id: book for book in books}
    reading = await read_at(ledgers, max([(await book.head()).time for book in books]) - 1, TEST_SECURITY)
    for result in (
        conservation(SupplyState(Units(issued), _supplies(reading), reading.units_in_transit)),
        location(LocationState(_supplies(reading), _held(reading), _movements(reading))),
        once(lane_states(reading.traffic)),
    ):
        assert result.ok, result
    for book in books:
        book.check()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SettableClock(START)
    home, south = await book_network(tmp_path, ("home", "south"), clock)
    for book in (home, south):
        for account in ("holder_de", "holder_fr"):
            await onboard(book, account)
    await issue(home, "holder_de", 1_000)
    with Store.open(tmp_path / "bridge.db") as store:
        yield World(tmp_path, home, south, clock, store)
    for book in (home, south):
        await book.close()


async def until(condition: Callable[[], bool], patience: float = 15.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.01)


# what never arrives


async def test_mov_6_a_movement_that_expired_on_its_way_comes_back(world: World) -> None:
    lands = await world.send(7)
    late = await world.send(100, expiry=world.clock.time + 60)
    world.clock.advance(61)
    await world.drain()
    assert world.state(lands) is MessageState.ACKED  # the same acknowledgement told of it
    assert world.state(late) is MessageState.REFUNDED
    assert await world.home.position("holder_de") == 993
    assert await world.south.position("holder_fr") == 7
    assert await world.home.standing(late.id) is Standing.REFUNDED
    steps = [step.state.value for step in message_history(world.store, late.id.text).steps]
    assert list(dict.fromkeys(steps))[-2:] == ["EXPIRED", "REFUNDED"]
    world.clock.advance(1)
    await world.check()


async def test_mov_6_a_parked_movement_comes_back_once_it_expires(world: World) -> None:
    message = await world.send(100, to="nobody", expiry=world.clock.time + 60)
    await world.drain()
    assert world.state(message) is MessageState.PARKED
    world.clock.advance(61)
    async with world.running(FAST):
        await until(lambda: world.state(message) is MessageState.REFUNDED)
    assert await world.home.position("holder_de") == 1_000
    world.clock.advance(1)
    await world.check()


async def test_mov_6_what_the_operator_refused_comes_back_and_a_late_delivery_is_harmless(
    world: World,
) -> None:
    message = await world.send(100, to="nobody")
    await world.drain()
    assert world.state(message) is MessageState.PARKED
    await world.do(world.south, Refuse(message, WHY), "bridge_operator")
    await world.drain()
    history = message_history(world.store, message.id.text)
    assert history.view.state is MessageState.REFUNDED
    assert [s.reason for s in history.steps if s.state is MessageState.REFUSED] == [
        "REFUSED_BY_OPERATOR: never onboarded"
    ]
    await onboard(world.south, "nobody")
    await world.do(world.south, delivery(message))
    with pytest.raises(CommandRefused, match="is not parked"):
        await world.do(world.south, Retry(message))
    assert await world.home.position("holder_de") == 1_000
    assert await world.south.supply() == 0
    world.clock.advance(1)
    await world.check()


async def test_mov_5_units_are_in_transit_until_they_are_back_at_every_instant(world: World) -> None:
    ledgers: dict[LedgerId, Ledger] = {book.id: book for book in (world.home, world.south)}
    await world.send(3)
    message = await world.send(100, expiry=world.clock.time + 60)
    seen = []
    for step in range(4):
        world.clock.advance(40)
        if step == 2:
            await world.drain()
        reading = await read_at(ledgers, await settled_instant(ledgers), TEST_SECURITY)
        result = conservation(SupplyState(Units(1_000), _supplies(reading), reading.units_in_transit))
        assert result.ok, result
        seen.append(int(reading.units_in_transit))
    world.clock.advance(1)
    reading = await read_at(ledgers, world.clock.time - 2, TEST_SECURITY)
    assert int(reading.units_in_transit) == 0
    assert seen[0] == 103
    assert world.state(message) is MessageState.REFUNDED
    await world.check()


async def test_mov_6_a_refund_that_the_rules_refuse_waits_and_does_not_hold_up_a_drain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paripassu.bridge.refunds.SECONDS_BETWEEN", 0.05)
    message = await world.refused()
    await world.do(world.home, SetStatus("holder_de", False, WHY), "registrar")
    await world.drain()
    view = message_history(world.store, message.id.text).view
    assert view.state is MessageState.REFUSED
    assert view.reason.startswith("REFUND_WAITS: PP-RUL-")
    await world.do(world.home, SetStatus("holder_de", True, WHY), "registrar")
    async with world.running(FAST):
        await until(lambda: world.state(message) is MessageState.REFUNDED)
    assert await world.home.position("holder_de") == 1_000


async def test_mov_6_many_refusals_come_back_in_several_acknowledgements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paripassu.bridge.acknowledgements.REFUSED_AT_ONCE", 2)
    for number in range(5):
        await world.send(1 + number, expiry=world.clock.time + 60)
    world.clock.advance(61)
    await world.drain()
    assert world.states() == [MessageState.REFUNDED] * 5
    assert len(world.kept("acknowledgement.done")) == 3
    assert await world.home.position("holder_de") == 1_000
    world.clock.advance(1)
    await world.check()


# what arrives


async def test_mov_3_arrivals_are_acknowledged_once_the_lane_is_quiet(world: World) -> None:
    messages = [await world.send(units) for units in (1, 2, 3)]
    await world.drain()
    assert world.states() == [MessageState.FINALISED] * 3  # a drain does not wait for this
    assert await world.home.acknowledged_nonce(world.lane) == 0
    async with world.running():
        await until(lambda: world.states() == [MessageState.ACKED] * 3)
    assert await world.home.acknowledged_nonce(world.lane) == 3
    steps = message_history(world.store, messages[0].id.text).steps
    assert steps[-1].detail["ledger"] == str(world.home.id)
    assert len(world.kept("acknowledgement.done")) == 1


async def test_mov_3_arrivals_are_acknowledged_after_so_many_messages(world: World) -> None:
    for _ in range(4):
        await world.send(1)
    async with world.running(replace(FAST, ack_every=4)):
        await until(lambda: world.states() == [MessageState.ACKED] * 4)
        await world.send(1)
        await until(lambda: world.states()[-1] is MessageState.FINALISED)
    assert world.told() == 4


async def test_mov_3_a_parked_message_that_lands_later_is_acknowledged_without_another_word(
    world: World,
) -> None:
    poison, lands = await world.send(2, to="nobody"), await world.send(3)
    async with world.running():
        await until(lambda: world.state(lands) is MessageState.ACKED)
    assert world.state(poison) is MessageState.PARKED
    assert world.told() == 2
    await onboard(world.south, "nobody")
    await world.do(world.south, Retry(poison))
    async with world.running():
        await until(lambda: world.state(poison) is MessageState.ACKED)
    assert len(world.kept("acknowledgement.done")) == 1


# attestors say what they see, and no more


async def test_fault_one_attestor_is_not_enough_for_an_acknowledgement(world: World) -> None:
    message = await world.refused()
    with pytest.raises(DrainTimeout):
        await world.drain(attestors=world.seats()[:1], patience=1.0)
    assert world.state(message) is MessageState.REFUSED
    assert await world.home.standing(message.id) is Standing.NONE
    await world.drain(attestors=world.seats()[:2])
    assert world.state(message) is MessageState.REFUNDED


class LyingDestination(FaultyLedger):
    """A destination seen through a node that says of one message that it was refused there."""

    refused: Message | None = None

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        found = await self.ledger.deliveries(first, last)
        return tuple(
            replace(one, status=DeliveryStatus.REFUSED, reason="EXPIRED")
            if self.refused is not None and one.message_id == self.refused.id
            else one
            for one in found
        )


async def test_fault_a_relayer_that_lies_of_a_refusal_gets_no_signature_and_no_second_unit(
    world: World,
) -> None:
    """Its node says that a message was refused which took effect: nobody else sees that."""
    message = await world.send(5)
    lying = LyingDestination(world.south)
    lying.refused = message
    async with world.running(relayer=world.seat("relayer", lying)):
        await until(lambda: len(world.kept("acknowledgement.not_attested")) == 3)
    assert world.state(message) is MessageState.REFUSED
    assert "shows no refusal" in world.kept("acknowledgement.not_attested")[0]
    assert await world.home.standing(message.id) is Standing.NONE
    assert (await world.home.supply(), await world.south.supply()) == (995, 5)


async def test_fault_a_lying_node_of_one_attestor_refunds_nothing(world: World) -> None:
    message = await world.send(5)
    lying = LyingDestination(world.south)
    lying.refused = message
    attestors = [world.seat(ATTESTOR_NAMES[0], cast(FaultyLedger, lying)), *world.seats()[1:]]
    async with world.running(relayer=world.seat("relayer", lying), attestors=attestors):
        await until(lambda: len(world.kept("acknowledgement.not_attested")) == 2)
        await until(lambda: len(world.kept("acknowledgement.attested")) == 1)
    assert await world.home.standing(message.id) is Standing.NONE
    assert (await world.home.supply(), await world.south.supply()) == (995, 5)


async def test_fault_an_attestor_signs_nothing_that_is_not_final_to_it(world: World) -> None:
    message = await world.refused()
    behind = FaultyLedger(world.south)
    behind.lag = 1  # the refusal is the newest entry
    late = [world.seat(name, behind) for name in ATTESTOR_NAMES]
    async with world.running(FAST, attestors=late):
        await until(lambda: len(world.kept("acknowledgement.proposed")) == 1)
        await asyncio.sleep(0.3)
    assert world.kept("acknowledgement.attested") == []
    assert world.kept("acknowledgement.not_attested") == []  # it waits, and does not refuse
    behind.lag = 0
    await world.drain(attestors=late)
    assert world.state(message) is MessageState.REFUNDED


# faults


async def test_fault_a_lost_answer_to_an_acknowledgement_or_a_refund_leads_to_one_effect(
    world: World,
) -> None:
    await world.refused()
    flaky = FaultyLedger(world.home)
    flaky.lose_answers = 1
    await world.drain(world.seat("relayer", flaky))
    flaky.lose_answers = 1
    await world.refused(50)
    await world.drain(world.seat("relayer", flaky))
    assert world.states() == [MessageState.REFUNDED] * 2
    assert await world.home.position("holder_de") == 1_000
    assert len(await world.home.refunds(0, (await world.home.head()).height)) == 2


def plan_of(world: World) -> BridgePlan:
    places = tuple(
        BookPlace(world.folder / f"{book.id.reference}.db", book.id, world.clock.time)
        for book in (world.home, world.south)
    )
    return BridgePlan(world.folder / "bridge.db", places, 30.0, FAST)


async def test_mov_6_killing_the_bridge_at_every_seam_gives_back_once(world: World) -> None:
    """Killed with -9 at its first seam, its second, … while something expires and something is refused."""
    plan, number = plan_of(world), 0

    async def two() -> None:
        await world.refused(1)
        await world.send(1)

    def again() -> Sequence[object]:
        nonlocal number
        number += 1
        asyncio.run(two())
        return (plan,)

    def whole_enumeration() -> int:
        killed = 0
        for _ in crash_points(run_bridge_process, again):
            killed += 1
            asyncio.run(drain_plan(plan))
        return killed

    killed = await asyncio.to_thread(whole_enumeration)
    assert killed >= 25, "the seams were not reached"
    states = world.states()
    assert states.count(MessageState.REFUNDED) == number
    assert states.count(MessageState.ACKED) + states.count(MessageState.FINALISED) == number
    assert await world.home.position("holder_de") == 1_000 - number
    assert await world.south.position("holder_fr") == number
    world.clock.advance(1)
    await world.check()


@pytest.mark.parametrize(
    "name", ["relayer.ack_done.after_commit", "relayer.refund.before", "relayer.refund.after"]
)
async def test_mov_6_killed_between_acknowledgement_and_refund_the_units_still_come_back(
    world: World, name: str
) -> None:
    message = await world.refused()
    assert await asyncio.to_thread(run_until_crash, run_bridge_process, (plan_of(world),), name)
    expected = Standing.REFUNDED if name == "relayer.refund.after" else Standing.RETURNED
    assert await world.home.standing(message.id) is expected
    await world.drain()
    assert world.state(message) is MessageState.REFUNDED
    assert await world.home.position("holder_de") == 1_000


async def test_the_way_back_has_seams_between_its_durable_steps(world: World) -> None:
    await world.refused()
    names = set(await asyncio.to_thread(seams_passed, run_bridge_process, (plan_of(world),)))
    steps = ("relayer.ack_proposed", "attestor_csd.ack_signed", "relayer.ack_built", "relayer.ack_done")
    for step in (*steps, "relayer.refunded"):
        assert {f"{step}.before_commit", f"{step}.after_commit"} <= names
    assert {"relayer.ack_submit.before", "relayer.refund.before", "relayer.refund.after"} <= names


# stopped lanes


async def test_mov_9_a_stopped_lane_waits_and_the_others_go_on(world: World) -> None:
    await world.send(20, to="holder_de")
    await world.drain()
    await world.do(world.south, StopLane(world.home.id, Purpose.MOVEMENT, Reason("drift of 5")), "pauser")
    waits = await world.send(5)
    with pytest.raises(LaneHalted, match=r"in stopped lanes: book:home>book:south/MOVEMENT"):
        await world.drain()
    view = message_history(world.store, waits.id.text).view
    assert (view.state, view.reason) == (MessageState.FINAL, "LANE_STOPPED")
    await world.do(world.south, ResumeLane(world.home.id, Purpose.MOVEMENT, Reason("explained")), "unpauser")
    await world.drain()
    assert await world.south.position("holder_fr") == 5
    world.clock.advance(1)
    await world.check()


async def test_mov_9_a_refund_waits_for_a_stopped_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paripassu.bridge.refunds.SECONDS_BETWEEN", 0.05)
    message = await world.refused()
    await world.do(world.home, StopLane(world.south.id, Purpose.MOVEMENT, WHY), "pauser")
    await world.drain()
    assert world.state(message) is MessageState.REFUSED
    assert await world.home.acknowledged_nonce(world.lane) == 1
    await world.do(world.home, ResumeLane(world.south.id, Purpose.MOVEMENT, WHY), "unpauser")
    async with world.running(FAST):
        await until(lambda: world.state(message) is MessageState.REFUNDED)
