"""The dates that market practice allows for an event (CA-4, CAJWG standards)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from paripassu.errors import EventDatesRefused
from paripassu.events.record import EventRecord


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
