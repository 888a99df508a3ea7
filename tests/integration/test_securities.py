"""Two securities over two chains and one book: what is done to the second leaves the first as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paripassu import acts, deploy
from paripassu.controls import Freeze, Reason
from paripassu.errors import InconsistentFile, RuleError
from paripassu.jobs import approving, controlling
from paripassu.quantities import Units
from paripassu.specification.observing import observed_specification
from paripassu.testing.files import EQUITY, two_chains
from paripassu.testing.network import LocalNetwork, started

FIRST, SECOND = "FR0014ZZPPS9", "FR0014ZZPPT7"
WHY = Reason("court order 7")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two Anvil chains and a book; 1,000 units of the first security are out, 300 of them in the book; the
    second is paid in dollars."""
    folder = tmp_path_factory.mktemp("securities")
    second = folder / "second.toml"
    changed = EQUITY.read_text("utf-8").replace(FIRST, SECOND).replace('"EUR"', '"USD"')
    second.write_text(changed, "utf-8")
    dollars = '[cash.USD]\nname = "Cash token USD"\nsymbol = "USDC1"\n'
    for network in started(two_chains(folder, securities=(EQUITY, second), more=dollars), folder / "ws"):
        network.choose(FIRST)
        network.onboard("holder_fr")
        network.onboard("holder_de", country="DE")
        network.issue("holder_fr", 1_000)
        network.move("holder_fr", "alpha", "holder_fr", "register", 300)
        network.deliver()
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """The second security is at hand; all is undone after the test."""
    state = network.snapshot()
    network.choose(SECOND)
    yield network
    network.choose(FIRST)
    network.revert(state)


def test_mov_1_units_of_the_second_security_move_between_chains_and_book(pari: LocalNetwork) -> None:
    pari.issue("holder_fr", 90)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 50)
    pari.deliver()
    pari.move("holder_fr", "register", "holder_de", "register", 5)
    pari.move("holder_fr", "register", "holder_de", "bravo", 20)
    assert pari.reconcile().ok, "in transit"
    pari.choose(FIRST)
    assert pari.reconcile().ok, "the other security's units in transit are none of its own"
    pari.choose(SECOND)
    pari.deliver()
    held = {
        (holder, on): int(pari.position(holder, on))
        for holder in ("holder_fr", "holder_de")
        for on in ("alpha", "bravo", "register")
    }
    assert {place: units for place, units in held.items() if units} == {
        ("holder_fr", "alpha"): 40,
        ("holder_fr", "register"): 25,
        ("holder_de", "register"): 5,
        ("holder_de", "bravo"): 20,
    }
    assert pari.reconcile().ok
    pari.choose(FIRST)
    assert (pari.position("holder_fr", "alpha"), pari.position("holder_fr", "register")) == (700, 300)
    assert pari.reconcile().ok


def test_ca_8_a_dividend_on_the_second_security_is_paid_on_it_alone_and_in_its_currency(
    pari: LocalNetwork,
) -> None:
    pari.issue("holder_fr", 100)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 60)
    pari.deliver()
    event = pari.dividend(rate="0.50")
    assert str(event.currency) == "USD"
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    assert int(struck.table.total) == 5_000
    pari.fund(struck)
    pari.pass_payment_date(event)
    pari.pay(struck)
    assert (pari.cash("holder_fr", "alpha"), pari.cash("holder_fr", "register")) == (2_000, 3_000)
    reconciled = pari.reconcile(struck)
    assert reconciled.ok, [result for result in reconciled.results if not result.ok]
    pari.choose(FIRST)
    assert (pari.cash("holder_fr", "alpha"), pari.cash("holder_fr", "register")) == (0, 0)
    assert pari.reconcile().ok


@pytest.mark.parametrize("on", ["alpha", "register"])
def test_ctl_5_and_7_controls_and_acts_reach_the_security_at_hand_alone(pari: LocalNetwork, on: str) -> None:
    pari.issue("holder_fr", 100)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 50)
    pari.deliver()
    ledger, account = pari.ledger(on), pari.account("holder_fr", on).account
    pari.run(controlling.carry_out(ledger, Freeze(account, True, WHY), pari.signer("freezer")))
    with pytest.raises(RuleError):
        pari.move("holder_fr", on, "holder_de", on, 1)

    async def take() -> None:
        act = acts.ForcedTransfer(account, pari.account("holder_de", on).account, Units(30))
        _, made = await approving.propose(ledger, act, "registrar", WHY, pari.session.role("registrar"))
        await approving.approve(ledger, made, "regulator", pari.session.role("regulator"))
        found = await approving.find(pari.session.ledgers, made.id.text)
        await approving.execute(*found, pari.session.role("registrar"))

    pari.run(take())
    assert (pari.position("holder_fr", on), pari.position("holder_de", on)) == (20, 30)
    pari.choose(FIRST)
    before = pari.position("holder_fr", on)
    pari.move("holder_fr", on, "holder_de", on, 1)
    assert (pari.position("holder_fr", on), pari.position("holder_de", on)) == (before - 1, 1)


def test_deployment_and_sheet_know_both_securities_on_every_ledger(pari: LocalNetwork) -> None:
    assert pari.run(deploy.check(pari.network, pari.workspace)).ok
    sheet = pari.run(observed_specification(pari.network, pari.workspace, pari.session.security))
    assert f"isin:{SECOND}" in str(sheet.as_json())
    with pytest.raises(InconsistentFile, match="has no DE000BASF111"):
        pari.choose("DE000BASF111")
