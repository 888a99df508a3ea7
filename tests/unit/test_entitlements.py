"""The entitlement rule by worked examples (CA-5 to CA-8, design section 4)."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from paripassu.custody import Breakdown, ClientLine, ShareholdingType
from paripassu.entitlements import (
    EntitlementTable,
    InTransit,
    Part,
    Position,
    consolidate,
    divide,
    entitle,
    merkle_root_of,
    merkle_tree_of,
    strike,
)
from paripassu.errors import BreakdownRefused, EntitlementRefused, TimeNotFinal
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, Bytes32, CurrencyCode, LedgerId, keccak256
from paripassu.jobs.entitling import _require_decided
from paripassu.jobs.observe import Reading, Traffic
from paripassu.ledgers.port import BlockRef, StruckPositions
from paripassu.merkle import verify_proof
from paripassu.quantities import Rate, Units

T = 1_804_287_599
ALPHA, BRAVO, REGISTER = LedgerId("eip155:31001"), LedgerId("eip155:31002"), LedgerId("book:register")
EVENT = EventRecord(
    official_event_id="FR2027DVCA000042",
    security_id=keccak256(b"security"),
    event_type="DVCA",
    participation=Participation.MAND,
    announcement_date=date(2027, 3, 1),
    ex_date=date(2027, 3, 4),
    record_date=date(2027, 3, 5),
    payment_date=date(2027, 3, 8),
    record_time=T,
    rate=Rate("1/300"),  # a third of a cent for each share
    currency=CurrencyCode("EUR"),
    document_hash=keccak256(b"document"),
)


def account(ledger: LedgerId, name: str) -> AccountId:
    raw = keccak256(name.encode())[:20]
    return AccountId(ledger, "0x" + raw.hex() if ledger.is_evm else name)


def holder(name: str) -> Bytes32:
    return keccak256(b"holder " + name.encode())


FR_ALPHA, FR_BRAVO, FR_BOOK = (account(ledger, "holder_fr") for ledger in (ALPHA, BRAVO, REGISTER))
DE_BOOK, CUSTODIAN_DE = account(REGISTER, "holder_de"), account(ALPHA, "custodian_de")
HOLDERS = {FR_ALPHA: holder("fr"), FR_BRAVO: holder("fr"), FR_BOOK: holder("fr"), DE_BOOK: holder("de")}


def positions(**units: int) -> list[Position]:
    names = {
        "fr_alpha": FR_ALPHA,
        "fr_bravo": FR_BRAVO,
        "fr_book": FR_BOOK,
        "de": DE_BOOK,
        "omnibus": CUSTODIAN_DE,
    }
    return [Position(names[name], Units(number)) for name, number in units.items()]


def transit(dispatched: int, executed: int | None, units: int = 5, name: str = "m") -> InTransit:
    return InTransit(keccak256(name.encode()), ALPHA, FR_BRAVO, Units(units), dispatched, executed)


def client(name: str, units: int, kind: ShareholdingType = ShareholdingType.BENE) -> ClientLine:
    return ClientLine(holder(name), kind, Units(units))


def table_of(struck: tuple[Position, ...] | list[Position], *breakdowns: Breakdown) -> EntitlementTable:
    return entitle(EVENT, consolidate(struck, HOLDERS, breakdowns))


def amounts(table: EntitlementTable) -> dict[AccountId, int]:
    return {line.account: int(line.amount) for line in table.lines}


@pytest.mark.parametrize(
    ("dispatched", "executed", "counted"),
    [
        (T, None, True),  # left in the last second, still under way
        (T - 1, T + 1, True),  # straddles the record time
        (T - 1, T, False),  # arrived in the last second: the position has it
        (T + 1, None, False),  # left after it: still in the source's position
    ],
)
def test_ca_5_units_in_transit_count_when_gone_and_not_arrived(
    dispatched: int, executed: int | None, counted: bool
) -> None:
    struck = strike(positions(fr_alpha=10), [transit(dispatched, executed)], T)
    assert {position.account: int(position.units) for position in struck}.get(FR_BRAVO, 0) == (
        5 if counted else 0
    )


@pytest.mark.parametrize(
    ("refunded", "counted"),
    [
        (None, True),  # refused there, on its way back
        (T + 1, True),
        (T, False),  # back in the last second: the position has it
    ],
)
def test_ca_5_units_that_come_back_count_for_the_account_that_they_left(
    refunded: int | None, counted: bool
) -> None:
    back = replace(transit(T - 1, None), origin=FR_ALPHA, refunded=refunded)
    struck = strike(positions(fr_alpha=10), [back], T)
    assert struck == (Position(FR_ALPHA, Units(15 if counted else 10)),)


def test_ca_5_whose_units_are_that_may_still_expire_is_undecided() -> None:
    open_one = replace(transit(T - 1, None), expiry=T + 60)
    assert open_one.undecided
    decided = ({"executed": T}, {"origin": FR_ALPHA}, {"refunded": T, "origin": FR_ALPHA}, {"expiry": 0})
    assert not any(replace(open_one, **change).undecided for change in decided)  # type: ignore[arg-type]
    struck = BlockRef(1, keccak256(b"1"), T)
    books = {ALPHA: StruckPositions(ALPHA, T, struck, {}, Units(0))}
    with pytest.raises(TimeNotFinal, match="1 movements in transit at record time may still expire"):
        _require_decided(Reading(T, books, Traffic((), ()), (open_one,)))
    _require_decided(Reading(T - 2, books, Traffic((), ()), (open_one,)))  # it left later than that


def test_ca_5_units_in_transit_join_the_position_of_their_account() -> None:
    struck = strike(positions(fr_bravo=10), [transit(T, None), transit(T, T + 9, 2, "n")], T)
    assert struck == (Position(FR_BRAVO, Units(17)),)


def test_ca_5_an_account_or_a_message_given_twice_is_refused() -> None:
    with pytest.raises(EntitlementRefused, match="two positions"):
        strike(positions(de=1) + positions(de=1), [], T)
    with pytest.raises(EntitlementRefused, match="in transit twice"):
        strike([], [transit(T, None), transit(T, None)], T)


def test_ca_7_fifteen_on_one_ledger_is_ten_and_five_on_two() -> None:
    one = table_of(positions(fr_alpha=15))
    two = table_of(positions(fr_alpha=10, fr_bravo=5))
    three = table_of(positions(fr_alpha=1, fr_bravo=13, fr_book=1))
    assert one.total == two.total == three.total == 5
    assert sum(amounts(two).values()) == 5


def test_ca_8_amounts_and_residue_are_the_exact_sum() -> None:
    table = table_of(positions(fr_alpha=10, de=11))
    assert [(int(each.amount), each.residue) for each in sorted(table.holders, key=lambda h: h.units)] == [
        (3, Fraction(1, 3)),
        (3, Fraction(2, 3)),
    ]
    assert int(table.total) + table.residue == Fraction(21, 3)


def test_parts_follow_cumulative_floors_in_the_order_of_accounts() -> None:
    parts = [Part(FR_ALPHA, Units(2)), Part(FR_BRAVO, Units(2)), Part(FR_BOOK, Units(2))]
    divided = divide(parts[::-1], EVENT.rate, 2)
    assert [(str(part.account), int(part.amount)) for part in divided] == [
        (str(FR_BOOK), 0),
        (str(FR_ALPHA), 1),
        (str(FR_BRAVO), 1),
    ]


def test_ubo_8_client_of_a_custodian_and_direct_holder_is_one_holder() -> None:
    breakdown = Breakdown(CUSTODIAN_DE, T, (client("fr", 2), client("client one", 3)))
    table = table_of(positions(fr_book=1, omnibus=5), breakdown)
    assert {(each.holder, int(each.units), int(each.amount)) for each in table.holders} == {
        (holder("fr"), 3, 1),
        (holder("client one"), 3, 1),
    }
    assert amounts(table) == {CUSTODIAN_DE: 2}


def test_ubo_2_an_unattested_rest_is_unknown_and_still_paid_to_the_account() -> None:
    breakdown = Breakdown(CUSTODIAN_DE, T, (client("client one", 3),))
    table = table_of(positions(omnibus=9), breakdown)
    unknown = [each for each in table.holders if each.kind is ShareholdingType.UKWN]
    assert [(int(each.units), int(each.amount)) for each in unknown] == [(6, 2)]
    assert amounts(table) == {CUSTODIAN_DE: 3}
    assert table.units == 9


def test_ubo_2_accounts_of_nobody_known_are_never_taken_together() -> None:
    other = account(BRAVO, "stranger")
    holdings = consolidate([Position(CUSTODIAN_DE, Units(2)), Position(other, Units(2))], {})
    assert len(holdings) == 2
    assert {each.kind for each in holdings} == {ShareholdingType.UKWN}


def test_a_line_attested_as_unknown_joins_the_unattested_rest() -> None:
    breakdown = Breakdown(CUSTODIAN_DE, T, (client("client one", 3), client("?", 2, ShareholdingType.UKWN)))
    holdings = consolidate(positions(omnibus=9), HOLDERS, [breakdown])
    assert [int(each.units) for each in holdings if each.kind is ShareholdingType.UKWN] == [6]


def test_ubo_7_a_stale_breakdown_is_refused() -> None:
    breakdown = Breakdown(CUSTODIAN_DE, T, (client("client one", 3),))
    with pytest.raises(BreakdownRefused, match="1 more than the 2"):
        consolidate(positions(omnibus=2), HOLDERS, [breakdown])
    with pytest.raises(BreakdownRefused, match="3 more than the 0"):
        consolidate(positions(de=2), HOLDERS, [breakdown])
    with pytest.raises(EntitlementRefused, match="two breakdowns"):
        consolidate(positions(omnibus=3), HOLDERS, [breakdown, breakdown])


def test_accounts_that_are_owed_nothing_have_no_line() -> None:
    table = table_of(positions(fr_alpha=2, de=3))
    assert amounts(table) == {DE_BOOK: 1}
    assert table.lines_on(REGISTER) == table.lines
    assert table.lines_on(ALPHA) == ()


def test_a_table_that_owes_nobody_anything_has_no_root() -> None:
    with pytest.raises(EntitlementRefused, match="owes nobody"):
        merkle_root_of(table_of(positions(de=2)))


def test_the_same_holder_given_twice_is_refused() -> None:
    holdings = consolidate(positions(de=3), HOLDERS)
    with pytest.raises(EntitlementRefused, match="given twice"):
        entitle(EVENT, [*holdings, *holdings])


def test_every_line_is_proved_against_the_root_and_no_other_amount_is() -> None:
    table = table_of(positions(fr_alpha=10, fr_bravo=5, de=7))
    tree = merkle_tree_of(table)
    for line in table.lines:
        proof = tree.proof(line.leaf)
        assert verify_proof(merkle_root_of(table), line.leaf, proof)
        assert not verify_proof(tree.root, dataclasses.replace(line, amount=line.amount + 1).leaf, proof)
        moved = dataclasses.replace(line, account=account(LedgerId("eip155:31003"), "holder_fr"))
        assert not verify_proof(tree.root, moved.leaf, proof)
