"""What an operator does beside a bridge over books: relay one message, replay one, see what waits and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from paripassu.bridge.node import Seat, drain, run_bridge
from paripassu.bridge.queries import list_messages, message_history, stuck_messages
from paripassu.bridge.remedies import remedy
from paripassu.bridge.replaying import relay_only, replay
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Move, StopLane
from paripassu.controls import Reason
from paripassu.errors import DrainTimeout, LaneHalted, NotReplayable, UnknownMessage
from paripassu.identifiers import LedgerId
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import Ledger
from paripassu.messages import Message, Purpose
from paripassu.quantities import Units
from paripassu.store import Store, audit
from paripassu.testing.books import ATTESTOR_NAMES, Desk, SettableClock, book_network, issue, onboard
from paripassu.testing.faults import FaultyLedger

FAST = BridgeSettings(poll=0.01, idle_poll=0.03)
DESK = Desk()


@dataclass(slots=True)
class World:
    """Three books and the bridge's store; holder_de moves units from the home book to the others."""

    home: BookLedger
    south: BookLedger
    west: BookLedger
    store: Store
    number: int = 0

    def seat(self, name: str, *others: FaultyLedger) -> Seat:
        ledgers: dict[LedgerId, Ledger] = {book.id: book for book in (self.home, self.south, self.west)}
        return Seat(name, DESK[name], ledgers | {other.ledger.id: other.port for other in others})

    @property
    def attestors(self) -> list[Seat]:
        return [self.seat(name) for name in ATTESTOR_NAMES]

    async def do(self, ledger: BookLedger, command: Command, signer: str) -> None:
        self.number += 1
        await ledger.execute(command, DESK[signer], f"step:{self.number}")

    async def send(self, to: BookLedger, units: int, holder: str = "holder_fr") -> Message:
        await self.do(self.home, Move("holder_de", to.id, holder, Units(units), 0), "holder_de")
        head = await self.home.head()
        (sent,) = await self.home.sent_messages(head.height, head.height)
        return sent.message

    async def observe(self) -> None:
        """Let the bridge see what is there, and do nothing of it."""
        nothing = BridgeSettings(poll=0.01, idle_poll=0.03, only={})
        await drain(self.store, relayer=self.seat("relayer"), attestors=(), settings=nothing)

    async def only(self, message: Message, patience: float = 15.0) -> MessageState:
        view = await relay_only(
            self.store,
            message.id.text[:20],
            relayer=self.seat("relayer"),
            attestors=self.attestors,
            patience=patience,
            settings=FAST,
        )
        return view.state

    @asynccontextmanager
    async def running(self, relayer: Seat, settings: BridgeSettings = FAST) -> AsyncIterator[None]:
        stop = asyncio.Event()
        seats = {"relayer": relayer, "attestors": self.attestors}
        task = asyncio.create_task(run_bridge(self.store, stop=stop, settings=settings, **seats))  # type: ignore[arg-type]
        try:
            yield
        finally:
            stop.set()
            await task

    def state(self, message: Message) -> MessageState | None:
        return {view.id: view.state for view in list_messages(self.store)}.get(message.id)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SettableClock(1_800_000_000)
    home, south, west = await book_network(tmp_path, ("home", "south", "west"), clock)
    for book in (home, south, west):
        for account in ("holder_de", "holder_fr"):
            await onboard(book, account)
    await issue(home, "holder_de", 1_000)
    with Store.open(tmp_path / "bridge.db") as store:
        yield World(home, south, west, store)
    for book in (home, south, west):
        await book.close()


async def until(condition: Callable[[], bool], patience: float = 10.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.01)


async def test_relaying_one_message_takes_those_before_it_in_its_lane_along_and_nothing_else(
    world: World,
) -> None:
    first, second, third = [await world.send(world.south, units) for units in (1, 2, 4)]
    elsewhere = await world.send(world.west, 8)
    with pytest.raises(UnknownMessage):
        await world.only(second)
    await world.observe()
    assert await world.only(second) is MessageState.FINALISED
    assert world.state(first) is MessageState.FINALISED
    assert world.state(third) is world.state(elsewhere) is MessageState.FINAL
    assert await world.south.position("holder_fr") == 3
    assert await world.only(second) is MessageState.FINALISED, "again, and nothing happens"
    assert await world.south.position("holder_fr") == 3
    await drain(world.store, relayer=world.seat("relayer"), attestors=world.attestors, settings=FAST)
    assert await world.south.position("holder_fr") == 7
    assert await world.west.position("holder_fr") == 8


async def test_relaying_lanes_alone_drains_these(world: World) -> None:
    here, elsewhere = await world.send(world.south, 1), await world.send(world.west, 2)
    settings = BridgeSettings(poll=0.01, idle_poll=0.03, only={here.lane: 0})
    await drain(world.store, relayer=world.seat("relayer"), attestors=world.attestors, settings=settings)
    assert world.state(here) is MessageState.FINALISED
    assert world.state(elsewhere) is MessageState.FINAL


async def test_mov_9_relaying_one_message_of_a_stopped_lane_names_what_starts_it(world: World) -> None:
    message = await world.send(world.south, 1)
    stop = StopLane(world.home.id, Purpose.MOVEMENT, Reason("drift"))
    await world.do(world.south, stop, "pauser")
    await world.observe()
    with pytest.raises(LaneHalted) as refused:
        await world.only(message)
    expected = f"pari lane start {world.south.id} {world.home.id} movement --reason TEXT"
    assert refused.value.next_command == expected
    (view,) = stuck_messages(world.store)
    assert view.reason == "LANE_STOPPED"
    assert remedy(view).command == expected


async def test_a_message_that_cannot_be_relayed_in_time_says_where_it_stands(world: World) -> None:
    message = await world.send(world.south, 1)
    await world.observe()
    with pytest.raises(DrainTimeout, match="AWAITING_SIGNATURES: 0 of 2") as late:
        await relay_only(
            world.store,
            message.id.text,
            relayer=world.seat("relayer"),
            attestors=(),
            patience=3.0,
            settings=FAST,
        )
    assert late.value.next_command == "pari attest --as NAME"


async def test_replaying_a_message_ends_its_waiting_at_once_and_delivers_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paripassu.bridge.pace.backoff_seconds", lambda failures: 600.0)
    message = await world.send(world.south, 5)
    faulty = FaultyLedger(world.south)
    faulty.refuse_submissions = 1
    async with world.running(world.seat("relayer", faulty)):
        await until(
            lambda: any(v.reason.startswith("DESTINATION_UNREACHABLE") for v in list_messages(world.store))
        )
        await asyncio.sleep(0.2)
        assert world.state(message) is MessageState.BUILT, "it waits for ten minutes"
        assert len(faulty.submissions) == 1
        assert replay(world.store, message.id.text).asked
        await until(lambda: world.state(message) is MessageState.FINALISED)
    assert await world.south.position("holder_fr") == 5
    assert len(faulty.submissions) == 2
    done = replay(world.store, message.id.text)
    assert not done.asked
    assert done.view.state is MessageState.FINALISED
    with world.store.read() as connection:
        audit.verify(connection)
        assert len(audit.entries(connection, "operator.replay")) == 1


async def test_a_parked_message_is_not_replayed_but_retried(world: World) -> None:
    message = await world.send(world.south, 5, "nobody")
    await drain(world.store, relayer=world.seat("relayer"), attestors=world.attestors, settings=FAST)
    with pytest.raises(NotReplayable) as refused:
        replay(world.store, message.id.text)
    assert refused.value.next_command == f"pari message retry {message.id.text[:18]}"
    assert message_history(world.store, message.id.text).view.state is MessageState.PARKED
