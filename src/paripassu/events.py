"""Official corporate-action event records and the dates that market practice allows.

An event has one record (golden record, CA-1); its hash is computed alike by contracts,
book entry and here. Dates follow the Corporate Actions Joint Working Group standards
(CA-4). Codes are ISO 20022: CAEV event type, CAMV participation, COAF official id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any, Self

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import EventDatesRefused, InvalidEventRecord, PariError
from paripassu.identifiers import Bytes32, CurrencyCode, keccak256
from paripassu.quantities import Rate

_FIELDS = (
    ("bytes16", "officialEventId"),
    ("bytes32", "securityId"),
    ("bytes4", "eventType"),
    ("bytes4", "participation"),
    ("uint32", "announcementDate"),
    ("uint32", "exDate"),
    ("uint32", "recordDate"),
    ("uint32", "paymentDate"),
    ("uint64", "recordTime"),
    ("uint128", "rateNumerator"),
    ("uint128", "rateDenominator"),
    ("bytes3", "currency"),
    ("uint8", "currencyExponent"),
    ("bytes32", "documentHash"),
)
_TYPES = [solidity_type for solidity_type, _ in _FIELDS]

EVENT_RECORD_ABI = f"({','.join(_TYPES)})"
"""ABI type of an event record in payloads and calls."""

EVENT_TYPE = f"EventRecord({','.join(f'{solidity_type} {name}' for solidity_type, name in _FIELDS)})"
"""EIP-712 type string of an event record."""

EVENT_TYPEHASH = keccak256(EVENT_TYPE.encode("ascii"))


class Participation(Enum):
    """CAMV: mandatory, mandatory with choice, voluntary."""

    MAND = "MAND"
    CHOS = "CHOS"
    VOLU = "VOLU"


class FractionDisposition(Enum):
    """What becomes of a fraction: rounded down, up, half up, cash in lieu, …"""

    RDDN = "RDDN"
    RDUP = "RDUP"
    STAN = "STAN"
    CINL = "CINL"
    DIST = "DIST"
    BUYU = "BUYU"
    UKWN = "UKWN"


def event_key(official_event_id: str) -> Bytes32:
    """The key under which ledgers store an event: its official id in ASCII, left-aligned."""
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9./-]{0,15}", official_event_id, re.ASCII):
        raise InvalidEventRecord(
            f"Official event id '{official_event_id}' must be 1 to 16 capital letters, digits or './-'."
        )
    return Bytes32(official_event_id.encode("ascii").ljust(32, b"\0"))


@dataclass(frozen=True, slots=True)
class EventRecord:
    """The one canonical record of an official event.

    `record_time` is the end of the record date in the market's time zone, in seconds since
    the epoch. `rate` is in major units of `currency` per unit of the security. `ex_date` is
    None for securities in nominal. `document_hash` is the hash of the full event document.
    """

    official_event_id: str
    security_id: Bytes32
    event_type: str
    participation: Participation
    announcement_date: date
    ex_date: date | None
    record_date: date
    payment_date: date
    record_time: int
    rate: Rate
    currency: CurrencyCode
    document_hash: Bytes32

    def __post_init__(self) -> None:
        event_key(self.official_event_id)
        if not re.fullmatch(r"[A-Z]{4}", self.event_type, re.ASCII):
            raise InvalidEventRecord(
                f"Event type '{self.event_type}' must be four capital letters, like DVCA."
            )
        if not 0 < self.record_time < 1 << 64:
            raise InvalidEventRecord(f"Record time {self.record_time} is no time in seconds since the epoch.")

    @property
    def key(self) -> Bytes32:
        """The key under which ledgers store the event."""
        return event_key(self.official_event_id)

    @property
    def record_hash(self) -> Bytes32:
        """keccak256(abi.encode(EVENT_TYPEHASH, fields in order)); equal on every ledger (I4)."""
        return keccak256(_abi_encode(["bytes32", *_TYPES], [bytes(EVENT_TYPEHASH), *self.abi_tuple()]))

    def abi_tuple(self) -> tuple[Any, ...]:
        """Values in the order of `EVENT_RECORD_ABI`: bytes and integers, dates as yyyymmdd."""
        return (
            self.official_event_id.encode("ascii").ljust(16, b"\0"),
            bytes(self.security_id),
            self.event_type.encode("ascii"),
            self.participation.value.encode("ascii"),
            _yyyymmdd(self.announcement_date),
            0 if self.ex_date is None else _yyyymmdd(self.ex_date),
            _yyyymmdd(self.record_date),
            _yyyymmdd(self.payment_date),
            self.record_time,
            self.rate.numerator,
            self.rate.denominator,
            self.currency.encode("ascii"),
            self.currency.exponent,
            bytes(self.document_hash),
        )

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> Self:
        """Inverse of `abi_tuple`.

        Raises:
            InvalidEventRecord: a value that no record of ours can hold, so that its hash could not be
                computed again from the record.
        """
        try:
            record = cls(
                official_event_id=bytes(values[0]).rstrip(b"\0").decode("ascii"),
                security_id=Bytes32(bytes(values[1])),
                event_type=bytes(values[2]).decode("ascii"),
                participation=Participation(bytes(values[3]).decode("ascii")),
                announcement_date=_from_yyyymmdd(values[4]),
                ex_date=None if values[5] == 0 else _from_yyyymmdd(values[5]),
                record_date=_from_yyyymmdd(values[6]),
                payment_date=_from_yyyymmdd(values[7]),
                record_time=int(values[8]),
                rate=Rate.of(int(values[9]), int(values[10])),
                currency=CurrencyCode(bytes(values[11]).decode("ascii")),
                document_hash=Bytes32(bytes(values[13])),
            )
        except InvalidEventRecord:
            raise
        except PariError as error:
            raise InvalidEventRecord(
                f"The event record on the ledger is malformed: {error.sentence}"
            ) from error
        except (ValueError, IndexError, TypeError) as error:
            raise InvalidEventRecord(f"The event record on the ledger is malformed: {error}.") from error
        if record.abi_tuple() != tuple(values):
            raise InvalidEventRecord(
                f"The event record on the ledger holds values that '{record.official_event_id}' cannot have "
                f"(currency exponent {values[12]})."
            )
        return record


def _yyyymmdd(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _from_yyyymmdd(number: int) -> date:
    return date(int(number) // 10_000, int(number) // 100 % 100, int(number) % 100)


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Business days of one market: Monday to Friday, less its holidays."""

    market: str
    holidays: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def shift(self, day: date, business_days: int) -> date:
        """The day that lies so many business days after (or, below zero, before) `day`."""
        step = timedelta(days=1 if business_days >= 0 else -1)
        remaining = abs(business_days)
        while remaining:
            day += step
            remaining -= self.is_business_day(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Business days after `first` up to and including `last`; 0 where `last` is not later."""
        days = (first + timedelta(days=offset) for offset in range(1, (last - first).days + 1))
        return sum(self.is_business_day(day) for day in days)


NOTICE_BUSINESS_DAYS = 2
"""Shortest notice between announcement and ex date (CAJWG)."""


def date_violations(
    record: EventRecord,
    *,
    calendar: BusinessCalendar,
    settlement_cycle: int,
    in_nominal: bool = False,
    same_day_payment: bool = False,
    announced_on: date | None = None,
) -> tuple[str, ...]:
    """Every rule of CA-4 that the record's dates break, one sentence each; empty when they are legal.

    Args:
        settlement_cycle: the n of T+n, in business days.
        in_nominal: True for securities in nominal (debt), which have no ex date.
        same_day_payment: True where the issuer may pay on the record date itself.
        announced_on: the day on which it is announced in fact, where that differs from the record.
    """
    found = list(_closed_day_violations(record, calendar))
    found += _ex_date_violations(record, calendar, settlement_cycle, in_nominal)
    announced = max(record.announcement_date, announced_on or record.announcement_date)
    first = record.ex_date or record.record_date
    notice = calendar.between(announced, first)
    if notice < NOTICE_BUSINESS_DAYS:
        name = "ex date" if record.ex_date else "record date"
        found.append(
            f"Announcement on {announced} gives {notice} business days of notice before the {name} {first}; "
            f"at least {NOTICE_BUSINESS_DAYS} are needed."
        )
    if record.payment_date < record.record_date:
        found.append(f"Payment date {record.payment_date} is before the record date {record.record_date}.")
    elif record.payment_date == record.record_date and not (in_nominal or same_day_payment):
        found.append(
            f"Payment date {record.payment_date} is the record date itself; equities pay from "
            f"{calendar.shift(record.record_date, 1)} on unless the event says sameDayPayment."
        )
    if not _is_on(record.record_time, record.record_date):
        found.append(
            f"Record time {record.record_time} is not the end of the record date {record.record_date}."
        )
    return tuple(found)


def validate_dates(
    record: EventRecord,
    *,
    calendar: BusinessCalendar,
    settlement_cycle: int,
    in_nominal: bool = False,
    same_day_payment: bool = False,
    announced_on: date | None = None,
) -> None:
    """Raise EventDatesRefused with one sentence for each rule that `date_violations` finds broken."""
    violations = date_violations(
        record,
        calendar=calendar,
        settlement_cycle=settlement_cycle,
        in_nominal=in_nominal,
        same_day_payment=same_day_payment,
        announced_on=announced_on,
    )
    if violations:
        raise EventDatesRefused(violations)


def _closed_day_violations(record: EventRecord, calendar: BusinessCalendar) -> list[str]:
    named = (
        ("Announcement", record.announcement_date),
        ("Ex", record.ex_date),
        ("Record", record.record_date),
        ("Payment", record.payment_date),
    )
    return [
        f"{name} date {day} is a {'holiday' if day.weekday() < 5 else day.strftime('%A')} "
        f"in {calendar.market}; the next business day is {calendar.shift(day, 1)}."
        for name, day in named
        if day is not None and not calendar.is_business_day(day)
    ]


def _ex_date_violations(
    record: EventRecord, calendar: BusinessCalendar, settlement_cycle: int, in_nominal: bool
) -> list[str]:
    if in_nominal:
        if record.ex_date is None:
            return []
        return [f"Ex date {record.ex_date} is given, but securities in nominal have none."]
    expected = calendar.shift(record.record_date, -max(settlement_cycle - 1, 0))
    if record.ex_date is None:
        return [f"The ex date is missing; with T+{settlement_cycle} it is {expected}."]
    if record.ex_date == expected:
        return []
    return [
        f"Ex date {record.ex_date} does not fit the record date {record.record_date}: "
        f"with T+{settlement_cycle} it is {expected}."
    ]


def _is_on(record_time: int, day: date) -> bool:
    """True where `record_time` can end `day` in some time zone between UTC-12 and UTC+14."""
    midnight = (day - date(1970, 1, 1)).days * 86_400
    return midnight + 10 * 3_600 - 1 <= record_time < midnight + 36 * 3_600
