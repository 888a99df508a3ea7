"""What never arrives on a book, or from one, and comes back; stopped lanes; caps on arrivals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from paripassu.acts import ApproveAct, ApproveArrival, ExecuteAct, ProposeAct
from paripassu.commands import (
    Acknowledge,
    Command,
    Move,
    Refund,
    Refuse,
    ResumeLane,
    Retry,
    SetArrivalCap,
    StopLane,
)
from paripassu.controls import SUSPENSION, Order, Reason, SetStatus
from paripassu.errors import (
    BatchRefused,
    BookTampered,
    CommandRefused,
    InvalidQuantity,
    LaneHalted,
    MalformedMessage,
    NotAuthorised,
    RuleError,
)
from paripassu.identifiers import LedgerId, commitment, keccak256
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.check import check_book
from paripassu.ledgers.port import ArrivalCap, DeliveryStatus, OutcomeState, Standing
from paripassu.messages import (
    Acknowledgement,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    acknowledgement_digest,
)
from paripassu.quantities import Units
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    acknowledging,
    book_network,
    delivery,
    issue,
    onboard,
    signed,
)

START = 1_800_000_000
DESK = Desk()
WHY = Reason("never onboarded")


class World:
    """Two books; units of holder_de leave the first one."""

    def __init__(self, home: BookLedger, south: BookLedger, clock: SettableClock) -> None:
        self.home, self.south, self.clock = home, south, clock
        self.lane = Lane(home.id, south.id, Purpose.MOVEMENT)
        self.number = 0

    async def do(self, ledger: BookLedger, command: Command, signer: str = "relayer") -> None:
        self.number += 1
        outcome = await ledger.execute(command, DESK[signer], f"step:{self.number}")
        assert outcome.state is OutcomeState.FINAL

    async def send(self, units: int, to: str = "holder_fr", expiry: int = 0) -> Message:
        await self.do(self.home, Move("holder_de", self.south.id, to, Units(units), expiry), "holder_de")
        head = await self.home.head()
        (sent,) = await self.home.sent_messages(head.height, head.height)
        return sent.message

    async def fates(self) -> list[tuple[int, DeliveryStatus, str]]:
        head = await self.south.head()
        return [(one.nonce, one.status, one.reason) for one in await self.south.deliveries(0, head.height)]

    async def refused(self) -> Message:
        """A movement of 100 units that the operator of the other book refused."""
        message = await self.send(100, to="stranger")
        await self.do(self.south, delivery(message))
        await self.do(self.south, Refuse(message, WHY), "bridge_operator")
        return message

    async def supplies(self) -> tuple[int, int]:
        return int(await self.home.supply()), int(await self.south.supply())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SettableClock(START)
    home, south = await book_network(tmp_path, ("home", "south"), clock)
    for ledger in (home, south):
        for account in ("holder_de", "holder_fr"):
            await onboard(ledger, account)
    await issue(home, "holder_de", 1_000)
    yield World(home, south, clock)
    for ledger in (home, south):
        ledger.check()
        await ledger.close()


# expiry


async def test_mov_6_what_expired_on_its_way_is_refused_and_comes_back(world: World) -> None:
    message = await world.send(100, expiry=START + 60)
    world.clock.advance(61)
    await world.do(world.south, delivery(message))
    assert await world.fates() == [(1, DeliveryStatus.REFUSED, "EXPIRED")]
    assert await world.south.inbound_nonce(world.lane) == 1
    with pytest.raises(CommandRefused, match="is not parked"):
        await world.do(world.south, Retry(message))
    await world.do(world.home, acknowledging(world.lane, 1, message))
    await world.do(world.home, Refund(message))
    assert await world.home.position("holder_de") == 1_000
    assert await world.supplies() == (1_000, 0)


async def test_mov_6_at_its_last_second_a_message_still_takes_effect(world: World) -> None:
    message = await world.send(100, expiry=START + 60)
    world.clock.advance(60)
    await world.do(world.south, delivery(message))
    assert await world.supplies() == (900, 100)
    with pytest.raises(CommandRefused, match="expires at"):
        await world.send(1, expiry=START + 59)
    assert await world.supplies() == (900, 100)


async def test_mov_6_a_parked_message_that_expires_is_refused_by_anybody(world: World) -> None:
    message = await world.send(100, to="stranger", expiry=START + 60)
    await world.do(world.south, delivery(message))
    with pytest.raises(NotAuthorised, match="has not expired"):
        await world.do(world.south, Refuse(message, WHY), "relayer")
    with pytest.raises(CommandRefused, match="for a reason"):
        await world.do(world.south, Refuse(message), "bridge_operator")
    world.clock.advance(61)
    await onboard(world.south, "stranger")
    with pytest.raises(CommandRefused, match="can only be refused"):
        await world.do(world.south, Retry(message))
    await world.do(world.south, Refuse(message), "relayer")
    assert [fate[1:] for fate in await world.fates()][-1] == (DeliveryStatus.REFUSED, "EXPIRED")
    with pytest.raises(CommandRefused, match="is not parked"):
        await world.do(world.south, Refuse(message), "relayer")


# refusal and refund


async def test_mov_6_units_that_were_refused_come_back_once(world: World) -> None:
    message = await world.refused()
    assert await world.supplies() == (900, 0)
    assert [fate[2] for fate in await world.fates()][-1] == "REFUSED_BY_OPERATOR: never onboarded"
    assert await world.south.standing(message.id) is Standing.NONE
    with pytest.raises(BatchRefused, match="waits for a refund"):
        await world.do(world.home, Refund(message))
    height = (await world.home.head()).height
    await world.do(world.home, acknowledging(world.lane, 1, message))
    assert await world.home.standing(message.id) is Standing.RETURNED
    assert await world.home.standing(message.id, height) is Standing.NONE
    await world.do(world.home, Refund(message))
    for again in (Refund(message), acknowledging(world.lane, 1, message), Refund(message)):
        if isinstance(again, Refund):
            with pytest.raises(BatchRefused, match="waits for a refund"):
                await world.do(world.home, again)
        else:
            await world.do(world.home, again)
    assert await world.home.standing(message.id) is Standing.REFUNDED
    assert await world.supplies() == (1_000, 0)
    (refund,) = await world.home.refunds(0, (await world.home.head()).height)
    assert (refund.message_id, refund.lane) == (message.id, world.lane)
    assert await world.home.refunds(0, refund.block.height - 1) == ()


async def test_mov_6_a_late_mint_after_the_refund_is_refused(world: World) -> None:
    message = await world.refused()
    await world.do(world.home, acknowledging(world.lane, 1, message))
    await world.do(world.home, Refund(message))
    await onboard(world.south, "stranger")
    await world.do(world.south, delivery(message))
    with pytest.raises(CommandRefused, match="is not parked"):
        await world.do(world.south, Retry(message))
    assert await world.supplies() == (1_000, 0)


async def test_mov_6_a_refund_that_the_rules_refuse_waits(world: World) -> None:
    message = await world.refused()
    await world.do(world.home, acknowledging(world.lane, 1, message))
    await world.do(world.home, SetStatus("holder_de", False, WHY), "registrar")
    with pytest.raises(RuleError):
        await world.do(world.home, Refund(message))
    assert await world.home.standing(message.id) is Standing.RETURNED
    await world.do(world.home, SetStatus("holder_de", True, WHY), "registrar")
    await world.do(world.home, Refund(message))
    assert await world.home.position("holder_de") == 1_000


async def test_mov_6_a_message_of_another_ledger_or_without_units_is_none_to_take_back(
    world: World,
) -> None:
    message = await world.refused()
    with pytest.raises(BatchRefused, match="waits for a refund"):
        await world.do(world.south, Refund(message))
    with pytest.raises(BatchRefused, match="waits for a refund"):
        await world.do(world.home, Refund(replace(message, payload=b"more")))
    order = Order(commitment(b"holder holder_de"), SUSPENSION, True, WHY)
    await world.do(world.home, order, "registrar")
    head = await world.home.head()
    (sent,) = await world.home.sent_messages(head.height, head.height)
    await world.do(world.home, acknowledging(sent.message.lane, 1, sent.message))
    with pytest.raises(CommandRefused, match="carries nothing"):
        await world.do(world.home, Refund(sent.message))


async def test_ca_5_units_that_came_back_count_once_at_every_record_time(world: World) -> None:
    world.clock.advance(100)
    message = await world.refused()
    world.clock.advance(100)
    await world.do(world.home, acknowledging(world.lane, 1, message))
    await world.do(world.home, Refund(message))
    world.clock.advance(100)
    await world.do(world.home, Move("holder_de", world.south.id, "holder_fr", Units(1)), "holder_de")
    for time in range(START, START + 300, 50):
        assert await world.home.eligible_on_ledger("holder_de", time) == 1_000, time


# acknowledgement


async def test_mov_3_arrivals_are_acknowledged_to_the_source(world: World) -> None:
    for _ in range(2):
        await world.send(10)
    assert await world.home.acknowledged_nonce(world.lane) == 0
    height = (await world.home.head()).height
    for nonce, known in ((1, 1), (0, 1), (1, 1), (2, 2)):
        await world.do(world.home, acknowledging(world.lane, nonce))
        assert await world.home.acknowledged_nonce(world.lane) == known
    assert await world.home.acknowledged_nonce(world.lane, height) == 0
    with pytest.raises(BatchRefused, match="Arrivals of 3 messages"):
        await world.do(world.home, acknowledging(world.lane, 3))


async def test_mov_6_what_was_not_sent_in_a_lane_cannot_come_back_by_it(world: World) -> None:
    message = await world.refused()
    for nonce, refused in ((1, replace(message, payload=b"more")), (0, message)):
        with pytest.raises(BatchRefused, match="is none of the first"):
            await world.do(world.home, acknowledging(world.lane, nonce, refused))
    back = Lane(world.home.id, world.south.id, Purpose.ORDER)
    with pytest.raises(BatchRefused, match="is none of the first"):
        await world.do(world.home, acknowledging(back, 0, message))
    assert await world.home.standing(message.id) is Standing.NONE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM outbox_return WHERE standing='RETURNED'", "came back, but was not sent"),
        ("UPDATE counter SET count=9 WHERE direction='ack'", "more than were sent"),
    ],
)
async def test_a_return_that_was_written_by_hand_is_found(world: World, change: str, words: str) -> None:
    message = await world.refused()
    await world.do(world.home, acknowledging(world.lane, 1, message))
    await world.do(world.home, Refund(message))
    world.home.check()

    def tampered() -> None:
        with world.home._db.write() as connection:
            connection.execute(text(change))
            check_book(connection)
            raise AssertionError("not found")  # whatever is raised, nothing is kept of it

    with pytest.raises(BookTampered, match=words):
        tampered()


async def test_a7_an_acknowledgement_is_taken_as_it_was_signed_and_where_it_belongs(world: World) -> None:
    message = await world.refused()
    genuine = acknowledging(world.lane, 1)
    said = genuine.acknowledgement
    for forged in (
        replace(said, refused=(message.id,)),
        replace(said, nonce=0),
        replace(said, attestor_set_version=2),
        replace(said, lane=Lane(world.home.id, world.south.id, Purpose.ORDER)),
    ):
        with pytest.raises(BatchRefused):
            await world.do(world.home, Acknowledge(forged, genuine.signatures))
    with pytest.raises(BatchRefused, match=r"is not for book:south"):
        await world.do(world.south, genuine)
    digest = acknowledgement_digest(said, GatewayDomain(world.home.id))
    with pytest.raises(BatchRefused, match="1 entities"):
        await world.do(world.home, Acknowledge(said, signed(digest, ATTESTOR_NAMES[:1])))
    assert await world.home.acknowledged_nonce(world.lane) == 0


def test_a_malformed_acknowledgement_is_none() -> None:
    lane = Lane(LedgerId("book:home"), LedgerId("book:south"), Purpose.MOVEMENT)
    twice = (keccak256(b"a"), keccak256(b"a"))
    for version, nonce, refused in ((1 << 32, 1, ()), (1, 1 << 44, ()), (1, -1, ()), (1, 1, twice)):
        with pytest.raises(MalformedMessage):
            Acknowledgement(version, lane, nonce, refused)
    with pytest.raises(MalformedMessage, match="to its source"):
        acknowledgement_digest(Acknowledgement(1, lane, 1), GatewayDomain(lane.destination))


# stopped lanes


async def test_mov_9_nothing_moves_in_a_stopped_lane_and_the_others_go_on(world: World) -> None:
    parked, waiting = await world.send(5, to="stranger"), await world.send(6)
    await world.do(world.south, delivery(parked))
    for wrong in ("relayer", "unpauser"):
        with pytest.raises(NotAuthorised):
            await world.do(world.south, StopLane(world.home.id, Purpose.MOVEMENT, WHY), wrong)
    await world.do(world.south, StopLane(world.home.id, Purpose.MOVEMENT, Reason("drift of 5")), "pauser")
    assert await world.south.lane_stopped(world.home.id, Purpose.MOVEMENT)
    for command, signer in (
        (delivery(waiting), "relayer"),
        (Retry(parked), "relayer"),
        (Refuse(parked, WHY), "bridge_operator"),
    ):
        with pytest.raises(LaneHalted):
            await world.do(world.south, command, signer)
    await world.do(world.home, StopLane(world.south.id, Purpose.MOVEMENT, WHY), "pauser")
    with pytest.raises(LaneHalted):
        await world.send(1)
    assert not await world.south.lane_stopped(world.home.id, Purpose.ORDER)
    order = Order(commitment(b"holder holder_de"), SUSPENSION, True, WHY)
    await world.do(world.south, order, "registrar")
    with pytest.raises(NotAuthorised):
        await world.do(world.south, ResumeLane(world.home.id, Purpose.MOVEMENT, WHY), "pauser")
    await world.do(world.south, ResumeLane(world.home.id, Purpose.MOVEMENT, WHY), "unpauser")
    await world.do(world.south, delivery(waiting))
    assert await world.south.position("holder_fr") == 6
    with pytest.raises(CommandRefused, match="no lanes"):
        await world.do(world.south, StopLane(world.south.id, Purpose.MOVEMENT, WHY), "pauser")


async def test_mov_6_nothing_is_refunded_in_a_stopped_lane(world: World) -> None:
    message = await world.refused()
    await world.do(world.home, StopLane(world.south.id, Purpose.MOVEMENT, WHY), "pauser")
    await world.do(world.home, acknowledging(world.lane, 1, message))
    with pytest.raises(LaneHalted):
        await world.do(world.home, Refund(message))
    assert await world.supplies() == (900, 0)


# caps


async def test_mov_13_one_unit_above_the_cap_waits_for_an_approval(world: World) -> None:
    cap = SetArrivalCap(TEST_SECURITY, world.home.id, Units(100), 3_600)
    with pytest.raises(NotAuthorised):
        await world.do(world.south, cap, "transfer_agent")
    await world.do(world.south, cap, "bridge_operator")
    messages = [await world.send(units) for units in (60, 40, 1)]
    await world.do(world.south, delivery(*messages))
    assert [fate[1].value for fate in await world.fates()] == ["EXECUTED", "EXECUTED", "PARKED"]
    assert "1 more wait for an approval" in (await world.fates())[-1][2]
    above = messages[-1]
    with pytest.raises(CommandRefused, match="At most 100 units"):
        await world.do(world.south, Retry(above))
    await world.do(world.south, ProposeAct(ApproveArrival(above.id), "registrar", WHY), "registrar")
    (act,) = await world.south.controls.acts()
    assert (act.function, act.arguments) == ("approveArrival", {"message_id": above.id.text})
    await world.do(world.south, ApproveAct(act.id, "csd"), "csd")
    await world.do(world.south, ExecuteAct(act.id), "registrar")
    await world.do(world.south, Retry(above))
    assert await world.south.position("holder_fr") == 101
    held = await world.south.arrival_cap(TEST_SECURITY, world.home.id)
    assert held == ArrivalCap(Units(100), 3_600, Units(100), START)  # what was approved passed beside it


async def test_mov_13_the_next_window_has_room_again_and_a_cap_can_be_lifted(world: World) -> None:
    await world.do(
        world.south, SetArrivalCap(TEST_SECURITY, world.home.id, Units(100), 3_600), "bridge_operator"
    )
    await world.do(world.south, delivery(await world.send(100)))
    following = await world.send(100)
    world.clock.advance(3_599)
    await world.do(world.south, delivery(following))
    assert (await world.fates())[-1][1] is DeliveryStatus.PARKED
    world.clock.advance(1)
    await world.do(world.south, Retry(following))
    huge = await world.send(101)
    world.clock.advance(36_000)
    await world.do(world.south, delivery(huge))
    assert (await world.fates())[-1][1] is DeliveryStatus.PARKED
    await world.do(world.south, SetArrivalCap(TEST_SECURITY, world.home.id, Units(0), 0), "bridge_operator")
    await world.do(world.south, Retry(huge))
    assert await world.south.position("holder_fr") == 301


async def test_mov_13_what_was_parked_for_the_rules_does_not_count_against_the_cap(world: World) -> None:
    await world.do(
        world.south, SetArrivalCap(TEST_SECURITY, world.home.id, Units(100), 3_600), "bridge_operator"
    )
    messages = [await world.send(100, to="stranger"), await world.send(100)]
    await world.do(world.south, delivery(*messages))
    assert [fate[1].value for fate in await world.fates()] == ["PARKED", "EXECUTED"]


@pytest.mark.parametrize(("units", "window"), [(1 << 64, 1), (1, 1 << 32), (1, -1)])
def test_mov_13_a_cap_that_no_ledger_can_keep_is_refused(units: int, window: int) -> None:
    with pytest.raises(InvalidQuantity):
        SetArrivalCap(TEST_SECURITY, LedgerId("book:home"), Units(units), window)
