"""A chain stands still and cannot be reached during an event, and comes back (REC-3): nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from paripassu.bridge.node import run_bridge
from paripassu.bridge.queries import list_messages
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.cli.app import main
from paripassu.commands import Move
from paripassu.config import load_event, load_network
from paripassu.devnet import running_nodes
from paripassu.devnet.network import DevnetRecord, save
from paripassu.errors import LedgerLost, TableUnreadable
from paripassu.events import LedgerLoss
from paripassu.jobs import controlling, local, paying
from paripassu.jobs.bridging import seat_of
from paripassu.jobs.entitling import Struck
from paripassu.jobs.eventbook import read_table, write_table
from paripassu.ledgers.port import Payment
from paripassu.quantities import Units
from paripassu.testing.files import two_chains
from paripassu.testing.gate import Gate
from paripassu.testing.network import LocalNetwork
from paripassu.workspace import Workspace

SETTINGS = BridgeSettings(poll=0.05, idle_poll=0.2, ack_quiet=0.5)
HOLDER = "holder_fr"


@dataclass
class Losable:
    """Two chains and a book; bravo can be lost, and holds still meanwhile."""

    pari: LocalNetwork
    gate: Gate
    pid: int

    @contextmanager
    def bravo_lost(self) -> Iterator[None]:
        os.kill(self.pid, signal.SIGSTOP)
        self.gate.shut()
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)
            self.gate.open()

    def pay(self, struck: Struck, policy: LedgerLoss) -> dict[str, tuple[Payment, ...]]:
        """What `pari event pay` does, with the table that was kept when positions were struck."""

        async def job() -> dict[str, tuple[Payment, ...]]:
            session, event = self.pari.session, struck.event
            there, lost = await paying.reachable(session.ledgers)
            paying.require_all(event, policy, lost)
            table = read_table(session.workspace, event.official_event_id)
            paid = await paying.pay(there, event, table, session.role("paying_agent"))
            return {session.ledgers[id].name: payments for id, payments in paid.items()}

        return self.pari.run(job())

    def bridged(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something while relayer and attestors run."""

        async def job() -> None:
            session, stop = self.pari.session, asyncio.Event()
            async with AsyncExitStack() as stack:
                place = (session.network, session.workspace, session.store)
                relayer = await seat_of(*place, "relayer", stack)
                names = [member.name for member in session.network.attestors.members]
                seats = [await seat_of(*place, name, stack) for name in names]
                bridge = asyncio.create_task(
                    run_bridge(session.store, relayer=relayer, attestors=seats, stop=stop, settings=SETTINGS)
                )
                try:
                    await work()
                finally:
                    stop.set()
                    await bridge

        self.pari.run(job())


@pytest.fixture(scope="module")
def losable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Losable]:
    folder = tmp_path_factory.mktemp("lost")
    network = load_network(two_chains(folder))
    workspace = Workspace(folder / "ws").ensure()
    with (
        running_nodes(local.node_specs(network, automine=True)) as nodes,
        Gate(nodes["bravo"].url) as gate,
    ):
        urls = {"alpha": nodes["alpha"].url, "bravo": gate.url}
        network = network.with_rpc_urls(urls)
        local.prepare(network, workspace, urls)
        save(DevnetRecord({**nodes, "bravo": replace(nodes["bravo"], url=gate.url)}), workspace.root)
        pari = LocalNetwork(network, workspace)
        pari.open()
        try:
            pari.endow((HOLDER,), 300)
            yield Losable(pari, gate, nodes["bravo"].process.pid)
        finally:
            pari.close()


EVENT = """
schema = "paripassu.event/1"
officialEventId = "{event.official_event_id}"
isin = "{isin}"
eventType = "DVCA"
participation = "MAND"
{policy}
[dates]
announcement = {event.announcement_date}
ex = {event.ex_date}
record = {event.record_date}
payment = {event.payment_date}
[cash]
rate = "2"
currency = "EUR"
fractionDisposition = "RDDN"
"""


def event_file(losable: Losable, policy: str) -> Path:
    """A dividend with the earliest dates from today on, as a file."""
    pari = losable.pari
    path = pari.workspace.root / f"{policy or 'default'}.toml"
    if not path.exists():
        key = f'onLedgerLoss = "{policy}"' if policy else ""
        isin = pari.session.security.isin
        path.write_text(EVENT.format(event=pari.dividend("2"), isin=isin, policy=key), "utf-8")
    return path


@pytest.fixture(scope="module")
def struck(losable: Losable) -> Struck:
    """A dividend that proceeds, whose payment date has come, funded on every ledger, its table kept."""
    pari = losable.pari
    event_file(losable, "")
    event = load_event(event_file(losable, "proceed"), pari.session.security).record
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    write_table(pari.workspace, struck)
    pari.pass_payment_date(event)
    pari.fund(struck)
    return struck


def test_the_table_that_was_kept_is_the_one_that_was_struck(losable: Losable, struck: Struck) -> None:
    kept = read_table(losable.pari.workspace, struck.event.official_event_id)
    assert kept == struck.table
    with pytest.raises(TableUnreadable, match="cannot be read"):
        read_table(losable.pari.workspace, "TEST2027DVCA0099")


def test_rec_3_an_event_that_waits_pays_nobody_while_a_chain_is_lost(
    losable: Losable, struck: Struck
) -> None:
    with (
        losable.bravo_lost(),
        pytest.raises(LedgerLost, match="bravo cannot be reached") as refused,
    ):
        losable.pay(struck, LedgerLoss.WAIT)
    assert refused.value.next_command == "pari status"
    for name in ("alpha", "bravo", "register"):
        assert losable.pari.cash(HOLDER, name) == 0


def test_rec_3_an_event_that_proceeds_pays_the_others_and_the_lost_chain_once_it_is_back(
    losable: Losable, struck: Struck, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, with the policy of the file."""
    monkeypatch.setenv("PARI_NETWORK", str(losable.pari.network.path))
    monkeypatch.setenv("PARI_WORKSPACE", str(losable.pari.workspace.root))

    def pay(policy: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["event", "pay", str(event_file(losable, policy)), "--json"])
        shown = capsys.readouterr()
        return int(str(ended.value.code)), shown.out, shown.err

    with losable.bravo_lost():
        status, out, err = pay("")
        assert (status, out) == (1, "")
        assert "error PP-PAY-021" in err, "who says nothing waits"
        for _ in range(2):  # again, and nobody is paid twice
            status, out, err = pay("proceed")
            assert status == 0, err
            assert [one["ledger"] for one in json.loads(out)["payments"]] == ["alpha", "register"]
            assert "not paid on bravo now" in err
    assert losable.pari.cash(HOLDER, "bravo") == 0
    for _ in range(2):
        status, out, err = pay("proceed")
        assert (status, err) == (0, "")
        assert [one["ledger"] for one in json.loads(out)["payments"]] == ["alpha", "bravo", "register"]
    for name in ("alpha", "bravo", "register"):
        assert losable.pari.cash(HOLDER, name) == 2 * 100 * 300
    result = losable.pari.reconcile(struck)
    assert result.ok, [one for one in result.results if not one.ok]


PAIRS = (("alpha", "register"), ("alpha", "bravo"), ("bravo", "alpha"))


def arrived(pari: LocalNetwork) -> dict[tuple[str, str], int]:
    """How many messages have arrived in each of some directions, by the bridge's store."""
    done = (MessageState.FINALISED, MessageState.ACKED)
    views = [view for view in list_messages(pari.session.store) if view.state in done]
    ends = Counter((view.lane.source, view.lane.destination) for view in views)
    return {pair: ends[pari.ledger(pair[0]).id, pari.ledger(pair[1]).id] for pair in PAIRS}


async def until(pari: LocalNetwork, expected: dict[tuple[str, str], int]) -> None:
    async with asyncio.timeout(40):
        while arrived(pari) != expected:  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("started", ["before", "meanwhile"])
def test_rec_3_the_bridge_serves_the_others_while_a_chain_is_lost_and_catches_up(
    losable: Losable, started: str
) -> None:
    """A message to the lost chain, one from it, and one between the others: each arrives once."""
    pari = losable.pari
    with pari.undone():
        before = arrived(pari)
        served = {**before, ("alpha", "register"): before["alpha", "register"] + 1}
        whole = {pair: count + 1 for pair, count in before.items()}

        async def serve_and_catch_up() -> None:
            with losable.bravo_lost() if started == "before" else nullcontext():
                await send(pari, "alpha", "register", 7)
                await send(pari, "alpha", "bravo", 11)
                await until(pari, served)
                await asyncio.sleep(0.5)
                assert arrived(pari) == served
            if started == "before":
                await until(pari, whole)

        pari.move(HOLDER, "bravo", HOLDER, "alpha", 5)
        if started == "before":
            losable.bridged(serve_and_catch_up)
        else:
            with losable.bravo_lost():
                losable.bridged(serve_and_catch_up)
            pari.deliver()
        assert arrived(pari) == whole
        held = {name: int(pari.position(HOLDER, name)) for name in ("alpha", "bravo", "register")}
        assert held == {"alpha": 300 + 5 - 7 - 11, "bravo": 300 - 5 + 11, "register": 300 + 7}
        assert pari.reconcile().ok


async def send(pari: LocalNetwork, source: str, destination: str, units: int) -> None:
    """Without asking the other ledger first, which may not answer."""
    account = pari.account(HOLDER, destination)
    command = Move(pari.account(HOLDER, source).account, account.ledger, account.account, Units(units))
    await controlling.carry_out(pari.ledger(source), command, pari.signer(HOLDER))
