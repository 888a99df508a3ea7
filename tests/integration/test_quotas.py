"""Caps over all chains on two real chains and a book: quotas and places go where they are wanted (CTL-4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.cli.app import main
from paripassu.errors import CommandRefused, LedgerError, PariError, RuleError
from paripassu.jobs import quotas
from paripassu.jobs.quotas import HolderQuota, Places
from paripassu.quantities import Units
from paripassu.testing.network import LocalNetwork, started

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LEDGERS = ("alpha", "bravo", "register")
CAP, LIMIT = 100, 7
SHARES = {"alpha": 34, "bravo": 33, "register": 33}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two Anvil chains and a book, with a security of at most 100 units a holder and 7 holders."""
    folder = tmp_path_factory.mktemp("quotas")
    security = (EXAMPLES / "securities" / "example-equity.toml").read_text("utf-8")
    rules = "[terms.transferRules]\n"
    security = security.replace(rules, f"{rules}holdingCap = {CAP}\nholderLimit = {LIMIT}\n", 1)
    (folder / "security.toml").write_text(security, "utf-8")
    text = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    path = folder / "network.toml"
    path.write_text(text.replace("securities/example-equity.toml", "security.toml", 1), "utf-8")
    yield from started(path, folder / "ws")


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """Two holders on every ledger; all is undone after the test."""
    state = network.snapshot()
    for holder in ("holder_fr", "holder_de"):
        network.onboard(holder)
    yield network
    network.revert(state)


def move(pari: LocalNetwork, holder: str, source: str, destination: str, units: int, to: str = "") -> None:
    """The holder moves quota of its account to one on another ledger."""
    target = pari.account(to or holder, destination)
    pari.run(
        quotas.move_quota(
            pari.ledger(source),
            pari.account(holder, source).account,
            pari.ledger(destination),
            target,
            Units(units),
            pari.signer(holder),
            f"{source}{destination}{units}",
        )
    )


def quota_of(pari: LocalNetwork, holder: str = "holder_fr") -> HolderQuota:
    record = pari.run(pari.session.home.holder(pari.account(holder).account))
    assert record is not None
    found = pari.run(quotas.quota_of_holder(pari.session.ledgers, record.holder))
    assert found is not None
    return found


def by_ledger(pari: LocalNetwork, found: HolderQuota) -> dict[str, int]:
    return {pari.session.ledgers[line.ledger].name: int(line.quota) for line in found.lines}


def places_of(pari: LocalNetwork) -> Places:
    found = pari.run(quotas.places_over_all(pari.session.ledgers))
    assert found is not None
    return found


def test_ctl_4_caps_over_all_chains_quota_moves_between_chains_and_book(pari: LocalNetwork) -> None:
    assert by_ledger(pari, quota_of(pari)) == SHARES
    for source, destination, units in (
        ("alpha", "register", 34),
        ("register", "bravo", 20),
        ("bravo", "alpha", 5),
    ):
        move(pari, "holder_fr", source, destination, units)
        assert quota_of(pari).total == CAP
        assert [one.amount for one in quota_of(pari).under_way] == [units]
        pari.deliver()
    assert by_ledger(pari, quota_of(pari)) == {"alpha": 5, "bravo": 48, "register": 47}
    assert quota_of(pari).total == CAP
    assert by_ledger(pari, quota_of(pari, "holder_de")) == SHARES
    pari.issue("holder_fr", 5)
    with pytest.raises(RuleError):
        pari.issue("holder_fr", 1)


def test_ctl_4_caps_over_all_chains_quota_in_use_stays(pari: LocalNetwork) -> None:
    pari.issue("holder_fr", 30)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 20)
    pari.deliver()
    for source, units in (("alpha", 25), ("register", 14)):
        with pytest.raises((CommandRefused, LedgerError)):
            move(pari, "holder_fr", source, "bravo", units)
    move(pari, "holder_fr", "alpha", "bravo", 24)
    move(pari, "holder_fr", "register", "bravo", 13)
    pari.deliver()
    assert by_ledger(pari, quota_of(pari)) == {"alpha": 10, "bravo": 70, "register": 20}


def test_ctl_4_caps_over_all_chains_quota_stays_with_its_holder(pari: LocalNetwork) -> None:
    for source, destination in (("alpha", "register"), ("register", "alpha")):
        with pytest.raises(CommandRefused, match="different holders"):
            move(pari, "holder_fr", source, destination, 1, to="holder_de")
    agent = pari.signer("holder_de")
    with pytest.raises(PariError):
        pari.run(
            quotas.move_quota(
                pari.ledger("alpha"),
                pari.account("holder_fr", "alpha").account,
                pari.ledger("bravo"),
                pari.account("holder_fr", "bravo"),
                Units(1),
                agent,
                "not its own",
            )
        )


def test_ctl_4_caps_over_all_chains_places_move_between_chains_and_book(pari: LocalNetwork) -> None:
    agent = pari.session.role("transfer_agent")
    assert [line.limit for line in places_of(pari).lines] == [3, 2, 2]
    for source, destination, number in (("alpha", "register", 3), ("register", "bravo", 4)):
        pari.run(
            quotas.move_places(pari.ledger(source), pari.ledger(destination), number, agent, f"{number}")
        )
        assert places_of(pari).total == LIMIT
        pari.deliver()
    assert [line.limit for line in places_of(pari).lines] == [0, 6, 1]
    with pytest.raises(RuleError):
        pari.issue("holder_fr", 1)
    with pytest.raises((CommandRefused, LedgerError)):
        pari.run(quotas.move_places(pari.ledger("register"), pari.ledger("alpha"), 2, agent, "too many"))


def test_ctl_4_caps_over_all_chains_at_the_terminal(
    pari: LocalNetwork, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARI_NETWORK", str(pari.network.path))
    monkeypatch.setenv("PARI_WORKSPACE", str(pari.workspace.root))

    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["security", "quota", *words])
        out = capsys.readouterr()
        assert ended.value.code == 0, out.err
        return out.out

    fr = {name: f"{name}:{pari.account('holder_fr', name).account}" for name in LEDGERS}
    moved = ("--units", "7", "--reference", "first")
    assert "relay" in run("move", "--from", fr["alpha"], "--to", fr["register"], *moved)
    assert "relay" in run("places", "--from", "alpha", "--to", "bravo", "--places", "1", "--reference", "p")
    shown = json.loads(run("show", fr["bravo"], "--json"))
    assert shown["holdingCap"] == shown["quotas"]["total"] == CAP
    assert [one["amount"] for one in shown["quotas"]["underWay"]] == [7]
    assert shown["places"]["total"] == LIMIT
    pari.deliver()
    shown = json.loads(run("show", fr["bravo"], "--json"))
    assert {one["ledger"]: one["quota"] for one in shown["quotas"]["accounts"]} == {
        "alpha": 27,
        "bravo": 33,
        "register": 40,
    }
    assert "the terms say 100" in run("show", fr["bravo"])
