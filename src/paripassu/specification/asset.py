"""The portable asset record: identifiers, terms, rights, roles and event history of a security (ID-5).

One canonical JSON document that names no ledger: whichever ledger it is taken from, its bytes are the
same, and what is read from it is written again byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from paripassu.canonical import Json, canonical_json, document_hash
from paripassu.errors import AssetRecordUnreadable, PariError
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import Bytes32, Cfi, CurrencyCode, Fisn, Isin, Lei, role_id, security_id
from paripassu.ledgers.port import KnownEvent
from paripassu.quantities import Minor, Rate, Units

SCHEMA = "paripassu.asset-record/1"


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """What a security is, whatever ledger it is on. `market` and `terms` are as in the security file;
    `roles` has addresses by role, `events` what became official, by official id."""

    isin: Isin
    lei: Lei
    cfi: Cfi
    fisn: Fisn
    name: str
    symbol: str
    issue_limit: Units
    terms: Mapping[str, Json]
    terms_version: int
    market: Mapping[str, Json]
    roles: Mapping[str, tuple[str, ...]]
    events: tuple[KnownEvent, ...]

    @property
    def terms_hash(self) -> Bytes32:
        return document_hash(self.terms)

    def document(self) -> dict[str, Json]:
        terms_hash = self.terms_hash
        return {
            "schema": SCHEMA,
            "identifiers": {
                "isin": str(self.isin),
                "lei": str(self.lei),
                "cfi": str(self.cfi),
                "fisn": str(self.fisn),
                "securityId": security_id(self.isin, terms_hash).text,
            },
            "name": self.name,
            "symbol": self.symbol,
            "issueLimit": str(int(self.issue_limit)),
            "terms": self.terms,
            "termsHash": terms_hash.text,
            "termsVersion": self.terms_version,
            "market": self.market,
            "roles": {role: sorted(held) for role, held in self.roles.items()},
            "events": [
                _event(one) for one in sorted(self.events, key=lambda one: one.record.official_event_id)
            ],
        }

    def encoded(self) -> bytes:
        """Canonical JSON and a line end."""
        return canonical_json(self.document()) + b"\n"

    @classmethod
    def decoded(cls, content: bytes, origin: str) -> Self:
        """The record that a file holds.

        Args:
            origin: where the bytes are from, for messages.

        Raises:
            AssetRecordUnreadable: no such record, a hash or check digit that does not fit, or anything
                that the record would lose or change when it is written again.
        """
        try:
            record = cls._from(json.loads(content))
        except (KeyError, TypeError, ValueError, PariError) as error:
            raise AssetRecordUnreadable(f"{origin} is no asset record: {error}.") from error
        if record.encoded() != content:
            raise AssetRecordUnreadable(
                f"{origin} says something else than its own record written again: "
                f"{_first_difference(json.loads(content), record.document())}."
            )
        return record

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Self:
        ids = document["identifiers"]
        for role in document["roles"]:
            role_id(role)
        return cls(
            isin=Isin(ids["isin"]),
            lei=Lei(ids["lei"]),
            cfi=Cfi(ids["cfi"]),
            fisn=Fisn(ids["fisn"]),
            name=document["name"],
            symbol=document["symbol"],
            issue_limit=Units(int(document["issueLimit"])),
            terms=document["terms"],
            terms_version=document["termsVersion"],
            market=document["market"],
            roles={role: tuple(held) for role, held in document["roles"].items()},
            events=tuple(_event_from(one, Bytes32(ids["securityId"])) for one in document["events"]),
        )


def _event(known: KnownEvent) -> dict[str, Json]:
    record = known.record
    published = known.entitlement_root is not None and known.entitlement_total is not None
    return {
        "officialEventId": record.official_event_id,
        "eventType": record.event_type,
        "participation": record.participation.value,
        "announcementDate": record.announcement_date.isoformat(),
        "exDate": None if record.ex_date is None else record.ex_date.isoformat(),
        "recordDate": record.record_date.isoformat(),
        "paymentDate": record.payment_date.isoformat(),
        "recordTime": record.record_time,
        "rate": f"{record.rate.numerator}/{record.rate.denominator}",
        "currency": str(record.currency),
        "documentHash": record.document_hash.text,
        "recordHash": known.record_hash.text,
        "entitlements": {
            "root": known.entitlement_root.text,
            "total": str(int(known.entitlement_total)),
            "lines": known.entitlement_lines,
        }
        if published and known.entitlement_root is not None and known.entitlement_total is not None
        else None,
    }


def _event_from(document: Mapping[str, Any], security: Bytes32) -> KnownEvent:
    numerator, _, denominator = document["rate"].partition("/")
    ex_date, published = document["exDate"], document["entitlements"]
    record = EventRecord(
        official_event_id=document["officialEventId"],
        security_id=security,
        event_type=document["eventType"],
        participation=Participation(document["participation"]),
        announcement_date=date.fromisoformat(document["announcementDate"]),
        ex_date=None if ex_date is None else date.fromisoformat(ex_date),
        record_date=date.fromisoformat(document["recordDate"]),
        payment_date=date.fromisoformat(document["paymentDate"]),
        record_time=document["recordTime"],
        rate=Rate.of(int(numerator), int(denominator)),
        currency=CurrencyCode(document["currency"]),
        document_hash=Bytes32(document["documentHash"]),
    )
    return KnownEvent(
        record,
        record.record_hash,
        Bytes32(published["root"]) if published else None,
        Minor(int(published["total"])) if published else None,
        published["lines"] if published else None,
    )


def _first_difference(said: Any, again: Any, where: str = "") -> str:
    """Where two documents part, and what each says there."""
    if isinstance(said, Mapping) and isinstance(again, Mapping):
        for key in sorted({*said, *again}):
            one, other = said.get(key), again.get(key)
            if one != other or (key in said) != (key in again):
                return _first_difference(one, other, f"{where}.{key}" if where else str(key))
    if isinstance(said, list) and isinstance(again, list) and len(said) == len(again):
        for at, (one, other) in enumerate(zip(said, again, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{where}[{at}]")
    return f"at {where or 'its form'} it has {str(said)[:80]}, written again {str(again)[:80]}"


def differing(said: AssetRecord, found: AssetRecord) -> str:
    """Where two records part, in words; empty where their bytes are equal."""
    return "" if said.encoded() == found.encoded() else _first_difference(said.document(), found.document())
