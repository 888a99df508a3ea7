"""The pytest plugin, used as our users use it."""

from __future__ import annotations

from paripassu.testing.network import LocalNetwork


def test_ca_7_a_dividend_is_paid_on_two_chains_as_if_on_one(pari: LocalNetwork) -> None:
    pari.onboard("holder_fr")
    pari.issue("holder_fr", 1_000)
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 401)
    pari.deliver()
    event = pari.dividend(rate="0.3725")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    pari.pay(struck)
    assert pari.cash("holder_fr", "alpha") + pari.cash("holder_fr", "bravo") == 37_250
    assert pari.reconcile(struck).ok


def test_what_one_test_does_the_next_does_not_see(pari: LocalNetwork) -> None:
    assert pari.run(pari.session.home.issued()) == 0
    assert pari.run(pari.session.home.event("TEST2027DVCA0001")) is None
    pari.issue("holder_fr", 7)
    assert pari.position("holder_fr", "alpha") == 7
