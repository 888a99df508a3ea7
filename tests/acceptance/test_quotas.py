"""Caps over all ledgers by hand: an operator shows, moves and delivers quota and places (CTL-4).

An Anvil chain, a Ganache chain and a book; each stage runs its commands once, and tests read what was
printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Stage, operating
from paripassu.testing.files import two_chains

CAP, LIMIT = 100, 7
FR = {
    "alpha": f"alpha:{dev_address('holder_fr')}",
    "bravo": f"bravo:{dev_address('holder_fr')}",
    "register": "register:holder_fr",
}
DE = f"alpha:{dev_address('holder_de')}"
RELAY = ("relay", "--with-attestors", "--drain")
QUOTA = ("security", "quota")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("quotas-by-hand")
    rules = f"holdingCap = {CAP}\nholderLimit = {LIMIT}\n"
    with operating(two_chains(folder, clients={"bravo": "ganache"}, rules=rules)) as operator:
        yield operator


@pytest.fixture(scope="module")
def moved(operator: Operator) -> Stage:
    """holder_fr has 30 units at home; then quota and places go to the other ledgers."""
    stage = Stage(operator)
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    onboard = ("holder", "onboard")
    key = ("--signer", "dev:holder_fr")
    stage.side_by_side(
        [
            ("alpha", *onboard, "alpha", dev_address("holder_fr"), "FR-FUND-1", "FR", *key),
            (
                "de",
                *onboard,
                "alpha",
                dev_address("holder_de"),
                "DE-FUND-1",
                "DE",
                "--signer",
                "dev:holder_de",
            ),
        ],
        [
            ("bravo", *onboard, "bravo", dev_address("holder_fr"), "FR-FUND-1", "FR", *key),
            ("register", *onboard, "register", "holder_fr", "FR-FUND-1", "FR"),
        ],
    )
    stage.ok("issue", "security", "issue", dev_address("holder_fr"), "30", "first")
    stage.ok("before", *QUOTA, "show", FR["alpha"], "--json")
    four = ("--units", "4", "--reference", "Q-1", *key)
    stage.ok("move", *QUOTA, "move", "--from", FR["alpha"], "--to", FR["register"], *four)
    stage.ok("move again", *QUOTA, "move", "--from", FR["alpha"], "--to", FR["register"], *four)
    two = ("--places", "2", "--reference", "P-1")
    stage.ok("places", *QUOTA, "places", "--from", "alpha", "--to", "bravo", *two, "--json")
    twenty = ("--units", "20", "--reference", "Q-2")
    stage.ok("by the agent", *QUOTA, "move", "--from", FR["register"], "--to", FR["bravo"], *twenty)
    stage.ok("under way", *QUOTA, "show", FR["bravo"], "--json")
    stage.ok("under way for people", *QUOTA, "show", FR["bravo"])
    stage.ok("relay", *RELAY)
    stage.ok("after", *QUOTA, "show", FR["alpha"], "--json")
    stage.ok("rules", "rules", "show", "--json")
    return stage


def parts(shown: dict[str, Any]) -> dict[str, int]:
    return {one["ledger"]: one["quota"] for one in shown["quotas"]["accounts"]}


def places(shown: dict[str, Any]) -> dict[str, int]:
    return {one["ledger"]: one["places"] for one in shown["places"]["ledgers"]}


def test_ctl_4_caps_over_all_chains_every_ledger_begins_with_its_share(moved: Stage) -> None:
    shown = moved["before"].json
    assert parts(shown) == {"alpha": 34, "bravo": 33, "register": 33}
    assert places(shown) == {"alpha": 3, "bravo": 2, "register": 2}
    assert [one["held"] for one in shown["quotas"]["accounts"]] == [30, 0, 0]


def test_ctl_4_caps_over_all_chains_what_is_on_its_way_is_shown_and_counted_once(moved: Stage) -> None:
    shown = moved["under way"].json
    assert parts(shown) == {"alpha": 30, "bravo": 33, "register": 13}
    assert {(one["from"], one["to"], one["amount"]) for one in shown["quotas"]["underWay"]} == {
        ("alpha", "register", 4),  # once, though said twice under one reference
        ("register", "bravo", 20),
    }
    assert shown["quotas"]["total"] == shown["holdingCap"] == CAP
    assert places(shown) == {"alpha": 1, "bravo": 2, "register": 2}
    assert shown["places"]["total"] == shown["holderLimit"] == LIMIT
    assert "on its way to register" in moved["under way for people"].out
    assert "next: pari relay" in moved["move"].out


def test_ctl_4_caps_over_all_chains_it_arrives_on_chains_and_in_the_book(moved: Stage) -> None:
    shown = moved["after"].json
    assert parts(shown) == {"alpha": 30, "bravo": 53, "register": 17}
    assert places(shown) == {"alpha": 1, "bravo": 4, "register": 2}
    assert shown["quotas"]["underWay"] == shown["places"]["underWay"] == []
    assert (shown["quotas"]["total"], shown["places"]["total"]) == (CAP, LIMIT)
    in_force = {one["ledger"]: one["holderLimit"] for one in moved["rules"].json["ledgers"]}
    assert in_force == {"alpha": 1, "bravo": 4, "register": 2}


def test_ctl_4_caps_over_all_chains_what_is_refused_says_why_and_what_to_do(moved: Stage) -> None:
    stage = Stage(moved.operator)
    one = ("--units", "1", "--reference", "too much")
    many = ("--places", "3", "--reference", "too many")
    refusals = {
        "in use": (*QUOTA, "move", "--from", FR["alpha"], "--to", FR["bravo"], *one),
        "another holder's": (*QUOTA, "move", "--from", FR["bravo"], "--to", DE, *one),
        "taken": (*QUOTA, "places", "--from", "register", "--to", "alpha", *many),
    }
    for name, words in refusals.items():
        ran = stage.run(name, *words)
        assert ran.status == 1, str(ran)
        assert ran.err.startswith("error PP-LED-111: "), str(ran)
        assert "next: pari security quota show" in ran.err
    not_his = stage.run(
        "by another",
        *QUOTA,
        "move",
        "--from",
        FR["bravo"],
        "--to",
        FR["alpha"],
        *one,
        "--signer",
        "dev:holder_de",
    )
    assert not_his.err.startswith("error PP-LED-103: "), str(not_his)
    none = stage.run(
        "none", *QUOTA, "places", "--from", "alpha", "--to", "bravo", "--places", "0", "--reference", "0"
    )
    assert none.err.startswith("error PP-QTY-001: "), str(none)
    stage.ok("unchanged", *QUOTA, "show", FR["alpha"], "--json")
    assert stage["unchanged"].json == moved["after"].json
    full = stage.run("full", "security", "issue", dev_address("holder_fr"), "1", "one more")
    assert full.err.startswith("error PP-RUL-015: "), str(full)
