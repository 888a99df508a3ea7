"""The bridge between real nodes (Anvil and Ganache): killed, reorganised, run twice; faults by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from paripassu import deploy
from paripassu.bridge.node import RELAYER, Seat, drain, lanes_between, run_bridge
from paripassu.bridge.queries import (
    MessageView,
    halted_ledgers,
    list_messages,
    message_history,
    sighted_messages,
)
from paripassu.bridge.resuming import resume
from paripassu.bridge.states import MessageState
from paripassu.commands import Deliver, Move, Onboard
from paripassu.config import NetworkConfig, load_network
from paripassu.devnet import controls
from paripassu.devnet.nodes import running_nodes
from paripassu.devnet.rpc import call, head_number, head_time
from paripassu.errors import LaneHalted, PariError
from paripassu.identifiers import AccountId, Bytes32, commitment
from paripassu.jobs import local, movements
from paripassu.jobs.bridging import seat_of
from paripassu.jobs.session import Session, session_of
from paripassu.ledgers.port import DeliveryStatus, OutcomeState
from paripassu.messages import Batch, Lane, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.store import Store, audit, cursors
from paripassu.store.schema import observation
from paripassu.testing.bridge_process import CHAINS, drain_network, run_network_bridge
from paripassu.testing.faults import run_until_crash, seams_passed
from paripassu.workspace import Workspace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HOLDER = "holder_fr"

NETWORK = """
schema = "paripassu.network/1"
environment = "local"
home = "alpha"
security = "{examples}/securities/example-equity.toml"
[ledgers.alpha]
caip2 = "eip155:31001"
protocol = "evm"
chainId = 31001
blocks = {{ confirmations = 1, reorgPeriod = 3, estimateBlockTime = 1 }}
devnet = {{ client = "anvil" }}
[ledgers.charlie]
caip2 = "eip155:31003"
protocol = "evm"
chainId = 31003
blocks = {{ confirmations = 1, reorgPeriod = 1, estimateBlockTime = 1 }}
devnet = {{ client = "ganache" }}
"""


class Blocks:
    """Mines a block on every node at one pace and at one time, as long as it is not paused."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Blocks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def paused(self) -> threading.Lock:
        """Hold it to keep the chains where they are."""
        return self._lock

    def _beat(self) -> None:
        while not self._stopping.wait(0.15):
            with self._lock:
                self.mine()

    def mine(self) -> None:
        now = max(head_time(url) for url in self._urls) + 1
        for url in self._urls:
            try:
                if controls.is_anvil(url):
                    call(url, "evm_setNextBlockTimestamp", now)
                    call(url, "evm_mine")
                else:
                    call(url, "evm_mine", now)
            except PariError:
                continue  # a transaction's own block came between; the next beat is later than both


@dataclass
class Chains:
    """A deployed network of two real nodes, and what was sent over it."""

    network: NetworkConfig
    path: Path
    urls: dict[str, str]
    workspace: Workspace
    blocks: Blocks
    sent: dict[str, int] = field(default_factory=dict)
    number: int = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with session_of(self.network, self.workspace) as session:
            yield session

    def account(self, session: Session, holder: str = HOLDER) -> str:
        return session.signer(f"dev:{holder}").address

    async def send(self, session: Session, source: str, target: str, units: int, to: str = HOLDER) -> None:
        """Send units of the holder to an account on the other chain, without asking there first."""
        self.number += 1
        command = Move(
            self.account(session), session.ledger(target).id, self.account(session, to), Units(units)
        )
        signer = session.signer(f"dev:{HOLDER}")
        await session.ledger(source).execute(command, signer, f"move:{self.number}")

    async def drain(self, patience: float = 60.0) -> None:
        await drain_network(self.path, self.urls, self.workspace.root, patience)

    async def seats(self, session: Session, stack: AsyncExitStack) -> tuple[Seat, list[Seat]]:
        place = (self.network, self.workspace, session.store)
        names = [member.name for member in self.network.attestors.members]
        relayer = await seat_of(*place, "relayer", stack)
        return relayer, [await seat_of(*place, name, stack) for name in names]

    async def check(self, session: Session) -> None:
        """Every unit issued is on a chain or parked; every message was taken once, in order."""
        alpha, charlie = session.ledger("alpha"), session.ledger("charlie")
        parked = 0
        for source, target in ((alpha, charlie), (charlie, alpha)):
            lane = Lane(source.id, target.id, Purpose.MOVEMENT)
            taken = [
                item for item in await target.deliveries(0, (await target.head()).height) if item.lane == lane
            ]
            (number,) = await source.sent_counts([lane], (await source.head()).height)
            assert [item.nonce for item in taken] == list(range(1, number + 1))
            assert len({item.message_id for item in taken}) == number
            parked += sum(item.status is DeliveryStatus.PARKED for item in taken)
        supply = int(await alpha.supply()) + int(await charlie.supply())
        assert supply + parked == int(await alpha.issued())  # each parked message in this file moves one unit
        with session.store.read() as connection:
            audit.verify(connection)


def states(store: Store) -> list[tuple[MessageState, str]]:
    return [(view.state, view.reason) for view in list_messages(store)]


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chains]:
    folder = tmp_path_factory.mktemp("bridge")
    text = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    path = folder / "network.toml"
    path.write_text(NETWORK.format(examples=EXAMPLES) + text[text.index("[attestors]") :], "utf-8")
    network = load_network(path)
    with running_nodes(local.node_specs(network, automine=True)) as nodes:
        urls = {name: node.url for name, node in nodes.items()}
        network = network.with_rpc_urls(urls)
        workspace = Workspace(folder / "pari").ensure()
        local.prepare(network, workspace, urls)
        with Blocks(list(urls.values())) as blocks:
            asyncio.run(deploy.apply(network, workspace))
            opened = Chains(network, path, urls, workspace, blocks)
            asyncio.run(populate(opened))
            yield opened


async def populate(chains: Chains) -> None:
    """Register the holder on both chains, issue to it, and put some of it on the other chain."""
    async with chains.session() as session:
        registrar, holder = session.role("registrar"), chains.account(session)
        local.give_coin(chains.urls.values(), [holder, session.signer("dev:stranger").address])
        for name in ("alpha", "charlie"):
            command = Onboard(holder, commitment(b"holder"), "FR", 1, 0)
            ledger, owner = session.ledger(name), session.signer(f"dev:{HOLDER}")
            await movements.onboard(ledger, [await movements.proven(ledger, command, owner)], registrar)
        agent = session.role("transfer_agent")
        await movements.issue(session.home, holder, Units(10_000), agent, "populate")
        await movements.move(
            session.home,
            holder,
            session.ledger("charlie"),
            AccountId(session.ledger("charlie").id, holder),
            Units(1_000),
            session.signer(f"dev:{HOLDER}"),
            "populate",
        )
    await chains.drain()


async def test_mov_1_movements_both_ways_arrive_once_and_an_ineligible_one_is_parked(
    chains: Chains,
) -> None:
    async with chains.session() as session:
        before = await session.ledger("charlie").position(chains.account(session))
        await chains.send(session, "alpha", "charlie", 5)
        await chains.send(session, "alpha", "charlie", 1, to="nobody")
        await chains.send(session, "charlie", "alpha", 3)
        await chains.drain()
        assert await session.ledger("charlie").position(chains.account(session)) == int(before) + 2
        parked = [view for view in list_messages(session.store) if view.state is MessageState.PARKED]
        assert len(parked) == 1
        assert "RECIPIENT_UNKNOWN" in parked[0].reason or "PP-RUL-005" in parked[0].reason
        history = message_history(session.store, parked[0].id.text[:12])
        assert len(history.transactions) == 1
        assert len(history.attestors) >= 2
        await chains.check(session)


async def test_mov_3_a_second_relayer_of_the_same_key_drains_what_the_first_began(chains: Chains) -> None:
    stop = asyncio.Event()
    async with chains.session() as session, AsyncExitStack() as stack:
        relayer, attestors = await chains.seats(session, stack)
        again, _ = await chains.seats(session, stack)
        first = asyncio.create_task(
            run_bridge(session.store, relayer=relayer, attestors=attestors, stop=stop, settings=CHAINS)
        )
        with Store.open(chains.workspace.bridge_database) as store:
            await chains.send(session, "alpha", "charlie", 2)
            await chains.send(session, "charlie", "alpha", 1)
            await drain(store, relayer=again, attestors=(), patience=30, settings=CHAINS)
        stop.set()
        await first
        await chains.check(session)


async def test_fault_the_same_attested_batch_sent_again_by_a_stranger_has_no_second_effect(
    chains: Chains,
) -> None:
    async with chains.session() as session, AsyncExitStack() as stack:
        _, attestors = await chains.seats(session, stack)
        await chains.send(session, "alpha", "charlie", 4)
        await chains.drain()
        charlie = session.ledger("charlie")
        held = await charlie.position(chains.account(session))
        newest = [v for v in list_messages(session.store) if v.lane.destination == charlie.id][-1]
        batch = Batch((await charlie.attestor_set()).version, (newest.message,))
        digest = batch_digest(batch, charlie.domain)
        signers = sorted((seat.signer for seat in attestors[:2]), key=lambda s: int(s.address, 16))
        again = Deliver(batch, tuple(signer.sign_digest(digest) for signer in signers))
        outcome = await charlie.execute(again, session.signer("dev:stranger"), "again")
        assert outcome.state is OutcomeState.FINAL
        assert await charlie.position(chains.account(session)) == held
        await chains.check(session)


async def test_mov_4_fault_a_reorganisation_below_finality_at_the_source_is_shown_and_acted_on_by_nobody(
    chains: Chains, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The burn is in a block, the block is replaced: it was SEEN, nothing was signed; it lands once."""
    monkeypatch.setattr("paripassu.bridge.sightings.SECONDS_BETWEEN", 0.05)
    stop = asyncio.Event()
    async with chains.session() as session, AsyncExitStack() as stack:
        relayer, attestors = await chains.seats(session, stack)
        bridge = asyncio.create_task(
            run_bridge(session.store, relayer=relayer, attestors=attestors, stop=stop, settings=CHAINS)
        )
        alpha, url = session.ledger("alpha"), chains.urls["alpha"]
        before = int(await session.ledger("charlie").supply())
        account = chains.account(session)
        command = Move(account, session.ledger("charlie").id, account, Units(6))
        signer = session.signer(f"dev:{HOLDER}")
        with chains.blocks.paused:
            await alpha.submit(command, signer, "reorganised")
            chains.blocks.mine()
            first = await alpha.outcome("reorganised")
            assert first.state is OutcomeState.INCLUDED
            seen = await sighted(session.store, MessageState.SEEN)
            await asyncio.sleep(0.3)  # the bridge looks, and must not take it for final
            assert len([v for v in list_messages(session.store) if v.state not in ENDED]) == 0
            assert_nobody_observed(session.store, seen.id)
            reorganise(url, 2)
            gone = await sighted(session.store, MessageState.REORGED)
            assert gone.id == seen.id
            assert steps_of(session.store, seen) == [MessageState.SEEN, MessageState.REORGED]
            assert (await alpha.outcome("reorganised")).state is OutcomeState.PENDING
        await alpha.execute(command, signer, "reorganised")
        await wait_until_carried(session.store, 1_000)
        stop.set()
        await bridge
        await chains.drain()
        assert int(await session.ledger("charlie").supply()) == before + 6
        newest = [view for view in list_messages(session.store) if view.lane.source == alpha.id][-1]
        assert steps_of(session.store, newest)[-1] is MessageState.FINALISED
        assert [view.id for view in sighted_messages(session.store)] == [seen.id] * (newest.id != seen.id)
        await chains.check(session)


ENDED = (MessageState.FINALISED, MessageState.PARKED)


async def sighted(store: Store, state: MessageState, patience: float = 10.0) -> MessageView:
    """The newest message that is in no final block of its source, once it is in a state."""
    async with asyncio.timeout(patience):
        while not (found := [v for v in sighted_messages(store) if v.state is state]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the store has no event to wait for
        return found[-1]


def steps_of(store: Store, view: MessageView) -> list[MessageState]:
    return [step.state for step in message_history(store, view.id.text).steps]


def assert_nobody_observed(store: Store, id: Bytes32) -> None:
    with store.read() as connection:
        found = connection.execute(select(observation.c.attestor).where(observation.c.id == id.text)).all()
    assert found == []


def reorganise(url: str, depth: int) -> None:
    """Replace the last blocks and check that this happened."""
    height = head_number(url)
    old = call(url, "eth_getBlockByNumber", hex(height - depth + 1), False)["hash"]
    controls.reorganise(url, depth)
    assert call(url, "eth_getBlockByNumber", hex(height - depth + 1), False)["hash"] != old


async def wait_until_carried(store: Store, patience: int) -> None:
    for _ in range(patience):
        if all(state in ENDED for state, _ in states(store)):
            return
        await asyncio.sleep(0.05)


async def test_mov_4_fault_a_reorganisation_below_finality_at_the_destination_has_one_effect(
    chains: Chains,
) -> None:
    """The delivery is in a block, the block is replaced: the delivery is sent again under its reference."""
    stop = asyncio.Event()
    async with chains.session() as session, AsyncExitStack() as stack:
        relayer, attestors = await chains.seats(session, stack)
        before = int(await session.ledger("alpha").supply())
        await chains.send(session, "charlie", "alpha", 8)
        bridge = asyncio.create_task(
            run_bridge(session.store, relayer=relayer, attestors=attestors, stop=stop, settings=CHAINS)
        )
        async with asyncio.timeout(30):
            while not included(session.store):  # noqa: ASYNC110 - the store has no event to wait for
                await asyncio.sleep(0.01)
        with chains.blocks.paused:
            view = next(v for v in list_messages(session.store) if v.state is MessageState.INCLUDED)
            depth = head_number(chains.urls["alpha"]) - included_height(session.store, view.id.text) + 1
            reorganise(chains.urls["alpha"], depth)
            assert int(await session.ledger("alpha").supply()) == before
        stop.set()
        await bridge
        await chains.drain()
        assert int(await session.ledger("alpha").supply()) == before + 8
        steps = [step.state for step in message_history(session.store, view.id.text).steps]
        assert steps[-1] is MessageState.FINALISED
        await chains.check(session)


def included(store: Store) -> bool:
    return any(state is MessageState.INCLUDED for state, _ in states(store))


def included_height(store: Store, message: str) -> int:
    steps = [s for s in message_history(store, message).steps if s.state is MessageState.INCLUDED]
    return int(str(steps[-1].detail["height"]))


async def test_rec_1_killing_the_bridge_at_each_kind_of_seam_loses_nothing_and_repeats_nothing(
    chains: Chains,
) -> None:
    """A real process over Anvil and Ganache is killed (-9) at the first seam of each name, then restarted."""
    arguments = (chains.path, chains.urls, chains.workspace.root)
    async with chains.session() as session:
        await chains.send(session, "alpha", "charlie", 1)
        await chains.send(session, "charlie", "alpha", 1)
    names = await asyncio.to_thread(seams_passed, run_network_bridge, arguments)
    first_attestor = chains.network.attestors.members[0].name
    kinds = [n for n in dict.fromkeys(names) if n.startswith(("relayer.", f"{first_attestor}."))]
    assert {"relayer.submit.before", "relayer.submit.after", "relayer.included.after_commit"} <= set(kinds)
    async with chains.session() as session:
        expected = int(await session.ledger("charlie").position(chains.account(session)))
    for kind in kinds:
        async with chains.session() as session:
            await chains.send(session, "alpha", "charlie", 2)
            await chains.send(session, "charlie", "alpha", 1)
        killed = await asyncio.to_thread(run_until_crash, run_network_bridge, arguments, kind)
        assert killed, f"the process was not killed at {kind}"
        expected += 1
    await chains.drain()
    async with chains.session() as session:
        assert int(await session.ledger("charlie").position(chains.account(session))) == expected
        await chains.check(session)


async def test_mov_4_fault_a_reorganisation_of_final_blocks_halts_the_chains_lanes_until_they_are_resumed(
    chains: Chains,
) -> None:
    """Runs last in this file, for the chain that it breaks has lost what was final."""
    async with chains.session() as session:
        await chains.drain()
        alpha = session.ledger("alpha")
        with chains.blocks.paused:
            await chains.drain()  # read to the block that is final now, and no further block comes
            final = await alpha.final()
            with session.store.read() as connection:
                assert cursors.get(connection, RELAYER, alpha.id) == final
            reorganise(chains.urls["alpha"], (await alpha.head()).height - final.height + 1)
            assert (await alpha.final()).height == final.height
            with pytest.raises(LaneHalted, match="eip155:31001 is halted: PP-BRG-010"):
                await chains.drain()
        with pytest.raises(LaneHalted):  # neither a restart nor more blocks lift the halt
            await chains.drain()
        assert "eip155:31001" in halted_ledgers(session.store)

        lanes = [lane for lane in lanes_between(session.ledgers) if lane.source == alpha.id]
        why = {"operator": "operator_1", "reason": "the blocks that were replaced were empty"}
        resumed = await resume(session.store, alpha, lanes, **why)
        assert "shows block" in resumed.halt.sentence
        before = int(await session.ledger("charlie").supply())
        await chains.send(session, "alpha", "charlie", 3)
        await chains.drain()
        assert int(await session.ledger("charlie").supply()) == before + 3
        await chains.check(session)
