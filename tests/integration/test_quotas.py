"""Caps over all chains on two real chains and a book: quotas and places go where they are wanted (CTL-4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paripassu.commands import Retry
from paripassu.errors import NotAuthorised, QuotaRefused, RuleError
from paripassu.jobs import quotas
from paripassu.jobs.quotas import HolderQuota, Places
from paripassu.quantities import Units
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

CAP, LIMIT = 100, 7
SHARES = {"alpha": 34, "bravo": 33, "register": 33}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book; a security of at most 100 units a holder and 7 holders,
    and two holders registered on every ledger."""
    folder = tmp_path_factory.mktemp("quotas")
    rules = f"holdingCap = {CAP}\nholderLimit = {LIMIT}\n"
    for network in started(two_chains(folder, clients={"bravo": "ganache"}, rules=rules), folder / "ws"):
        for holder in ("holder_fr", "holder_de"):
            network.onboard(holder)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


def move(
    pari: LocalNetwork,
    holder: str,
    source: str,
    destination: str,
    units: int,
    to: str = "",
    signer: str = "",
) -> None:
    """The holder moves quota of its account to one on another ledger."""
    target = pari.account(to or holder, destination)
    pari.run(
        quotas.move_quota(
            pari.ledger(source),
            pari.account(holder, source).account,
            pari.ledger(destination),
            target,
            Units(units),
            pari.signer(signer or holder),
            f"{source}{destination}{units}",
        )
    )


def quota_of(pari: LocalNetwork, holder: str = "holder_fr") -> HolderQuota:
    record = pari.run(pari.session.home.holder(pari.account(holder).account))
    assert record is not None
    found = pari.run(
        quotas.quota_of_holder(pari.session.ledgers, pari.session.security.security_id, record.holder)
    )
    assert found is not None
    return found


def by_ledger(pari: LocalNetwork, found: HolderQuota) -> dict[str, int]:
    return {pari.session.ledgers[line.ledger].name: int(line.quota) for line in found.lines}


def places_of(pari: LocalNetwork) -> Places:
    found = pari.run(quotas.places_over_all(pari.session.ledgers, pari.session.security.security_id))
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
        with pytest.raises(QuotaRefused, match=f"does not use {units - 1} units of its quota, {units} "):
            move(pari, "holder_fr", source, "bravo", units)
    move(pari, "holder_fr", "alpha", "bravo", 24)
    move(pari, "holder_fr", "register", "bravo", 13)
    pari.deliver()
    assert by_ledger(pari, quota_of(pari)) == {"alpha": 10, "bravo": 70, "register": 20}


def test_ctl_4_caps_over_all_chains_units_wait_for_quota_and_are_booked_once_it_came(
    pari: LocalNetwork,
) -> None:
    for destination in ("bravo", "register"):
        for units in (33, 1):
            pari.issue("holder_fr", units)
            pari.move("holder_fr", "alpha", "holder_fr", destination, units)
        pari.deliver()
        waiting = pari.ledger(destination)
        account = pari.account("holder_fr", destination).account
        assert pari.run(waiting.position(account)) == 33
        _, parked = [one for one in pari.traffic().sent if one.message.lane.destination == waiting.id]
        with pytest.raises(RuleError):
            pari.run(waiting.execute(Retry(parked.message), pari.signer("relayer"), f"early {destination}"))
        move(pari, "holder_fr", "alpha", destination, 1)
        pari.deliver()
        pari.run(waiting.execute(Retry(parked.message), pari.signer("relayer"), f"late {destination}"))
        assert pari.run(waiting.position(account)) == 34
        assert quota_of(pari).total == CAP


def test_ctl_4_caps_over_all_chains_quota_stays_with_its_holder(pari: LocalNetwork) -> None:
    for source, destination in (("alpha", "register"), ("register", "alpha")):
        with pytest.raises(QuotaRefused, match="different holders"):
            move(pari, "holder_fr", source, destination, 1, to="holder_de")
    for source in ("alpha", "register"):
        with pytest.raises(NotAuthorised):
            move(pari, "holder_fr", source, "bravo", 1, signer="holder_de")


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
    for source, number in (("register", 2), ("bravo", 7)):
        with pytest.raises(QuotaRefused, match=f"has {number - 1} free places of holders, {number} cannot"):
            pari.run(quotas.move_places(pari.ledger(source), pari.ledger("alpha"), number, agent, "too many"))
    with pytest.raises(QuotaRefused, match="already"):
        pari.run(quotas.move_places(pari.ledger("bravo"), pari.ledger("bravo"), 1, agent, "home"))
    stranger = pari.signer("holder_de")
    for source in ("bravo", "register"):
        with pytest.raises(NotAuthorised):
            pari.run(quotas.move_places(pari.ledger(source), pari.ledger("alpha"), 1, stranger, "stranger"))
