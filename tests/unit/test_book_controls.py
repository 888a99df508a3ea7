"""Controls and acts of k of n in book entry: the core's rules, stored; one signer fails, two succeed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu import acts, controls
from paripassu.commands import Issue, Onboard, Transfer
from paripassu.controls import Reason
from paripassu.errors import (
    ActRefused,
    CommandImpossible,
    CommandRefused,
    InconsistentFile,
    NotAuthorised,
    RuleError,
)
from paripassu.identifiers import Bytes32, Country, LedgerId, commitment
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.acts import LIFETIME
from paripassu.ledgers.book.configuration import from_json, to_json
from paripassu.ledgers.control import ActRecord, ActState, Allowed
from paripassu.quantities import Units
from paripassu.rules import BalanceType, Kind, Lot, Restriction, RuleSet, Window
from paripassu.testing.books import Desk, SettableClock, book_configuration, issue, onboard

START = 1_800_000_000
DESK = Desk()
WHY = Reason("court order 7")
BOOK = LedgerId("book:home")
RULES = RuleSet(
    frozenset({Country("DE"), Country("FR")}),
    frozenset({1}),
    holding_cap=Units(5_000),
    minimum_lot=Units(10),
)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
async def book(tmp_path: Path, clock: SettableClock) -> AsyncIterator[BookLedger]:
    """A home book; holder_de has 500 units, holder_fr none."""
    ledger = BookLedger(tmp_path / "home.db", BOOK, clock=clock)
    await ledger.open()
    ledger.configure(book_configuration(BOOK, (), home=True, rules=RULES))
    for name in ("holder_de", "holder_fr"):
        await onboard(ledger, name)
    await issue(ledger, "holder_de", 500)
    yield ledger
    ledger.check()
    await ledger.close()


async def test_ctl_10_balances_by_type_add_up_whatever_encumbers_them(
    book: BookLedger, clock: SettableClock
) -> None:
    await book.execute(controls.FreezeUnits("holder_de", Units(50), WHY), DESK["freezer"], "block")
    lock = controls.Lock("holder_de", Units(200), START + 1_000, WHY)
    await book.execute(lock, DESK["transfer_agent"], "lock")
    await book.execute(controls.Pledge("holder_de", "holder_fr", Units(100)), DESK["holder_de"], "pledge")
    held = await book.controls.holding("holder_de")
    assert held.balances == {
        BalanceType.AVAILABLE: 150,
        BalanceType.BLOCKED: 50,
        BalanceType.BLOCKED_FOR_ACTION: 0,
        BalanceType.PLEDGED: 100,
        BalanceType.RESTRICTED: 200,
    }
    assert sum(map(int, held.balances.values())) == held.balance == 500
    assert held.lots == (Lot(Units(200), START + 1_000, START),)
    assert (held.frozen, held.quota) == (False, 5_000)
    assert await book.controls.allowed("holder_de", "holder_fr") == Allowed(
        Units(150), Restriction.UNITS_LOCKED
    )
    with pytest.raises(RuleError) as refused:
        await book.execute(Transfer("holder_de", "holder_fr", Units(151)), DESK["holder_de"], "too many")
    assert refused.value.code == "PP-RUL-012"

    clock.advance(1_000)
    await book.execute(Transfer("holder_de", "holder_fr", Units(350)), DESK["holder_de"], "unlocked")
    held = await book.controls.holding("holder_de")
    assert held.balances[BalanceType.AVAILABLE] == 0
    assert held.lots == ()


async def test_encumbering_more_than_is_available_is_refused(book: BookLedger) -> None:
    with pytest.raises(CommandRefused, match="500 are available"):
        await book.execute(controls.FreezeUnits("holder_de", Units(501), WHY), DESK["freezer"], "b")
    past = controls.Lock("holder_de", Units(1), START, WHY)
    with pytest.raises(CommandRefused, match="locks nothing"):
        await book.execute(past, DESK["transfer_agent"], "l")
    with pytest.raises(RuleError):
        await book.execute(controls.Pledge("holder_de", "holder_fr", Units(501)), DESK["holder_de"], "p")
    assert (await book.controls.holding("holder_de")).balances[BalanceType.AVAILABLE] == 500


async def test_a_pledge_is_ended_by_its_pledgee_alone_and_enforced_under_the_rules(book: BookLedger) -> None:
    for number, units in enumerate((100, 60)):
        pledge = controls.Pledge("holder_de", "holder_fr", Units(units))
        await book.execute(pledge, DESK["holder_de"], f"pledge {number}")
    pledges = await book.controls.pledges("holder_fr")
    assert pledges == await book.controls.pledges("holder_de")
    by_units = {int(one.units): one.id for one in pledges}
    with pytest.raises(NotAuthorised, match="holder_fr"):
        await book.execute(controls.EndPledge(by_units[100], False), DESK["holder_de"], "mine")
    with pytest.raises(CommandRefused, match="no pledge"):
        await book.execute(controls.EndPledge(Bytes32(bytes(32)), False), DESK["holder_fr"], "none")
    await book.execute(controls.EndPledge(by_units[60], False), DESK["holder_fr"], "release")
    await book.execute(controls.EndPledge(by_units[100], True), DESK["holder_fr"], "enforce")
    assert await book.position("holder_fr") == 100
    assert (await book.controls.holding("holder_de")).balances[BalanceType.PLEDGED] == 0
    assert await book.controls.pledges("holder_de") == ()


async def test_ctl_6_an_emergency_stop_is_bounded_and_lifted_by_the_unpauser(
    book: BookLedger, clock: SettableClock
) -> None:
    week = 7 * 86_400
    with pytest.raises(CommandRefused, match="seven days"):
        await book.execute(controls.EmergencyStop(START + week + 1, WHY), DESK["pauser"], "too long")
    await book.execute(controls.EmergencyStop(START + week, WHY), DESK["pauser"], "stop")
    redeeming = await book.controls.restriction(Kind.REDEEM, "holder_de", "", Units(10))
    assert redeeming is Restriction.TOKEN_PAUSED
    assert await book.controls.restriction(Kind.PAYOUT, "", "holder_de", Units(0)) is Restriction.NONE
    assert (await book.controls.rules()).standing.stopped_until == START + week
    with pytest.raises(NotAuthorised, match="unpauser"):
        await book.execute(controls.Pause(False, WHY), DESK["pauser"], "not mine")
    await book.execute(controls.Pause(False, WHY), DESK["unpauser"], "go on")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE
    await book.execute(controls.EmergencyStop(START + week, WHY), DESK["pauser"], "stop again")
    clock.advance(week + 1)
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE


async def test_ubo_10_suspension_and_reinstatement_need_the_registrar(book: BookLedger) -> None:
    with pytest.raises(NotAuthorised, match="registrar"):
        await book.execute(controls.SetStatus("holder_fr", False, WHY), DESK["freezer"], "not mine")
    await book.execute(controls.SetStatus("holder_fr", False, WHY), DESK["registrar"], "suspend")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.RECIPIENT_INACTIVE
    renewal = Onboard("holder_fr", commitment(b"holder holder_fr"), "FR", 1, 0)
    await book.execute(renewal, DESK["registrar"], "a renewal lifts nothing")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.RECIPIENT_INACTIVE
    await book.execute(controls.SetStatus("holder_fr", True, WHY), DESK["registrar"], "reinstate")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE


async def test_ctl_12_rules_are_the_rule_managers_and_outlast_the_next_set_up(book: BookLedger) -> None:
    us = controls.SetCountries(frozenset({Country("US")}), True, WHY)
    with pytest.raises(NotAuthorised, match="rule_manager"):
        await book.execute(us, DESK["registrar"], "not mine")
    manager = DESK["rule_manager"]
    await book.execute(us, manager, "countries")
    await book.execute(controls.SetClasses(frozenset({1, 3}), WHY), manager, "classes")
    await book.execute(controls.SetMinimumLot(Units(25), WHY), manager, "lot")
    window = Window(START + 10, START + 20)
    await book.execute(controls.SetBlackouts((window,), WHY), manager, "windows")
    wanted = RuleSet(
        frozenset({Country("US")}), frozenset({1, 3}), True, Units(5_000), None, Units(25), (window,)
    )
    found = await book.controls.rules()
    assert (found.rules, found.changes, found.holders) == (wanted, 4, None)
    assert await book.verdict("holder_de", "holder_fr", Units(24)) is Restriction.MINIMUM_LOT
    assert book.configure(book_configuration(BOOK, (), home=True, rules=replace(RULES, minimum_lot=Units(3))))
    assert (await book.controls.rules()).rules == wanted
    with pytest.raises(CommandImpossible, match="no contracts"):
        await book.execute(controls.SetModules((), WHY), manager, "modules")
    with pytest.raises(CommandImpossible, match="opening"):
        await book.execute(controls.OpenAccounts(("holder_de",)), manager, "open")


async def test_a_batch_is_all_or_nothing(book: BookLedger) -> None:
    batch = controls.BatchTransfer("holder_de", (("holder_fr", Units(40)), ("nobody", Units(10))))
    with pytest.raises(RuleError):
        await book.execute(batch, DESK["holder_de"], "batch")
    assert await book.position("holder_fr") == 0
    await book.execute(
        controls.BatchTransfer("holder_de", (("holder_fr", Units(40)), ("holder_fr", Units(20)))),
        DESK["holder_de"],
        "good batch",
    )
    assert await book.position("holder_fr") == 60


async def proposed(book: BookLedger, act: acts.Act, role: str = "registrar") -> ActRecord:
    """The act, proposed for a role by the signer of its name."""
    height = (await book.head()).height
    await book.execute(acts.ProposeAct(act, role, WHY), DESK[role], f"propose {height}")
    return (await book.controls.acts())[-1]


async def decide(book: BookLedger, act: acts.Act, *roles: str) -> ActRecord:
    """Propose, approve for each role, execute."""
    record = await proposed(book, act)
    for role in roles:
        await book.execute(acts.ApproveAct(record.id, role), DESK[role], f"{role} {record.id}")
    await book.execute(acts.ExecuteAct(record.id), DESK["registrar"], f"execute {record.id}")
    done = await book.controls.act(record.id)
    assert done is not None
    return done


async def test_ctl_7_one_signer_fails_two_succeed_and_the_report_shows_the_lineage(book: BookLedger) -> None:
    await book.execute(controls.FreezeUnits("holder_de", Units(450), WHY), DESK["freezer"], "block")
    await book.execute(controls.Freeze("holder_de", True, WHY), DESK["freezer"], "freeze")
    act = acts.ForcedTransfer("holder_de", "holder_fr", Units(120))
    record = await proposed(book, act)
    with pytest.raises(ActRefused, match="1 approvals, 2 are needed"):
        await book.execute(acts.ExecuteAct(record.id), DESK["registrar"], "alone")
    for role in ("registrar", "freezer"):
        with pytest.raises((ActRefused, NotAuthorised)):
            await book.execute(acts.ApproveAct(record.id, role), DESK[role], f"again {role}")
    await book.execute(acts.ApproveAct(record.id, "regulator"), DESK["regulator"], "second")
    await book.execute(acts.ExecuteAct(record.id), DESK["csd"], "two")
    done = await book.controls.act(record.id)
    assert done is not None
    assert (done.state, done.reason, done.function) == (ActState.EXECUTED, "court order 7", "forcedTransfer")
    assert [(one.role, one.by) for one in done.approvals] == [
        ("registrar", "registrar"),
        ("regulator", "regulator"),
    ]
    assert done.executed is not None
    assert done.executed.by == "csd"
    assert [(one.account, int(one.before), int(one.after)) for one in done.corrections] == [
        ("holder_de", 500, 380),
        ("holder_fr", 0, 120),
    ]
    # available units go first, then blocked ones
    assert (await book.controls.holding("holder_de")).balances[BalanceType.BLOCKED] == 380
    with pytest.raises(ActRefused, match="EXECUTED"):
        await book.execute(acts.ExecuteAct(record.id), DESK["csd"], "once more")


async def test_ctl_7_the_law_needs_an_eligible_recipient(book: BookLedger) -> None:
    with pytest.raises(RuleError) as refused:
        await decide(book, acts.ForcedTransfer("holder_de", "nobody", Units(1)), "csd")
    assert refused.value.code == "PP-RUL-005"


async def test_ctl_7_several_corrections_of_one_order_happen_together_or_not_at_all(book: BookLedger) -> None:
    one = acts.ForcedTransfer("holder_de", "holder_fr", Units(100))
    too_many = acts.ForcedTransfer("holder_de", "holder_fr", Units(450))
    with pytest.raises(RuleError):
        await decide(book, acts.ForcedTransfers((one, too_many)), "csd")
    assert await book.position("holder_fr") == 0
    done = await decide(book, acts.ForcedTransfers((one, one)), "csd")
    assert [int(change.after) for change in done.corrections] == [400, 100, 300, 200]
    done = await decide(book, acts.Burns((acts.Burn("holder_fr", Units(150)),)), "csd")
    assert await book.supply() == await book.issued() == 350
    assert [(change.account, int(change.after)) for change in done.corrections] == [("holder_fr", 50)]


async def test_ctl_7_cancellation_names_the_issue_that_it_undoes(book: BookLedger) -> None:
    agent = DESK["transfer_agent"]
    await book.execute(Issue("holder_fr", Units(30)), agent, "issue/by mistake")
    with pytest.raises(CommandRefused, match="unheard of"):
        await decide(book, acts.Cancel("holder_fr", Units(30), "unheard of"), "csd")
    with pytest.raises(RuleError):
        await decide(book, acts.Cancel("holder_fr", Units(31), "by mistake"), "csd")
    await decide(book, acts.Cancel("holder_fr", Units(30), "by mistake"), "csd")
    assert await book.issued() == 500


async def test_ubo_10_a_lost_account_is_recovered_with_all_that_it_has(book: BookLedger) -> None:
    await book.execute(controls.FreezeUnits("holder_de", Units(50), WHY), DESK["freezer"], "block")
    lock = controls.Lock("holder_de", Units(200), START + 1_000, WHY)
    await book.execute(lock, DESK["transfer_agent"], "lock")
    await decide(book, acts.Recover("holder_de", "holder_de_2"), "transfer_agent")
    lost = await book.holder("holder_de")
    assert lost is not None
    assert lost.superseded
    succession = await book.controls.succession("holder_de")
    assert succession is not None
    assert (succession.successor, succession.at) == ("holder_de_2", START)
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.SENDER_UNKNOWN
    hand_over = controls.Succeed("holder_de", "holder_de_2")
    with pytest.raises(NotAuthorised):
        await book.execute(hand_over, DESK["freezer"], "not mine")
    other = controls.Succeed("holder_de", "holder_fr")
    with pytest.raises(CommandRefused, match="did not take"):
        await book.execute(other, DESK["transfer_agent"], "wrong one")
    await book.execute(hand_over, DESK["transfer_agent"], "hand over")
    held = await book.controls.holding("holder_de_2")
    assert (held.balance, held.balances[BalanceType.BLOCKED]) == (500, 50)
    assert held.lots == (Lot(Units(200), START + 1_000, START),)
    assert (await book.controls.holding("holder_de")).balance == 0
    record = await book.holder("holder_de_2")
    assert record is not None
    assert record.holder == lost.holder


async def test_ubo_10_a_rotated_account_takes_no_place_twice(book: BookLedger) -> None:
    rotate = controls.Rotate("holder_de", "holder_de_2", WHY)
    await book.execute(rotate, DESK["registrar"], "rotate")
    for source, target in (("holder_de", "holder_de_3"), ("holder_de_2", "holder_fr"), ("nobody", "x")):
        again = controls.Rotate(source, target, WHY)
        with pytest.raises(CommandRefused):
            await book.execute(again, DESK["registrar"], f"{source} {target}")
    renewal = Onboard("holder_de", commitment(b"holder holder_de"), "DE", 1, 0)
    with pytest.raises(CommandRefused, match="took the place"):
        await book.execute(renewal, DESK["registrar"], "renewal")


async def test_ver_6_acts_are_withdrawn_lapse_and_are_a_closed_list(
    book: BookLedger, clock: SettableClock
) -> None:
    act = acts.ForcedTransfer("holder_de", "holder_fr", Units(1))
    record = await proposed(book, act)
    await book.execute(acts.ApproveAct(record.id, "csd"), DESK["csd"], "approve")
    await book.execute(acts.WithdrawAct(record.id, "csd"), DESK["csd"], "take back")
    with pytest.raises(ActRefused, match="needed"):
        await book.execute(acts.ExecuteAct(record.id), DESK["csd"], "too few")
    with pytest.raises(ActRefused, match="has not approved"):
        await book.execute(acts.WithdrawAct(record.id, "csd"), DESK["csd"], "twice")
    await book.execute(acts.WithdrawAct(record.id, "registrar"), DESK["registrar"], "for good")
    (ended,) = await book.controls.acts()
    assert ended.state is ActState.WITHDRAWN

    late = await proposed(book, act)
    await book.execute(acts.ApproveAct(late.id, "csd"), DESK["csd"], "approve late")
    clock.advance(LIFETIME + 1)
    with pytest.raises(ActRefused, match="was to be carried out"):
        await book.execute(acts.ExecuteAct(late.id), DESK["csd"], "late")
    for impossible in (acts.SetName("Another name"), acts.SetHoldingCap(Units(9))):
        with pytest.raises(CommandImpossible, match=type(impossible).__name__):
            await proposed(book, impossible)
    with pytest.raises(NotAuthorised, match="no say"):
        await proposed(book, act, "freezer")


def test_the_set_up_says_how_many_approve_a_correction() -> None:
    configuration = replace(book_configuration(BOOK, (), home=True), correction_threshold=3)
    assert from_json(to_json(configuration)) == configuration
    with pytest.raises(InconsistentFile):
        replace(configuration, correction_threshold=1)
