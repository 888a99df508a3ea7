"""The main job by hand: every stage by its commands, run twice where it must not matter, and killed."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from fractions import Fraction
from typing import Any

from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Stage, rows_in

ISSUED = 1_000_000
RATE = Fraction(149, 400)
KILLED = -signal.SIGKILL
CONTRACTS = {"SecurityToken", "CashToken", "Gateway", "TokenBridge", "CorporateActions", "HolderRegistry"}


def units_by_place(stage: Stage, name: str) -> dict[tuple[str, str], int]:
    rows = stage.rows(name, "positions")
    return {(row["where"], row["account"]): row["units"] for row in rows}


# up


def test_up_says_what_a_client_needs(started: Stage) -> None:
    client = started["up"].json
    assert client["schema"] == "paripassu.client/1"
    assert client["home"] == "alpha"
    assert {name: one["caip2"] for name, one in client["ledgers"].items()} == {
        "alpha": "eip155:31001",
        "bravo": "eip155:31002",
        "register": "book:register",
    }
    for name in ("alpha", "bravo"):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", client["ledgers"][name]["rpcUrl"])
        assert "contracts" not in client["ledgers"][name]
    assert set(client["abis"]) >= CONTRACTS
    assert {entry["type"] for entry in client["abis"]["SecurityToken"]} >= {"function", "event", "error"}
    assert client["accounts"]["paying_agent"] == dev_address("paying_agent")


def test_up_a_second_time_finds_the_same_nodes(started: Stage) -> None:
    assert started["up again"].json == started["up"].json


# deploy


def test_the_plan_of_an_empty_network_exits_with_two(deployed: Stage) -> None:
    assert deployed["plan before"].status == 2
    assert deployed["plan before"].json


def test_apply_killed_at_random_goes_on_and_does_no_step_twice(deployed: Stage) -> None:
    assert KILLED in {deployed[f"killed {number}"].status for number in range(2)}
    assert deployed["apply"].status == 0, str(deployed["apply"])
    entries = [json.loads(line) for line in deployed["journal"].out.splitlines()]
    settled = Counter((one["genesis"], one["reference"]) for one in entries if one["kind"] == "settled")
    intended = {(one["genesis"], one["reference"]) for one in entries if one["kind"] == "intent"}
    assert set(settled) == intended
    # a second attempt at a step would carry the number 2
    assert all(reference.endswith("/1") for _, reference in intended)
    assert set(settled.values()) == {1}


def test_after_apply_the_plan_is_empty_and_apply_changes_nothing(deployed: Stage) -> None:
    assert deployed["plan after"].status == 0, str(deployed["plan after"])
    assert "nothing to do" in deployed["plan after"].out
    ledgers = deployed["apply again"].json["ledgers"].values()
    assert [one["steps"] for one in ledgers] == [0, 0, 0]
    assert deployed["check"].status == 0, str(deployed["check"])
    assert "no drift on alpha, bravo, register" in deployed["check"].out


def test_both_chains_have_the_same_addresses_and_up_tells_them(deployed: Stage) -> None:
    applied = deployed["apply again"].json["ledgers"]
    assert applied["alpha"]["addresses"] == applied["bravo"]["addresses"]
    assert set(applied["alpha"]["addresses"]) >= CONTRACTS
    client = deployed["up after"].json
    for name in ("alpha", "bravo"):
        assert client["ledgers"][name]["contracts"] == applied[name]["addresses"]
    assert json.loads((deployed.operator.workspace / "client.json").read_text("utf-8")) == client


# issue, hold, move


def test_iss_1_the_same_reference_is_issued_once(held: Stage) -> None:
    assert held["issue"].out == held["issue again"].out
    assert sum(units_by_place(held, "positions").values()) == ISSUED


def test_onboarding_again_changes_nothing_and_holders_are_commitments(held: Stage) -> None:
    assert held["fr"].out == held["fr again"].out
    rows = held.rows("holders", "holders")
    assert len(rows) == 5
    commitments = {row["holder"] for row in rows if row["account"] == dev_address("holder_fr")}
    assert len(commitments) == 1  # one holder, whatever the ledger
    assert "FR-PENSION-FUND-1" not in held["holders"].out


def test_mov_1_units_on_their_way_are_in_transit_once(held: Stage) -> None:
    units = units_by_place(held, "positions before")
    assert units["in transit to bravo", dev_address("holder_fr")] == 150_001
    assert units["in transit to register", "holder_lu"] == 120_001
    assert sum(units.values()) == ISSUED


def test_mov_3_a_relayer_killed_twice_delivers_everything_once(held: Stage) -> None:
    killed = {held[name].status for name in ("relay killed at signature", "relay killed at delivery")}
    assert KILLED in killed
    assert units_by_place(held, "positions") == {
        ("alpha", dev_address("holder_fr")): ISSUED - 250_000 - 150_001 - 120_001,
        ("alpha", dev_address("custodian_de")): 250_000,
        ("bravo", dev_address("holder_fr")): 150_001,
        ("register", "holder_lu"): 120_001,
    }


# announce


def test_validate_and_every_ledger_compute_the_same_hash(announced: Stage) -> None:
    expected = announced["validate"].json["recordHash"]
    assert expected in announced["announce"].out
    before = {row["ledger"]: row["recordHash"] for row in announced.rows("known at home", "ledgers")}
    assert before == {"alpha": expected, "bravo": "not known", "register": "not known"}
    after = {row["ledger"]: row["recordHash"] for row in announced.rows("show", "ledgers")}
    assert after == dict.fromkeys(("alpha", "bravo", "register"), expected)


def test_ca_2_announcing_again_changes_nothing(announced: Stage) -> None:
    assert announced["announce again"].out == announced["announce"].out


def test_attestors_and_relayer_apart_deliver_and_stop_on_sigterm(announced: Stage) -> None:
    for name in ("attestor_csd", "attestor_auditor", "relayer"):
        assert announced[name].status == 0, str(announced[name])
        assert announced[name].out == ""
        assert "Traceback" not in announced[name].err


# entitle


def test_entitling_before_record_time_is_refused(entitled: Stage) -> None:
    assert entitled["too early"].status == 1
    assert entitled["too early"].err.startswith("error PP-LED-106: Record time 1804287599 is not final on ")
    assert entitled["too early"].err.endswith("  next: pari time show\n")


def test_ca_5_every_unit_is_entitled_once_the_ones_in_transit_too(entitled: Stage) -> None:
    table = entitled["entitle"].json
    assert table["schema"] == "paripassu.entitlements/1"
    assert sum(line["units"] for line in table["lines"]) == table["units"] == ISSUED
    units = {line["account"]: line["units"] for line in table["lines"]}
    assert units == {
        f"eip155:31001:{dev_address('holder_fr')}": ISSUED - 250_000 - 150_001 - 120_001 - 12_345,
        f"eip155:31001:{dev_address('custodian_de')}": 250_000,
        f"eip155:31002:{dev_address('holder_fr')}": 150_001,
        f"eip155:31002:{dev_address('holder_de')}": 12_345,
        "book:register:holder_lu": 120_001,
    }


def test_ca_8_each_holder_gets_the_floor_of_its_units_on_all_ledgers(entitled: Stage) -> None:
    table = entitled["entitle"].json
    for holder in table["holders"]:
        exact = holder["units"] * RATE * 100
        assert holder["amount"] == exact.numerator // exact.denominator
        assert holder["amount"] + Fraction(holder["residue"]) == exact
    # holder_fr on two chains and behind the custodian, holder_de, holder_lu, four more clients,
    # and the thousand units that the custodian's breakdown leaves open
    assert Counter(holder["type"] for holder in table["holders"]) == {"BENE": 7, "UKWN": 1}
    assert max(len(holder["parts"]) for holder in table["holders"]) == 3
    assert sum(holder["amount"] for holder in table["holders"]) == table["total"]


def test_ca_6_entitling_again_publishes_the_same_root_once(entitled: Stage) -> None:
    assert entitled["entitle again"].out == entitled["entitle"].out
    roots = {row["entitlementRoot"] for row in entitled.rows("show", "ledgers")}
    assert roots == {entitled["entitle"].json["root"]}


# pay


def test_ca_10_nothing_is_paid_before_the_payment_date(paid: Stage) -> None:
    assert paid["pay too early"].status == 1
    assert paid["pay too early"].err.startswith(
        "error PP-PAY-003: Event FR2027DVCA000042 is paid from 2027-03-08"
    )
    assert paid["fund again"].out == "every ledger has what is due there: nothing to do\n"


def test_ca_11_each_account_is_paid_once_whatever_is_retried(paid: Stage, entitled: Stage) -> None:
    assert paid["pay again"].out == paid["pay"].out
    rows = paid.rows("pay", "payments")
    due: dict[tuple[str, str], int] = {}
    names = {"eip155:31001": "alpha", "eip155:31002": "bravo", "book:register": "register"}
    for line in entitled["entitle"].json["lines"]:
        ledger, _, account = line["account"].rpartition(":")
        due[names[ledger], account] = line["amount"]
    assert {(row["ledger"], row["account"]): row["amount"] for row in rows} == due
    assert len(rows) == len(due)
    assert sum(row["amount"] for row in rows) == entitled["entitle"].json["total"]
    assert {row["ledger"]: row["payments"] for row in paid.rows("show", "ledgers")} == {
        "alpha": 2,
        "bravo": 2,
        "register": 1,
    }


def test_reconcile_proves_all_seven_invariants(paid: Stage) -> None:
    found = paid["reconcile"].json
    assert found["schema"] == "paripassu.reconciliation/1"
    assert found["ok"] is True
    assert {one["id"]: one["ok"] for one in found["invariants"]} == {f"I{n}": True for n in range(1, 8)}
    assert all(one["figures"] for one in found["invariants"])


def test_messages_are_listed_and_shown_with_their_history(paid: Stage) -> None:
    messages = paid.rows("messages", "messages")
    ends = {"FINALISED", "ACKED"}  # a source learns of arrivals once its lane was quiet for a while
    assert {one["state"] for one in messages} <= ends
    assert Counter(one["purpose"] for one in messages) == {"MOVEMENT": 3, "CORPORATE_ACTION": 4}
    chosen = next(one for one in messages if one["destination"] == "eip155:31002")
    shown = paid.operator.json("message", "show", chosen["id"][:14], "--json")
    assert shown["schema"] == "paripassu.message/1"
    assert shown["id"] == chosen["id"]
    assert len(shown["attestors"]) >= 2
    assert shown["transactions"]
    states = [step["state"] for step in shown["history"]]
    assert states[-1] == chosen["state"]
    assert "FINALISED" in states
    assert len(states) == len(set(states)) > 3


def test_tables_for_people_show_the_same_figures(paid: Stage) -> None:
    positions = paid.operator.ok("security", "positions").out
    status = paid.operator.ok("status").out
    assert "250,000" in positions
    assert "no message is waiting" in status
    assert paid.operator.run("status", "--json").json["waiting"] == []


# halted and resumed


def test_mov_4_a_halt_names_the_command_that_lifts_it(halted: Stage) -> None:
    relay, status = halted["relay"], halted["status"]
    assert relay.status == status.status == 1
    assert "error PP-BRG-013: eip155:31002 is halted: PP-BRG-010: bravo shows block" in relay.err
    assert relay.err.splitlines()[-1] == "  next: pari lane resume eip155:31002 --reason TEXT"
    assert "halted: PP-BRG-010" in status.out
    assert status.out.splitlines()[-1] == "next: pari lane resume bravo --reason TEXT"


def test_mov_4_resuming_tells_what_was_halted_and_the_bridge_goes_on(halted: Stage) -> None:
    resumed = halted["resume"].json
    assert (resumed["schema"], resumed["ledger"]) == ("paripassu.resumed/1", "eip155:31002")
    assert resumed["halted"]["code"] == "PP-BRG-010"
    assert "it was final as 0x1111" in resumed["halted"]["sentence"]
    assert resumed["reason"] == "the node was replaced"
    assert {"relayer", "attestor_csd"} <= resumed["readFrom"].keys()
    assert "no message is waiting" in halted["status after"].out
    store = halted.operator.workspace / "bridge.db"
    assert rows_in(store, "audit", "kind = 'ledger.cleared' and detail like '%the node was replaced%'") == 1


def test_mov_4_what_is_not_halted_cannot_be_resumed(halted: Stage) -> None:
    again = halted["resume again"]
    assert again.status == 1
    assert again.out == ""
    assert "error PP-BRG-016" in again.err


# watch


def test_ops_1_one_look_of_the_watcher_finds_every_book_in_order(watched: Stage) -> None:
    found = watched["watch"].json
    assert found["schema"] == "paripassu.watch/1"
    assert {book["drift"] for book in found["books"]} == {"0"}
    assert len(found["books"]) == 3
    assert found["alarms"] == []
    assert watched["watch"].status == 0
    moved = [lane for lane in found["lanes"] if lane["purpose"] == "MOVEMENT"]
    assert all(lane["sent"] == lane["taken"] for lane in moved)
    assert sum(lane["sent"] for lane in moved) >= 3


def test_ops_1_metrics_are_served_until_the_watcher_is_asked_to_end(watched: Stage) -> None:
    metrics = watched["metrics"].out
    supplies = dict(re.findall(r'pari_supply_units\{ledger="([^"]+)"\} (\S+)', metrics))
    assert set(supplies) == {"eip155:31001", "eip155:31002", "book:register"}
    assert sum(map(float, supplies.values())) == ISSUED
    assert re.search(r"pari_watch_heartbeat_seconds 1\.\d+e\+09", metrics)
    assert watched["watcher"].status == 0, str(watched["watcher"])


def test_ops_1_a_port_that_is_taken_is_a_clear_error(watched: Stage) -> None:
    taken = watched["port taken"]
    assert taken.status == 1
    assert "error PP-BRG-018" in taken.err
    assert "pari watch --help" in taken.err


# down


def test_down_stops_the_nodes_and_the_next_network_knows_nothing_of_this_one(paid: Stage) -> None:
    operator: Operator = paid.operator
    before: dict[str, Any] = paid.rows("show", "ledgers")[0]
    assert before["payments"] == 2
    assert operator.ok("down").out == "stopped: alpha, bravo\n"
    operator.await_nothing_left()
    assert operator.ok("down").out == "nothing was running\n"
    gone = operator.run("security", "positions")
    assert (gone.status, gone.err.splitlines()[-1]) == (1, "  next: pari up")

    operator.ok("up")
    assert operator.run("deploy", "plan").status == 2
    assert operator.json("message", "list", "--json")["messages"] == []
    operator.ok("down")
    operator.await_nothing_left()
