"""What several endpoints say, held against each other: agreement, doubt, silence, lag (A2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.bridge.doubts import Doubts, doubts
from paripassu.commands import Move
from paripassu.errors import EndpointsDisagree, EndpointsMissing, NodeUnreachable, WrongChain
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.agreed import BLOCKS, MESSAGES, AgreedLedger
from paripassu.ledgers.agreement import Answer, agreed, common_height
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import BookLedger
from paripassu.messages import Lane, Purpose
from paripassu.quantities import Units
from paripassu.store import Store, audit
from paripassu.testing.books import Desk, book_network, issue, onboard
from paripassu.testing.faults import FaultyLedger

DESK = Desk()
ALPHA = LedgerId("eip155:31001")


def block(height: int, name: str = "") -> BlockRef:
    return BlockRef(height, keccak256(f"{height}{name}".encode()), height)


def test_a2_one_value_that_enough_endpoints_give_is_believed() -> None:
    assert agreed("alpha", "messages", [Answer(1, 7), Answer(2, 7)], 2) == 7
    assert agreed("alpha", "messages", [Answer(1, 0), Answer(2, 0), Answer(3, problem="down")], 2) == 0
    assert agreed("alpha", "messages", [Answer(1, ()), Answer(2, ())], 2) == ()


def test_a2_two_values_are_a_disagreement_whatever_the_majority_and_whoever_is_silent() -> None:
    for answers in (
        [Answer(1, 7), Answer(2, 8)],
        [Answer(1, 7), Answer(2, 7), Answer(3, 8)],
        [Answer(1, 7), Answer(2, problem="down"), Answer(3, 8)],
    ):
        with pytest.raises(EndpointsDisagree, match="of alpha disagree about messages") as found:
            agreed("alpha", "messages", answers, 2)
        assert found.value.code == "PP-LED-011"


def test_a2_a_single_voice_among_silent_ones_is_not_believed() -> None:
    with pytest.raises(EndpointsMissing, match="1 of the 2 endpoints of alpha answer, 2 are needed"):
        agreed("alpha", "messages", [Answer(1, 7), Answer(2, problem="No answer.")], 2)
    with pytest.raises(EndpointsMissing):
        agreed("alpha", "messages", [Answer(1, problem="No answer.")], 1)


def test_mov_4_who_lags_is_waited_for_as_far_as_enough_others_are_ahead() -> None:
    finals = [Answer(1, block(10)), Answer(2, block(7)), Answer(3, block(9))]
    assert [common_height("alpha", finals, needed) for needed in (3, 2, 1)] == [7, 9, 10]
    with pytest.raises(EndpointsMissing):
        common_height("alpha", [Answer(1, block(10)), Answer(2, problem="No answer.")], 2)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[tuple[BookLedger, ...]]:
    made = await book_network(tmp_path, ("home", "south"))
    home, south = made
    await onboard(home, "holder_de")
    await issue(home, "holder_de", 10)
    await home.execute(Move("holder_de", south.id, "holder_fr", Units(4)), DESK["holder_de"], "m")
    yield made
    for book in made:
        await book.close()


class Seen:
    """Two endpoints of one book, and what was told of them."""

    def __init__(self, book: BookLedger, count: int = 2, needed: int = 0) -> None:
        self.endpoints = [FaultyLedger(book) for _ in range(count)]
        self.told: list[tuple[str, bool]] = []
        ports = [one.port for one in self.endpoints]
        self.ledger = AgreedLedger(
            ports, needed or count, lambda _, fact, why: self.told.append((fact, bool(why)))
        )


async def test_a2_reads_that_agree_are_those_of_each_endpoint(books: tuple[BookLedger, ...]) -> None:
    home, south = books
    seen, lane = Seen(home), Lane(home.id, south.id, Purpose.MOVEMENT)
    final = await seen.ledger.final()
    assert final == await home.final()
    assert (seen.ledger.id, seen.ledger.name, seen.ledger.domain) == (home.id, home.name, home.domain)
    assert await seen.ledger.sent_counts([lane], final.height) == (1,)
    assert await seen.ledger.sent_messages(0, final.height) == await home.sent_messages(0, final.height)
    assert await seen.ledger.inbound_nonce(lane, final.height) == 0
    assert await seen.ledger.deliveries(0, final.height) == ()
    assert not any(doubt for _, doubt in seen.told)
    with pytest.raises(AttributeError):
        _ = seen.ledger.supply  # type: ignore[attr-defined]  # what no other endpoint was asked is not read


async def test_a2_each_kind_of_lie_of_one_endpoint_is_a_disagreement(books: tuple[BookLedger, ...]) -> None:
    home, south = books
    seen, lane = Seen(home), Lane(home.id, south.id, Purpose.MOVEMENT)
    height, liar = (await home.final()).height, seen.endpoints[1]
    liar.hide_messages = True
    with pytest.raises(EndpointsDisagree, match="contents of messages in blocks 0 to"):
        await seen.ledger.sent_messages(0, height)
    liar.hide_messages, liar.hide_counters = False, True
    with pytest.raises(EndpointsDisagree, match="messages sent up to block"):
        await seen.ledger.sent_counts([lane], height)
    liar.hide_counters = False
    liar.rewrite = lambda sent: replace(sent, message=replace(sent.message, payload=b"forged"))
    with pytest.raises(EndpointsDisagree):
        await seen.ledger.sent_messages(0, height)
    liar.changed_blocks = {height}
    with pytest.raises(EndpointsDisagree, match=f"final blocks: number {height}"):
        await seen.ledger.final()
    assert seen.told[-1] == (BLOCKS, True)
    assert (MESSAGES, True) in seen.told


async def test_mov_4_a_lagging_endpoint_is_no_disagreement(books: tuple[BookLedger, ...]) -> None:
    home, _ = books
    seen, height = Seen(home), (await home.final()).height
    seen.endpoints[0].lag = 2
    assert await seen.ledger.final() == await home.block_at(height - 2)
    two_of_three = Seen(home, 3, needed=2)
    two_of_three.endpoints[0].lag = 2
    assert (await two_of_three.ledger.final()).height == height
    assert not any(doubt for _, doubt in (*seen.told, *two_of_three.told))


async def test_a2_an_endpoint_that_is_down_is_waited_for_unless_fewer_suffice(
    books: tuple[BookLedger, ...],
) -> None:
    home, _ = books
    seen, two_of_three = Seen(home), Seen(home, 3, needed=2)
    for one in (seen, two_of_three):
        one.endpoints[0].unreachable = True
        await one.ledger.open()  # it is no reason not to start
    with pytest.raises(EndpointsMissing):
        await seen.ledger.final()
    assert await two_of_three.ledger.final() == await home.final()
    two_of_three.endpoints[1].unreachable = True
    with pytest.raises(EndpointsMissing, match="1 of the 3 endpoints of home answer, 2 are needed"):
        await two_of_three.ledger.final()
    seen.endpoints[0].unreachable = False
    assert await seen.ledger.final() == await home.final()


async def test_fault_an_endpoint_that_answers_rubbish_counts_for_nothing(
    books: tuple[BookLedger, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = books
    seen = Seen(home)

    async def rubbish(first: int, last: int) -> object:
        raise KeyError("blockHash")

    monkeypatch.setattr(seen.endpoints[0], "sent_messages", rubbish)
    with pytest.raises(EndpointsMissing, match="an answer that cannot be read"):
        await seen.ledger.sent_messages(0, 1)


async def test_an_endpoint_of_another_chain_is_refused_at_the_start(
    books: tuple[BookLedger, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(books[0])

    async def other() -> None:
        raise WrongChain("The node of home serves chain 5.")

    monkeypatch.setattr(seen.endpoints[1], "open", other)
    with pytest.raises(WrongChain):
        await seen.ledger.open()


async def test_fault_an_endpoint_that_was_down_at_the_start_is_verified_before_it_is_asked(
    books: tuple[BookLedger, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, opened = Seen(books[0]), []

    async def opening() -> None:
        opened.append(len(opened))
        if len(opened) == 1:
            raise NodeUnreachable("No answer.")
        if len(opened) == 2:
            raise WrongChain("The node of home serves chain 5.")

    monkeypatch.setattr(seen.endpoints[1], "open", opening)
    await seen.ledger.open()
    with pytest.raises(EndpointsMissing, match="serves chain 5"):
        await seen.ledger.final()
    await seen.ledger.final()
    assert len(opened) == 3


def test_a2_doubts_are_kept_end_and_outlive_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bridge.db") as store:
        first = Doubts(store, "csd", [ALPHA])
        first.tell(ALPHA, MESSAGES, "Endpoints 1 and 2 of alpha disagree.")
        first.tell(ALPHA, MESSAGES, "Endpoints 1 and 2 of alpha disagree.")
        first.tell(ALPHA, BLOCKS, "")
        (found,) = doubts(store, ["csd", "auditor"], [ALPHA])
        assert (found.attestor, found.ledger, found.fact) == ("csd", ALPHA, MESSAGES)
        again = Doubts(store, "csd", [ALPHA])
        again.tell(ALPHA, MESSAGES, "")
        assert doubts(store, ["csd"], [ALPHA]) == ()
        with store.read() as connection:
            assert [one.kind for one in audit.entries(connection)] == [
                "endpoints.disagree",
                "endpoints.agree",
            ]


def test_fault_a_node_that_lies_at_random_fills_no_disk(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bridge.db") as store:
        kept = Doubts(store, "csd", [ALPHA])
        for _ in range(20):
            kept.tell(ALPHA, MESSAGES, "Endpoints 1 and 2 of alpha disagree.")
            kept.tell(ALPHA, MESSAGES, "")
        with store.read() as connection:
            assert len(audit.entries(connection)) == 2
