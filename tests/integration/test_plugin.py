"""The pytest plugin, used as our users use it: entitlements over two chains and a book-entry ledger."""

from __future__ import annotations

import pytest

from paripassu.commands import Retry
from paripassu.controls import Reason, SetStatus
from paripassu.custody import Breakdown, ClientLine, ShareholdingType
from paripassu.errors import BreakdownRefused, RuleError, Unfunded
from paripassu.identifiers import keccak256
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Purpose
from paripassu.quantities import Units
from paripassu.testing.network import LocalNetwork


def test_ca_5_units_in_transit_at_record_time_count_once_for_their_new_owner(pari: LocalNetwork) -> None:
    pari.onboard("holder_fr")
    pari.onboard("holder_de", country="DE")
    pari.issue("holder_fr", 1_003)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 300)
    pari.deliver()
    event = pari.dividend(rate="0.3725")
    pari.announce(event)
    pari.travel_to(event.record_time - 60)
    pari.move("holder_fr", "alpha", "holder_de", "bravo", 201)
    pari.pass_record_time(event)
    pari.deliver()

    struck = pari.entitle(event)
    with pytest.raises(Unfunded):
        pari.pay(struck)
    pari.fund(struck)
    pari.pass_payment_date(event)
    payments = pari.pay(struck)

    # 802 x 37.25 = 29,874.5 and 201 x 37.25 = 7,487.25: each holder's total is rounded down once.
    assert pari.cash("holder_fr", "alpha") + pari.cash("holder_fr", "register") == 29_874
    assert pari.cash("holder_de", "bravo") == 7_487
    assert pari.pay(struck) == payments
    reconciled = pari.reconcile(struck)
    assert reconciled.ok, [result for result in reconciled.results if not result.ok]


def test_ca_23_a_parked_movement_blocks_nobody_else_and_is_paid_once_it_has_arrived(
    pari: LocalNetwork,
) -> None:
    pari.onboard("holder_fr")
    pari.onboard("holder_de", country="DE")
    pari.issue("holder_fr", 1_000)
    event = pari.dividend(rate="0.25")
    pari.announce(event)
    pari.travel_to(event.record_time - 60)
    pari.move("holder_fr", "alpha", "holder_de", "bravo", 400)
    registrar, account = pari.session.role("registrar"), pari.account("holder_de", "bravo").account
    bravo = pari.ledger("bravo")
    pari.run(bravo.execute(SetStatus(account, False, Reason("court order 7")), registrar, "suspend"))
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)

    assert [payment.amount for payment in pari.pay(struck)] == [15_000]
    (parked,) = (
        sent.message
        for sent in pari.traffic().sent
        if sent.message.lane.destination == bravo.id and sent.message.lane.purpose is Purpose.MOVEMENT
    )
    fate = pari.traffic().fate(parked.id)
    assert fate is not None
    assert fate.status is DeliveryStatus.PARKED
    assert fate.reason.startswith("PP-RUL-006")
    with pytest.raises(RuleError):
        pari.run(bravo.execute(Retry(parked), registrar, "too early"))

    pari.run(bravo.execute(SetStatus(account, True, Reason("order lifted")), registrar, "reinstate"))
    pari.run(bravo.execute(Retry(parked), registrar, "again"))
    pari.fund(struck)
    assert sorted(int(payment.amount) for payment in pari.pay(struck)) == [10_000, 15_000]
    assert pari.reconcile(struck).ok


def test_ubo_4_client_lines_count_only_as_their_servicer_attested_them_on_the_ledger(
    pari: LocalNetwork,
) -> None:
    account = pari.account("custodian_de")
    pari.onboard("custodian_de", "alpha", country="DE", servicer="custodian_de")
    pari.issue("custodian_de", 1_000)
    event = pari.dividend(rate="0.3725")
    pari.announce(event)
    pari.travel_to(event.record_time - 60)
    as_of = event.record_time - 3_600
    lines = tuple(
        ClientLine(keccak256(name), ShareholdingType.BENE, Units(units))
        for name, units in ((b"client one", 601), (b"client two", 302))
    )
    breakdown = Breakdown(account, as_of, lines)
    pari.attest(breakdown, "custodian_de")
    pari.pass_record_time(event)

    with pytest.raises(BreakdownRefused, match="not attested"):
        pari.entitle(event, Breakdown(account, as_of, lines[:1]))
    with pytest.raises(BreakdownRefused, match="after the record time"):
        pari.entitle(event, Breakdown(account, event.record_time + 1, lines))
    struck = pari.entitle(event, breakdown)
    # 601, 302 and the 97 that nobody attested: 223.87 + 112.49 + 36.13 euros, each rounded down.
    assert sorted(int(holder.amount) for holder in struck.table.holders) == [3_613, 11_249, 22_387]
    (line,) = struck.table.lines
    assert line.amount == 37_249


def test_what_one_test_does_the_next_does_not_see(pari: LocalNetwork) -> None:
    assert pari.run(pari.session.home.issued()) == 0
    assert pari.run(pari.session.home.event("TEST2027DVCA0001")) is None
    pari.issue("holder_fr", 7)
    assert pari.position("holder_fr", "alpha") == 7


def test_ctl_2_a_holder_who_is_not_admitted_is_refused_alike_by_every_ledger(pari: LocalNetwork) -> None:
    pari.onboard("holder_fr")
    pari.onboard("holder_jp", country="JP")
    pari.issue("holder_fr", 30)
    for ledger in ("bravo", "register"):
        pari.move("holder_fr", "alpha", "holder_fr", ledger, 10)
    pari.deliver()
    codes = set()
    for ledger in ("alpha", "bravo", "register"):
        for destination in ("alpha", "bravo", "register"):
            with pytest.raises(RuleError) as refused:
                pari.move("holder_fr", ledger, "holder_jp", destination, 1)
            codes.add(refused.value.code)
        assert pari.position("holder_fr", ledger) == 10
    assert codes == {"PP-RUL-008"}
