"""An operator looks after a bridge by hand: live status, what waits and why, one message, a lost store.

A chain and a book; the stage runs its commands once, and tests read what was printed.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Ran, Stage, await_that, operating, rows_in
from paripassu.testing.files import two_chains

FR = dev_address("holder_fr")
LANE = "eip155:31001>book:register/MOVEMENT"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with operating(two_chains(tmp_path_factory.mktemp("upkeep"), without="bravo")) as operator:
        yield operator


@pytest.fixture(scope="module")
def waiting(operator: Operator) -> Stage:
    """Two movements that the bridge knows and nobody has carried."""
    stage = Stage(operator)
    key = ("--signer", "dev:holder_fr")
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    onboard = ("holder", "onboard")
    stage.side_by_side(
        [("fr", *onboard, "alpha", FR, "FR-FUND-1", "FR", *key)],
        [("lu", *onboard, "register", "holder_lu", "LU-FUND-1", "LU")],
    )
    stage.ok("issue", "security", "issue", FR, "100", "first")
    ends = ("--from", f"eip155:31001:{FR}", "--to", "book:register:holder_lu")
    for units in (1, 2):
        words = ("security", "move", *ends, "--units", str(units), "--reference", f"M-{units}", *key)
        stage.ok(f"move {units}", *words)
    stage.ok("other lane", "relay", "--lane", "register:alpha:movement", "--drain")
    stage.ok("waiting", "message", "list", "--waiting", "--json")
    return stage


@pytest.fixture(scope="module")
def carried(waiting: Stage) -> Stage:
    """The first of them is relayed, then both; the second is asked for before and after."""
    stage = Stage(waiting.operator)
    first, second = ids(waiting)
    stage.ok("only", "relay", "--only", first, "--with-attestors")
    stage.ok("replay", "message", "replay", second, "--json")
    stage.ok("relay", "relay", "--with-attestors", "--drain")
    stage.ok("replay again", "message", "replay", second[:12])
    stage.ok("status", "status", "--json")
    relayer = stage.operator.start("relay")
    store = stage.operator.workspace / "bridge.db"
    await_that(lambda: rows_in(store, "heartbeat", "task like 'relayer.deliver%'") == 2)
    watching = stage.operator.start("status", "--live", "--every", "0.2")
    lines: list[str] = []
    while watching.stdout and len(lines) < 200 and sum(line.count(f"lane {LANE} ") for line in lines) < 2:
        lines.append(watching.stdout.readline())
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=30)
    stage.ran["live"] = Ran("pari status --live", watching.returncode, "".join(lines) + out, err)
    stage.run("rebuild under a relayer", "relay", "rebuild")
    relayer.terminate()
    out, err = relayer.communicate(timeout=60)
    stage.ran["relayer"] = Ran("pari relay", relayer.returncode, out, err)
    return stage


@pytest.fixture(scope="module")
def rebuilt(carried: Stage, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The store is rebuilt beside itself, then lost and rebuilt from an exported log."""
    stage = Stage(carried.operator)
    log = tmp_path_factory.mktemp("log") / "audit.jsonl"
    stage.ok("before", "message", "list", "--json")
    stage.ok("export", "audit", "export", str(log))
    stage.ok("rebuild", "relay", "rebuild", "--json")
    (stage.operator.workspace / "bridge.db").unlink()
    stage.ok("from file", "relay", "rebuild", "--log", str(log))
    stage.ok("after", "message", "list", "--json")
    stage.ok("without log", "relay", "rebuild", "--without-log")
    return stage


def ids(stage: Stage) -> list[str]:
    return [row["id"] for row in sorted(stage.rows("waiting", "messages"), key=lambda row: row["nonce"])]


def test_what_waits_is_listed_with_the_next_command(waiting: Stage) -> None:
    rows = waiting.rows("waiting", "messages")
    assert [row["state"] for row in rows] == ["FINAL"] * 2, (
        "lanes that are not named are read, and left alone"
    )
    assert {row["next"] for row in rows} == {f"pari relay --only {row['id'][:18]}" for row in rows}
    assert {row["what"] for row in rows} == {"It waits for a relayer to propose it."}


def test_relaying_one_message_leaves_what_comes_after_it(waiting: Stage, carried: Stage) -> None:
    assert f"message {ids(waiting)[0]} is FINALISED" in carried["only"].out
    left = carried["replay"].json
    assert (left["id"], left["state"]) == (ids(waiting)[1], "FINAL")
    assert left["asked"] is True, "it waits, and may be tried at once"


def test_replaying_what_was_executed_asks_for_nothing(carried: Stage) -> None:
    assert "is FINALISED: nothing is left to be delivered" in carried["replay again"].out


def test_ops_1_status_shows_lanes_as_their_ledgers_count_them(carried: Stage) -> None:
    shown = carried["status"].json
    (lane,) = [one for one in shown["lanes"] if one["purpose"] == "MOVEMENT"]
    assert (lane["sent"], lane["executed"], lane["lag"], lane["oldestSeconds"]) == (2, 2, 0, None)
    assert (lane["states"], lane["stopped"]) == ({"FINALISED": 2}, False)
    alpha, register = shown["ledgers"]
    assert alpha["deliveriesLeft"] > 1_000
    assert register["deliveriesLeft"] is None, "it takes no fees"
    assert shown["tasks"] == [], "the bridge ended by itself"


def test_ops_1_live_status_goes_on_until_it_is_interrupted_and_shows_every_task(carried: Stage) -> None:
    live = carried["live"]
    assert live.status == 0, str(live)
    assert live.err == ""
    lines = live.out.splitlines()
    assert sum(f"lane {LANE} sent=2 executed=2 lag=0" in line for line in lines) >= 2
    assert any("ledger alpha head=" in line and "state=ok" in line for line in lines)
    assert any("task relayer.deliver.alpha process=" in line and "silent_s=" in line for line in lines)


def test_rec_2_nothing_is_rebuilt_while_a_relayer_lives(carried: Stage) -> None:
    refused = carried["rebuild under a relayer"]
    assert refused.status == 1
    assert "error PP-STO-024" in refused.err
    assert carried["relayer"].status == 0, str(carried["relayer"])


def test_rec_2_the_rebuilt_store_has_the_digest_of_the_live_one_which_is_kept(rebuilt: Stage) -> None:
    report = rebuilt["rebuild"].json
    assert report["schema"] == "paripassu.rebuild/1"
    assert report["equal"] is True
    assert report["differences"] == report["notKnown"] == report["notUnderstood"] == []
    assert report["states"] == {"FINALISED": 2}
    assert Path(report["kept"]).exists()


def test_rec_2_a_lost_store_comes_back_from_the_exported_log(rebuilt: Stage) -> None:
    assert rebuilt["after"].json == rebuilt["before"].json


def test_rec_2_without_the_log_it_is_said_what_is_not_known_any_more(rebuilt: Stage) -> None:
    assert "not known any more: which attestors signed which batch" in rebuilt["without log"].out
    assert "2 FINALISED" in rebuilt["without log"].out
