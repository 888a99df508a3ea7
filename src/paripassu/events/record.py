"""Official event records: the fields that every ledger keeps, and their one hash (CA-1).

Codes are ISO 20022: CAEV event type, CAMV participation, COAF official event id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Self

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import InvalidEventRecord, PariError
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


class LedgerLoss(Enum):
    """What becomes of an event's payment while a ledger cannot be reached (REC-3)."""

    WAIT = "wait"  # it is paid on all ledgers or on none
    PROCEED = "proceed"  # it is paid where it can be, and on the others once they are back


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
