"""Many relayers and attestors, as processes, over one PostgreSQL store; faults by name.

Two chains of Anvil with a block every 150 ms, two `pari relay` of one key and three `pari attest`, two
of them of one name. What arrived is read from the chains, by nobody's records.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from paripassu import deploy
from paripassu.commands import Move, Onboard
from paripassu.config import NetworkConfig, load_network
from paripassu.devnet.nodes import running_nodes
from paripassu.identifiers import commitment
from paripassu.jobs import local, movements
from paripassu.jobs.scheduled import SCHEMA
from paripassu.jobs.session import Session, session_of
from paripassu.jobs.storing import STORE_VARIABLE
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Lane
from paripassu.quantities import Units
from paripassu.store import Store, audit
from paripassu.store.claims import CLAIM_SECONDS
from paripassu.store.schema import audit as audit_table
from paripassu.store.schema import claim, message, relayer, submission
from paripassu.store.sharing import NONCES
from paripassu.testing.bridge_process import drain_network
from paripassu.testing.commandline import Operator
from paripassu.testing.heartbeat import Heartbeat
from paripassu.testing.postgres import PostgresServer
from paripassu.workspace import Workspace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATIENCE = 150.0
"""Seconds that a busy machine may take for what a quiet one does in a few."""
HOLDERS = ("holder_fr", "holder_de")
WORKERS = f"{SCHEMA}.procrastinate_workers"
ATTESTORS = ("attestor_csd", "attestor_auditor", "attestor_auditor")
NETWORK = """
schema = "paripassu.network/1"
environment = "local"
home = "alpha"
security = "{examples}/securities/example-equity.toml"
store = "${{PARI_STORE_URL}}"
"""
LEDGER = """
[ledgers.{name}]
caip2 = "eip155:{id}"
protocol = "evm"
chainId = {id}
blocks = {{ confirmations = 1, reorgPeriod = 2, estimateBlockTime = 1 }}
devnet = {{ client = "anvil" }}
{urls}
"""


@dataclass
class Bridge:
    """Two chains, the store, and the processes over it."""

    network: NetworkConfig
    workspace: Workspace
    url: str
    operator: Operator
    postgres: PostgresServer
    relayers: list[subprocess.Popen[str]] = field(default_factory=list)
    attestors: list[subprocess.Popen[str]] = field(default_factory=list)
    sent: int = 1  # by `populate`
    log: Path = Path()

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "paripassu.cli.app", *words]
        with self.log.open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                env=self.operator.environment | environment,
            )

    def store(self) -> Store:
        return Store.open(self.url)

    async def send(self, session: Session, number: int) -> None:
        """Movements of one unit both ways, without asking the destination first."""
        alpha, bravo = session.ledger("alpha"), session.ledger("bravo")
        for source, target, holder in ((alpha, bravo, HOLDERS[0]), (bravo, alpha, HOLDERS[1])):
            signer = session.signer(f"dev:{holder}")
            command = Move(signer.address, target.id, signer.address, Units(1))
            for _ in range(number):
                self.sent += 1
                await source.submit(command, signer, f"move:{self.sent}")

    async def arrived(self, session: Session) -> dict[Lane, list[int]]:
        """Nonces that each chain says it executed, in final blocks, by lane."""
        found: dict[Lane, list[int]] = {}
        for ledger in session.ledgers.values():
            for item in await ledger.deliveries(0, (await ledger.final()).height):
                assert item.status is DeliveryStatus.EXECUTED
                found.setdefault(item.lane, []).append(item.nonce)
        return found

    async def await_all(self, session: Session, seconds: float) -> None:
        """Wait until every message sent was executed, and no message waits; each exactly once, in order."""
        deadline = time.monotonic() + seconds
        while True:
            self.check_processes()
            taken = await self.arrived(session)
            if sum(map(len, taken.values())) == self.sent:
                break
            assert time.monotonic() < deadline, f"{self.sent} sent, arrived {taken}\n{self.tail()}"
            await asyncio.sleep(0.3)
        for lane, nonces in taken.items():
            (count,) = await session.ledgers[lane.source].sent_counts(
                [lane], (await session.ledgers[lane.source].final()).height
            )
            assert nonces == list(range(1, count + 1))
        with self.store() as store:
            while pending := self.pending(store):
                assert time.monotonic() < deadline, f"still {pending}\n{self.tail()}"
                await asyncio.sleep(0.3)
            with store.read() as connection:
                audit.verify(connection)

    def pending(self, store: Store) -> dict[str, int]:
        with store.read() as connection:
            states = Counter(connection.execute(select(message.c.state)).scalars())
        assert states.total() <= self.sent
        ended = states.pop("FINALISED", 0) + states.pop("ACKED", 0)
        return dict(states) if states else ({"UNKNOWN": self.sent - ended} if ended < self.sent else {})

    def run_out(self, store: Store, pid: int) -> set[str]:
        """Let so much time pass, for what a process holds, that it was not renewed in time; its tenures."""
        with store.write() as connection:
            (one,) = connection.execute(select(relayer.c.id).where(relayer.c.pid == pid)).scalars()
            held = select(claim.c.token).where(claim.c.holder == one)
            tenures = set(connection.execute(held).scalars())
            for table, column in ((relayer, relayer.c.id), (claim, claim.c.holder)):
                late = {"expires": table.c.expires - CLAIM_SECONDS}
                connection.execute(update(table).where(column == one).values(**late))
        return tenures

    def sent_by(self, address: str) -> int:
        """Transactions that were stored of a key."""
        with self.store() as store, store.read() as connection:
            found = connection.execute(select(submission.c.id).where(submission.c.sender == address))
            return len(found.all())

    def working(self) -> list[subprocess.Popen[str]]:
        """Relayers that own the nonces of a chain."""
        with self.store() as store, store.read() as connection:
            query = select(relayer.c.pid).join(claim, claim.c.holder == relayer.c.id)
            pids = set(connection.execute(query.where(claim.c.kind == NONCES)).scalars())
        return [process for process in self.relayers if process.pid in pids]

    async def await_shared(self, seconds: float = PATIENCE) -> None:
        """Have two relayers, of which each owns the nonces of one chain."""
        while len(self.relayers) < 2:
            self.relayers.append(self.start("relay"))
        deadline = time.monotonic() + seconds
        while len(self.working()) < 2:
            assert time.monotonic() < deadline, f"not shared\n{self.tail()}"
            await asyncio.sleep(0.2)

    def check_processes(self) -> None:
        for process in self.relayers + self.attestors:
            assert process.poll() is None, f"a process ended by itself\n{self.tail()}"

    def tail(self) -> str:
        return "\n".join(self.log.read_text("utf-8").splitlines()[-60:])

    def wasted(self) -> int:
        """Transactions of the relayers that came to nothing."""
        with self.store() as store, store.read() as connection:
            found = connection.execute(select(submission.c.reference, submission.c.status)).all()
        ours = [row.status for row in found if row.reference.startswith(("deliver:", "acknowledge:"))]
        return sum(status in ("REFUSED", "DEAD") for status in ours)


def network_text(urls: dict[str, str]) -> str:
    given = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    ledgers = "".join(
        LEDGER.format(name=name, id=id, urls=f'rpcUrls = ["{urls[name]}"]' if urls else "")
        for name, id in (("alpha", 31001), ("bravo", 31002))
    )
    return NETWORK.format(examples=EXAMPLES) + ledgers + given[given.index("[attestors]") :]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Bridge]:
    folder = tmp_path_factory.mktemp("many")
    path, url = folder / "network.toml", postgres.database()
    environment = {"PARI_STORE_URL": url}
    path.write_text(network_text({}), "utf-8")
    specs = local.node_specs(load_network(path, environment), automine=True)
    with running_nodes(specs) as nodes, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARI_STORE_URL", url)
        patch.delenv(STORE_VARIABLE, raising=False)
        urls = {name: node.url for name, node in nodes.items()}
        path.write_text(network_text(urls), "utf-8")
        network = load_network(path)
        workspace = Workspace(folder / "pari").ensure()
        local.prepare(network, workspace, urls)
        heartbeat = Heartbeat(list(urls.values()))
        heartbeat.start()
        try:
            asyncio.run(deploy.apply(network, workspace))
            asyncio.run(populate(network, workspace, urls))
            operator = Operator(workspace.root, network=path)
            opened = Bridge(network, workspace, url, operator, postgres, log=folder / "log")
            opened.attestors = [opened.start("attest", "--as", name) for name in ATTESTORS]
            opened.relayers = [opened.start("relay") for _ in range(2)]
            try:
                yield opened
            finally:
                operator.end()
                for process in opened.relayers + opened.attestors:
                    process.wait(10)
        finally:
            heartbeat.stop()


async def populate(network: NetworkConfig, workspace: Workspace, urls: dict[str, str]) -> None:
    """Register both holders on both chains, issue to both, and put what one of them has on the other."""
    async with session_of(network, workspace) as session:
        local.give_coin(urls.values(), [session.signer(f"dev:{name}").address for name in HOLDERS])
        alpha, bravo = session.ledger("alpha"), session.ledger("bravo")
        for holder in HOLDERS:
            signer = session.signer(f"dev:{holder}")
            command = Onboard(signer.address, commitment(holder.encode()), "FR", 1, 0)
            for ledger in (alpha, bravo):
                proven = await movements.proven(ledger, command, signer)
                await movements.onboard(ledger, [proven], session.role("registrar"))
            agent = session.role("transfer_agent")
            await movements.issue(alpha, signer.address, Units(10_000), agent, f"populate {holder}")
        move = Move(signer.address, bravo.id, signer.address, Units(10_000))
        await alpha.execute(move, signer, "populate")
    await drain_network(network.path, urls, workspace.root)


async def test_mov_3_two_relayers_on_postgresql_one_killed_every_few_seconds(bridge: Bridge) -> None:
    """Killed is one that has work; the next one only once two or three seconds are over and one has work."""
    chance, kills = random.Random(2027), 0
    await bridge.await_shared()
    async with session_of(bridge.network, bridge.workspace) as session:
        began = time.monotonic()
        next_kill = began + 2
        while kills < 7 or time.monotonic() < began + 20:
            assert time.monotonic() < began + 150, f"{kills} kills\n{bridge.tail()}"
            await bridge.send(session, 2)
            await asyncio.sleep(0.4)
            working = bridge.working()
            if time.monotonic() > next_kill and working:
                kills += 1
                doomed = chance.choice(working)
                doomed.send_signal(signal.SIGKILL)
                doomed.wait()
                bridge.relayers[bridge.relayers.index(doomed)] = bridge.start("relay")
                next_kill = time.monotonic() + chance.uniform(2, 3)
        await bridge.await_all(session, PATIENCE)
        await bridge.await_shared()
    assert bridge.sent > 60
    assert bridge.wasted() <= kills
    with bridge.store() as store, store.read() as connection:
        taken = [json.loads(entry.detail)["from"] for entry in audit.entries(connection, "claims.taken")]
    assert len({one for holders in taken for one in holders}) >= kills - 1  # each had work, the last may not


async def test_fault_postgresql_restarts_under_load_and_every_process_goes_on(bridge: Bridge) -> None:
    await bridge.await_shared()
    before = [process.pid for process in bridge.relayers + bridge.attestors]
    async with session_of(bridge.network, bridge.workspace) as session:
        await bridge.send(session, 5)
        await asyncio.sleep(0.5)
        bridge.postgres.crash()
        await asyncio.sleep(2)
        bridge.check_processes()
        bridge.postgres.start()
    async with session_of(bridge.network, bridge.workspace) as session:
        await bridge.send(session, 5)
        await bridge.await_all(session, PATIENCE)
    assert before == [process.pid for process in bridge.relayers + bridge.attestors]


async def test_mov_3_fault_a_paused_relayer_wakes_after_its_claims_ran_out_and_does_nothing(
    bridge: Bridge,
) -> None:
    await bridge.await_shared()
    wasted = bridge.wasted()
    async with session_of(bridge.network, bridge.workspace) as session:
        await bridge.send(session, 2)
        sleeper = bridge.relayers[0]
        sleeper.send_signal(signal.SIGSTOP)
        try:
            with bridge.store() as store:
                tenures = bridge.run_out(store, sleeper.pid)
            await bridge.send(session, 3)
            await bridge.await_all(session, PATIENCE)  # carried by the other one alone
        finally:
            sleeper.send_signal(signal.SIGCONT)
        await bridge.await_shared()  # it has a share again, in tenures of their own
        await bridge.send(session, 3)
        await bridge.await_all(session, PATIENCE)
    assert bridge.wasted() == wasted
    with bridge.store() as store, store.read() as connection:
        now = set(connection.execute(select(claim.c.token)).scalars())
    assert tenures
    assert not tenures & now


async def test_mov_3_a_relayer_of_another_key_shares_the_lanes_and_is_killed_with_them(
    bridge: Bridge,
) -> None:
    """Killed while it delivers, and never started again: what it had sent is sent by others, or anew."""
    await bridge.await_shared()
    async with session_of(bridge.network, bridge.workspace) as session:
        other = session.signer("dev:relayer_two")
        urls = [ledger.rpc_urls[0] for ledger in bridge.network.ledgers.values()]
        local.give_coin(urls, [other.address])
        guest = bridge.start("relay", PARI_RELAYER="dev:relayer_two")
        deadline = time.monotonic() + PATIENCE
        while not bridge.sent_by(other.address):
            assert time.monotonic() < deadline, bridge.tail()
            assert guest.poll() is None, bridge.tail()
            await bridge.send(session, 1)
            await asyncio.sleep(0.4)
        guest.send_signal(signal.SIGKILL)
        guest.wait()
        await bridge.send(session, 2)
        await bridge.await_all(session, PATIENCE)


async def test_a_relayer_that_is_asked_to_end_gives_back_what_it_holds(bridge: Bridge) -> None:
    await bridge.await_shared()
    leaver = bridge.relayers.pop()
    leaver.terminate()
    assert leaver.wait(PATIENCE) == 0
    with bridge.store() as store, store.read() as connection:
        pids = set(connection.execute(select(relayer.c.pid)).scalars())
        assert leaver.pid not in pids
    async with session_of(bridge.network, bridge.workspace) as session:
        await bridge.send(session, 2)
        await bridge.await_all(session, PATIENCE)


async def test_scheduled_work_mends_what_is_missing_and_proves_the_books(bridge: Bridge) -> None:
    """No relayer runs meanwhile: what is mended was mended by the schedule."""
    await bridge.await_shared()
    async with session_of(bridge.network, bridge.workspace) as session:
        await bridge.send(session, 4)
        await bridge.await_all(session, PATIENCE)
    for process in bridge.relayers:
        process.terminate()
        assert process.wait(PATIENCE) == 0
    bridge.relayers.clear()
    with bridge.store() as store, store.write() as connection:
        lost = delete(message).where(message.c.nonce.in_((3, 4)))
        assert connection.execute(lost).rowcount == 4  # of two lanes
    ran = await asyncio.to_thread(bridge.operator.run, "work", "--once")
    assert (ran.status, ran.out) == (0, ""), ran.err
    lines = [line for line in map(json.loads, ran.err.splitlines()) if "found" in line]
    assert {line["task"] for line in lines} == {"derive-pending", "verify-audit", "prove-invariants"}
    # the same task may run twice: what was due by the clock while no worker ran is caught up with
    assert "mended what was missing of alpha, bravo" in {line["found"] for line in lines}
    with bridge.store() as store:
        assert bridge.pending(store) == {}
        with store.write() as connection:
            connection.execute(update(audit_table).where(audit_table.c.seq == 2).values(subject="another"))
    ran = await asyncio.to_thread(bridge.operator.run, "work", "--once")
    assert ran.status == 1
    assert "verify-audit: PP-STO-004" in ran.out


async def test_scheduled_work_goes_on_until_it_is_asked_to_end_and_needs_postgresql(bridge: Bridge) -> None:
    workers = [bridge.start("work") for _ in range(2)]
    with bridge.store() as store:
        deadline = time.monotonic() + PATIENCE
        while True:
            with store.read() as connection:
                known = connection.execute(text("SELECT to_regclass(:name)"), {"name": WORKERS}).scalar()
                if known and connection.execute(text(f"SELECT count(*) FROM {WORKERS}")).scalar() == 2:
                    break
            assert time.monotonic() < deadline, bridge.tail()
            await asyncio.sleep(0.2)
    for worker in workers:
        assert worker.poll() is None, bridge.tail()
        worker.terminate()
    for worker in workers:
        assert worker.wait(PATIENCE) == 0, bridge.tail()
    file = {STORE_VARIABLE: str(bridge.log.parent / "file.db")}
    ran = await asyncio.to_thread(bridge.operator.run, "work", "--once", environment=file)
    assert ran.status == 1
    assert "PP-STO-005" in ran.err
