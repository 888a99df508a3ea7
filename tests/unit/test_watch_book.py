"""What the watcher remembers: sums of what is settled, and an entry for each message that is open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from paripassu.identifiers import Bytes32, LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, DeliveryStatus, Ledger, Refunded, SentMessage
from paripassu.messages import Lane, Message, Purpose
from paripassu.watch.ledger_book import LedgerBook, Standing
from paripassu.watch.reading import Watch

HOME, BRAVO = LedgerId("eip155:31001"), LedgerId("eip155:31002")
LANE = Lane(HOME, BRAVO, Purpose.MOVEMENT)
BULK = Lane(HOME, BRAVO, Purpose.ORDER)
UNITS = 7
EXECUTED, PARKED, REFUSED = DeliveryStatus.EXECUTED, DeliveryStatus.PARKED, DeliveryStatus.REFUSED


def block(height: int) -> BlockRef:
    return BlockRef(height, keccak256(str(height).encode()), 1_000 + height)


def sent(nonce: int, height: int = 1) -> SentMessage:
    return SentMessage(Message(LANE, nonce, 100 + nonce, 0, 1, b"from", b"to", b""), block(height), "0x")


def delivery(item: SentMessage, status: DeliveryStatus = EXECUTED, lane: Lane = LANE) -> Delivery:
    return Delivery(item.message.id, lane, item.message.nonce, status, "", block(2))


def refund(item: SentMessage) -> Refunded:
    return Refunded(item.message.id, LANE, block(3), "0x")


def book(*items: SentMessage, height: int = 1) -> LedgerBook:
    made = LedgerBook(lambda message: UNITS)
    made.take_sent(items, height)
    return made


def test_a_message_that_took_effect_is_a_sum_and_no_entry() -> None:
    made = book(sent(1), sent(2))
    assert made.standing() == {LANE: Standing(0, 101)}
    made.take_deliveries([delivery(sent(1))])
    assert made.standing() == {LANE: Standing(0, 102)}
    made.take_deliveries([delivery(sent(2))])
    assert made.standing() == {}
    assert not made.open
    assert (made.left[HOME], made.arrived[BRAVO], made.sent[LANE], made.taken[LANE]) == (14, 14, 2, 2)


def test_a_parked_message_is_taken_once_whatever_becomes_of_it() -> None:
    for end in (EXECUTED, REFUSED):
        made = book(sent(1))
        made.take_deliveries([delivery(sent(1), PARKED)])
        assert made.standing() == {LANE: Standing(1)}
        made.take_deliveries([delivery(sent(1), end)])
        assert made.taken[LANE] == 1
        assert made.arrived[BRAVO] == (UNITS if end is EXECUTED else 0)


@pytest.mark.parametrize("order", ["refusal first", "refund first"])
def test_what_was_given_back_counts_once_in_whichever_order_two_ledgers_tell_of_it(order: str) -> None:
    made = book(sent(1))
    if order == "refusal first":
        made.take_deliveries([delivery(sent(1), REFUSED)])
        made.take_refunds([refund(sent(1))])
    else:
        made.take_refunds([refund(sent(1))])
        made.take_deliveries([delivery(sent(1), REFUSED)])
    made.take_refunds([refund(sent(1))])
    assert made.returned[HOME] == UNITS
    assert not made.open


def test_what_left_above_the_height_that_arrivals_were_read_to_counts_later() -> None:
    made = book(sent(1, height=5), sent(2, height=9), height=5)
    assert made.left[HOME] == UNITS
    made.reach(HOME, 8)
    assert made.left[HOME] == UNITS
    made.reach(HOME, 9)
    made.reach(HOME, 10)
    assert made.left[HOME] == 2 * UNITS


def test_a1_what_nobody_sent_is_kept_until_it_is_known_who_did() -> None:
    made = book()
    made.take_deliveries([delivery(sent(1))])
    assert made.standing() == {LANE: Standing(unsent=(sent(1).message.id,))}
    assert made.can_be_judged(BRAVO, {HOME, BRAVO})
    assert not made.can_be_judged(BRAVO, {BRAVO}), "its source cannot be read"
    made.take_sent([sent(1)], 1)
    made.take_deliveries([])
    assert made.standing() == {}
    assert (made.taken[LANE], made.arrived[BRAVO]) == (1, UNITS)


@pytest.mark.parametrize(
    "again",
    [delivery(sent(1)), delivery(sent(2), lane=Lane(HOME, BRAVO, Purpose.ORDER))],
    ids=["twice", "in another lane"],
)
def test_a9_what_takes_effect_twice_or_in_another_lane_is_as_never_sent(again: Delivery) -> None:
    made = book(sent(1), sent(2))
    made.take_deliveries([delivery(sent(1)), again])
    assert made.standing()[again.lane].unsent == (again.message_id,)
    assert made.arrived[BRAVO] == UNITS


@dataclass
class Scripted:
    """A ledger that shows what it is given; the rest of the port is plain figures."""

    id: LedgerId
    outbox: list[SentMessage] = field(default_factory=list)
    inbox: list[Delivery] = field(default_factory=list)
    height: int = 10
    rows: int = 0

    async def final(self) -> BlockRef:
        return block(self.height)

    head = final

    async def block_at(self, height: int) -> BlockRef:
        return block(height)

    async def sent_messages(self, first: int, last: int) -> Any:
        return self._shown(self.outbox, first, last)

    async def deliveries(self, first: int, last: int) -> Any:
        return self._shown(self.inbox, first, last)

    async def refunds(self, first: int, last: int) -> tuple[Refunded, ...]:
        return ()

    def _shown(self, items: Sequence[Any], first: int, last: int) -> Any:
        found = tuple(item for item in items if first <= item.block.height <= last) if first <= 10 else ()
        self.rows += len(found)
        return found

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        return tuple(len(self.outbox) if lane == BULK else 0 for lane in lanes)

    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int:
        return len(self.inbox) if lane == BULK else 0

    async def acknowledged_nonce(self, lane: Lane) -> int:
        return 0

    async def lane_stopped(self, peer: LedgerId, purpose: Purpose) -> bool:
        return False

    async def supply(self, height: int) -> int:
        return 0

    issued = supply

    async def events(self) -> tuple[object, ...]:
        return ()


async def test_ops_1_a_hundred_thousand_settled_messages_cost_a_look_nothing() -> None:
    number = 100_000
    home, bravo = Scripted(HOME), Scripted(BRAVO)
    ids = [keccak256(n.to_bytes(4, "big")) for n in range(number)]
    home.outbox = [cast(SentMessage, _Light(id, n + 1)) for n, id in enumerate(ids)]
    bravo.inbox = [Delivery(id, BULK, n + 1, EXECUTED, "", block(2)) for n, id in enumerate(ids)]
    ledgers = {one.id: cast(Ledger, one) for one in (home, bravo)}
    watch = Watch(ledgers, HOME, Bytes32("0x" + "11" * 32), [BULK])
    first = await _timed(watch)
    rows = home.rows + bravo.rows
    assert rows == 2 * number
    assert not watch._book.open
    for later in range(11, 21):
        home.height = bravo.height = later
        assert await _timed(watch) < first / 50
    assert home.rows + bravo.rows == rows, "nothing is read twice"


async def _timed(watch: Watch) -> float:
    start = time.perf_counter()
    facts = await watch.look()
    assert facts.lanes[0].lag == 0
    assert facts.lanes[0].holes == 0
    return time.perf_counter() - start


class _Light:
    """A sent message without the cost of hashing it anew."""

    def __init__(self, id: Bytes32, nonce: int) -> None:
        self.message = self
        self.id, self.nonce, self.lane, self.timestamp = id, nonce, BULK, 100
        self.block, self.transaction, self.payload = block(1), "0x", b""
