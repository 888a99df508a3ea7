"""Event records and their dates (CA-1, CA-4)."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from eth_abi.abi import encode

from paripassu.errors import EventDatesRefused, EventNotLegal, InvalidEventRecord
from paripassu.events import (
    EVENT_RECORD_ABI,
    EVENT_TYPE,
    EVENT_TYPES,
    BusinessCalendar,
    EventRecord,
    Participation,
    date_violations,
    event_key,
    is_legal,
    require_legal,
    validate_dates,
)
from paripassu.identifiers import Cfi, CurrencyCode, keccak256
from paripassu.quantities import Rate

PARIS = BusinessCalendar("Paris", frozenset({date(2027, 3, 26), date(2027, 3, 29)}))
RECORD = EventRecord(
    official_event_id="FR2027DVCA000042",
    security_id=keccak256(b"security"),
    event_type="DVCA",
    participation=Participation.MAND,
    announcement_date=date(2027, 3, 1),
    ex_date=date(2027, 3, 4),
    record_date=date(2027, 3, 5),
    payment_date=date(2027, 3, 8),
    record_time=1_804_287_599,
    rate=Rate("0.37"),
    currency=CurrencyCode("EUR"),
    document_hash=keccak256(b"document"),
)


def record(**changes: Any) -> EventRecord:
    return dataclasses.replace(RECORD, **changes)


def dated(announcement: str, ex: str, record_: str, payment: str) -> EventRecord:
    record_date = date.fromisoformat(record_)
    return record(
        announcement_date=date.fromisoformat(announcement),
        ex_date=date.fromisoformat(ex) if ex else None,
        record_date=record_date,
        payment_date=date.fromisoformat(payment),
        record_time=(record_date - date(1970, 1, 1)).days * 86_400 + 82_799,
    )


def broken(event: EventRecord, cycle: int = 2, **options: Any) -> tuple[str, ...]:
    return date_violations(event, calendar=PARIS, settlement_cycle=cycle, **options)


@pytest.mark.parametrize(
    ("cycle", "dates"),
    [
        (2, ("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-08")),
        (1, ("2027-03-01", "2027-03-05", "2027-03-05", "2027-03-08")),
        (3, ("2027-03-01", "2027-03-03", "2027-03-05", "2027-03-08")),
        (2, ("2027-03-03", "2027-03-05", "2027-03-08", "2027-03-09")),  # over a weekend
        (2, ("2027-03-23", "2027-03-25", "2027-03-30", "2027-03-31")),  # over Easter
        (2, ("2027-01-04", "2027-03-04", "2027-03-05", "2027-04-30")),  # long notice, late payment
    ],
)
def test_ca_4_legal_dates_are_accepted(cycle: int, dates: tuple[str, str, str, str]) -> None:
    assert broken(dated(*dates), cycle) == ()
    validate_dates(dated(*dates), calendar=PARIS, settlement_cycle=cycle)


@pytest.mark.parametrize(
    ("cycle", "dates", "sentence"),
    [
        (
            2,
            ("2027-03-03", "2027-03-04", "2027-03-05", "2027-03-08"),
            "gives 1 business days of notice before the ex",
        ),
        (2, ("2027-03-05", "2027-03-04", "2027-03-05", "2027-03-08"), "gives 0 business days of notice"),
        (2, ("2027-03-01", "2027-03-05", "2027-03-05", "2027-03-08"), "with T+2 it is 2027-03-04"),
        (1, ("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-08"), "with T+1 it is 2027-03-05"),
        (
            2,
            ("2027-03-01", "", "2027-03-05", "2027-03-08"),
            "The ex date is missing; with T+2 it is 2027-03-04",
        ),
        (
            2,
            ("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-04"),
            "2027-03-04 is before the record date 2027-03-05",
        ),
        (2, ("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-05"), "equities pay from 2027-03-08 on"),
        (
            2,
            ("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-06"),
            "Payment date 2027-03-06 is a Saturday",
        ),
        (
            2,
            ("2027-02-28", "2027-03-04", "2027-03-05", "2027-03-08"),
            "Announcement date 2027-02-28 is a Sunday",
        ),
        (
            2,
            ("2027-03-01", "2027-03-24", "2027-03-25", "2027-03-26"),
            "2027-03-26 is a holiday in Paris; the next ",
        ),
        (2, ("2027-03-01", "2027-03-25", "2027-03-26", "2027-03-30"), "Record date 2027-03-26 is a holiday"),
    ],
)
def test_ca_4_each_illegal_date_has_its_sentence(
    cycle: int, dates: tuple[str, str, str, str], sentence: str
) -> None:
    with pytest.raises(EventDatesRefused) as refusal:
        validate_dates(dated(*dates), calendar=PARIS, settlement_cycle=cycle)
    assert any(sentence in violation for violation in refusal.value.violations), refusal.value.violations
    assert refusal.value.code == "PP-EVT-002"


def test_ca_4_several_broken_rules_are_several_sentences() -> None:
    found = broken(dated("2027-03-03", "2027-03-05", "2027-03-05", "2027-03-04"))
    assert len(found) == 2
    assert all(sentence.endswith(".") for sentence in found)


def test_ca_4_same_day_payment_needs_the_flag() -> None:
    event = dated("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-05")
    assert broken(event, same_day_payment=True) == ()


def test_ca_4_securities_in_nominal_have_no_ex_date() -> None:
    without = dated("2027-03-01", "", "2027-03-05", "2027-03-05")
    assert broken(without, in_nominal=True) == ()
    with_ex = dated("2027-03-01", "2027-03-04", "2027-03-05", "2027-03-08")
    assert "in nominal have none" in " ".join(broken(with_ex, in_nominal=True))
    late = dated("2027-03-04", "", "2027-03-05", "2027-03-08")
    assert "before the record date" in " ".join(broken(late, in_nominal=True))


def test_ca_4_a_late_announcement_counts_from_the_day_it_is_made() -> None:
    assert broken(RECORD, announced_on=date(2027, 3, 2)) == ()
    assert "Announcement on 2027-03-03" in " ".join(broken(RECORD, announced_on=date(2027, 3, 3)))


@pytest.mark.parametrize("shift", [-86_400, 86_400, 10**9])
def test_ca_5_record_time_must_end_the_record_date(shift: int) -> None:
    assert broken(record(record_time=RECORD.record_time + 13 * 3600)) == ()  # 23:59:59 in UTC-12
    assert "is not the end of the record date" in " ".join(
        broken(record(record_time=RECORD.record_time + shift))
    )


def test_business_days_pass_over_weekends_and_holidays() -> None:
    assert PARIS.shift(date(2027, 3, 25), 1) == date(2027, 3, 30)
    assert PARIS.shift(date(2027, 3, 30), -1) == date(2027, 3, 25)
    assert PARIS.shift(date(2027, 3, 30), 0) == date(2027, 3, 30)
    assert PARIS.between(date(2027, 3, 25), date(2027, 3, 31)) == 2
    assert PARIS.between(date(2027, 3, 31), date(2027, 3, 25)) == 0


def test_ca_1_record_hash_is_the_typed_hash_of_the_fields_in_order() -> None:
    expected = keccak256(keccak256(EVENT_TYPE.encode()) + encode([EVENT_RECORD_ABI], [RECORD.abi_tuple()]))
    assert RECORD.record_hash == expected
    assert EVENT_TYPE.startswith("EventRecord(bytes16 officialEventId,bytes32 securityId,bytes4 eventType,")


def test_ca_1_every_field_changes_the_record_hash() -> None:
    changes: list[dict[str, Any]] = [
        {"official_event_id": "FR2027DVCA000043"},
        {"security_id": keccak256(b"other")},
        {"event_type": "DVSE"},
        {"participation": Participation.CHOS},
        {"announcement_date": date(2027, 2, 26)},
        {"ex_date": None},
        {"record_date": date(2027, 3, 6)},
        {"payment_date": date(2027, 3, 9)},
        {"record_time": RECORD.record_time - 1},
        {"rate": Rate("0.38")},
        {"currency": CurrencyCode("USD")},
        {"document_hash": keccak256(b"other")},
    ]
    assert (
        len({record(**change).record_hash for change in changes} | {RECORD.record_hash}) == len(changes) + 1
    )


def test_record_comes_back_from_its_abi_values() -> None:
    assert EventRecord.from_abi(RECORD.abi_tuple()) == RECORD
    bond = record(ex_date=None, currency=CurrencyCode("JPY"))
    assert EventRecord.from_abi(bond.abi_tuple()) == bond


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, bytes(16)),
        (2, b"\xff" * 4),
        (3, b"XXXX"),
        (4, 20270231),
        (6, 0),
        (9, 74),
        (10, 0),
        (11, b"XXX"),
        (12, 4),
    ],
)
def test_record_with_a_value_that_none_of_ours_has_is_refused(index: int, value: object) -> None:
    values = list(RECORD.abi_tuple())
    values[index] = value
    if index == 9:
        values[10] = 200  # 74/200 is not in lowest terms
    with pytest.raises(InvalidEventRecord):
        EventRecord.from_abi(tuple(values))


def test_record_that_is_too_short_is_refused() -> None:
    with pytest.raises(InvalidEventRecord):
        EventRecord.from_abi(RECORD.abi_tuple()[:5])


def test_event_key_is_the_official_id_left_aligned() -> None:
    assert event_key("FR2027DVCA000042") == b"FR2027DVCA000042" + bytes(16)
    for wrong in ("", "fr2027", "A" * 17, " A", "Ä"):
        with pytest.raises(InvalidEventRecord):
            event_key(wrong)


def test_malformed_event_type_and_time_are_refused() -> None:
    with pytest.raises(InvalidEventRecord):
        record(event_type="DIV")
    with pytest.raises(InvalidEventRecord):
        record(record_time=0)


@pytest.mark.parametrize(
    ("event_type", "legal", "illegal"),
    [
        ("INTR", ("DBFTFR", "DTFXXR"), ("ESVUFR", "CIOIES", "RSXXXR")),
        ("DVCA", ("ESVUFR", "EPNRAR", "CIOIES"), ("DBFTFR", "RWXXXX")),
        ("REDM", ("DBFTFR", "EPRRAR"), ("ESVUFR", "CIOIES")),
        ("PRED", ("DAFTFR",), ("EPRRAR", "ESVUFR")),
        ("CONV", ("DCFTFR", "ECVUFR"), ("DBFTFR", "ESVUFR")),
        ("EXRI", ("RSXXXR",), ("ESVUFR", "DBFTFR")),
        ("MRGR", ("ESVUFR", "DBFTFR", "CIOIES"), ()),
    ],
)
def test_id_8_an_event_type_is_legal_for_some_classifications_alone(
    event_type: str, legal: tuple[str, ...], illegal: tuple[str, ...]
) -> None:
    for code in legal:
        require_legal(event_type, Cfi(code))
    for code in illegal:
        with pytest.raises(EventNotLegal, match=f"no event {event_type}"):
            require_legal(event_type, Cfi(code))


def test_id_8_an_event_type_that_there_is_not_is_legal_for_nothing() -> None:
    for category in "ECDRSOFHIJKLTM":
        cfi = Cfi(f"{category}XXXXX")
        assert not is_legal("DIVI", cfi)
        with pytest.raises(EventNotLegal, match="'DIVI' is no event type"):
            require_legal("DIVI", cfi)
        assert is_legal("CHAN", cfi)
    assert all(len(code) == 4 for code in EVENT_TYPES)
