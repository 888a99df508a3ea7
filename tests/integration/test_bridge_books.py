"""The whole bridge between book-entry ledgers: real store, signatures and processes, faults by name."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, select, update

from paripassu.bridge import attestations, batches, observer, records
from paripassu.bridge.mending import Hole, hole_in
from paripassu.bridge.node import Seat, drain, lanes_between, run_bridge
from paripassu.bridge.queries import list_messages, message_history
from paripassu.bridge.resuming import Resumed, resume
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Deliver, Move, Retry, Transfer
from paripassu.errors import DrainTimeout, HistoryGone, LaneHalted, NotHalted, UnknownMessage
from paripassu.identifiers import LedgerId
from paripassu.invariants.books import DeliveredEntry, LaneState, SentEntry, once
from paripassu.invariants.supply import SupplyState, conservation
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import DeliveryStatus, Ledger, Outcome, OutcomeState, SentMessage, Signer
from paripassu.messages import Batch, Lane, MovementPayload, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.store import Store, audit, cursors
from paripassu.store.schema import claim as claim_table
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.sharing import NONCES, READ
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    Desk,
    SettableClock,
    attestor_set,
    book_configuration,
    book_network,
    issue,
    onboard,
)
from paripassu.testing.bridge_process import BookPlace, BridgePlan, drain_plan, run_bridge_process
from paripassu.testing.faults import FaultyLedger, crash_points, run_until_crash, seams_passed

START = 1_800_000_000
FAST = BridgeSettings(poll=0.01, idle_poll=0.03)
DESK = Desk()


@dataclass(slots=True)
class World:
    """Three books, their clock, and the bridge's store."""

    folder: Path
    place: Path | str
    home: BookLedger
    south: BookLedger
    west: BookLedger
    clock: SettableClock
    store: Store
    number: int = 0

    @property
    def books(self) -> tuple[BookLedger, ...]:
        return (self.home, self.south, self.west)

    def seat(self, name: str, *others: FaultyLedger) -> Seat:
        ledgers: dict[LedgerId, Ledger] = {book.id: book for book in self.books}
        return Seat(name, DESK[name], ledgers | {other.ledger.id: other.port for other in others})

    async def send(self, source: BookLedger, target: BookLedger, units: int, to: str = "holder_fr") -> str:
        """Send units of holder_de; the message's id."""
        self.number += 1
        command = Move("holder_de", target.id, to, Units(units))
        outcome = await source.execute(command, DESK["holder_de"], f"move:{self.number}")
        assert outcome.block is not None
        (sent,) = await source.sent_messages(outcome.block.height, outcome.block.height)
        return sent.message.id.text

    async def resume(self, ledger: Ledger) -> Resumed:
        """What an operator does about a halted ledger."""
        lanes = [lane for lane in lanes_between([book.id for book in self.books]) if lane.source == ledger.id]
        return await resume(self.store, ledger, lanes, operator="operator_1", reason="looked at")

    async def drain(
        self,
        relayer: Seat | None = None,
        attestors: Sequence[Seat] | None = None,
        patience: float = 20.0,
    ) -> None:
        if attestors is None:
            attestors = [self.seat(name) for name in ATTESTOR_NAMES]
        await drain(
            self.store,
            relayer=relayer or self.seat("relayer"),
            attestors=attestors,
            patience=patience,
            settings=FAST,
        )

    async def run_until(
        self,
        condition: Callable[[], bool],
        relayer: Seat | None = None,
        attestors: Sequence[Seat] | None = None,
    ) -> None:
        """Run the bridge until the condition holds, and a little longer."""
        if attestors is None:
            attestors = [self.seat(name) for name in ATTESTOR_NAMES]
        stop = asyncio.Event()
        task = asyncio.create_task(
            run_bridge(
                self.store,
                relayer=relayer or self.seat("relayer"),
                attestors=attestors,
                stop=stop,
                settings=FAST,
            )
        )
        try:
            await until(condition)
            await asyncio.sleep(0.2)
        finally:
            stop.set()
            await task

    def waits_for(self, reason: str) -> bool:
        """Whether a message shows this reason for waiting."""
        return any(found.startswith(reason) for _, found in self.states().values())

    def states(self) -> dict[str, tuple[MessageState, str]]:
        return {view.id.text: (view.state, view.reason) for view in list_messages(self.store)}

    async def check(self, issued: int = 1_000) -> None:
        await check_books(self.books, issued)
        with self.store.read() as connection:
            audit.verify(connection)


async def check_books(books: Sequence[BookLedger], issued: int) -> None:
    """I1 and I6 over everything that the books themselves say, and their own hashes and sums."""
    lanes, in_transit = [], 0
    delivered: dict[Lane, dict[bytes, DeliveredEntry]] = {}
    for book in books:
        for item in await book.deliveries(0, (await book.head()).height):
            entry = DeliveredEntry(
                item.nonce, item.message_id, item.status is DeliveryStatus.PARKED, item.reason
            )
            delivered.setdefault(item.lane, {})[item.message_id] = entry
    for source in books:
        sent = [item.message for item in await source.sent_messages(0, (await source.head()).height)]
        for target in books:
            if target is not source:
                lane = Lane(source.id, target.id, Purpose.MOVEMENT)
                taken = delivered.get(lane, {})
                mine = tuple(SentEntry(m.nonce, m.id) for m in sent if m.lane == lane)
                lanes.append(LaneState(lane, mine, tuple(taken.values())))
                in_transit += sum(
                    int(MovementPayload.decode(m.payload).amount)
                    for m in sent
                    if m.lane == lane and (m.id not in taken or taken[m.id].parked)
                )
        source.check()
    result = once(tuple(lanes))
    assert result.ok, result
    supplies = {book.id: await book.supply() for book in books}
    result = conservation(SupplyState(Units(issued), supplies, Units(in_transit)))
    assert result.ok, result


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Over SQLite, or over what a test asks for by an indirect parameter."""
    place: Path | str = tmp_path / "bridge.db"
    if getattr(request, "param", "sqlite") == "postgresql":
        place = request.getfixturevalue("postgres").database()
    clock = SettableClock(START)
    home, south, west = await book_network(tmp_path, ("home", "south", "west"), clock)
    for book in (home, south, west):
        for account in ("holder_de", "holder_fr"):
            await onboard(book, account)
    await issue(home, "holder_de", 1_000)
    with Store.open(place) as store:
        yield World(tmp_path, place, home, south, west, clock, store)
    for book in (home, south, west):
        await book.close()


async def test_mov_1_movements_between_all_ledgers_arrive_once_and_their_history_is_kept(
    world: World,
) -> None:
    first = await world.send(world.home, world.south, 10, to="holder_de")
    for units in (1, 2, 3):
        await world.send(world.home, world.west, units)
    await world.drain()
    back = await world.send(world.south, world.home, 4)
    await world.drain()
    assert set(world.states().values()) == {(MessageState.FINALISED, "")}
    assert await world.south.position("holder_de") == 6
    assert await world.west.position("holder_fr") == 6
    assert await world.home.position("holder_fr") == 4
    await world.check()
    history = message_history(world.store, back[:10])
    states = [s.state.value for s in history.steps if not s.reason.startswith("AWAITING_SIGNATURES")]
    assert states == ["FINAL", "ATTESTED", "BUILT", "INCLUDED", "FINALISED"]
    assert set(history.attestors) <= set(ATTESTOR_NAMES)
    assert len(history.attestors) >= 2
    assert history.delivered_height == (await world.home.head()).height
    with pytest.raises(UnknownMessage):
        message_history(world.store, "0xdead" if not first.startswith("0xdead") else "0xbeef")


async def test_a_parked_message_does_not_stop_its_lane_and_lands_when_it_is_retried(world: World) -> None:
    before = await world.send(world.home, world.south, 1)
    poison = await world.send(world.home, world.south, 2, to="holder_new")
    after = await world.send(world.home, world.south, 3)
    await world.drain()
    states = world.states()
    assert states[before] == states[after] == (MessageState.FINALISED, "")
    assert states[poison][0] is MessageState.PARKED
    assert states[poison][1].startswith("PP-RUL-005: ")
    await world.check()
    await onboard(world.south, "holder_new")
    parked = message_history(world.store, poison).view.message
    await world.south.execute(Retry(parked), DESK["relayer"], "retry")
    await world.drain()
    assert world.states()[poison] == (MessageState.FINALISED, "")
    assert await world.south.position("holder_new") == 2
    assert [step.state.value for step in message_history(world.store, poison).steps][-2:] == [
        "PARKED",
        "FINALISED",
    ]
    await world.check()


async def test_a_lane_of_250_messages_goes_in_batches_of_at_most_100(world: World) -> None:
    for _ in range(250):
        await world.send(world.home, world.south, 1)
    await world.drain()
    assert await world.south.position("holder_fr") == 250
    with world.store.read() as connection:
        done = audit.entries(connection, "batch.done")
    assert len(done) == 3
    await world.check()
    beginnings = [text[:4] for text in world.states()]
    common = max(beginnings, key=beginnings.count)
    with pytest.raises(UnknownMessage, match="more than one"):
        message_history(world.store, common)


async def test_a_chain_is_read_whose_gateway_came_long_after_its_first_blocks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where what its first blocks hold is more than one portion."""
    monkeypatch.setattr(observer, "FEW", 1)
    monkeypatch.setattr(observer, "AT_ONCE", 2)
    for _ in range(4):
        await world.send(world.home, world.south, 1)
    late = FaultyLedger(world.home)
    late.gateway_from = (await world.home.head()).height
    await world.drain(world.seat("relayer", late), [world.seat(name, late) for name in ATTESTOR_NAMES])
    assert await world.south.position("holder_fr") == 4


async def test_a_backlog_is_read_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "AT_ONCE", 3)
    read: list[int] = []

    class Counting(FaultyLedger):
        async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
            found = await super().sent_messages(first, last)
            read.append(len(found))
            return found

    for _ in range(10):
        await world.send(world.home, world.south, 1)
    await world.drain(world.seat("relayer", Counting(world.home)))
    assert await world.south.position("holder_fr") == 10
    assert sum(read) == 10
    assert max(read) <= 3


async def test_quiet_blocks_before_a_backlog_do_not_hold_an_attestor_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "AT_ONCE", 1)
    await world.send(world.home, world.south, 1)
    await world.drain()
    for number in range(4):
        move = Transfer("holder_de", "holder_fr", Units(1))
        await world.home.execute(move, DESK["holder_de"], f"quiet:{number}")
    for _ in range(4):
        await world.send(world.home, world.south, 1)
    await world.drain()
    assert await world.south.position("holder_fr") == 5


async def test_one_attestor_is_not_enough(world: World) -> None:
    message = await world.send(world.home, world.south, 5)
    alone = [world.seat("attestor_csd")]
    await world.run_until(lambda: world.waits_for("AWAITING_SIGNATURES: 1 of 2"), attestors=alone)
    with pytest.raises(DrainTimeout, match="AWAITING_SIGNATURES: 1 of 2"):
        await world.drain(attestors=alone, patience=0.2)
    assert world.states()[message] == (MessageState.FINAL, "AWAITING_SIGNATURES: 1 of 2")
    assert await world.south.supply() == 0
    await world.drain(attestors=[world.seat("attestor_issuer")])
    assert await world.south.supply() == 5


async def test_fault_empty_answers_of_a_node_never_move_a_cursor(world: World) -> None:
    lagging = FaultyLedger(world.home)
    lagging.hide_messages = True
    message = await world.send(world.home, world.south, 5)
    parties = [world.seat(name, lagging) for name in ATTESTOR_NAMES]
    await world.run_until(lambda: lagging.hidden > 8, world.seat("relayer", lagging), parties)
    with world.store.read() as connection:
        assert cursors.get(connection, "relayer", world.home.id) is None
    lagging.hide_messages = False
    await world.drain(world.seat("relayer", lagging), parties)
    assert world.states() == {message: (MessageState.FINALISED, "")}


async def test_fault_a_node_that_hid_messages_and_counters_is_read_again_from_the_hole(world: World) -> None:
    lagging = FaultyLedger(world.home)
    lagging.hide_messages = lagging.hide_counters = True
    first = await world.send(world.home, world.south, 5)
    parties = [world.seat(name, lagging) for name in ATTESTOR_NAMES]
    await world.drain(world.seat("relayer", lagging), parties)  # as it seems, there is nothing to do
    assert world.states() == {}
    lagging.hide_messages = lagging.hide_counters = False
    second = await world.send(world.home, world.south, 6)
    await world.drain(world.seat("relayer", lagging), parties)
    assert world.states() == {
        first: (MessageState.FINALISED, ""),
        second: (MessageState.FINALISED, ""),
    }
    await world.check()


def forged(sent: SentMessage) -> SentMessage:
    """The same place in the lane, more units, as a node would show it that forges logs."""
    payload = MovementPayload.decode(sent.message.payload)
    more = replace(payload, amount=Units(999))
    return replace(sent, message=replace(sent.message, payload=more.encode()))


async def test_fault_a_lying_node_of_one_attestor_is_outvoted(world: World) -> None:
    lying = FaultyLedger(world.home)
    lying.rewrite = forged
    await world.send(world.home, world.south, 5)
    honest = [world.seat(name) for name in ATTESTOR_NAMES[1:]]
    await world.drain(attestors=[world.seat(ATTESTOR_NAMES[0], lying), *honest])
    assert await world.south.supply() == 5
    await world.check()


async def test_fault_lying_nodes_below_the_quorum_yield_no_forged_unit(world: World) -> None:
    """A2: forged logs, the honest nodes down: no signature of an honest attestor, no delivery."""
    lying, down = FaultyLedger(world.home), FaultyLedger(world.home)
    lying.rewrite, down.unreachable = forged, True
    message = await world.send(world.home, world.south, 5)
    parties = [world.seat(ATTESTOR_NAMES[0], lying), *(world.seat(n, down) for n in ATTESTOR_NAMES[1:])]
    waiting = "AWAITING_SIGNATURES: 1 of 2"
    await world.run_until(lambda: world.waits_for(waiting), world.seat("relayer", lying), parties)
    assert await world.south.supply() == 0
    assert message not in world.states()


async def test_fault_a_relayer_with_a_lying_node_gets_no_signature(world: World) -> None:
    lying = FaultyLedger(world.home)
    lying.rewrite = forged
    await world.send(world.home, world.south, 5)

    def refusals() -> int:
        with world.store.read() as connection:
            return len(audit.entries(connection, "batch.not_attested"))

    await world.run_until(
        lambda: world.waits_for("AWAITING_SIGNATURES: 0 of 2"), world.seat("relayer", lying)
    )
    assert refusals() == 3
    assert await world.south.supply() == 0


async def test_fault_two_messages_for_one_place_in_a_lane_halt_the_ledger(world: World) -> None:
    two_faced = FaultyLedger(world.home)
    await world.send(world.home, world.south, 5)
    seat = world.seat("attestor_csd", two_faced)
    await world.drain(attestors=[seat, world.seat("attestor_issuer")])
    two_faced.rewrite = forged
    await world.send(world.home, world.south, 6)
    with world.store.write() as connection:  # so that the attestor reads its first block once more
        cursors.move(connection, "attestor_csd", world.home.id, await world.home.block_at(0))
        before = attestations.observed(connection, "attestor_csd", lane_of(world), 1, 1)
    with pytest.raises(LaneHalted, match="PP-BRG-011"):
        await world.drain(attestors=[seat, world.seat("attestor_issuer")])
    with world.store.read() as connection:
        assert attestations.observed(connection, "attestor_csd", lane_of(world), 1, 1) == before
    await world.check()


def lane_of(world: World) -> Lane:
    return Lane(world.home.id, world.south.id, Purpose.MOVEMENT)


async def test_fault_a_changed_final_block_halts_that_ledger_alone_until_an_operator_clears_it(
    world: World,
) -> None:
    await world.send(world.home, world.south, 50, to="holder_de")
    await world.drain()
    with world.store.read() as connection:
        cursor = cursors.get(connection, "relayer", world.home.id)
    assert cursor is not None
    reorganised = FaultyLedger(world.home)
    reorganised.changed_blocks = {cursor.height}
    await world.send(world.home, world.west, 7)
    await world.send(world.south, world.west, 9)
    with pytest.raises(LaneHalted, match=f"shows block {cursor.height}"):
        await world.drain(world.seat("relayer", reorganised))
    assert await world.west.supply() == 9  # the other lane went on
    with pytest.raises(LaneHalted):  # a restart, and an honest node, do not lift the halt
        await world.drain()
    assert await world.west.supply() == 9
    resumed = await world.resume(world.home)
    assert (resumed.halt.code, resumed.heights["relayer"]) == ("PP-BRG-010", cursor.height)
    await world.drain()
    assert await world.west.supply() == 16
    await world.check()
    with world.store.read() as connection:
        (cleared,) = audit.entries(connection, "ledger.cleared")
    assert json.loads(cleared.detail) == {"operator": "operator_1", "reason": "looked at"}
    with pytest.raises(NotHalted, match="are not halted"):
        await world.resume(world.home)


async def test_mov_4_a_halt_is_not_lifted_where_a_message_that_was_read_is_another_one_now(
    world: World,
) -> None:
    two_faced = FaultyLedger(world.home)
    await world.send(world.home, world.south, 5)
    await world.drain()
    two_faced.changed_blocks = {(await world.home.final()).height}
    with pytest.raises(LaneHalted) as halted:
        await world.drain(world.seat("relayer", two_faced))
    assert halted.value.next_command == f"pari lane resume {world.home.id} --reason TEXT"
    two_faced.rewrite = forged
    with pytest.raises(HistoryGone, match=r"has stored message 0x.* as number 1 of lane book:home"):
        await world.resume(two_faced.port)
    two_faced.hide_messages = True
    with pytest.raises(HistoryGone, match="the ledger shows none there"):
        await world.resume(two_faced.port)
    with pytest.raises(LaneHalted):  # a refusal changed nothing
        await world.drain()


async def test_mov_4_a_halt_is_not_lifted_where_a_delivery_that_was_read_is_gone(world: World) -> None:
    await world.send(world.home, world.south, 5)
    await world.drain()
    forgetful = FaultyLedger(world.south)
    forgetful.changed_blocks = {(await world.south.final()).height}
    with pytest.raises(LaneHalted):
        await world.drain(world.seat("relayer", forgetful))
    forgetful.hide_deliveries = True
    with pytest.raises(HistoryGone, match="was executed; the ledger shows that no more"):
        await world.resume(forgetful.port)


async def test_fault_a_lost_answer_to_a_delivery_leads_to_one_effect(world: World) -> None:
    flaky = FaultyLedger(world.south)
    flaky.lose_answers = 2
    await world.send(world.home, world.south, 5)
    await world.drain(world.seat("relayer", flaky))
    assert await world.south.position("holder_fr") == 5
    assert len(flaky.submissions) == 3
    assert len(set(flaky.submissions)) == 1  # one reference, so one delivery
    await world.check()


async def test_fault_a_delivery_that_does_not_get_through_is_sent_again(world: World) -> None:
    flaky = FaultyLedger(world.south)
    flaky.refuse_submissions = 2
    message = await world.send(world.home, world.south, 5)
    await world.drain(world.seat("relayer", flaky))
    assert await world.south.position("holder_fr") == 5
    reasons = [step.reason for step in message_history(world.store, message).steps]
    assert any(reason.startswith("DESTINATION_UNREACHABLE") for reason in reasons)


async def test_fault_a_delivery_that_only_a_relayer_that_is_gone_could_raise_goes_by_another_key(
    world: World,
) -> None:
    """What was sent by the key of another one stays in the pool for good; the lane does not wait for it."""

    class Stuck(FaultyLedger):
        first = ""

        async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
            self.first = self.first or reference
            if reference == self.first:
                return await self.outcome(reference)
            return await super().submit(command, signer, reference)

        async def outcome(self, reference: str) -> Outcome:
            if reference == self.first:
                return Outcome(reference, OutcomeState.PENDING, "0xstuck", abandoned=True)
            found: Outcome = await self.ledger.outcome(reference)
            return found

    message = await world.send(world.home, world.south, 5)
    await world.drain(world.seat("relayer", Stuck(world.south)))
    assert await world.south.position("holder_fr") == 5
    reasons = [step.reason for step in message_history(world.store, message).steps]
    assert "ABANDONED" in reasons
    await world.check()


async def test_fault_a_batch_that_a_node_never_answers_for_goes_in_smaller_parts(world: World) -> None:
    flaky = FaultyLedger(world.south)
    flaky.refuse_submissions = 3
    for _ in range(4):
        await world.send(world.home, world.south, 1)
    await world.drain(world.seat("relayer", flaky))
    assert await world.south.position("holder_fr") == 4
    assert len(set(flaky.submissions)) >= 3  # the first batch, and its two halves
    await world.check()


async def test_fault_an_unreachable_ledger_does_not_stop_the_other_lanes(world: World) -> None:
    down = FaultyLedger(world.south)
    await world.send(world.home, world.south, 5)
    await world.send(world.home, world.west, 6)
    stop = asyncio.Event()
    parties = [world.seat(name, down) for name in ATTESTOR_NAMES]
    down.unreachable = True
    task = asyncio.create_task(
        run_bridge(
            world.store, relayer=world.seat("relayer", down), attestors=parties, stop=stop, settings=FAST
        )
    )
    await until(lambda: list(world.states().values()).count((MessageState.FINALISED, "")) == 1)
    assert await world.west.supply() == 6
    assert await world.south.supply() == 0
    down.unreachable = False
    await until(lambda: list(world.states().values()).count((MessageState.FINALISED, "")) == 2)
    stop.set()
    await task
    assert await world.south.supply() == 5


async def until(condition: Callable[[], bool], patience: float = 10.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.01)


async def test_a_stop_is_not_held_up_by_a_ledger_that_never_answers(world: World) -> None:
    class Silent(FaultyLedger):
        async def final(self) -> BlockRef:
            await asyncio.sleep(3_600)
            raise AssertionError("nobody waits an hour")

    stop = asyncio.Event()
    bridge = asyncio.create_task(
        run_bridge(
            world.store,
            relayer=world.seat("relayer", Silent(world.home)),
            attestors=(),
            stop=stop,
            settings=replace(FAST, grace=0.1),
        )
    )
    await asyncio.sleep(0.1)
    stop.set()
    async with asyncio.timeout(5):
        await bridge
    await world.drain()  # the claims were given back


async def test_what_is_no_ledgers_fault_ends_the_bridge_with_its_error(world: World) -> None:
    class Broken(FaultyLedger):
        async def final(self) -> BlockRef:
            raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError):
        await run_bridge(
            world.store,
            relayer=world.seat("relayer", Broken(world.home)),
            attestors=(),
            stop=asyncio.Event(),
            settings=FAST,
        )
    await world.drain()


async def test_standard_output_is_left_to_the_command(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    flaky = FaultyLedger(world.south)
    flaky.refuse_submissions = 1
    await world.send(world.home, world.south, 5)
    await world.drain(world.seat("relayer", flaky))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "delivery postponed" in captured.err


async def test_fault_a_message_delivered_twice_by_somebody_else_has_one_effect(world: World) -> None:
    """A19: anybody may carry an attested batch first; ours then passes over what is done."""
    for units in (1, 2, 3):
        await world.send(world.home, world.south, units)
    sent = await world.home.sent_messages(0, (await world.home.head()).height)
    batch = Batch(1, tuple(item.message for item in sent[:2]))
    digest = batch_digest(batch, world.south.domain)
    signers = sorted((DESK[name] for name in ATTESTOR_NAMES[:2]), key=lambda s: int(s.address, 16))
    delivery = Deliver(batch, tuple(signer.sign_digest(digest) for signer in signers))
    await world.south.submit(delivery, DESK["stranger"], "front-run")
    await world.south.submit(delivery, DESK["stranger"], "front-run again")
    await world.drain()
    assert await world.south.position("holder_fr") == 6
    assert set(world.states().values()) == {(MessageState.FINALISED, "")}
    await world.check()


@pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
async def test_mov_3_two_relayers_of_one_key_share_a_store_and_either_may_end(world: World) -> None:
    stops = (asyncio.Event(), asyncio.Event())
    parties = [world.seat(name) for name in ATTESTOR_NAMES]
    with Store.open(world.place) as other:
        tasks = [
            asyncio.create_task(
                run_bridge(store, relayer=world.seat("relayer"), attestors=seats, stop=stop, settings=FAST)
            )
            for store, seats, stop in zip((world.store, other), (parties, []), stops, strict=True)
        ]
        await until(lambda: len(claimed(world.store, NONCES)) == 2)
        assert set(claimed(world.store, READ).values()) == set(claimed(world.store, NONCES).values())
        for source, target in ((world.home, world.south), (world.home, world.west)):
            await world.send(source, target, 5)
        await until(lambda: {found for found, _ in world.states().values()} == {MessageState.FINALISED})
        stops[1].set()
        await tasks[1]
        await world.send(world.home, world.south, 3)
        await until(lambda: [s for s, _ in world.states().values()] == [MessageState.FINALISED] * 3)
        stops[0].set()
        await tasks[0]
    assert claimed(world.store, NONCES) == {}  # all was given back
    await world.check()


def claimed(store: Store, kind: str) -> dict[str, int]:
    """Holders of a kind of work, each with how much of it."""
    with store.read() as connection:
        query = select(claim_table.c.holder).where(claim_table.c.kind == kind, claim_table.c.token != "")
        return dict(Counter(connection.execute(query).scalars()))


@pytest.mark.parametrize("gone", [(2,), (1, 2), (4, 5), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("table", [message_table, delivery_table])
async def test_rec_1_fault_rows_that_the_store_lost_are_read_again_from_the_ledgers(
    world: World, table: Table, gone: tuple[int, ...]
) -> None:
    """The counters of both ledgers say what there must be; what the store has of it is a cache."""
    for units in range(1, 6):
        await world.send(world.home, world.south, units)
    await world.drain()
    before = world.states()
    with world.store.write() as connection:
        lost = table.c.nonce.in_(gone)
        assert connection.execute(delete(table).where(lost)).rowcount == len(gone)
        if table is delivery_table:  # as if its deliveries had never been seen
            known = message_table.c.nonce.in_(gone)
            connection.execute(update(message_table).where(known).values(state="SENT"))
    await world.drain()
    assert world.states() == before
    await world.check()
    with world.store.read() as connection:
        (mended,) = audit.entries(connection, "records.mended")
    assert json.loads(mended.detail)["number"] == len(gone)


async def test_rec_1_fault_a_message_that_the_store_lost_on_its_way_arrives(world: World) -> None:
    stop = asyncio.Event()
    for units in range(1, 6):
        await world.send(world.home, world.south, units)
    await world.run_until(lambda: world.waits_for("AWAITING"), attestors=())
    with world.store.write() as connection:
        connection.execute(delete(message_table).where(message_table.c.nonce == 3))
    bridge = asyncio.create_task(
        run_bridge(
            world.store,
            relayer=world.seat("relayer"),
            attestors=[world.seat(name) for name in ATTESTOR_NAMES],
            stop=stop,
            settings=FAST,
        )
    )
    await until(lambda: [s for s, _ in world.states().values()] == [MessageState.FINALISED] * 5)
    stop.set()
    await bridge
    await world.check()


def test_a_hole_is_looked_for_between_its_neighbours_only() -> None:
    lane = Lane(LedgerId("book:home"), LedgerId("book:south"), Purpose.MOVEMENT)
    stored = {1: 10, 2: 20, 5: 50, 6: 60}
    assert hole_in(lane, stored, 6, 99) == Hole(lane, frozenset({3, 4}), 20, 50)
    assert hole_in(lane, stored, 8, 99) == Hole(lane, frozenset({3, 4, 7, 8}), 20, 99)
    assert hole_in(lane, {}, 1, 99) == Hole(lane, frozenset({1}), 0, 99)
    assert hole_in(lane, {1: 10, 2: 20}, 2, 99) is None


async def test_relayer_and_attestors_work_apart_over_one_store(world: World) -> None:
    stop = asyncio.Event()
    message = await world.send(world.home, world.south, 5)
    with contextlib.ExitStack() as stack:
        tasks = []
        for name in (None, *ATTESTOR_NAMES):
            store = stack.enter_context(Store.open(world.folder / "bridge.db"))
            relayer = world.seat("relayer") if name is None else None
            attestors = [] if name is None else [world.seat(name)]
            tasks.append(
                asyncio.create_task(
                    run_bridge(store, relayer=relayer, attestors=attestors, stop=stop, settings=FAST)
                )
            )
        await until(lambda: world.states().get(message) == (MessageState.FINALISED, ""))
        stop.set()
        await asyncio.gather(*tasks)


async def test_fault_rotation_leaves_half_collected_signatures_without_effect(world: World) -> None:
    await world.send(world.home, world.south, 5)
    alone = [world.seat("attestor_csd")]
    await world.run_until(lambda: world.waits_for("AWAITING_SIGNATURES: 1 of 2"), attestors=alone)
    rotated = attestor_set(("attestor_csd", "attestor_new", "attestor_third"), version=2)
    peers = [book.id for book in world.books]
    world.south.configure(book_configuration(world.south.id, peers, home=False, attestors=rotated))

    def signatures() -> list[tuple[str, int]]:
        with world.store.read() as connection:
            live = batches.live_batches(connection)
            return [
                (batch.state.value, len(attestations.genuine_signatures(connection, batch.digest)))
                for batch in live
                if batch.set_version == 2
            ]

    await world.run_until(lambda: signatures() == [("PROPOSED", 1)], attestors=alone)
    assert await world.south.supply() == 0  # one of the new set; the old signature is void
    await world.drain(attestors=[world.seat("attestor_new")])
    assert await world.south.supply() == 5
    await world.check()


async def test_a_destination_whose_clock_is_behind_is_waited_for(tmp_path: Path) -> None:
    ahead, behind = SettableClock(START + 100), SettableClock(START)
    (home,) = await book_network(tmp_path, ("home",), ahead)
    (south,) = await book_network(tmp_path, ("south",), behind)
    for book in (home, south):
        book.configure(book_configuration(book.id, [home.id, south.id], home=book is home))
        await onboard(book, "holder_de")
        await onboard(book, "holder_fr")
    await issue(home, "holder_de", 10)
    await home.execute(Move("holder_de", south.id, "holder_fr", Units(4)), DESK["holder_de"], "m")
    ledgers: dict[LedgerId, Ledger] = {home.id: home, south.id: south}
    with Store.open(tmp_path / "bridge.db") as store:
        parties = [Seat(name, DESK[name], ledgers) for name in ATTESTOR_NAMES]
        relayer = Seat("relayer", DESK["relayer"], ledgers)
        task = asyncio.create_task(
            drain(store, relayer=relayer, attestors=parties, patience=20, settings=FAST)
        )
        await until(lambda: [view.reason for view in list_messages(store)] == ["DESTINATION_BEHIND"])
        assert await south.supply() == 0
        behind.advance(100)
        await task
    assert await south.position("holder_fr") == 4
    await check_books((home, south), 10)
    for book in (home, south):
        await book.close()


# real processes, killed


def bridge_plan(world: World, *books: BookLedger) -> BridgePlan:
    chosen = books or world.books
    places = tuple(BookPlace(world.folder / f"{b.id.reference}.db", b.id, START) for b in chosen)
    return BridgePlan(world.place, places, 30.0, FAST)


@pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
async def test_rec_1_killing_the_bridge_at_every_seam_loses_nothing_and_repeats_nothing(
    world: World,
) -> None:
    """A process of its own is killed with -9 at its first seam, its second, …; a restart ends its work."""
    plan = bridge_plan(world, world.home, world.south)
    sent = 0

    def send_two() -> Sequence[object]:
        """A message that lands and one that is parked, before each run."""
        nonlocal sent
        sent += 2
        asyncio.run(two_movements(world, sent))
        return (plan,)

    def whole_enumeration() -> list[int]:
        killed = []
        for point in crash_points(run_bridge_process, send_two):
            killed.append(point)
            asyncio.run(drain_plan(plan))
            asyncio.run(world.check())
        return killed

    killed = await asyncio.to_thread(whole_enumeration)
    assert len(killed) >= 20, "the seams were not reached"
    await world.check()
    states = [state for state, _ in world.states().values()]
    assert states.count(MessageState.FINALISED) == sent // 2
    assert states.count(MessageState.PARKED) == sent // 2
    assert await world.south.position("holder_fr") == sent // 2


async def two_movements(world: World, number: int) -> None:
    await world.send(world.home, world.south, 1)
    await world.send(world.home, world.south, 1, to="nobody")


async def test_rec_1_killing_at_one_seam_after_the_other_without_a_whole_run_between_converges(
    world: World,
) -> None:
    for _ in range(4):
        await world.send(world.home, world.south, 1)
    plan = bridge_plan(world)
    names = await asyncio.to_thread(seams_passed, run_bridge_process, (plan,))
    assert {"relayer.submit.before", "relayer.submit.after"} <= set(names)
    for _ in range(3):
        await world.send(world.home, world.west, 1)
    kills = 0
    for point in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        kills += await asyncio.to_thread(run_until_crash, run_bridge_process, (plan,), point)
    assert kills >= 3
    await world.drain()
    assert await world.west.position("holder_fr") == 3
    await world.check()


async def test_every_seam_lies_between_two_durable_steps(world: World) -> None:
    """Before and after each commit of observing, proposing, signing and delivering there is a seam."""
    await world.send(world.home, world.south, 1)
    names = set(await asyncio.to_thread(seams_passed, run_bridge_process, (bridge_plan(world),)))
    for step in ("relayer.observed", "attestor_csd.observed", "relayer.proposed", "relayer.signed"):
        assert {f"{step}.before_commit", f"{step}.after_commit"} <= names
    for step in ("relayer.built", "relayer.included", "relayer.done"):
        assert {f"{step}.before_commit", f"{step}.after_commit"} <= names
    with world.store.read() as connection:
        assert not records.unsettled_lanes(connection, lanes_between([world.home.id, world.south.id]))
