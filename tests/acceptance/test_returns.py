"""What never arrives, by hand: an operator caps, stops, refuses, lets movements expire (MOV-6, 9 and 13).

Two Anvil chains and a book; each stage runs its commands once, and tests read what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from paripassu.examples import example
from paripassu.identifiers import LedgerId
from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Stage

FR = dev_address("holder_fr")
ALPHA, BRAVO = LedgerId("eip155:31001"), LedgerId("eip155:31002")
KEY = ("--signer", "dev:holder_fr")
RELAY = ("relay", "--with-attestors", "--drain")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("returns-by-hand")
    operator = Operator(folder / "ws", network=example("two-chains.toml"))
    try:
        yield operator
    finally:
        operator.run("down")
        operator.end()


def move(units: int, reference: str, *more: str) -> tuple[str, ...]:
    ends = ("--from", f"{ALPHA}:{FR}", "--to", f"{BRAVO}:{FR}", "--units", str(units))
    return ("security", "move", *ends, "--reference", reference, *KEY, *more)


def parked(operator: Operator) -> str:
    """The one message that is parked."""
    messages = operator.json("message", "list", "--waiting", "--json")["messages"]
    (found,) = [one["id"] for one in messages if one["state"] == "PARKED"]
    return str(found)


@pytest.fixture(scope="module")
def done(operator: Operator) -> Stage:
    """60 units in all leave alpha for bravo, whose cap lets 10 arrive in a day."""
    stage = Stage(operator)
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    onboard = ("holder", "onboard")
    stage.side_by_side(
        [("alpha", *onboard, "alpha", FR, "FR-FUND-1", "FR", *KEY)],
        [("bravo", *onboard, "bravo", FR, "FR-FUND-1", "FR", *KEY)],
    )
    stage.ok("issue", "security", "issue", FR, "100", "first")
    stage.ok("cap", "lane", "cap", "bravo", "alpha", "10", "24", "--json")
    for units in (10, 20, 30):
        stage.ok(f"move {units}", *move(units, f"M-{units}"))
        stage.ok("relay", *RELAY)
        if units == 20:
            stage.ok("refuse", "message", "refuse", parked(operator), "--reason", "above the cap")
            stage.ok("relay", *RELAY)
    above = parked(operator)
    proposed = operator.json("act", "propose", "arrival", above, "--reason", "agreed", "--json")
    stage.ok("approve", "act", "approve", proposed["id"], "--role", "csd")
    stage.ok("execute", "act", "execute", proposed["id"])
    stage.ok("retry", "message", "retry", above)
    stage.ok("relay", *RELAY)
    stage.ok("stop", "lane", "stop", "bravo", "alpha", "--reason", "drift of 5")
    stage.ok("late", *move(40, "M-40", "--expires", "10m"))
    stage.run("relay stopped", *RELAY)
    stage.ok("stopped", "lane", "show", "bravo", "--json")
    stage.ok("for people", "lane", "show", "bravo")
    stage.ok("start", "lane", "start", "bravo", "alpha", "--reason", "explained", "--json")
    later = max(one["finalTime"] for one in operator.json("status", "--json")["ledgers"]) + 3_600
    stage.ok("travel", "time", "travel", str(later))
    stage.ok("relay", *RELAY)
    stage.ok("messages", "message", "list", "--json")
    stage.ok("positions", "security", "positions", "--json")
    stage.ok("lanes", "lane", "show", "alpha", "--json")
    stage.run("reconcile", "reconcile")
    stage.run("within", *within())
    prove(stage)
    return stage


def prove(stage: Stage) -> None:
    """The proof of what came back, checked with the ledgers, without them, and with one figure changed."""
    messages = stage["messages"].json["messages"]
    (back,) = [one["id"] for one in messages if one["nonce"] == 2 and one["purpose"] == "MOVEMENT"]
    file = stage.operator.workspace.parent / "proof.json"
    stage.ok("proof", "message", "proof", back[:20], "--out", str(file))
    stage.ok("verify", "message", "verify", str(file))
    stage.ok("verify offline", "message", "verify", str(file), "--offline", "--json")
    text = file.read_text("utf-8")
    assert '"logIndex": ' in text
    file.write_text(text.replace('"logIndex": ', '"logIndex": 1', 1), "utf-8")
    stage.run("tampered", "message", "verify", str(file), "--offline")
    stage.run("no proof", "message", "verify", str(file.with_name("none.json")))
    why = ("--reason", "vesting")
    stage.ok(
        "lock", "security", "lock", f"alpha:{FR}", "30", "2040-01-01T00:00:00Z", "--reference", "L-1", *why
    )
    stage.run("too many", *move(40, "M-L1", "--locked", "31"))
    stage.ok("locked", *move(40, "M-L2", "--locked", "20"))
    stage.ok("lots", "security", "lots", f"bravo:{FR}", "--json")
    stage.ok("lots for people", "security", "lots")


def within() -> tuple[str, ...]:
    ends = ("--from", f"{ALPHA}:{FR}", "--to", f"{ALPHA}:{FR}", "--units", "1")
    return ("security", "move", *ends, "--reference", "W", *KEY, "--expires", "2h")


def lane(shown: dict[str, Any], peer: str) -> dict[str, Any]:
    (found,) = [one for one in shown["lanes"] if one["peer"] == peer and one["purpose"] == "movement"]
    return dict(found)


def test_mov_6_what_was_refused_or_expired_is_back_and_what_was_approved_has_arrived(done: Stage) -> None:
    states = {one["nonce"]: one["state"] for one in done["messages"].json["messages"]}
    assert states == {1: "ACKED", 2: "REFUNDED", 3: "ACKED", 4: "REFUNDED"}
    held = {(one["where"], one["units"]) for one in done["positions"].json["positions"]}
    assert held == {("alpha", 60), ("bravo", 40)}
    assert "comes back unless it has arrived by 20" in done["late"].out
    assert "next: pari relay" in done["refuse"].out
    assert "reason on record: above the cap" in done["refuse"].out


def test_mov_9_a_stopped_lane_is_named_and_nothing_moves_in_it(done: Stage) -> None:
    stopped = done["relay stopped"]
    assert stopped.status == 1
    assert "error PP-BRG-013: All has arrived but what is in stopped lanes" in stopped.err
    assert lane(done["stopped"].json, "alpha")["stopped"] is True
    assert lane(done["stopped"].json, "register")["stopped"] is False
    assert "stopped" in done["for people"].out


def test_mov_13_the_cap_and_what_has_arrived_are_shown(done: Stage) -> None:
    cap = lane(done["stopped"].json, "alpha")["cap"]
    assert (cap["units"], cap["window"], cap["arrived"]) == (10, 86_400, 10)
    assert "10 of 10 in 24 h" in done["for people"].out


def test_mov_3_the_source_knows_how_many_arrived(done: Stage) -> None:
    shown = lane(done["lanes"].json, "bravo")
    assert (shown["sent"], shown["acknowledged"], shown["received"]) == (4, 4, 0)


def test_mov_5_the_invariants_hold_after_all_that(done: Stage) -> None:
    assert done["reconcile"].status == 0, str(done["reconcile"])


def test_mov_7_a_proof_is_written_and_checked(done: Stage) -> None:
    assert "SENT, REFUSED, ACKNOWLEDGED, REFUNDED" in done["proof"].out
    assert "The proof holds; " in done["verify"].out
    held = done["verify offline"].json
    assert (held["schema"], held["holds"], held["legs"]) == ("paripassu.settlement-check/1", True, 4)
    assert done["tampered"].status == done["no proof"].status == 1
    assert "error PP-BRG-030: The proof's content hashes to" in done["tampered"].err
    assert "cannot be read" in done["no proof"].err


def test_mov_5_and_8_lots_say_where_units_are_and_what_travels_with_them(done: Stage) -> None:
    assert "30 units are locked up, 31 cannot go as such" in done["too many"].err
    lots = done["lots"].json["lots"]
    arrived = [one for one in lots if one["location"]["state"] == "ON_LEDGER"]
    moving = [one for one in lots if one["location"]["state"] == "IN_TRANSIT"]
    assert sum(one["units"] for one in arrived) == 40
    assert {one["home"] for one in lots} == {str(ALPHA)}
    assert {(step["from"], step["to"]) for one in arrived for step in one["path"]} == {(ALPHA, BRAVO)}
    assert sum(one["units"] for one in moving) == 40
    assert [one["units"] for one in moving if one["lockUp"] is not None] == [20]
    assert {one["location"]["from"] for one in moving} == {str(ALPHA)}
    assert "IN_TRANSIT" in done["lots for people"].out


def test_a_movement_within_a_ledger_cannot_expire(done: Stage) -> None:
    assert done["within"].status == 64
    assert "takes effect at once" in done["within"].err
