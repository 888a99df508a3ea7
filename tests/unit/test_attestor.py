"""The moment before a signature: what was final must still stand, and nothing else is signed (MOV-4, A20)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paripassu.bridge import acknowledgements, attestations, batches
from paripassu.bridge.attestor import Attestor
from paripassu.bridge.node import lanes_between
from paripassu.bridge.observer import AttestorKeeper, Observer, RelayerKeeper
from paripassu.commands import Move
from paripassu.errors import SignerUnreachable
from paripassu.identifiers import Bytes32
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import TypedData
from paripassu.ledgers.signers import KeySigner
from paripassu.messages import Acknowledgement, Batch, Lane, Purpose, acknowledgement_digest, batch_digest
from paripassu.quantities import Units
from paripassu.store import Store, cursors
from paripassu.testing.books import Desk, book_network, delivery, issue, onboard
from paripassu.testing.faults import FaultyLedger

DESK = Desk()
NAME = "attestor_csd"


class SlowSigner:
    """A key that cannot be reached for as long as it is asked to be so."""

    def __init__(self, key: KeySigner) -> None:
        self._key = key
        self.reachable = True

    @property
    def name(self) -> str:
        return self._key.name

    @property
    def address(self) -> str:
        return self._key.address

    async def sign_typed(self, digest: Bytes32, typed: TypedData) -> bytes:
        if not self.reachable:
            raise SignerUnreachable("The remote signer of csd gives no answer.")
        return await self._key.sign_typed(digest, typed)

    async def sign_transaction(self, transaction: dict[str, object]) -> tuple[bytes, str]:
        raise AssertionError("an attestor sends nothing")


@dataclass(slots=True)
class World:
    """Two books with one message between them, and one attestor that looks at them."""

    home: FaultyLedger
    south: FaultyLedger
    store: Store
    signer: SlowSigner
    attestor: Attestor
    lane: Lane
    batch: Batch

    def propose(self, batch: Batch) -> Bytes32:
        digest = batch_digest(batch, self.south.ledger.domain)
        first, last = batch.messages[0].nonce, batch.messages[-1].nonce
        with self.store.write() as connection:
            batches.propose(connection, 1.0, digest, self.lane, first, last, batch.attestor_set_version)
        return digest

    def signed(self, digest: Bytes32) -> bool:
        with self.store.read() as connection:
            return attestations.has_signed(connection, NAME, digest)

    def halted(self) -> list[str]:
        with self.store.read() as connection:
            return [str(ledger) for ledger in cursors.halted(connection)]

    async def look(self) -> None:
        """Read what is final, as the attestor and as the relayer do."""
        pair = [self.home.ledger.id, self.south.ledger.id]
        for ledger in (self.home, self.south):
            lanes = [lane for lane in lanes_between(pair) if lane.source == ledger.ledger.id]
            for keeper in (AttestorKeeper(NAME), RelayerKeeper()):
                await Observer(self.store, ledger.port, lanes, keeper).step()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    home, south = await book_network(tmp_path, ("home", "south"))
    for book in (home, south):
        await onboard(book, "holder_fr")
    await issue(home, "holder_fr", 10)
    await home.execute(Move("holder_fr", south.id, "holder_fr", Units(4)), DESK["holder_fr"], "m")
    (sent,) = await home.sent_messages(0, (await home.head()).height)
    ledgers = [FaultyLedger(book) for book in (home, south)]
    signer = SlowSigner(DESK[NAME])
    with Store.open(tmp_path / "bridge.db") as store:
        attestor = Attestor(store, NAME, signer, {one.ledger.id: one.port for one in ledgers})
        lane = Lane(home.id, south.id, Purpose.MOVEMENT)
        made = World(*ledgers, store, signer, attestor, lane, Batch(1, (sent.message,)))
        await made.look()
        yield made
    for book in (home, south):
        await book.close()


async def test_a20_a_block_that_changed_after_it_was_read_is_not_signed_over_and_halts_its_ledger(
    world: World,
) -> None:
    digest = world.propose(world.batch)
    (sent,) = await world.home.ledger.sent_messages(0, 100)
    world.home.changed_blocks = {sent.block.height}
    await world.attestor.step()
    assert not world.signed(digest)
    assert world.halted() == ["book:home"]
    world.home.changed_blocks = set()
    await world.attestor.step()
    assert not world.signed(digest)  # until somebody has looked


async def test_fault_a_source_that_cannot_be_read_before_the_signature_is_waited_for(world: World) -> None:
    digest = world.propose(world.batch)
    world.home.unreachable = True
    await world.attestor.step()
    assert not world.signed(digest)
    world.home.unreachable = False
    await world.attestor.step()
    assert world.signed(digest)
    assert world.halted() == []


async def test_ops_3_a_key_that_does_not_answer_is_asked_again(world: World) -> None:
    digest = world.propose(world.batch)
    world.signer.reachable = False
    await world.attestor.step()
    assert not world.signed(digest)
    world.signer.reachable = True
    await world.attestor.step()
    assert world.signed(digest)


async def test_a2_another_message_in_a_place_that_was_seen_is_never_signed(world: World) -> None:
    forged = replace(world.batch.messages[0], payload=b"forged")
    digest = world.propose(Batch(1, (forged,)))
    await world.attestor.step()
    assert not world.signed(digest)
    world.home.rewrite = lambda sent: replace(sent, message=forged)  # and now its node says so too
    book = world.home.ledger
    assert isinstance(book, BookLedger)
    await book.execute(
        Move("holder_fr", world.lane.destination, "holder_fr", Units(1)), DESK["holder_fr"], "n"
    )
    await world.look()
    again = Attestor(
        world.store, NAME, world.signer, {one.ledger.id: one.port for one in (world.home, world.south)}
    )
    await again.step()
    assert not world.signed(digest)


async def test_mov_4_no_arrival_is_attested_on_a_chain_that_changed(world: World) -> None:
    await world.south.ledger.execute(delivery(*world.batch.messages), DESK["relayer"], "d")
    await world.look()
    with world.store.read() as connection:
        read = cursors.get(connection, NAME, world.lane.destination)
    assert read is not None
    said = Acknowledgement(1, world.lane, 1)
    digest = acknowledgement_digest(said, world.home.ledger.domain)
    with world.store.write() as connection:
        acknowledgements.propose(connection, 1.0, digest, said, {})
    world.south.changed_blocks = {read.height}
    await world.attestor.step()
    assert not world.signed(digest)
    world.south.changed_blocks = set()
    world.south.lag = 2  # a node that lags says nothing of what was seen
    await world.attestor.step()
    assert not world.signed(digest)
    world.south.lag = 0
    await world.attestor.step()
    assert world.signed(digest)
