"""The event file, schema `paripassu.event/1`: one dated corporate action in the market's terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Literal

from pydantic import Field

from paripassu.canonical import Json, document_hash
from paripassu.config.files import FileModel, located, names_its_file, read_model
from paripassu.config.security import market_zone
from paripassu.errors import EventNotLegal, InconsistentFile, InvalidValue
from paripassu.events import (
    EVENT_TYPES,
    EventRecord,
    FractionDisposition,
    LedgerLoss,
    Participation,
    require_legal,
    validate_dates,
)
from paripassu.identifiers import CurrencyCode, Isin
from paripassu.quantities import Rate
from paripassu.securities import Security

_PAID_HERE = frozenset({"DVCA"})
"""Event types whose processing is built."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """An event as read from its file: the record that ledgers keep, and the document that it hashes."""

    path: Path
    isin: Isin
    record: EventRecord
    fraction_disposition: FractionDisposition
    same_day_payment: bool
    on_ledger_loss: LedgerLoss
    narrative: str
    document: dict[str, Json]


class _Dates(FileModel):
    announcement: date
    ex: date | None = None
    record: date
    payment: date
    same_day_payment: bool = False


class _Cash(FileModel):
    rate: str
    currency: str
    fraction_disposition: Literal["RDDN"]


class _Event(FileModel):
    schema_: Literal["paripassu.event/1"] = Field(alias="schema")
    official_event_id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9./-]{0,15}$")
    isin: str
    event_type: str
    participation: Literal["MAND"]
    dates: _Dates
    cash: _Cash
    on_ledger_loss: Literal["wait", "proceed"] = "wait"
    narrative: str = ""


@names_its_file
def event_isin(path: Path | str) -> str:
    """The security that an event file is of; of the rest nothing is checked but its form.

    Raises:
        ConfigurationError and IdentifierError leaves.
    """
    path = Path(path)
    with located(path, "isin"):
        return Isin(read_model(path, _Event).isin)


@names_its_file
def load_event(path: Path | str, security: Security, announced_on: date | None = None) -> EventFile:
    """Read an event file of a security and check its dates against market practice (CA-4).

    Args:
        announced_on: day of the announcement in fact, where it is later than the file says.

    Raises:
        ConfigurationError and IdentifierError leaves naming file and key; EventDatesRefused.
    """
    path = Path(path)
    file = read_model(path, _Event)
    with located(path, "isin"):
        isin = Isin(file.isin)
    if isin != security.isin:
        raise InconsistentFile(f"{path}, isin: the event is of {isin}, but the security is {security.isin}.")
    with located(path, "cash.currency"):
        currency = CurrencyCode(file.cash.currency)
    with located(path, "cash.rate"):
        rate = Rate(file.cash.rate)
    _require_type(path, file.event_type, security)
    record_time = end_of_day(path, file.dates.record, security.market_time_zone)
    document = _document(file, security, rate, record_time)
    record = EventRecord(
        official_event_id=file.official_event_id,
        security_id=security.security_id,
        event_type=file.event_type,
        participation=Participation(file.participation),
        announcement_date=file.dates.announcement,
        ex_date=file.dates.ex,
        record_date=file.dates.record,
        payment_date=file.dates.payment,
        record_time=record_time,
        rate=rate,
        currency=currency,
        document_hash=document_hash(document),
    )
    validate_dates(
        record,
        calendar=security.calendar,
        settlement_cycle=security.settlement_cycle,
        in_nominal=security.cfi.in_nominal,
        same_day_payment=file.dates.same_day_payment,
        announced_on=announced_on,
    )
    return EventFile(
        path=path.absolute(),
        isin=isin,
        record=record,
        fraction_disposition=FractionDisposition(file.cash.fraction_disposition),
        same_day_payment=file.dates.same_day_payment,
        on_ledger_loss=LedgerLoss(file.on_ledger_loss),
        narrative=file.narrative,
        document=document,
    )


def _require_type(path: Path, event_type: str, security: Security) -> None:
    """The event type is one of ISO 20022, one that the instrument can have (ID-8), and one that is built."""
    where = f"{path}, eventType"
    if event_type not in EVENT_TYPES:
        raise InvalidValue(f"{where}: '{event_type}' is no event type of ISO 20022.")
    try:
        require_legal(event_type, security.cfi)
    except EventNotLegal as error:
        raise EventNotLegal(f"{where}: {error.sentence}") from None
    if event_type not in _PAID_HERE:
        raise InvalidValue(f"{where}: this version pays {', '.join(sorted(_PAID_HERE))}, not {event_type}.")


def end_of_day(path: Path, day: date, time_zone: str) -> int:
    """The last second of a day in a market's time zone, in seconds since the epoch."""
    return int(datetime.combine(day, time(23, 59, 59), market_zone(path, time_zone)).timestamp())


def _document(file: _Event, security: Security, rate: Rate, record_time: int) -> dict[str, Json]:
    """The full event document in one spelling, so that equal events have equal hashes."""
    policy: dict[str, Json] = {"onLedgerLoss": file.on_ledger_loss} if file.on_ledger_loss != "wait" else {}
    return {
        "schema": file.schema_,
        "officialEventId": file.official_event_id,
        "isin": str(security.isin),
        "issuerLei": str(security.lei),
        "securityId": security.security_id.text,
        "eventType": file.event_type,
        "participation": file.participation,
        "announcementDate": file.dates.announcement.isoformat(),
        "exDate": None if file.dates.ex is None else file.dates.ex.isoformat(),
        "recordDate": file.dates.record.isoformat(),
        "recordTime": record_time,
        "marketTimeZone": security.market_time_zone,
        "paymentDate": file.dates.payment.isoformat(),
        "sameDayPayment": file.dates.same_day_payment,
        "rate": str(rate),
        "currency": file.cash.currency,
        "fractionDisposition": file.cash.fraction_disposition,
        "narrative": file.narrative,
    } | policy
