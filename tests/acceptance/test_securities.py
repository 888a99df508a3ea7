"""Several securities, and redemption, by hand: an operator at a terminal names the one that is meant.

One Anvil chain and a book-entry ledger with two securities; each stage runs its commands once, and tests read
what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Stage, operating
from paripassu.testing.files import EQUITY, two_chains

FIRST, SECOND = "FR0014ZZPPS9", "FR0014ZZPPT7"
FR = dev_address("holder_fr")
WHY = ("--reason", "court order 7")
OTHER = ("--isin", SECOND)
RELAY = ("relay", "--with-attestors", "--drain")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("securities-by-hand")
    second = folder / "second.toml"
    second.write_text(EQUITY.read_text("utf-8").replace(FIRST, SECOND), "utf-8")
    with operating(two_chains(folder, without="bravo", securities=(EQUITY, second))) as operator:
        yield operator


@pytest.fixture(scope="module")
def held(operator: Operator) -> Stage:
    """Of each security 100 units were issued under one reference, and 30 of the second are in the book."""
    stage = Stage(operator)
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    onboard = ("holder", "onboard")
    stage.side_by_side(
        [("chain", *onboard, "alpha", FR, "FR-FUND-1", "FR", "--signer", "dev:holder_fr")],
        [("book", *onboard, "register", "holder_fr", "FR-FUND-1", "FR")],
    )
    stage.ok("issue", "security", "issue", FR, "100", "first")
    stage.ok("issue other", "security", "issue", FR, "100", "first", *OTHER)
    to_book = (f"eip155:31001:{FR}", "book:register:holder_fr", "30", "dev:holder_fr", "to the book")
    stage.ok("move", "security", "move", *to_book, *OTHER)
    stage.ok("relay", *RELAY)
    return stage


@pytest.fixture(scope="module")
def controlled(held: Stage) -> Stage:
    stage = Stage(held.operator)
    stage.ok("reconcile", "reconcile", "--json")
    stage.ok("reconcile other", "reconcile", "--json", *OTHER)
    stage.ok("freeze", "security", "freeze", "register:holder_fr", *WHY, *OTHER)
    stage.ok("positions", "security", "positions", "--json")
    stage.ok("positions of other", "security", "positions", "--json", *OTHER)
    stage.ok("balances", "security", "balances", "register:holder_fr", "--json")
    stage.ok("balances of other", "security", "balances", "register:holder_fr", "--json", *OTHER)
    stage.ok("unfreeze", "security", "unfreeze", "register:holder_fr", *WHY, *OTHER)
    stage.run("unknown", "security", "positions", "--isin", "DE000BASF111")
    return stage


def test_id_1_another_security_is_reached_by_its_isin_on_chain_and_in_the_book(controlled: Stage) -> None:
    def held(name: str) -> set[tuple[str, int]]:
        return {(one["where"], one["units"]) for one in controlled[name].json["positions"]}

    assert held("positions") == {("alpha", 100)}
    assert held("positions of other") == {("alpha", 70), ("register", 30)}
    assert [controlled[name].json["frozen"] for name in ("balances", "balances of other")] == [False, True]
    assert [controlled[name].json["ok"] for name in ("reconcile", "reconcile other")] == [True, True]
    assert controlled["unknown"].status == 1
    assert "has no DE000BASF111" in controlled["unknown"].err


@pytest.fixture(scope="module")
def redeemed(controlled: Stage) -> Stage:
    stage = Stage(controlled.operator)
    words = ("security", "redeem", FR, "25", "maturity", *OTHER)
    stage.run("not allowed", *words)
    stage.ok("redeem", *words, "--signer", "dev:holder_fr", "--json")
    stage.ok("redeem again", *words, "--signer", "dev:holder_fr", "--json")
    stage.ok("positions", "security", "positions", "--json")
    stage.ok("positions of other", "security", "positions", "--json", *OTHER)
    return stage


def test_iss_1_units_are_redeemed_once_and_only_as_their_owner_allows(redeemed: Stage) -> None:
    assert redeemed["not allowed"].status == 1
    assert redeemed["not allowed"].err.startswith("error PP-")
    (done,), (again,) = (redeemed[name].json["done"] for name in ("redeem", "redeem again"))
    assert (done["ledger"], done["state"]) == ("alpha", "FINAL")
    assert done["transaction"] == again["transaction"]
    units = [
        sum(one["units"] for one in redeemed[name].json["positions"])
        for name in ("positions", "positions of other")
    ]
    assert units == [100, 75]
