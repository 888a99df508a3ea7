"""Each invariant holds on sound books and names the fault on broken ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

import pytest

from paripassu.custody import CustodyNode, ShareholdingType
from paripassu.entitlements import Position, consolidate, entitle
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, CurrencyCode, LedgerId, keccak256
from paripassu.invariants import (
    CustodyState,
    DeliveredEntry,
    LaneState,
    LocationState,
    MovementState,
    ProceedsState,
    RecordState,
    SentEntry,
    SupplyState,
    VerdictState,
    conservation,
    location,
    once,
    same_outcome,
    same_record,
    same_verdict,
    sums,
)
from paripassu.messages import Lane, Purpose
from paripassu.quantities import Minor, Rate, Units

ALPHA, BRAVO = LedgerId("eip155:31001"), LedgerId("book:register")
LANE = Lane(ALPHA, BRAVO, Purpose.MOVEMENT)
IDS = [keccak256(bytes([number])) for number in range(4)]


def units(**values: int) -> Mapping[LedgerId, Units]:
    return {{"alpha": ALPHA, "register": BRAVO}[name]: Units(value) for name, value in values.items()}


def test_mov_1_conservation_counts_ledgers_and_transit() -> None:
    result = conservation(SupplyState(Units(100), units(alpha=60, register=30), Units(10)))
    assert (result.id, result.ok) == ("I1", True)
    assert result.figures["issued"] == result.figures["accounted"] == 100


@pytest.mark.parametrize(("transit", "words"), [(11, "101 units are accounted for, 1 more"), (9, "1 fewer")])
def test_mov_1_a_unit_too_many_or_too_few_breaks_conservation(transit: int, words: str) -> None:
    result = conservation(SupplyState(Units(100), units(alpha=60, register=30), Units(transit)))
    assert not result.ok
    assert words in result.explanation


def movement(sent: int = 1, delivered: int = 0, message: int = 0, refunded: int = 0) -> MovementState:
    return MovementState(IDS[message], ALPHA, BRAVO, Units(10), 1_804_000_000, sent, delivered, refunded)


def test_mov_5_each_unit_has_one_location() -> None:
    state = LocationState(
        units(alpha=60, register=30), units(alpha=60, register=30), (movement(), movement(1, 1, 1))
    )
    result = location(state)
    assert result.ok
    assert result.figures["movements in transit"] == 1
    assert result.figures[f"in transit {IDS[0]}"] == f"10 from {ALPHA} to {BRAVO} since 1804000000"


def test_mov_6_units_that_came_back_are_not_in_transit() -> None:
    result = location(LocationState(units(alpha=70), units(alpha=70), (movement(refunded=1),)))
    assert result.ok
    assert result.figures["movements in transit"] == 0


def test_mov_6_units_that_arrived_and_came_back_too_are_found() -> None:
    result = location(LocationState(units(alpha=70), units(alpha=70), (movement(1, 1, refunded=1),)))
    assert not result.ok
    assert "and came back to" in result.explanation
    assert not location(LocationState(units(alpha=70), units(alpha=70), (movement(refunded=2),))).ok


@pytest.mark.parametrize(
    "broken", [(movement(0, 1),), (movement(1, 2),), (movement(2, 0),), (movement(), movement())]
)
def test_mov_5_units_in_two_places_or_none_are_found(broken: tuple[MovementState, ...]) -> None:
    result = location(LocationState(units(alpha=60), units(alpha=60), broken))
    assert not result.ok
    assert str(IDS[0]) in result.explanation


def test_mov_5_positions_that_are_not_the_supply_are_found() -> None:
    result = location(LocationState(units(alpha=60), units(alpha=59), ()))
    assert "hold 59 units, its supply is 60" in result.explanation
    assert not location(LocationState({}, units(alpha=59), ())).ok


def test_ctl_1_one_code_on_every_ledger_is_the_same_verdict() -> None:
    assert same_verdict((VerdictState("to holder_br", {ALPHA: 8, BRAVO: 8}),)).ok


def test_ctl_1_two_codes_are_not() -> None:
    result = same_verdict((VerdictState("to holder_br", {ALPHA: 8, BRAVO: 0}),))
    assert not result.ok
    assert f"{ALPHA}: 8, {BRAVO}: 0" in result.explanation
    assert not same_verdict(()).ok
    assert not same_verdict((VerdictState("to nobody", {}),)).ok


def test_ca_1_one_hash_on_every_ledger_that_knows_the_event() -> None:
    assert same_record((RecordState("E1", {ALPHA: IDS[0], BRAVO: IDS[0]}),)).ok
    assert same_record((RecordState("E1", {ALPHA: IDS[0], BRAVO: None}),)).ok


def test_ca_1_two_hashes_or_an_event_that_nobody_knows_are_found() -> None:
    assert (
        "different records" in same_record((RecordState("E1", {ALPHA: IDS[0], BRAVO: IDS[1]}),)).explanation
    )
    assert "known on no ledger" in same_record((RecordState("E1", {ALPHA: None}),)).explanation


EVENT = EventRecord(
    official_event_id="FR2027DVCA000042",
    security_id=keccak256(b"security"),
    event_type="DVCA",
    participation=Participation.MAND,
    announcement_date=date(2027, 3, 1),
    ex_date=date(2027, 3, 4),
    record_date=date(2027, 3, 5),
    payment_date=date(2027, 3, 8),
    record_time=1_804_287_599,
    rate=Rate("1/300"),
    currency=CurrencyCode("EUR"),
    document_hash=keccak256(b"document"),
)
HOLDER_FR, HOLDER_DE = AccountId(ALPHA, "0x" + "11" * 20), AccountId(BRAVO, "HOLDER-FR")
HOLDINGS = consolidate(
    [Position(HOLDER_FR, Units(10)), Position(HOLDER_DE, Units(5))], {HOLDER_FR: IDS[0], HOLDER_DE: IDS[0]}
)
PAID = {line.account: line.amount for line in entitle(EVENT, HOLDINGS).lines}


def test_ca_7_what_was_paid_is_what_positions_alone_say() -> None:
    result = same_outcome(ProceedsState(EVENT, HOLDINGS, PAID))
    assert result.ok
    assert (result.figures["entitled"], result.figures["paid"], result.figures["residue"]) == (5, 5, "0")


@pytest.mark.parametrize("change", [1, -1])
def test_ca_7_a_cent_too_many_or_too_few_is_found_with_its_account(change: int) -> None:
    wrong = PAID | {HOLDER_FR: Minor(int(PAID[HOLDER_FR]) + change)}
    result = same_outcome(ProceedsState(EVENT, HOLDINGS, wrong))
    assert not result.ok
    assert str(HOLDER_FR) in result.explanation


def test_ca_11_an_account_skipped_or_paid_without_entitlement_is_found() -> None:
    skipped = {account: amount for account, amount in PAID.items() if account != HOLDER_DE}
    assert "was paid 0 and is owed" in same_outcome(ProceedsState(EVENT, HOLDINGS, skipped)).explanation
    stranger = AccountId(BRAVO, "STRANGER")
    extra = same_outcome(ProceedsState(EVENT, HOLDINGS, PAID | {stranger: Minor(1)}))
    assert "was paid 1 and is owed 0" in extra.explanation


SENT = tuple(SentEntry(nonce, IDS[nonce]) for nonce in (1, 2, 3))
TAKEN = (DeliveredEntry(1, IDS[1]), DeliveredEntry(2, IDS[2], True, "RECIPIENT_COUNTRY"))


def test_mov_3_messages_taken_once_in_order_hold_and_parked_ones_are_listed() -> None:
    result = once((LaneState(LANE, SENT, TAKEN),))
    assert result.ok
    assert result.figures[str(LANE)] == "3 sent, 1 executed, 1 parked, 1 waiting"
    assert result.figures[f"parked {IDS[2]}"] == "RECIPIENT_COUNTRY"


@pytest.mark.parametrize(
    ("sent", "taken", "words"),
    [
        (SENT[1:], (), "sent nonces that are not 1 to 2"),
        (SENT, TAKEN[1:], "took nonces that are not"),
        (SENT, TAKEN[::-1], "in order"),
        (SENT, (TAKEN[0], TAKEN[0]), "2 times"),
        (SENT, (DeliveredEntry(1, IDS[3]),), "was sent"),
        (SENT[:1], TAKEN, "but nothing was sent"),
        (SENT, (DeliveredEntry(1, IDS[1], True, ""),), "parked"),
        (SENT, (DeliveredEntry(1, IDS[1], refused=True),), "without a reason"),
    ],
)
def test_mov_3_gaps_repeats_forgeries_and_silent_parking_are_found(
    sent: tuple[SentEntry, ...], taken: tuple[DeliveredEntry, ...], words: str
) -> None:
    result = once((LaneState(LANE, sent, taken),))
    assert not result.ok
    assert words in result.explanation


def test_mov_3_a_refused_message_is_taken_as_well() -> None:
    taken = (*TAKEN, DeliveredEntry(3, IDS[3], reason="EXPIRED", refused=True))
    result = once((LaneState(LANE, SENT, taken),))
    assert result.ok
    assert result.figures[str(LANE)] == "3 sent, 1 executed, 1 parked, 1 refused, 0 waiting"


def leaf(name: str, number: int, kind: ShareholdingType = ShareholdingType.BENE) -> CustodyNode:
    return CustodyNode(name, Units(number), Units(0), kind=kind)


OMNIBUS = CustodyNode(
    "omnibus", Units(5), Units(40), (leaf("a", 30), leaf("rest", 10, ShareholdingType.UKWN))
)
BOOKS = CustodyState(
    (OMNIBUS, leaf("direct", 50)), {"omnibus": Units(45), "direct": Units(50)}, Units(5), Units(100)
)


def test_ubo_2_holders_unknown_and_transit_are_the_issued_amount() -> None:
    result = sums(BOOKS)
    assert result.ok
    assert (result.figures["holders' units"], result.figures["unknown"], result.figures["in transit"]) == (
        85,
        10,
        5,
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issued": Units(101)}, "are 100, but 101 are issued"),
        (
            {"balances": {"omnibus": Units(45), "direct": Units(49)}},
            "50 units in the tree, 49 units on its ledger",
        ),
        ({"balances": {"omnibus": Units(45)}}, "no balance on its ledger"),
        ({"balances": dict(BOOKS.balances) | {"lost": Units(1)}}, "holds 1 units and has no tree"),
        ({"trees": (*BOOKS.trees, leaf("direct", 0))}, "has 2 trees"),
        (
            {"trees": (dataclasses.replace(OMNIBUS, own=Units(4), client=Units(41)), BOOKS.trees[1])},
            "states 41 client units",
        ),
    ],
)
def test_ubo_1_ubo_2_books_that_do_not_add_up_are_found(changes: dict[str, object], words: str) -> None:
    result = sums(dataclasses.replace(BOOKS, **changes))  # type: ignore[arg-type]
    assert not result.ok
    assert words in result.explanation
