"""What travels with units between books (MOV-8), and where they land when their account was succeeded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paripassu.commands import Command, Move, Refund, Refuse, Transfer
from paripassu.controls import Freeze, Lock, Reason, Rotate
from paripassu.errors import CommandRefused, InvalidQuantity, MalformedMessage, RuleError
from paripassu.identifiers import ZERO32, Bytes32, keccak256
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.accounts import balances_at
from paripassu.ledgers.port import DeliveryStatus, OutcomeState
from paripassu.messages import Lane, Message, MovementPayload, Purpose, next_path
from paripassu.quantities import Units
from paripassu.rules import MOST_TRAVELLING, AccountState, Lot, land_lots, take_lots
from paripassu.testing.books import (
    Desk,
    SettableClock,
    acknowledging,
    book_network,
    delivery,
    issue,
    onboard,
)

START = 1_800_000_000
UNTIL = START + 400 * 86_400
DAY = 86_400
DESK = Desk()
WHY = Reason("vesting")


class World:
    """Three books; holder_de has 1,000 units on the first, 300 of them locked up."""

    def __init__(self, books: tuple[BookLedger, ...], clock: SettableClock) -> None:
        self.a, self.b, self.c = books
        self.books, self.clock = books, clock
        self.number = 0

    async def do(self, ledger: BookLedger, command: Command, signer: str = "relayer") -> None:
        self.number += 1
        outcome = await ledger.execute(command, DESK[signer], f"step:{self.number}")
        assert outcome.state is OutcomeState.FINAL

    async def send(
        self, here: BookLedger, there: BookLedger, units: int, *locked: Lot, to: str = "holder_de"
    ) -> Message:
        await self.do(here, Move("holder_de", there.id, to, Units(units), locked=locked), "holder_de")
        head = await here.head()
        (sent,) = await here.sent_messages(head.height, head.height)
        return sent.message

    async def carry(self, here: BookLedger, there: BookLedger, units: int, *locked: Lot) -> Message:
        message = await self.send(here, there, units, *locked)
        self.clock.advance(DAY)
        await self.do(there, delivery(message))
        return message

    async def lots(self, ledger: BookLedger, account: str = "holder_de") -> tuple[Lot, ...]:
        return (await ledger.controls.holding(account)).lots


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SettableClock(START)
    books = await book_network(tmp_path, ("a", "b", "c"), clock)
    for ledger in books:
        for account in ("holder_de", "holder_fr"):
            await onboard(ledger, account)
    await issue(books[0], "holder_de", 1_000)
    made = World(books, clock)
    await made.do(books[0], Lock("holder_de", Units(300), UNTIL, WHY), "transfer_agent")
    yield made
    for ledger in books:
        ledger.check()
        await ledger.close()


async def test_mov_8_lock_up_and_holding_period_survive_a_to_b_to_c_to_a(world: World) -> None:
    lot = Lot(Units(200), UNTIL)
    path = ZERO32
    for here, there in ((world.a, world.b), (world.b, world.c), (world.c, world.a)):
        message = await world.carry(here, there, 350, lot)
        path = next_path(path, message.id)
    assert await world.lots(world.a) == (
        Lot(Units(100), UNTIL, START),
        Lot(Units(200), UNTIL, START, path),
    )
    world.clock.time = UNTIL - 1
    with pytest.raises(RuleError) as refused:
        await world.do(world.a, Transfer("holder_de", "holder_fr", Units(701)), "holder_de")
    assert refused.value.code == "PP-RUL-012"
    world.clock.time = UNTIL
    await world.do(world.a, Transfer("holder_de", "holder_fr", Units(1_000)), "holder_de")


async def test_mov_8_locked_units_leave_with_their_lock_up_alone(world: World) -> None:
    with pytest.raises(RuleError) as refused:
        await world.send(world.a, world.b, 701)
    assert refused.value.code == "PP-RUL-012"
    for locked in (Lot(Units(1), UNTIL + 1), Lot(Units(301), UNTIL), Lot(Units(0), UNTIL)):
        with pytest.raises(CommandRefused, match="locked up until"):
            await world.send(world.a, world.b, 400, locked)
    with pytest.raises(CommandRefused, match="More units"):
        await world.send(world.a, world.b, 9, Lot(Units(10), UNTIL))
    assert await world.lots(world.a) == (Lot(Units(300), UNTIL, START),)


async def test_mov_8_a_lock_up_does_not_let_units_go_to_another_holder(world: World) -> None:
    message = await world.send(world.a, world.b, 200, Lot(Units(150), UNTIL), to="holder_fr")
    await world.do(world.b, delivery(message))
    head = await world.b.head()
    (fate,) = await world.b.deliveries(head.height, head.height)
    assert fate.status is DeliveryStatus.PARKED
    assert "stay with their holder" in fate.reason
    await world.do(world.b, Refuse(message, WHY), "bridge_operator")
    lane = Lane(world.a.id, world.b.id, Purpose.MOVEMENT)
    await world.do(world.a, acknowledging(lane, 1, message))
    await world.do(world.a, Refund(message))
    assert await world.lots(world.a) == (Lot(Units(300), UNTIL, START),)  # one lot as before


async def test_mov_8_a_lock_up_that_ends_on_the_way_is_over(world: World) -> None:
    message = await world.send(world.a, world.b, 300, Lot(Units(300), UNTIL))
    world.clock.time = UNTIL
    await world.do(world.b, delivery(message))
    assert await world.lots(world.b) == ()
    await world.do(world.b, Transfer("holder_de", "holder_fr", Units(300)), "holder_de")


async def test_mov_8_a_book_of_before_keeps_its_lock_ups(world: World) -> None:
    """Rows that an earlier version wrote say neither since when nor by which way."""
    from sqlalchemy import text

    with world.a._db.write() as connection:
        connection.execute(text("UPDATE lot SET since = 0, path = ''"))
    assert await world.lots(world.a) == (Lot(Units(300), UNTIL, 0, ZERO32),)


async def test_ubo_10_units_arrive_at_the_account_that_took_the_place_of_the_one_named(world: World) -> None:
    plain = await world.send(world.a, world.b, 10)
    locked = await world.send(world.a, world.b, 20, Lot(Units(20), UNTIL))
    await world.do(world.b, Freeze("holder_de", True, WHY), "freezer")
    await world.do(world.b, Rotate("holder_de", "heir", WHY, b"", b""), "registrar")
    before = world.clock.time
    world.clock.advance(DAY)
    await world.do(world.b, delivery(plain, locked))
    assert (await world.b.position("heir"), await world.b.position("holder_de")) == (Units(30), Units(0))
    assert [(lot.units, lot.until) for lot in await world.lots(world.b, "heir")] == [(Units(20), UNTIL)]
    # a freeze of the former account binds what lands (CTL-8)
    with pytest.raises(RuleError) as refused:
        await world.do(world.b, Transfer("heir", "holder_fr", Units(1)), "heir")
    assert refused.value.code == "PP-RUL-004"
    # at a record time that they were in transit at they count for the account that their message names (CA-5)
    assert await world.b.eligible_on_ledger("holder_de", before) == Units(30)
    assert await world.b.eligible_on_ledger("heir", before) == Units(0)


async def test_ubo_10_units_come_back_to_the_account_that_took_the_place_of_their_sender(
    world: World,
) -> None:
    message = await world.send(world.a, world.b, 10, to="stranger")
    await world.do(world.b, delivery(message))
    await world.do(world.b, Refuse(message, WHY), "bridge_operator")
    await world.do(world.a, acknowledging(message.lane, 1, message))
    await world.do(world.a, Rotate("holder_de", "heir", WHY, b"", b""), "registrar")
    await world.do(world.a, Refund(message))
    assert await world.a.position("heir") == Units(10)


# ---------------------------------------------------------------- the accounts that face other ledgers


async def test_mov_10_what_leaves_a_home_book_stays_in_it_in_the_accounts_that_face_the_other_ledgers(
    world: World,
) -> None:
    """Tokens of book-entry holdings are twins: the book locks what they stand for, and releases it when they
    come back. The accounts that face the other ledgers hold what these have and what is on its way."""

    async def check(in_transit: int) -> int:
        with world.a._db.read() as connection:
            held = balances_at(connection, world.a._configured(connection).asset)
        facing = sum(units for account, units in held.items() if account.startswith("~ledger:"))
        elsewhere = int(await world.b.supply()) + int(await world.c.supply())
        assert facing == elsewhere + in_transit
        assert int(await world.a.issued()) == int(await world.a.supply()) + facing
        return facing

    assert await check(0) == 0
    message = await world.send(world.a, world.b, 250, Lot(Units(100), UNTIL))
    assert await check(250) == 250
    await world.do(world.b, delivery(message))
    assert await check(0) == 250
    onward = await world.send(world.b, world.c, 250, Lot(Units(100), UNTIL))
    assert await check(250) == 250
    await world.do(world.c, delivery(onward))
    back = await world.send(world.c, world.a, 250, Lot(Units(100), UNTIL))
    assert await check(250) == 250
    await world.do(world.a, delivery(back))
    assert await check(0) == 0


# ---------------------------------------------------------------- the core


def held(*lots: Lot) -> AccountState:
    return AccountState(None, balance=Units(1_000), lots=lots)


def test_mov_8_the_oldest_of_lots_with_one_end_leaves_first() -> None:
    younger, older = Lot(Units(100), UNTIL, START + 5), Lot(Units(300), UNTIL, START)
    other = Lot(Units(7), UNTIL + 1, START - 9)
    left, taken = take_lots(held(younger, other, older), [Lot(Units(350), UNTIL)], START)
    assert taken == (older, Lot(Units(50), UNTIL, START + 5))
    assert left.lots == (Lot(Units(50), UNTIL, START + 5), other)
    assert land_lots(left, taken[1:], START).lots == (younger, other)


def test_mov_8_a_movement_carries_so_many_lock_ups_as_land_within_the_gas_of_a_message() -> None:
    lots = [Lot(Units(1), UNTIL + at) for at in range(MOST_TRAVELLING + 1)]
    assert len(take_lots(held(*lots), lots[:-1], START)[1]) == MOST_TRAVELLING
    with pytest.raises(InvalidQuantity, match="at most 8"):
        take_lots(held(*lots), lots, START)


HOLDER = Bytes32(b"\x07" * 24 + bytes(8))


def payload(*lots: Lot, units: int = 10, holder: Bytes32 = HOLDER) -> MovementPayload:
    return MovementPayload(keccak256(b"security"), b"from", b"to", Units(units), holder, lots)


def test_mov_8_units_without_lock_ups_cost_no_byte_more() -> None:
    assert len(payload(holder=ZERO32).encode()) == 8 * 32
    assert MovementPayload.decode(payload(holder=ZERO32).encode()).lots == ()


@pytest.mark.parametrize(
    "wrong",
    [
        payload(Lot(Units(11), UNTIL)),
        payload(Lot(Units(0), UNTIL)),
        payload(Lot(Units(1), UNTIL), holder=keccak256(b"no commitment")),
    ],
    ids=["more than moves", "nothing", "no commitment"],
)
def test_mov_8_lock_ups_that_cannot_be_are_refused(wrong: MovementPayload) -> None:
    with pytest.raises(MalformedMessage):
        wrong.encode()


def test_mov_8_a_payload_with_lots_has_one_encoding() -> None:
    encoded = payload(Lot(Units(4), UNTIL, START, keccak256(b"path"))).encode()
    assert MovementPayload.decode(encoded).encode() == encoded
    for wrong in (
        encoded + bytes(32),
        encoded[:-32],
        encoded[:63] + b"\x81" + encoded[64:],
    ):
        with pytest.raises(MalformedMessage):
            MovementPayload.decode(wrong)
