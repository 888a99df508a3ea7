"""The main job by hand, stage by stage: two chains and a book-entry ledger, `pari` as a process.

Each stage is a fixture that runs its commands once in the session and keeps what they printed;
a test asks for the stage that it is about. Tests of bad input run on the network as `entitled`
leaves it: everything is announced and struck, and the payer has no cash yet.
"""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from paripassu.examples import example
from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Ran, Stage, await_that, rows_in

EVENT = example("2027-03-dividend.toml")
BREAKDOWN = example("custody/custodian-de-breakdown.toml")
ISSUED = 1_000_000


def on_alpha(holder: str) -> str:
    return f"eip155:31001:{dev_address(holder)}"


def on_bravo(holder: str) -> str:
    return f"eip155:31002:{dev_address(holder)}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def kill(process: subprocess.Popen[str]) -> int:
    """Kill -9, unless it ended by itself before; its exit status."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operator, Future[Ran]]]:
    """`pari demo --json`, under way in a workspace of its own."""
    operator = Operator(tmp_path_factory.mktemp("demo") / "ws")
    words = ("demo", "--json", "--workspace", str(operator.workspace))
    try:
        with ThreadPoolExecutor(1) as pool:
            yield operator, pool.submit(operator.run, *words, patience=600)
    finally:
        operator.end()


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    operator = Operator(tmp_path_factory.mktemp("by-hand") / "ws", network=example("two-chains.toml"))
    try:
        yield operator
    finally:
        operator.end()


@pytest.fixture(scope="session")
def started(operator: Operator, request: pytest.FixtureRequest) -> Stage:
    if any(item.path.name == "test_demo.py" for item in request.session.items):
        request.getfixturevalue("demo")  # it mostly waits for blocks, and does so beside what follows
    stage = Stage(operator)
    stage.ok("up", "up", "--json")
    stage.ok("up again", "up", "--json")
    return stage


@pytest.fixture(scope="session")
def deployed(started: Stage) -> Stage:
    """Apply is killed while it works, twice at random, and run to its end then."""
    operator = started.operator
    stage = Stage(operator)
    stage.run("plan before", "deploy", "plan", "--json")
    journal = operator.workspace / "deployments" / "local" / "journal.jsonl"
    chance = random.Random(2027)
    length = 0
    for number in range(2):
        length += chance.randint(2, 18)
        process = operator.start("deploy", "apply")

        def reached(target: int = length, running: subprocess.Popen[str] = process) -> bool:
            return running.poll() is not None or (
                journal.exists() and journal.read_text("utf-8").count("\n") >= target
            )

        await_that(reached)
        stage.ran[f"killed {number}"] = Ran("pari deploy apply", kill(process), "", "")
        length = journal.read_text("utf-8").count("\n")
    stage.run("apply", "deploy", "apply", "--json")
    stage.ran["journal"] = Ran("journal.jsonl", 0, journal.read_text("utf-8"), "")
    stage.side_by_side(
        [("plan after", "deploy", "plan"), ("check", "deploy", "check")],
        [("apply again", "deploy", "apply", "--json"), ("up after", "up", "--json")],
    )
    return stage


@pytest.fixture(scope="session")
def held(deployed: Stage) -> Stage:
    """Holders on three ledgers; the relayer is killed twice while it carries their units."""
    stage = Stage(deployed.operator)
    fr, de, custodian = dev_address("holder_fr"), dev_address("holder_de"), dev_address("custodian_de")
    onboard = ("holder", "onboard")

    def key(name: str) -> tuple[str, str]:
        return "--signer", f"dev:{name}"

    pension_fund = (fr, "FR-PENSION-FUND-1", "FR", "--investor-class", "2", *key("holder_fr"))
    stage.side_by_side(
        [
            ("fr", *onboard, "alpha", *pension_fund),
            ("fr again", *onboard, "alpha", *pension_fund),
            (
                "custodian",
                *onboard,
                "alpha",
                custodian,
                "529900CUSTODIANDE010",
                "DE",
                "--servicer",
                custodian,
                *key("custodian_de"),
            ),
            ("issue", "security", "issue", fr, str(ISSUED), "first"),
            ("issue again", "security", "issue", fr, str(ISSUED), "first"),
        ],
        [
            ("fr on bravo", *onboard, "bravo", *pension_fund),
            ("de on bravo", *onboard, "bravo", de, "DE-INSURER-1", "DE", *key("holder_de")),
            ("lu on register", *onboard, "register", "holder_lu", "LU-FUND-1", "LU"),
        ],
    )

    def move(name: str, target: str, units: int) -> None:
        words = (on_alpha("holder_fr"), target, str(units), "dev:holder_fr", name)
        stage.ok(name, "security", "move", *words)

    move("within", on_alpha("custodian_de"), 250_000)
    move("to bravo", on_bravo("holder_fr"), 150_001)
    move("to bravo", on_bravo("holder_fr"), 150_001)  # the same reference: moved once
    move("to register", "book:register:holder_lu", 120_001)
    positions = ("security", "positions", "--json")
    # they are those of an instant that is final everywhere, and the last movement may be later
    await_that(lambda: "holder_lu" in stage.ok("positions before", *positions).out)
    store = stage.operator.workspace / "bridge.db"
    for table in ("signature", "delivery"):
        process = stage.operator.start("relay", "--with-attestors", "--drain")
        before = rows_in(store, table)
        await_that(lambda t=table, b=before, p=process: p.poll() is not None or rows_in(store, t) > b)
        stage.ran[f"relay killed at {table}"] = Ran("pari relay", kill(process), "", "")
    stage.ok("relay", "relay", "--with-attestors", "--drain")
    await_that(lambda: "in transit" not in stage.ok("positions", *positions).out)
    stage.ok("holders", "holder", "list", "--json")
    return stage


@pytest.fixture(scope="session")
def announced(held: Stage) -> Stage:
    """The record is carried by two attestors and a relayer that are processes of their own."""
    stage = Stage(held.operator)
    stage.ok("validate", "event", "validate", str(EVENT), "--json")
    stage.ok("announce", "event", "announce", str(EVENT))
    stage.ok("announce again", "event", "announce", str(EVENT))
    stage.ok("known at home", "event", "show", str(EVENT), "--json")
    parties = {
        "attestor_csd": stage.operator.start("attest", "--as", "attestor_csd"),
        "attestor_auditor": stage.operator.start("attest", "--as", "attestor_auditor"),
        "relayer": stage.operator.start("relay"),
    }

    def arrived() -> bool:
        assert all(process.poll() is None for process in parties.values())
        return stage.ok("show", "event", "show", str(EVENT), "--json").out.count("not known") == 0

    await_that(arrived, 120)
    for name, process in parties.items():
        process.terminate()
        out, err = process.communicate(timeout=60)
        stage.ran[name] = Ran(name, process.returncode, out, err)
    return stage


@pytest.fixture(scope="session")
def entitled(announced: Stage) -> Stage:
    """Record time is past, one movement was in transit across it; the table is published everywhere."""
    stage = Stage(announced.operator)
    stage.run("too early", "event", "entitle", str(EVENT))
    stage.ok("travel", "time", "travel", "2027-03-05T22:45:00Z")
    stage.ok("breakdown", "holder", "breakdown", str(BREAKDOWN))
    words = (on_alpha("holder_fr"), on_bravo("holder_de"), "12345", "dev:holder_fr", "over record time")
    stage.ok("in transit", "security", "move", *words)
    stage.ok("past record time", "time", "travel", "2027-03-05T23:00:30Z")
    stage.ok("relay", "relay", "--with-attestors", "--drain")
    entitle = ("event", "entitle", str(EVENT), "--breakdown", str(BREAKDOWN), "--json")
    stage.ok("entitle", *entitle)
    stage.ok("entitle again", *entitle)
    stage.ok("relay root", "relay", "--with-attestors", "--drain")
    stage.ok("show", "event", "show", str(EVENT), "--json")
    return stage


@pytest.fixture(scope="session")
def watched(paid: Stage) -> Stage:
    """One look of the watcher, and one that runs until it is asked to end, whose metrics are fetched."""
    stage = Stage(paid.operator)
    stage.run("watch", "watch", "--once", "--json")
    port = free_port()
    process = stage.operator.start("watch", "--every", "0.2", "--metrics", str(port))

    def fetched() -> bool:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode("utf-8")
        except OSError:
            return False
        stage.ran["metrics"] = Ran("metrics", 0, text, "")
        return "pari_supply_units{" in text

    await_that(fetched)
    stage.run("port taken", "watch", "--metrics", str(port))
    process.terminate()
    out, err = process.communicate(timeout=60)
    stage.ran["watcher"] = Ran("pari watch", process.returncode, out, err)
    return stage


@pytest.fixture(scope="session")
def halted(paid: Stage) -> Stage:
    """The relayer meets another block on bravo than it had seen as final; the operator looks, and resumes."""
    stage = Stage(paid.operator)
    with sqlite3.connect(stage.operator.workspace / "bridge.db", timeout=10) as store:
        seen = "update cursor set hash = ? where observer = 'relayer' and ledger = 'eip155:31002'"
        assert store.execute(seen, ("0x" + "11" * 32,)).rowcount == 1
    store.close()
    stage.run("relay", "relay", "--drain")
    stage.run("status", "status")
    resume = ("lane", "resume", "bravo", "--reason", "the node was replaced", "--json")
    stage.ok("resume", *resume)
    stage.run("resume again", *resume)
    stage.ok("status after", "status")
    stage.ok("relay after", "relay", "--with-attestors", "--drain")
    return stage


@pytest.fixture(scope="session")
def paid(entitled: Stage) -> Stage:
    stage = Stage(entitled.operator)
    with_breakdown = (str(EVENT), "--breakdown", str(BREAKDOWN))
    stage.ok("fund", "event", "fund", *with_breakdown)
    stage.run("pay too early", "event", "pay", *with_breakdown)
    stage.ok("payment date", "time", "travel", "2027-03-08T08:00:00Z")
    stage.ok("fund again", "event", "fund", *with_breakdown)
    stage.ok("pay", "event", "pay", *with_breakdown, "--json")
    stage.ok("pay again", "event", "pay", *with_breakdown, "--json")
    stage.side_by_side(
        [("reconcile", "reconcile", "--event", *with_breakdown, "--json")],
        [("show", "event", "show", str(EVENT), "--json"), ("messages", "message", "list", "--json")],
    )
    return stage
