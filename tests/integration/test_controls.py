"""Controls and acts on real nodes of two clients and on a book: the same commands, the same codes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paripassu import acts, controls
from paripassu.commands import Onboard
from paripassu.controls import SANCTION, SUSPENSION, Order, Reason, reason_text
from paripassu.errors import (
    ActRefused,
    CommandImpossible,
    CommandRefused,
    ContractRefused,
    LedgerError,
    NotAuthorised,
    OrderUnknown,
    PariError,
    RuleError,
)
from paripassu.identifiers import Bytes32, Country, checksum_address
from paripassu.jobs import approving, controlling, movements, ordering, paying
from paripassu.jobs.ordering import Reach
from paripassu.ledgers.control import ActRecord, ActState
from paripassu.ledgers.port import DeliveryStatus, Ledger
from paripassu.messages import Purpose
from paripassu.quantities import Units
from paripassu.rules import BalanceType, Kind, Restriction, Window
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

WHY = Reason("court order 7")
LEDGERS = ("alpha", "bravo", "register")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book; two holders with 300 units each on every ledger."""
    folder = tmp_path_factory.mktemp("controls")
    for network in started(two_chains(folder, clients={"bravo": "ganache"}), folder / "ws"):
        network.endow(("holder_fr", "holder_de"), 300)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


def at(pari: LocalNetwork, holder: str, on: str) -> str:
    return pari.account(holder, on).account


def verdict(pari: LocalNetwork, on: str, units: int = 1) -> Restriction:
    """On a transfer from holder_fr to holder_de."""
    accounts = at(pari, "holder_fr", on), at(pari, "holder_de", on)
    return pari.run(pari.ledger(on).verdict(*accounts, Units(units)))


def decided(
    pari: LocalNetwork, on: str, act: acts.Act, *roles: str, proposer: str = "registrar"
) -> ActRecord:
    """The act, proposed, approved for each role, and carried out by the proposer."""

    async def job() -> ActRecord:
        ledger, made = await approving.propose(
            pari.ledger(on), act, proposer, WHY, pari.session.role(proposer)
        )
        for role in roles:
            assert await approving.approve(ledger, made, role, pari.session.role(role))
        found = await approving.find(pari.session.ledgers, made.id.text)
        assert await approving.execute(*found, pari.session.role(proposer))
        return (await approving.find(pari.session.ledgers, made.id.text))[1]

    return pari.run(job())


def order(pari: LocalNetwork, on: str, scope: Bytes32, stands: bool, holder: str = "holder_fr") -> Reach:
    account = at(pari, holder, on)
    return pari.run(ordering.order(pari.session, pari.ledger(on), account, scope, stands, WHY))


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_8_an_order_on_one_ledger_is_in_force_on_all_with_one_message_each(
    pari: LocalNetwork, on: str
) -> None:
    others = [name for name in LEDGERS if name != on]
    expected = {
        SANCTION: Restriction.SENDER_SANCTIONED,
        SUSPENSION: Restriction.SENDER_INACTIVE,
        pari.session.security.security_id: Restriction.SENDER_FROZEN,
    }
    for scope, code in expected.items():
        with pytest.raises(OrderUnknown):
            order(pari, on, scope, False)
        reach = order(pari, on, scope, True)
        assert (sorted(reach.within), reach.not_sent) == (others, ())
        assert [verdict(pari, name) for name in (on, *others)] == [code, Restriction.NONE, Restriction.NONE]
        pari.deliver()
        assert {verdict(pari, name) for name in LEDGERS} == {code}
        for name in LEDGERS:
            known = pari.run(pari.ledger(name).controls.orders(reach.order.holder))
            assert [(one.origin, one.stands, one.reason) for one in known if one.scope == scope] == [
                (pari.ledger(on).id, True, WHY.text)
            ]
        # nobody lifts another ledger's order
        with pytest.raises(OrderUnknown, match=f"stands by order of {on}"):
            order(pari, others[0], scope, False)
        with pytest.raises(OrderUnknown):
            pari.control(others[0], Order(reach.order.holder, scope, False, WHY), reach.order.role)
        order(pari, on, scope, False)
        pari.deliver()
        assert {verdict(pari, name) for name in LEDGERS} == {Restriction.NONE}
    traffic = pari.traffic()
    sent = [one.message for one in traffic.sent if one.message.lane.purpose is Purpose.ORDER]
    assert {message.lane.source for message in sent} == {pari.ledger(on).id}
    assert len(sent) == len(expected) * 2 * len(others)  # ordered and lifted, to each
    fates = [traffic.fate(message.id) for message in sent]
    assert {fate.status for fate in fates if fate} == {DeliveryStatus.EXECUTED}
    assert None not in fates
    assert pari.reconcile().ok


@pytest.mark.parametrize(
    ("source", "target"), [("alpha", "bravo"), ("bravo", "register"), ("register", "alpha")]
)
def test_ctl_8_units_in_transit_land_frozen_and_move_once_it_is_lifted(
    pari: LocalNetwork, source: str, target: str
) -> None:
    for scope, code in (
        (pari.session.security.security_id, Restriction.SENDER_FROZEN),
        (SANCTION, Restriction.SENDER_SANCTIONED),
    ):
        before = pari.position("holder_fr", target)
        pari.move("holder_de", source, "holder_fr", target, 40)
        order(pari, target, scope, True)
        pari.deliver()
        assert pari.position("holder_fr", target) == before + 40
        assert verdict(pari, target) is code
        reconciled = pari.reconcile()
        assert reconciled.ok, [result for result in reconciled.results if not result.ok]
        # what is not on its way yet is refused where it is
        with pytest.raises(RuleError):
            pari.move("holder_de", source, "holder_fr", target, 1)
        with pytest.raises(RuleError):
            pari.move("holder_fr", target, "holder_de", source, 1)
        order(pari, target, scope, False)
        pari.deliver()
        pari.move("holder_fr", target, "holder_de", source, 40)
        pari.deliver()
        assert pari.position("holder_fr", target) == before


def test_ctl_8_an_account_onboarded_after_the_order_is_under_it(pari: LocalNetwork) -> None:
    order(pari, "alpha", SANCTION, True)
    pari.deliver()
    record = pari.run(pari.ledger("alpha").holder(at(pari, "holder_fr", "alpha")))
    assert record is not None
    for on in LEDGERS:
        ledger, another = pari.ledger(on), at(pari, "another", on)
        command = Onboard(another, record.holder, Country("FR"), 1, 0, "", additional=True)
        proven = pari.run(movements.proven(ledger, command, pari.signer("another")))
        pari.run(movements.onboard(ledger, [proven], pari.session.role("registrar")))
        found = pari.run(ledger.holder(another))
        assert found is not None
        assert found.sanctioned


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_5_freezes_and_pauses_have_their_codes_and_roles(pari: LocalNetwork, on: str) -> None:
    fr, de = at(pari, "holder_fr", on), at(pari, "holder_de", on)
    week = pari.run(pari.ledger(on).head()).time + 6 * 86_400
    steps: list[tuple[controls.Control, str, Restriction]] = [
        (controls.Freeze(fr, True, WHY), "freezer", Restriction.SENDER_FROZEN),
        (controls.Freeze(fr, False, WHY), "freezer", Restriction.NONE),
        (controls.FreezeUnits(fr, Units(300), WHY), "freezer", Restriction.UNITS_BLOCKED),
        (controls.FreezeUnits(fr, Units(0), WHY), "freezer", Restriction.NONE),
        (controls.Pause(True, WHY), "pauser", Restriction.TOKEN_PAUSED),
        (controls.Pause(False, WHY), "unpauser", Restriction.NONE),
        (controls.EmergencyStop(week, WHY), "pauser", Restriction.TOKEN_PAUSED),
        (controls.Pause(False, WHY), "unpauser", Restriction.NONE),
        (controls.PauseClasses(frozenset({1}), True, WHY), "pauser", Restriction.INVENTORY_PAUSED),
        (controls.PauseClasses(frozenset({1}), False, WHY), "unpauser", Restriction.NONE),
        (controls.SetStatus(de, False, WHY), "registrar", Restriction.RECIPIENT_INACTIVE),
        (controls.SetStatus(de, True, WHY), "registrar", Restriction.NONE),
        (controls.Sanction(de, True, WHY), "regulator", Restriction.RECIPIENT_SANCTIONED),
        (controls.Sanction(de, False, WHY), "regulator", Restriction.NONE),
    ]
    for command, role, expected in steps:
        with pytest.raises(NotAuthorised):
            pari.control(on, command, "custodian_de" if role != "custodian" else "freezer")
        pari.control(on, command, role)
        assert verdict(pari, on) is expected, command
    too_long = controls.EmergencyStop(week + 2 * 86_400, WHY)
    with pytest.raises((CommandRefused, ContractRefused)):
        pari.control(on, too_long, "pauser")


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_10_balances_by_type_lots_and_how_much_may_move(pari: LocalNetwork, on: str) -> None:
    ledger, fr, de = pari.ledger(on), at(pari, "holder_fr", on), at(pari, "holder_de", on)
    now = pari.run(ledger.head()).time
    pari.control(on, controls.FreezeUnits(fr, Units(40), WHY), "freezer")
    pari.control(on, controls.Lock(fr, Units(100), now + 86_400, WHY), "transfer_agent")
    pari.control(on, controls.Pledge(fr, de, Units(60)), "holder_fr")
    held = pari.run(ledger.controls.holding(fr))
    assert {kind.value: int(units) for kind, units in held.balances.items()} == {
        "AWAS": 100,
        "BLOK": 40,
        "BLCA": 0,
        "PLED": 60,
        "RSTR": 100,
    }
    assert sum(map(int, held.balances.values())) == held.balance == 300
    assert [(int(lot.units), lot.until) for lot in held.lots] == [(100, now + 86_400)]
    allowed = pari.run(ledger.controls.allowed(fr, de))
    assert (allowed.units, allowed.code) == (100, Restriction.UNITS_LOCKED)
    (pledge,) = pari.run(ledger.controls.pledges(de))
    assert (pledge.pledgor, pledge.pledgee, pledge.units) == (fr, de, 60)
    with pytest.raises(LedgerError):
        pari.control(on, controls.EndPledge(pledge.id, True), "holder_fr")
    pari.control(on, controls.EndPledge(pledge.id, True), "holder_de")
    assert pari.position("holder_de", on) == 360
    assert pari.run(ledger.controls.pledges(fr)) == ()
    assert pari.run(ledger.controls.holding(fr)).balances[BalanceType.PLEDGED] == 0


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_12_rules_are_changed_by_their_manager_and_read_back(pari: LocalNetwork, on: str) -> None:
    ledger = pari.ledger(on)
    now = pari.run(ledger.head()).time
    window = Window(now - 100, now + 86_400)
    allow = controls.SetCountries(frozenset({Country("DE"), Country("LU")}), False, WHY)
    with pytest.raises(NotAuthorised):
        pari.control(on, allow, "transfer_agent")
    before = pari.run(ledger.controls.rules())
    pari.control(on, allow, "rule_manager")
    assert verdict(pari, on) is Restriction.RECIPIENT_COUNTRY
    found = pari.run(ledger.controls.rules())
    assert (found.rules.countries, found.rules.deny_list) == (allow.countries, False)
    pari.control(on, controls.SetCountries(frozenset({Country("US")}), True, WHY), "rule_manager")
    assert verdict(pari, on) is Restriction.NONE
    pari.control(on, controls.SetClasses(frozenset({2, 3}), WHY), "rule_manager")
    assert verdict(pari, on) is Restriction.RECIPIENT_CLASS
    pari.control(on, controls.SetClasses(frozenset({1}), WHY), "rule_manager")
    pari.control(on, controls.SetMinimumLot(Units(10), WHY), "rule_manager")
    assert verdict(pari, on, 9) is Restriction.MINIMUM_LOT
    pari.control(on, controls.SetBlackouts((window,), WHY), "rule_manager")
    assert verdict(pari, on, 10) is Restriction.BLACKOUT
    found = pari.run(ledger.controls.rules())
    assert (found.rules.countries, found.rules.deny_list) == (frozenset({Country("US")}), True)
    assert (found.rules.classes, found.rules.minimum_lot) == (frozenset({1}), 10)
    assert (found.rules.blackout, found.changes) == ((window,), before.changes + 6)


def test_ctl_9_a_rule_contract_that_does_not_answer_lets_nothing_move(pari: LocalNetwork) -> None:
    gone = checksum_address(b"\x11" * 20)
    pari.control("alpha", controls.SetModules((gone,), WHY), "rule_manager")
    assert verdict(pari, "alpha") is Restriction.MODULE_UNAVAILABLE
    assert pari.run(pari.ledger("alpha").controls.rules()).modules == (gone,)
    pari.control("alpha", controls.SetModules((), WHY), "rule_manager")
    assert verdict(pari, "alpha") is Restriction.NONE
    with pytest.raises(CommandImpossible):
        pari.control("register", controls.SetModules((), WHY), "rule_manager")


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_7_one_signer_fails_two_succeed_and_the_act_shows_its_lineage(
    pari: LocalNetwork, on: str
) -> None:
    ledger, fr, de = pari.ledger(on), at(pari, "holder_fr", on), at(pari, "holder_de", on)
    pari.control(on, controls.FreezeUnits(fr, Units(250), WHY), "freezer")
    pari.control(on, controls.Freeze(fr, True, WHY), "freezer")
    order = Reason("judgment 2027/118 of the commercial court, section four")
    registrar = pari.session.role("registrar")
    act = acts.ForcedTransfer(fr, de, Units(120))
    _, made = pari.run(approving.propose(ledger, act, "registrar", order, registrar))
    with pytest.raises(ActRefused, match="needs 2 approvals and has 1, by registrar"):
        pari.run(approving.execute(ledger, made, registrar))
    with pytest.raises(ActRefused, match="2 are needed"):  # the ledger itself refuses, too
        pari.run(ledger.execute(acts.ExecuteAct(made.id, made.target, made.call), registrar, "alone"))
    with pytest.raises(PariError):
        pari.run(approving.approve(ledger, made, "regulator", pari.session.role("freezer")))
    assert not pari.run(approving.approve(ledger, made, "registrar", registrar))
    assert pari.run(approving.approve(ledger, made, "regulator", pari.session.role("regulator")))
    _, ready = pari.run(approving.find(pari.session.ledgers, made.id.text[:18]))
    assert pari.run(approving.execute(ledger, ready, registrar))
    _, done = pari.run(approving.find(pari.session.ledgers, made.id.text))
    assert not pari.run(approving.execute(ledger, done, registrar))

    assert (done.state, done.function, done.threshold) == (ActState.EXECUTED, "forcedTransfer", 2)
    assert done.reason in (order.text, reason_text(order.word))
    assert [deed.role for deed in done.approvals] == ["registrar", "regulator"]
    assert len({deed.by for deed in done.approvals}) == 2
    assert done.executed is not None
    assert done.executed.block.height >= done.proposed.block.height
    assert [(one.account, int(one.before), int(one.after)) for one in done.corrections] == [
        (fr, 300, 180),
        (de, 300, 420),
    ]
    if ledger.id.is_evm:
        assert any(effect.startswith("Corrected(") for effect in done.effects)
    assert (pari.position("holder_fr", on), pari.position("holder_de", on)) == (180, 420)
    # 50 available units went first, then 70 of those that were frozen
    assert pari.run(ledger.controls.holding(fr)).balances[BalanceType.BLOCKED] == 180


def test_ctl_7_units_are_burnt_and_cancelled_on_the_home_ledger(pari: LocalNetwork) -> None:
    home, fr = pari.session.home, at(pari, "holder_fr", "alpha")
    issued = pari.run(home.issued())
    done = decided(pari, "alpha", acts.Burn(fr, Units(20)), "csd")
    assert [(one.account, int(one.before), int(one.after)) for one in done.corrections] == [(fr, 300, 280)]
    with pytest.raises(ContractRefused, match="ReferenceUnknown"):
        decided(pari, "alpha", acts.Cancel(fr, Units(5), "never issued"), "csd")
    register = at(pari, "holder_fr", "register")
    with pytest.raises(CommandRefused, match="not the home ledger"):
        decided(pari, "register", acts.Burn(register, Units(1)), "csd")
    done = decided(
        pari,
        "alpha",
        acts.ForcedTransfers((acts.ForcedTransfer(fr, at(pari, "holder_de", "alpha"), Units(7)),) * 2),
        "csd",
    )
    assert [int(one.after) for one in done.corrections] == [273, 307, 266, 314]
    done = decided(pari, "alpha", acts.Burns((acts.Burn(fr, Units(6)), acts.Burn(fr, Units(10)))), "csd")
    assert [(int(one.before), int(one.after)) for one in done.corrections] == [(266, 260), (260, 250)]
    assert pari.run(home.issued()) == issued - 36
    assert pari.reconcile().ok


def test_ver_6_acts_of_issuer_and_upgrader_and_what_is_none(pari: LocalNetwork) -> None:
    done = decided(pari, "alpha", acts.SetName("Another name"), "csd", proposer="issuer")
    assert any("NameChanged" in effect for effect in done.effects)
    assert done.arguments == {"name": "Another name"}
    decided(pari, "alpha", acts.SetIssueLimit(Units(2_000_000)), "csd", proposer="issuer")
    with pytest.raises(LedgerError):
        decided(pari, "alpha", acts.SetSymbol("X"), "csd", proposer="freezer")
    with pytest.raises(ActRefused, match="NothingToRollBack"):
        decided(pari, "alpha", acts.Rollback("SecurityToken", 4), "csd", "issuer", proposer="upgrader")
    with pytest.raises(CommandImpossible):
        decided(pari, "register", acts.SetName("Another name"), "csd")


@pytest.mark.parametrize("on", LEDGERS)
def test_ver_6_an_approval_and_an_act_are_withdrawn(pari: LocalNetwork, on: str) -> None:
    ledger = pari.ledger(on)
    registrar, csd = pari.session.role("registrar"), pari.session.role("csd")
    act = acts.ForcedTransfer(at(pari, "holder_fr", on), at(pari, "holder_de", on), Units(1))
    _, made = pari.run(approving.propose(ledger, act, "registrar", WHY, registrar, "once"))
    assert pari.run(approving.propose(ledger, act, "registrar", WHY, registrar, "once"))[1].id == made.id
    pari.run(approving.approve(ledger, made, "csd", csd))
    pari.run(approving.withdraw(ledger, made, "csd", csd))
    _, found = pari.run(approving.find(pari.session.ledgers, made.id.text))
    assert [deed.role for deed in found.approvals] == ["registrar"]
    pari.run(approving.withdraw(ledger, made, "registrar", registrar))
    _, found = pari.run(approving.find(pari.session.ledgers, made.id.text))
    assert found.state is ActState.WITHDRAWN
    with pytest.raises(ActRefused, match="WITHDRAWN"):
        pari.run(approving.approve(ledger, found, "csd", csd))


@pytest.mark.parametrize("on", LEDGERS)
def test_ubo_10_rotation_mid_event_keeps_the_entitlement_with_the_entity(pari: LocalNetwork, on: str) -> None:
    ledger: Ledger = pari.ledger(on)
    pari._coin("holder_fr_2")
    former, new = at(pari, "holder_fr", on), at(pari, "holder_fr_2", on)
    event = pari.dividend(rate="0.25")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)

    registrar, key, second = (
        pari.session.role("registrar"),
        pari.signer("holder_fr"),
        pari.signer("holder_fr_2"),
    )
    if ledger.id.is_evm:
        with pytest.raises(ContractRefused, match="KeyNotProven"):
            pari.run(controlling.rotate(ledger, former, new, WHY, registrar, successor=second))
    pari.run(controlling.rotate(ledger, former, new, WHY, registrar, owner=key, successor=second))
    succession = pari.run(ledger.controls.succession(former))
    assert succession is not None
    assert succession.successor == new
    assert pari.run(ledger.holder(new)) is not None
    assert verdict(pari, on) is Restriction.SENDER_UNKNOWN
    pari.control(on, controls.Succeed(former, new), "transfer_agent")
    assert pari.run(ledger.position(new)) == 300

    pari.fund(struck)
    pari.pass_payment_date(event)
    pari.pay(struck)
    assert (pari.run(ledger.cash(former)), pari.run(ledger.cash(new))) == (0, 7_500)
    assert pari.run(paying.still_held(ledger, event.official_event_id)) == ()
    reconciled = pari.reconcile(struck)
    assert reconciled.ok, [result for result in reconciled.results if not result.ok]


def test_ubo_10_a_lost_key_is_recovered_by_an_act(pari: LocalNetwork) -> None:
    for on in LEDGERS:
        ledger, former, new = pari.ledger(on), at(pari, "holder_fr", on), at(pari, "holder_fr_2", on)
        proof = pari.run(controlling.succession_proof(ledger, former, new, pari.signer("holder_fr_2")))
        decided(pari, on, acts.Recover(former, new, proof), "csd")
        pari.control(on, controls.Succeed(former, new), "transfer_agent")
        assert pari.run(ledger.position(new)) == 300
        record = pari.run(ledger.holder(former))
        assert record is not None
        assert record.superseded
    assert pari.reconcile().ok


def test_ca_23_what_was_held_is_paid_once_after_the_release_and_blocked_nobody(pari: LocalNetwork) -> None:
    event = pari.dividend(rate="0.25")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    barred: dict[str, tuple[controls.Control, controls.Control, str]] = {}
    for on in LEDGERS:
        account = at(pari, "holder_fr", on)
        barred[on] = (
            controls.Sanction(account, True, WHY),
            controls.Sanction(account, False, WHY),
            "regulator",
        )
        pari.control(on, barred[on][0], barred[on][2])
    # holder_de is alone in its chunk on no ledger: it is paid, though holder_fr is held
    first = pari.pay(struck)
    assert sorted(payment.account for payment in first) == sorted(at(pari, "holder_de", on) for on in LEDGERS)
    again = pari.pay(struck)
    assert again == first
    for on in LEDGERS:
        (held,) = pari.run(paying.still_held(pari.ledger(on), event.official_event_id))
        assert (held.account, held.amount) == (at(pari, "holder_fr", on), 7_500)
        assert held.payee.code is Restriction.RECIPIENT_SANCTIONED
        assert len(pari.run(pari.ledger(on).held(event.official_event_id))) == 1  # asked of the ledger once
        pari.control(on, barred[on][1], barred[on][2])
        # released and held again: the same lines go under their third reference
        pari.control(on, barred[on][0], barred[on][2])
        pari.control(on, barred[on][1], barred[on][2])
    paid = pari.pay(struck)
    assert len(paid) == 6
    assert pari.pay(struck) == paid
    for on in LEDGERS:
        assert pari.cash("holder_fr", on) == 7_500
    reconciled = pari.reconcile(struck)
    assert reconciled.ok, [result for result in reconciled.results if not result.ok]


def test_ca_23_a_chunk_of_held_lines_alone_is_tried_under_a_new_reference(pari: LocalNetwork) -> None:
    event = pari.dividend(rate="0.25")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    accounts = {on: [at(pari, holder, on) for holder in ("holder_fr", "holder_de")] for on in LEDGERS}
    for on, both in accounts.items():
        for account in both:
            pari.control(on, controls.Sanction(account, True, WHY), "regulator")
    assert pari.pay(struck) == ()
    for on, both in accounts.items():
        for account in both:
            pari.control(on, controls.Sanction(account, False, WHY), "regulator")
    assert len(pari.pay(struck)) == 6


def test_ver_5_versions_are_told_as_of_any_time(pari: LocalNetwork) -> None:
    for on in LEDGERS[:2]:
        ledger = pari.ledger(on)
        changes = pari.run(ledger.controls.versions())
        token = next(change for change in changes if change.contract == "SecurityToken")
        assert (token.before, token.version, token.change_class) == ("", "1.0.0", 0)
        now = {one.contract: one for one in pari.run(ledger.controls.running())}
        assert {"SecurityToken", "HolderRegistry", "Approvals", "Gateway"} <= set(now)
        assert (now["SecurityToken"].version, now["SecurityToken"].since) == ("1.0.0", token.block.time)
        assert now["SecurityToken"].code_hash == token.code_hash
        assert pari.run(ledger.controls.running(token.block.time - 10_000_000)) == ()
    assert pari.run(pari.ledger("register").controls.versions()) == ()


def test_iss_1_units_are_redeemed_as_their_owner_allows_and_a_pause_does_not_stop_it(
    pari: LocalNetwork,
) -> None:
    home, fr = pari.session.home, at(pari, "holder_fr", "alpha")
    agent, owner = pari.session.role("transfer_agent"), pari.signer("holder_fr")
    issued = pari.run(home.issued())
    with pytest.raises(LedgerError):
        pari.run(movements.redeem(home, fr, Units(5), agent, None, "not allowed"))
    pari.control("alpha", controls.Pause(True, WHY), "pauser")
    for _ in range(2):
        pari.run(movements.redeem(home, fr, Units(5), agent, owner, "maturity"))
    assert (pari.position("holder_fr", "alpha"), pari.run(home.issued())) == (295, issued - 5)
    pari.control("alpha", controls.Pause(False, WHY), "unpauser")
    assert pari.reconcile().ok
    account = at(pari, "holder_fr", "register")
    with pytest.raises(CommandImpossible):
        pari.run(movements.redeem(pari.ledger("register"), account, Units(5), agent, None, "book"))


def test_iss_1_mark_up_and_mark_down_reconcile_with_the_home_register_up_to_the_limit(
    pari: LocalNetwork,
) -> None:
    """Issues and redemptions change what the home ledger has issued, and that is what all ledgers hold."""
    home, fr = pari.session.home, at(pari, "holder_fr", "alpha")
    agent, owner = pari.session.role("transfer_agent"), pari.signer("holder_fr")
    limit = int(pari.session.security.issue_size)

    def held() -> int:
        return sum(int(pari.run(pari.ledger(on).supply())) for on in LEDGERS)

    assert held() == pari.run(home.issued()) == 1_800
    pari.run(movements.issue(home, fr, Units(limit - 1_800), agent, "up to the limit"))
    assert held() == pari.run(home.issued()) == limit
    with pytest.raises(LedgerError):
        pari.run(movements.issue(home, fr, Units(1), agent, "limit and one"))
    with pytest.raises(NotAuthorised):
        pari.run(movements.issue(home, fr, Units(1), pari.session.role("registrar"), "not the agent"))
    pari.run(movements.redeem(home, fr, Units(400), agent, owner, "marked down"))
    assert held() == pari.run(home.issued()) == limit - 400
    pari.run(movements.issue(home, fr, Units(400), agent, "marked up again"))
    with pytest.raises(LedgerError):  # units are marked up on the home ledger alone
        pari.run(movements.issue(pari.ledger("bravo"), at(pari, "holder_fr", "bravo"), Units(1), agent, "x"))
    assert held() == pari.run(home.issued()) == limit
    assert pari.reconcile().ok


def test_ctl_6_what_is_owed_is_paid_while_everything_is_stopped(pari: LocalNetwork) -> None:
    """Nothing moves under an emergency stop; entitlements that were earned are paid on every ledger."""
    event = pari.dividend(rate="0.10")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    for on in LEDGERS:
        until = pari.run(pari.ledger(on).head()).time + 6 * 86_400
        pari.control(on, controls.EmergencyStop(until, WHY), "pauser")
        pari.control(on, controls.Pause(True, WHY), "pauser")
        assert verdict(pari, on) is Restriction.TOKEN_PAUSED
        with pytest.raises(RuleError):
            pari.move("holder_fr", on, "holder_de", on, 1)
    pari.pay(struck)
    for on in LEDGERS:
        assert (pari.cash("holder_fr", on), pari.cash("holder_de", on)) == (3_000, 3_000)
        assert pari.run(pari.ledger(on).held(event.official_event_id)) == ()
    assert pari.reconcile(struck).ok


def test_batches_and_accounts_opened_beforehand(pari: LocalNetwork) -> None:
    pari.onboard("holder_lu", country="LU")
    for on in LEDGERS:
        fr, de, lu = (at(pari, holder, on) for holder in ("holder_fr", "holder_de", "holder_lu"))
        if pari.ledger(on).id.is_evm:
            pari.control(on, controls.OpenAccounts((lu,)), "transfer_agent")
        pari.control(on, controls.BatchTransfer(fr, ((de, Units(10)), (lu, Units(20)))), "holder_fr")
        assert pari.run(pari.ledger(on).position(lu)) == 20
        stranger = at(pari, "stranger", on)
        with pytest.raises(RuleError):
            pari.control(on, controls.BatchTransfer(fr, ((de, Units(10)), (stranger, Units(1)))), "holder_fr")
        assert pari.position("holder_de", on) == 310
        assert pari.run(pari.ledger(on).controls.restriction(Kind.ISSUE, "", stranger, Units(1))) is (
            Restriction.RECIPIENT_UNKNOWN
        )


def test_id_6_a_pledge_moves_the_security_interest_and_neither_title_nor_entitlement(
    pari: LocalNetwork,
) -> None:
    """On two chains and in the book: the pledgor has title and is paid, the pledgee has the interest alone;
    enforcement moves title, and entitlements of later record times with it."""
    pledges = {}
    for on in LEDGERS:
        fr, de = at(pari, "holder_fr", on), at(pari, "holder_de", on)
        pari.control(on, controls.Pledge(fr, de, Units(120)), "holder_fr")
        held = pari.run(pari.ledger(on).controls.holding(fr))
        assert (held.balance, held.balances[BalanceType.PLEDGED]) == (300, 120)
        assert pari.position("holder_de", on) == 300
        (pledges[on],) = pari.run(pari.ledger(on).controls.pledges(de))
    first = pari.dividend(rate="0.10", event_id="TEST2027DVCA0001")
    pari.announce(first)
    pari.pass_record_time(first)
    struck = pari.entitle(first)
    assert {int(line.units) for line in struck.table.lines} == {300}
    for on, pledge in pledges.items():  # after record time: title goes, the entitlement stays
        pari.control(on, controls.EndPledge(pledge.id, True), "holder_de")
        assert (pari.position("holder_fr", on), pari.position("holder_de", on)) == (180, 420)
    pari.fund(struck)
    pari.pass_payment_date(first)
    pari.pay(struck)
    for on in LEDGERS:
        assert (pari.cash("holder_fr", on), pari.cash("holder_de", on)) == (3_000, 3_000)
    second = pari.dividend(rate="0.10", event_id="TEST2027DVCA0002")
    pari.announce(second)
    pari.pass_record_time(second)
    later = {str(line.account): int(line.units) for line in pari.entitle(second).table.lines}
    for on in LEDGERS:
        accounts = (pari.account("holder_fr", on), pari.account("holder_de", on))
        assert [later[str(account)] for account in accounts] == [180, 420]
