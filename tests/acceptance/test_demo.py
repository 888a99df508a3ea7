"""`pari demo --json`, once, and every figure of its document computed again from its own rows."""

from __future__ import annotations

import re
from collections import defaultdict
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from paripassu.testing.commandline import Operator, Ran

STAGES = ("up", "deploy", "issue and hold", "announce", "entitle", "pay", "reconcile")
LEDGERS = ("alpha", "bravo", "charlie", "register")
RATE = Fraction(149, 400)  # 0.3725 euros a share, from the example event
ISSUED = 1_000_000
IN_TRANSIT = 12_345

Demo = tuple[Operator, Ran, dict[str, Any]]


@pytest.fixture(scope="module")
def finished(demo: tuple[Operator, Future[Ran]]) -> Demo:
    operator, run = demo
    ran = run.result()
    assert ran.status == 0, ran.err
    return operator, ran, ran.json


@pytest.fixture
def document(finished: Demo) -> dict[str, Any]:
    return finished[2]


def test_it_prints_one_json_document_of_the_documented_schema(document: dict[str, Any]) -> None:
    assert document["schema"] == "paripassu.demo/1"
    assert document["ok"] is True
    for part in (
        "ledgers",
        "security",
        "event",
        "positions",
        "entitlements",
        "payments",
        "messages",
        "invariants",
    ):
        assert isinstance(document[part], dict), part
        assert document[part]["ok"] is True, part


def test_nothing_of_the_run_is_left_behind(finished: Demo) -> None:
    finished[0].await_nothing_left()


def test_progress_on_standard_error_names_each_stage_in_order(finished: Demo) -> None:
    lines = finished[1].err.splitlines()
    done = [line for line in lines if re.search(r": done in \d+\.\d s$", line)]
    assert [line.split(":")[0] for line in done] == list(STAGES)
    assert "failed" not in finished[1].err
    assert "Traceback" not in finished[1].err


def test_the_report_and_the_figures_are_files_beside_each_other(finished: Demo) -> None:
    operator, ran, _ = finished
    assert (operator.workspace / "report.json").read_text("utf-8") == ran.out


def test_the_report_loads_nothing_and_runs_nothing(finished: Demo) -> None:
    operator, _, document = finished
    page = (operator.workspace / "report.html").read_text("utf-8")
    assert not re.search(r"""(src|href|action|data)\s*=\s*["']?(https?:)?//""", page, re.IGNORECASE)
    assert not re.search(r"@import|url\(|<script|<iframe|<link|\son\w+\s*=", page, re.IGNORECASE)
    assert document["security"]["isin"] in page
    assert document["event"]["officialEventId"] in page
    for row in document["entitlements"]["rows"]:
        assert f"{row['amount'] // 100:,}.{row['amount'] % 100:02d}" in page, row["name"]


def test_four_ledgers_know_one_record_by_one_hash(document: dict[str, Any]) -> None:
    rows = document["ledgers"]["rows"]
    assert [row["name"] for row in rows] == list(LEDGERS)
    assert [row["kind"] for row in rows] == ["anvil", "anvil", "ganache", "book entry"]
    assert len({row["blockTime"] for row in rows[:2]}) == 2
    assert len({row["reorgPeriod"] for row in rows[:2]}) == 2
    assert {row["recordHash"] for row in rows} == {document["event"]["recordHash"]}
    assert set(document["event"]["recordHashes"]) == {row["caip2"] for row in rows}
    assert set(document["event"]["recordHashes"].values()) == {document["event"]["recordHash"]}
    assert re.fullmatch(r"0x[0-9a-f]{64}", document["event"]["recordHash"])


def test_the_event_is_the_dividend_of_the_example_file(document: dict[str, Any]) -> None:
    event = document["event"]
    assert (event["eventType"], event["participation"], event["currency"]) == ("DVCA", "MAND", "EUR")
    assert Fraction(event["rate"]) == RATE
    end_of_record_date = datetime.fromisoformat(event["recordDate"]).replace(tzinfo=UTC) + timedelta(days=1)
    # the record date ends in Paris, an hour before it ends in UTC
    assert event["recordTime"] == int(end_of_record_date.timestamp()) - 3600 - 1
    dates = [event[name] for name in ("announcementDate", "exDate", "recordDate", "paymentDate")]
    assert dates == sorted(dates)


def test_every_share_is_counted_once_at_record_time(document: dict[str, Any]) -> None:
    positions = document["positions"]
    held: dict[str, int] = defaultdict(int)
    for row in positions["rows"]:
        held[row["ledger"]] += row["units"]
    assert held == {name: units for name, units in positions["perLedger"].items() if units}
    transit = sum(item["units"] for item in positions["transit"])
    assert transit == positions["inTransit"] == IN_TRANSIT
    assert sum(held.values()) + transit == positions["issued"] == ISSUED
    assert all(held[name] for name in LEDGERS)


def test_the_movement_in_transit_left_before_record_time_and_arrived_after(document: dict[str, Any]) -> None:
    (item,) = document["positions"]["transit"]
    assert item["since"] <= document["event"]["recordTime"] < item["until"]


def test_each_holder_is_entitled_to_the_floor_of_units_times_rate(document: dict[str, Any]) -> None:
    entitlements = document["entitlements"]
    cut = Fraction(0)
    for row in entitlements["rows"]:
        exact = row["units"] * RATE * 100
        assert row["amount"] == exact.numerator // exact.denominator, row["name"]
        assert sum(part["units"] for part in row["parts"]) == row["units"]
        assert sum(part["amount"] for part in row["parts"]) == row["amount"] == row["paid"]
        cut += exact - row["amount"]
    assert sum(row["units"] for row in entitlements["rows"]) == entitlements["units"] == ISSUED
    assert sum(row["amount"] for row in entitlements["rows"]) == entitlements["total"]
    assert Fraction(entitlements["residue"]) == cut
    assert entitlements["total"] + cut == ISSUED * RATE * 100 == Fraction(entitlements["exact"])
    assert 0 < cut < len(entitlements["rows"])


def test_holdings_on_several_ledgers_and_in_the_omnibus_account_are_one_holder(
    document: dict[str, Any],
) -> None:
    rows = {row["name"]: row for row in document["entitlements"]["rows"]}
    pension = rows["Pension fund FR"]
    assert {part["ledger"] for part in pension["parts"]} == {"alpha", "bravo", "register"}
    assert any(part["how"] == "in the omnibus account" for part in pension["parts"])
    assert pension["units"] == 100_003 + 50_001 + 25_000 + 20_000
    assert sum("Custodian DE" in name for name in rows) == 4


def test_lines_are_the_parts_summed_per_account(document: dict[str, Any]) -> None:
    parts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in document["entitlements"]["rows"]:
        for part in row["parts"]:
            parts[part["account"]][0] += part["units"]
            parts[part["account"]][1] += part["amount"]
    lines = {line["account"]: [line["units"], line["amount"]] for line in document["entitlements"]["lines"]}
    assert lines == {account: figures for account, figures in parts.items() if figures[1]}


def test_each_account_is_paid_once_and_what_it_is_entitled_to(document: dict[str, Any]) -> None:
    rows = document["payments"]["rows"]
    paid = {(row["ledger"], row["account"].lower()): row["amount"] for row in rows}
    assert len(paid) == len(rows)
    chains = {row["caip2"]: row["name"] for row in document["ledgers"]["rows"]}
    due = {}
    for line in document["entitlements"]["lines"]:
        ledger, _, account = line["account"].rpartition(":")
        due[chains[ledger], account.lower()] = line["amount"]
    assert paid == due
    assert sum(paid.values()) == document["payments"]["total"] == document["entitlements"]["total"]
    opening = datetime.fromisoformat(document["event"]["paymentDate"]).replace(tzinfo=UTC).timestamp()
    assert all(row["time"] >= opening for row in rows)
    for row in document["ledgers"]["rows"]:
        assert row["paid"] == sum(one["amount"] for one in rows if one["ledger"] == row["name"])


def test_the_same_refusal_has_the_same_code_on_every_ledger(document: dict[str, Any]) -> None:
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for row in document["refusals"]["rows"]:
        said[row["movement"]][row["ledger"]] = row["code"]
    assert said["to a holder of a country not admitted"] == dict.fromkeys(LEDGERS, "PP-RUL-008")
    assert said["to nobody known"] == dict.fromkeys(LEDGERS, "PP-RUL-005")
    assert set(said["to a country not admitted, over the bridge"].values()) == {"PP-RUL-008"}


def test_every_message_arrived_once_and_in_order(document: dict[str, Any]) -> None:
    rows = document["messages"]["rows"]
    assert len({row["id"] for row in rows}) == len(rows) == document["messages"]["sent"]
    assert {row["state"] for row in rows} == {"EXECUTED"}
    lanes: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        assert row["source"] != row["destination"]
        assert row["deliveredAt"] >= row["sentAt"]
        lanes[row["source"], row["destination"], row["purpose"]].append(row)
    for lane in lanes.values():
        nonces = [row["nonce"] for row in sorted(lane, key=lambda row: row["nonce"])]
        assert nonces == list(range(1, len(lane) + 1))
    # the record and the root of the table, from the home chain to each of the three others
    purposes = [row["destination"] for row in rows if row["purpose"] == "CORPORATE_ACTION"]
    assert sorted(purposes) == sorted(2 * LEDGERS[1:])


def test_invariants_one_to_seven_hold_with_their_figures(document: dict[str, Any]) -> None:
    invariants = document["invariants"]
    for number in range(1, 8):
        one = invariants[f"I{number}"]
        assert one["ok"] is True
        assert one["title"]
        assert one["explanation"]
        assert one["figures"], one["id"]
    assert [row["id"] for row in invariants["rows"]] == [f"I{number}" for number in range(1, 8)]


def test_the_report_shows_nobody_but_those_who_hold(finished: Demo) -> None:
    """National identifiers stay with the custodian (UBO-5): neither report nor figures hold one."""
    operator, ran, _ = finished
    page = (operator.workspace / "report.html").read_text("utf-8")
    for identity in ("DE-19700101-EXAMPLE", "FR-PENSION-FUND-1", "529900CLIENTONE00034"):
        assert identity not in ran.out
        assert identity not in page


def test_the_quick_demo_moves_shares_between_two_chains_and_shows_every_state(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    document = operator.json("demo", "--quick", "--json", "--workspace", str(tmp_path))
    assert document["schema"] == "paripassu.demo.movement/1"
    assert document["positions"] == {"alpha": 0, "bravo": document["units"]}
    states = [step["state"] for step in document["history"]]
    for state in ("FINAL", "ATTESTED", "BUILT", "FINALISED"):
        assert states.count(state) == 1
    assert len(document["attestors"]) >= 2
    operator.await_nothing_left()
