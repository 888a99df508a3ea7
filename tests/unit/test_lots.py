"""Lots traced by hand: first in, first out, and histories that cannot be (MOV-5, MOV-8)."""

from __future__ import annotations

import pytest

from paripassu.errors import LedgerInconsistent
from paripassu.identifiers import AccountId, LedgerId, keccak256
from paripassu.lots import (
    Dispatched,
    Ended,
    InTransit,
    Issued,
    Landed,
    Locked,
    OnLedger,
    Record,
    Transferred,
    consistent,
    location_of,
    trace,
)
from paripassu.quantities import Units

A, B = LedgerId("book:a"), LedgerId("book:b")
DE, FR = AccountId(A, "holder_de"), AccountId(A, "holder_fr")
DE_B = AccountId(B, "holder_de")
HOLDERS = {DE: keccak256(b"de"), FR: keccak256(b"fr"), DE_B: keccak256(b"de")}
ID = keccak256(b"message")


def issued(time: int, units: int, account: AccountId = DE) -> Issued:
    return Issued(account, time, Units(units), f"issue {time}")


def figures(*records: Record, there: tuple[Record, ...] = ()) -> list[tuple[str, int, int]]:
    """Account, units, and since when they are held, lot by lot."""
    found = trace({A: records, B: there}, HOLDERS)
    return [(str(location_of(lot)), int(lot.units), lot.acquired) for lot in found]


def test_mov_8_the_oldest_units_are_delivered_first() -> None:
    records = (issued(1, 10), issued(2, 20), Transferred(DE, 5, Units(15), FR))
    assert figures(*records) == [(str(DE), 15, 2), (str(FR), 10, 5), (str(FR), 5, 5)]


def test_mov_8_locked_up_units_are_those_that_came_last_and_wait_for_their_time() -> None:
    records = (issued(1, 10), issued(2, 20), Locked(DE, 3, Units(25), 100))
    (free, *locked) = trace({A: records}, HOLDERS)
    assert (int(free.units), free.acquired, free.lock) == (5, 1, None)
    assert sum(int(lot.units) for lot in locked) == 25
    with pytest.raises(LedgerInconsistent, match="units more leave"):
        trace({A: (*records, Transferred(DE, 99, Units(6), FR))}, HOLDERS)
    assert len(trace({A: (*records, Transferred(DE, 100, Units(30), FR))}, HOLDERS)) == 3


def test_ctl_7_the_law_takes_free_units_first_and_lifts_lock_ups() -> None:
    records = (issued(1, 10), Locked(DE, 2, Units(4), 100), Transferred(DE, 3, Units(8), FR, by_law=True))
    found = trace({A: records}, HOLDERS)
    assert [(location_of(lot).account, int(lot.units), lot.lock is None) for lot in found] == [
        (DE, 2, False),
        (FR, 6, True),
        (FR, 2, True),
    ]
    assert figures(issued(1, 10), Ended(DE, 2, Units(10), by_law=True)) == []


def test_ubo_10_a_successor_has_the_units_as_they_were() -> None:
    heir = AccountId(A, "heir")
    records = (
        issued(1, 10),
        Locked(DE, 2, Units(4), 100),
        Transferred(DE, 3, Units(10), heir, succeeded=True),
    )
    found = trace({A: records}, {**HOLDERS, heir: HOLDERS[DE]})
    assert [(int(lot.units), lot.acquired, lot.lock is not None) for lot in found] == [
        (6, 1, False),
        (4, 1, True),
    ]


def test_mov_5_units_are_in_transit_from_to_since_and_nowhere_else() -> None:
    sent = Dispatched(DE, 7, Units(4), ID, DE_B)
    on_way, left = sorted(trace({A: (issued(1, 10), sent)}, HOLDERS), key=lambda lot: int(lot.units))
    place = location_of(on_way)
    assert place == InTransit(A, B, 7, DE_B, ID)
    assert str(place) == "IN_TRANSIT(book:a, book:b, 7)"
    assert location_of(left) == OnLedger(DE)
    assert figures(issued(1, 10), sent, there=(Landed(DE_B, 9, ID),)) == [(str(DE), 6, 1), (str(DE_B), 4, 1)]
    assert figures(issued(1, 10), sent, Landed(DE, 9, ID)) == [(str(DE), 6, 1), (str(DE), 4, 1)]


def test_mov_5_no_two_ledgers_have_a_unit() -> None:
    sent = Dispatched(DE, 7, Units(4), ID, DE_B)
    with pytest.raises(LedgerInconsistent, match="landed twice"):
        figures(issued(1, 10), sent, Landed(DE, 9, ID), there=(Landed(DE_B, 9, ID),))
    with pytest.raises(LedgerInconsistent, match="no ledger tells to have left"):
        figures(issued(1, 10), there=(Landed(DE_B, 9, ID),))


def test_mov_5_histories_read_one_after_the_other_are_cut_to_one_moment() -> None:
    """B was read later than A: what arrived there had not left A yet, and nor had what it led to."""
    onward = keccak256(b"onward")
    late = (
        Landed(DE_B, 9, ID),
        Dispatched(DE_B, 10, Units(4), onward, DE),
    )
    told = {A: (issued(1, 10), Landed(DE, 11, onward)), B: late}
    assert consistent(told) == {A: (issued(1, 10),), B: ()}
    whole = {A: (issued(1, 10), Dispatched(DE, 7, Units(4), ID, DE_B), Landed(DE, 11, onward)), B: late}
    assert consistent(whole) == whole
