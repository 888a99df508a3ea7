"""When a ledger counts as changed below its own finality: the decision, and the observer that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from paripassu.bridge.finality import Sight, has_read, sight
from paripassu.bridge.observer import QUIET_BLOCKS, AttestorKeeper, Keeper, Observer, RelayerKeeper
from paripassu.bridge.resuming import PartyView, read_until
from paripassu.errors import HistoryGone
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, DeliveryStatus, Ledger, SentMessage
from paripassu.messages import Lane, Message, Purpose
from paripassu.store import Store, cursors

ALPHA = LedgerId("eip155:31001")
LANE = Lane(ALPHA, LedgerId("book:register"), Purpose.MOVEMENT)
KEEPERS = (RelayerKeeper(), AttestorKeeper("attestor_csd"))


def block(height: int, branch: str = "first") -> BlockRef:
    return BlockRef(height, keccak256(f"{branch} {height}".encode()), 1_000 + height)


@pytest.mark.parametrize(
    ("seen", "final", "expected", "read"),
    [
        (None, block(7), Sight.FURTHER, False),
        (block(7), block(8), Sight.FURTHER, False),
        (block(7), block(8, "other"), Sight.FURTHER, False),
        (block(7), block(7), Sight.SAME, True),
        (block(7), block(7, "other"), Sight.CHANGED, False),
        (block(7), block(6), Sight.BEHIND, True),
        (block(7), block(6, "other"), Sight.BEHIND, True),
    ],
)
def test_mov_4_an_equal_height_is_no_equal_chain(
    seen: BlockRef | None, final: BlockRef, expected: Sight, read: bool
) -> None:
    assert sight(seen, final) is expected
    assert has_read(seen, final) is read


@dataclass(slots=True)
class QuietChain:
    """A chain without messages: blocks from `fork` on are of another branch than those before."""

    height: int = 0
    fork: int = 10**6
    id: LedgerId = ALPHA
    name: str = "alpha"
    first_block: int = 0

    async def final(self) -> BlockRef:
        return self._block(self.height)

    async def block_at(self, height: int) -> BlockRef:
        return self._block(height)

    def _block(self, height: int) -> BlockRef:
        return block(height, "other" if height >= self.fork else "first")

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        return (0,) * len(lanes)

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        return ()

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        return ()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "bridge.db") as opened:
        yield opened


def observe(store: Store, chain: QuietChain, keeper: Keeper) -> Observer:
    return Observer(store, cast(Ledger, chain), [LANE], keeper)


def halted(store: Store) -> str:
    with store.read() as connection:
        return cursors.halted(connection).get(ALPHA, "")


@pytest.mark.parametrize("keeper", KEEPERS, ids=lambda keeper: keeper.party)
async def test_mov_4_a_changed_final_block_is_seen_though_the_chain_did_not_grow(
    store: Store, keeper: Keeper
) -> None:
    chain = QuietChain(height=5)
    observer = observe(store, chain, keeper)
    assert await observer.step()
    assert not await observer.step()
    chain.fork = 5
    await observer.step()
    assert halted(store).startswith("PP-BRG-010")
    assert "shows block 5" in halted(store)


async def test_mov_4_quiet_blocks_that_moved_no_cursor_must_stay_as_well(store: Store) -> None:
    chain = QuietChain(height=5)
    observer = observe(store, chain, AttestorKeeper("attestor_csd"))
    await observer.step()
    chain.height = 5 + QUIET_BLOCKS - 1
    assert not await observer.step()
    with store.read() as connection:
        assert cursors.get(connection, "attestor_csd", ALPHA) == block(5)
    chain.height, chain.fork = 5 + QUIET_BLOCKS, 5 + QUIET_BLOCKS - 1
    await observer.step()
    assert f"shows block {chain.fork}" in halted(store)


@pytest.mark.parametrize("keeper", KEEPERS, ids=lambda keeper: keeper.party)
async def test_a_node_that_lags_on_a_branch_of_its_own_halts_nothing(store: Store, keeper: Keeper) -> None:
    chain = QuietChain(height=9)
    observer = observe(store, chain, keeper)
    await observer.step()
    chain.height, chain.fork = 8, 8  # replaced there before it became final, which the node has yet to see
    assert not await observer.step()
    chain.height, chain.fork = 10, 10**6
    await observer.step()
    assert halted(store) == ""


async def test_a_lifted_halt_is_judged_by_the_cursor_alone(store: Store) -> None:
    chain = QuietChain(height=5)
    observer = observe(store, chain, AttestorKeeper("attestor_csd"))
    await observer.step()
    chain.height, chain.fork = 9, 9  # a node that lies about a quiet block
    await observer.step()
    chain.height, chain.fork = 10, 10**6
    await observer.step()
    assert "shows block 9" in halted(store)
    assert not await observer.step()
    with store.write() as connection:
        cursors.clear_halt(connection, 1.0, ALPHA, "operator_1", "the node lied")
    await observer.step()
    assert halted(store) == ""


async def test_a_long_history_is_read_to_its_end_without_waiting_for_a_further_block(store: Store) -> None:
    chain = QuietChain(height=12_000)
    observer = observe(store, chain, RelayerKeeper())
    steps = 0
    while await observer.step():
        steps += 1
    with store.read() as connection:
        assert cursors.get(connection, "relayer", ALPHA) == block(12_000)
    assert steps == 8, "64 blocks first, then twice as many each time, 5,000 at most"


# -- going on after a halt ----------------------------------------------------------------


def message(nonce: int, height: int) -> SentMessage:
    fields = (nonce, 1_000, 0, 1 << 16, b"sender", b"recipient", b"payload")
    return SentMessage(Message(LANE, *fields), block(height), "0x01")


def arrived(nonce: int, status: DeliveryStatus, height: int) -> Delivery:
    return Delivery(message(nonce, 1).message.id, LANE, nonce, status, "", block(height))


def view(*sent: SentMessage, **delivered: DeliveryStatus) -> PartyView:
    places = {(LANE, one.message.nonce): one.message.id.text for one in sent}
    known = {message(int(key[1:]), 1).message.id.text: status for key, status in delivered.items()}
    return PartyView("relayer", block(100), places, known)


def test_mov_4_a_party_goes_on_from_its_cursor_or_from_before_what_it_has_not_read() -> None:
    one, two, three = message(1, 10), message(2, 40), message(3, 120)
    assert read_until(view(one, two), [one, two], []) == 100
    assert read_until(view(one, two), [one, two, three], []) == 100
    assert read_until(view(one), [one, two], []) == 39
    parked, executed = arrived(7, DeliveryStatus.PARKED, 20), arrived(7, DeliveryStatus.EXECUTED, 30)
    assert read_until(view(n7=DeliveryStatus.EXECUTED), [], [parked, executed]) == 100
    assert read_until(view(n7=DeliveryStatus.PARKED), [], [parked, executed]) == 19
    assert read_until(view(), [], [arrived(7, DeliveryStatus.PENDING, 20)]) == 100
    assert read_until(replace(view(), delivered=None), [], [executed]) == 100, "an attestor reads none"


def test_mov_4_what_was_read_and_is_gone_lets_nobody_go_on() -> None:
    one = message(1, 10)
    with pytest.raises(HistoryGone, match="the ledger shows none there"):
        read_until(view(one), [], [])
    with pytest.raises(HistoryGone, match="shows that no more"):
        read_until(view(n7=DeliveryStatus.EXECUTED), [], [arrived(7, DeliveryStatus.PARKED, 20)])
