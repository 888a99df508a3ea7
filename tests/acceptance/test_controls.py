"""Controls by hand: an operator at a terminal freezes, pauses, changes rules, corrects, and rotates a key.

One Anvil chain and a book-entry ledger; each stage runs its commands once, and tests read what was printed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from paripassu.examples import example
from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Ran, Stage, operating
from paripassu.testing.files import two_chains

EVENT = str(example("2027-03-dividend.toml"))
FR, DE, NEW = (f"alpha:{dev_address(name)}" for name in ("holder_fr", "holder_de", "holder_fr_2"))
WHY = ("--reason", "court order 7")
LONG = "judgment 2027/118 of the commercial court of Paris"
MOVE = (
    "security",
    "move",
    f"eip155:31001:{dev_address('holder_fr')}",
    f"eip155:31001:{dev_address('holder_de')}",
)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("controls-by-hand")
    with operating(two_chains(folder, without="bravo")) as operator:
        yield operator


@pytest.fixture(scope="module")
def held(operator: Operator) -> Stage:
    """Deployed; holder_fr has 1,000 units on the chain and 400 in the book, holder_de none."""
    stage = Stage(operator)
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    known = (("holder_fr", "FR-FUND-1", "FR"), ("holder_de", "DE-FUND-1", "DE"))
    onboard = ("holder", "onboard")
    stage.side_by_side(
        [
            (name, *onboard, "alpha", dev_address(name), identity, country, "--signer", f"dev:{name}")
            for name, identity, country in known
        ],
        [
            (f"{name} book", *onboard, "register", name, identity, country)
            for name, identity, country in known
        ],
    )
    stage.ok("issue", "security", "issue", dev_address("holder_fr"), "1400", "first")
    book = (MOVE[2], "book:register:holder_fr", "400", "dev:holder_fr", "to the book")
    stage.ok("move", "security", "move", *book)
    stage.ok("relay", "relay", "--with-attestors", "--drain")
    return stage


def refused(stage: Stage, name: str, *words: str) -> Ran:
    ran = stage.run(name, *words)
    assert ran.status == 1, str(ran)
    return ran


def moving(stage: Stage, name: str, units: int = 1) -> Ran:
    """A movement from holder_fr to holder_de on the chain."""
    return stage.run(name, *MOVE, str(units), "dev:holder_fr", name)


# an order reaches the other ledger, and units on their way


@pytest.fixture(scope="module")
def ordered(held: Stage) -> Stage:
    """All is lifted again, and every unit where it was."""
    stage = Stage(held.operator)
    relay = ("relay", "--with-attestors", "--drain")
    here = ("security", "move", f"eip155:31001:{dev_address('holder_fr')}")
    book = "register:holder_fr"
    stage.ok("before", "security", "balances", book, "--json")
    stage.ok("leave", *here, f"book:{book}", "60", "dev:holder_fr", "on their way")
    stage.ok("freeze", "security", "freeze", book, *WHY, "--json")
    stage.ok("relay", *relay)
    stage.ok("landed", "security", "balances", book, "--json")
    stage.ok("shown here", "holder", "show", FR, "--json")
    stage.ok("shown to people", "holder", "show", FR)
    there = ("security", "move", f"book:{book}", f"eip155:31001:{dev_address('holder_fr')}")
    refused(stage, "frozen there", *there[:3], "book:register:holder_de", "1", "dev:holder_fr", "spend")
    refused(
        stage, "frozen here", *here, f"eip155:31001:{dev_address('holder_de')}", "1", "dev:holder_fr", "x"
    )
    refused(
        stage,
        "no more",
        *MOVE[:2],
        f"eip155:31001:{dev_address('holder_de')}",
        f"book:{book}",
        "1",
        "dev:holder_de",
        "y",
    )
    refused(stage, "another's", "security", "unfreeze", FR, *WHY)
    stage.ok("unfreeze", "security", "unfreeze", book, *WHY)
    stage.ok("sanction", "holder", "sanction", FR, *WHY)
    stage.ok("relay release", *relay)
    stage.ok("sanctioned", "holder", "show", book, "--json")
    stage.ok("unsanction", "holder", "unsanction", FR, *WHY)
    stage.ok("relay again", *relay)
    stage.ok("back", *there, "60", "dev:holder_fr", "back")
    stage.ok("relay back", *relay)
    stage.ok("here alone", "holder", "sanction", FR, *WHY, "--here")
    stage.ok("shown alone", "holder", "show", book, "--json")
    refused(stage, "not an order", "holder", "unsanction", DE, *WHY)
    stage.ok("no longer", "holder", "unsanction", FR, *WHY, "--here")
    stage.ok("reconcile", "reconcile", "--json")
    return stage


def test_ctl_8_an_order_is_told_with_its_reach(ordered: Stage) -> None:
    told = ordered["freeze"].json
    (done,) = told["done"]
    assert (done["ledger"], done["state"]) == ("register", "FINAL")
    assert (list(told["within"]), told["notSent"]) == (["alpha"], [])
    assert told["holder"] == ordered["shown here"].json["holder"]
    assert re.search(
        r"^in force on register within [\d.]+ s of its block", ordered["sanction"].out, re.MULTILINE
    )
    assert "lifted on alpha for every account" in ordered["unsanction"].out


def test_ctl_8_units_on_their_way_land_frozen(ordered: Stage) -> None:
    before, landed = ordered["before"].json, ordered["landed"].json
    assert landed["balance"] == before["balance"] + 60
    for name, code in {"frozen there": "004", "frozen here": "004", "no more": "007"}.items():
        assert ordered[name].err.startswith(f"error PP-RUL-{code}: "), str(ordered[name])
    assert ordered["reconcile"].json["ok"] is True


def test_ctl_8_who_ordered_what_is_shown_on_every_ledger_and_lifted_there_alone(ordered: Stage) -> None:
    shown = ordered["shown here"].json
    (order,) = [one for one in shown["orders"] if one["order"] == "freeze"]
    assert (order["orderedOn"], order["stands"], order["reason"]) == ("register", True, "court order 7")
    assert (shown["frozen"], shown["sanctioned"]) == (True, False)
    assert "freeze since 2" in ordered["shown to people"].out
    assert ordered["another's"].err.startswith("error PP-LED-112: ")
    assert "stands by order of register" in ordered["another's"].err
    sanctioned = ordered["sanctioned"].json
    assert (sanctioned["frozen"], sanctioned["sanctioned"]) == (False, True)


def test_ctl_8_one_account_alone_is_no_order(ordered: Stage) -> None:
    assert ordered["shown alone"].json["sanctioned"] is False
    assert ordered["not an order"].err.startswith("error PP-LED-112: ")
    assert "--here" in ordered["not an order"].err


# freeze, pause


@pytest.fixture(scope="module")
def frozen(held: Stage) -> Stage:
    stage = Stage(held.operator)
    stage.ok("freeze", "security", "freeze", FR, *WHY, "--json")
    moving(stage, "while frozen")
    stage.ok("unfreeze", "security", "unfreeze", FR, "--reason", LONG)
    stage.ok("units", "security", "freeze-units", FR, "900", *WHY)
    stage.ok("lock", "security", "lock", FR, "40", "2030-01-01T00:00:00Z", "--reference", "vesting", *WHY)
    stage.ok(
        "lock again", "security", "lock", FR, "40", "2030-01-01T00:00:00Z", "--reference", "vesting", *WHY
    )
    stage.ok("balances", "security", "balances", FR, "--to", DE, "--json")
    stage.ok("balances for people", "security", "balances", FR, "--to", DE)
    stage.ok("book", "security", "freeze-units", "register:holder_fr", "150", *WHY)
    stage.ok("balances in the book", "security", "balances", "register:holder_fr", "--json")
    stage.ok("no units", "security", "freeze-units", FR, "0", *WHY)
    stage.ok("pause", "security", "pause", *WHY, "--json")
    moving(stage, "while paused")
    stage.ok("unpause", "security", "unpause", *WHY)
    return stage


def test_ctl_5_freezing_and_pausing_are_told_with_their_reason(frozen: Stage) -> None:
    (done,) = frozen["freeze"].json["done"]
    assert (done["ledger"], done["state"]) == ("alpha", "FINAL")
    assert frozen["freeze"].json["reason"] == "court order 7"
    assert frozen["freeze"].json["reasonWord"] == "0x" + b"court order 7".hex().ljust(64, "0")
    assert re.search(r"reason on record: 0x[0-9a-f]{64} \(keccak-256", frozen["unfreeze"].out)
    assert [one["ledger"] for one in frozen["pause"].json["done"]] == ["alpha", "register"]


def test_ctl_5_what_they_stop_is_refused_with_their_code(frozen: Stage) -> None:
    codes = {"while frozen": "004", "while paused": "001"}
    for name, code in codes.items():
        assert frozen[name].status == 1
        assert frozen[name].err.startswith(f"error PP-RUL-{code}: "), str(frozen[name])


def test_ctl_10_balances_are_shown_by_type_and_how_much_may_move(frozen: Stage) -> None:
    found = frozen["balances"].json
    assert found["balances"] == {"AWAS": 60, "BLOK": 900, "BLCA": 0, "PLED": 0, "RSTR": 40}
    assert sum(found["balances"].values()) == found["balance"] == 1_000
    assert found["lots"] == [{"units": 40, "until": 1_893_456_000}]  # locked once, though said twice
    assert (found["allowed"]["units"], found["allowed"]["name"]) == (60, "UNITS_LOCKED")
    assert "may move now" in frozen["balances for people"].out
    book = frozen["balances in the book"].json
    assert book["balances"] == {"AWAS": 250, "BLOK": 150, "BLCA": 0, "PLED": 0, "RSTR": 0}


# rules


@pytest.fixture(scope="module")
def ruled(frozen: Stage) -> Stage:
    stage = Stage(frozen.operator)
    stage.ok("before", "rules", "show", "--json")
    stage.ok("countries", "rules", "countries", "FR", "LU", *WHY)
    moving(stage, "to a country that may not")
    stage.ok("lot", "rules", "minimum-lot", "10", *WHY)
    stage.ok("after", "rules", "show", "--json")
    stage.ok("for people", "rules", "show")
    stage.ok("countries again", "rules", "countries", "FR", "DE", "LU", *WHY)
    moving(stage, "below the lot", 9)
    stage.ok("any lot", "rules", "minimum-lot", "1", *WHY)
    return stage


def test_ctl_12_changed_rules_hold_on_every_ledger_alike(ruled: Stage) -> None:
    before, after = (ruled[name].json["ledgers"] for name in ("before", "after"))
    assert [one["ledger"] for one in after] == ["alpha", "register"]
    for old, new in zip(before, after, strict=True):
        assert (new["countries"], new["minimumLot"]) == (["FR", "LU"], 10)
        assert new["changes"] == old["changes"] + 2
    assert ruled["to a country that may not"].err.startswith("error PP-RUL-008: ")
    assert ruled["below the lot"].err.startswith("error PP-RUL-017: ")
    assert "minimumLot" in ruled["for people"].out


# acts of consequence


@pytest.fixture(scope="module")
def corrected(ruled: Stage) -> Stage:
    stage = Stage(ruled.operator)
    stage.ok("freeze", "security", "freeze", FR, *WHY)
    words = ("--from", FR, "--to", DE, "--units", "120", "--reason", LONG)
    stage.ok("propose", "act", "propose", "forced-transfer", *words, "--json")
    id = stage["propose"].json["id"]
    refused(stage, "execute alone", "act", "execute", id)
    refused(stage, "no say", "act", "approve", id, "--role", "freezer")
    stage.ok("approve", "act", "approve", id[:18], "--role", "regulator")
    stage.ok("approve again", "act", "approve", id[:18], "--role", "regulator")
    stage.ok("list", "act", "list", "--waiting", "--json")
    stage.ok("execute", "act", "execute", id[:18])
    stage.ok("execute again", "act", "execute", id[:18])
    stage.ok("show", "act", "show", id, "--json")
    stage.ok("show for people", "act", "show", id)
    stage.ok("unfreeze", "security", "unfreeze", FR, *WHY)
    book = ("--from", "register:holder_fr", "--to", "register:holder_de", "--units", "200", *WHY)
    stage.ok("propose in the book", "act", "propose", "forced-transfer", *book, "--role", "csd", "--json")
    id = stage["propose in the book"].json["id"]
    stage.ok("approve in the book", "act", "approve", id, "--role", "registrar")
    stage.ok("execute in the book", "act", "execute", id, "--json")
    refused(stage, "unknown", "act", "show", "0x00000000")
    return stage


def test_ctl_7_one_signer_fails_and_is_told_what_is_missing(corrected: Stage) -> None:
    error = corrected["execute alone"].err
    assert "needs 2 approvals and has 1, by registrar" in error
    assert re.search(r"next: pari act approve 0x[0-9a-f]{16} --role ROLE", error)
    assert corrected["no say"].err.startswith("error PP-LED-108: ")
    assert corrected["unknown"].err.startswith("error PP-LED-110: ")


def test_ctl_7_two_succeed_and_the_report_shows_before_after_reason_approvers(corrected: Stage) -> None:
    assert [one["state"] for one in corrected["list"].json["acts"]] == ["OPEN"]
    act: dict[str, Any] = corrected["show"].json
    assert act["state"] == "EXECUTED"
    assert re.fullmatch("0x[0-9a-f]{64}", act["reason"])  # the text is longer than a chain keeps
    assert [deed["role"] for deed in act["approvals"]] == ["registrar", "regulator"]
    assert [deed["by"] for deed in act["approvals"]] == [dev_address("registrar"), dev_address("regulator")]
    assert act["corrections"] == [
        {"account": dev_address("holder_fr"), "before": 1_000, "after": 880},
        {"account": dev_address("holder_de"), "before": 0, "after": 120},
    ]
    assert "it has been carried out already" in corrected["execute again"].out
    assert "has approved it already" in corrected["approve again"].out
    assert "before" in corrected["show for people"].out
    book = corrected["execute in the book"].json
    assert (book["state"], book["reason"], book["ledger"]) == ("EXECUTED", "court order 7", "register")
    assert [change["after"] for change in book["corrections"]] == [200, 200]


def test_ver_5_versions_are_listed_and_told_as_of_a_time(corrected: Stage) -> None:
    changes = corrected.operator.json("version", "list", "--json")["changes"]
    token = next(change for change in changes if change["contract"] == "SecurityToken")
    assert (token["from"], token["to"]) == ("", "1.0.0")
    now = corrected.operator.json("version", "at", str(token["time"] + 1), "--json")["contracts"]
    assert {"SecurityToken", "HolderRegistry", "Approvals"} <= {one["contract"] for one in now}
    assert corrected.operator.json("version", "at", "1000000000", "--json")["contracts"] == []


# a key is rotated while a dividend is under way


@pytest.fixture(scope="module")
def rotated(corrected: Stage) -> Stage:
    stage = Stage(corrected.operator)
    relay = ("relay", "--with-attestors", "--drain")
    stage.ok("announce", "event", "announce", EVENT)
    stage.ok("relay record", *relay)
    stage.ok("past record time", "time", "travel", "2027-03-05T23:00:30Z")
    stage.ok("entitle", "event", "entitle", EVENT, "--json")
    stage.ok("relay root", *relay)
    both = ("--from", FR, "--to", NEW)
    keys = ("--from-signer", "dev:holder_fr", "--to-signer", "dev:holder_fr_2")
    refused(stage, "one key", "holder", "rotate", *both, *WHY, *keys[2:])
    stage.ok("typed data", "holder", "rotate", *both, *WHY, "--typed-data")
    stage.ok("rotate", "holder", "rotate", *both, *WHY, *keys)
    stage.ok("show", "holder", "show", FR, "--json")
    stage.ok("suspend", "holder", "suspend", NEW, *WHY)
    stage.ok("fund", "event", "fund", EVENT)
    stage.ok("payment date", "time", "travel", "2027-03-08T08:00:00Z")
    stage.ok("pay", "event", "pay", EVENT, "--json")
    stage.ok("pay for people", "event", "pay", EVENT)
    stage.ok("reinstate", "holder", "reinstate", NEW, *WHY)
    stage.ok("pay again", "event", "pay", EVENT, "--json")
    stage.ok("recover", "security", "recover", *both)
    stage.ok("balances", "security", "balances", NEW, "--json")
    stage.ok("reconcile", "reconcile", "--event", EVENT, "--json")
    return stage


def test_ubo_10_rotation_needs_both_keys_and_the_entitlement_stays_with_the_entity(rotated: Stage) -> None:
    assert "KeyNotProven" in rotated["one key"].err
    statements = rotated["typed data"].json["statements"]
    assert [one["primaryType"] for one in statements] == ["KeyRotation", "KeyControl"]
    shown = rotated["show"].json
    assert (shown["superseded"], shown["successor"]) == (True, dev_address("holder_fr_2"))
    assert shown["payee"] == dev_address("holder_fr_2")
    assert rotated["rotate"].out.splitlines()[-1] == f"next: pari security recover --from {FR} --to {NEW}"
    assert rotated["balances"].json["balance"] == 880


def test_ca_23_what_is_held_is_told_with_what_lifts_it_and_paid_later(rotated: Stage) -> None:
    first, again = rotated["pay"].json, rotated["pay again"].json
    (held,) = first["held"]
    assert (held["account"], held["restriction"]) == (dev_address("holder_fr"), "RECIPIENT_INACTIVE")
    assert held["next"] == f"pari holder reinstate {NEW} --reason WHY"
    assert f"next: pari holder reinstate {NEW}" in rotated["pay for people"].out
    assert again["held"] == []
    assert len(again["payments"]) == len(first["payments"]) + 1
    assert rotated["reconcile"].json["ok"] is True


# every decision is kept, and made again


@pytest.fixture(scope="module")
def decided(rotated: Stage) -> Stage:
    stage = Stage(rotated.operator)
    stage.ok("list", "decision", "list", "--json")
    stage.ok("refused", "decision", "list", "--refused", "--json")
    stage.ok("for people", "decision", "list", "--ledger", "register")
    first = stage["refused"].json["decisions"][0]["number"]
    stage.ok("show", "decision", "show", str(first), "--json")
    stage.ok("show for people", "decision", "show", str(first))
    stage.ok("replay", "decision", "replay", "--ask", "--json")
    stage.ok("replay one", "decision", "replay", str(first))
    stage.run("no such", "decision", "show", "999999")
    store = sqlite3.connect(stage.operator.workspace / "bridge.db")
    (text,) = store.execute("SELECT detail FROM audit WHERE seq = ?", (first,)).fetchone()
    with store:
        other = text.replace('"verdict":', '"verdict":1')
        store.execute("UPDATE audit SET detail = ? WHERE seq = ?", (other, first))
    refused(stage, "tampered", "decision", "replay")
    with store:
        store.execute("UPDATE audit SET detail = ? WHERE seq = ?", (text, first))
    store.close()
    stage.ok("mended", "decision", "replay")
    return stage


def test_ctl_11_allowed_and_refused_instructions_are_listed_with_rules_and_hash(decided: Stage) -> None:
    found = decided["list"].json["decisions"]
    refusals = {one["name"] for one in decided["refused"].json["decisions"]}
    assert {
        "SENDER_FROZEN",
        "TOKEN_PAUSED",
        "RECIPIENT_COUNTRY",
        "MINIMUM_LOT",
        "RECIPIENT_INACTIVE",
    } <= refusals
    kinds = {one["kind"] for one in found}
    assert kinds >= {"ISSUE", "TRANSFER", "BRIDGE_OUT", "BRIDGE_IN", "FORCED", "PAYOUT"}
    assert {one["ledger"] for one in found} == {"eip155:31001", "book:register"}
    assert all(re.fullmatch("0x[0-9a-f]{64}", one["inputsHash"]) for one in found)
    assert all(one["transaction"] for one in found if one["code"] == 0)
    shown = decided["show"].json
    assert (shown["name"], shown["inputs"]["from"]["frozen"]) == ("SENDER_FROZEN", True)
    assert "hash of the inputs" in decided["show for people"].out
    assert "book:register" in decided["for people"].out
    assert "eip155" not in decided["for people"].out


def test_ctl_11_every_past_decision_has_the_same_answer_again(decided: Stage) -> None:
    replay = decided["replay"].json
    assert replay["differing"] == []
    assert replay["replayed"] == len(decided["list"].json["decisions"])
    on_chain = [one for one in decided["list"].json["decisions"] if one["ledger"] == "eip155:31001"]
    assert replay["answeredByLedger"] == sum(one["exact"] for one in on_chain) > 5
    assert decided["replay one"].out == "1 decisions made again, 0 with another verdict\n"
    assert decided["no such"].err.startswith("error PP-CLI-002: ")
    assert decided["tampered"].err.startswith("error PP-STO-004: ")
