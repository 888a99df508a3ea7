"""The security: its identifiers, its terms, and the hash that ties them together (ID-1, ID-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from paripassu.canonical import Json, canonical_json, document_hash
from paripassu.events import BusinessCalendar
from paripassu.identifiers import Bytes32, Cfi, CurrencyCode, Fisn, Isin, Lei, security_id
from paripassu.quantities import Units
from paripassu.rules import RuleSet


@dataclass(frozen=True)
class Security:
    """One security, whatever number of ledgers it lives on.

    `terms` is the whole terms document (text, integers, maps, lists); everything that
    gives a holder rights is in there, so two securities with one ISIN and different
    terms have different ids. `settlement_cycle` is the n of T+n in business days;
    `market_time_zone` an IANA name; `holidays` the market's non-business weekdays; `mic` its code
    (ISO 10383).
    """

    isin: Isin
    lei: Lei
    cfi: Cfi
    fisn: Fisn
    name: str
    symbol: str
    currency: CurrencyCode
    issue_size: Units
    settlement_cycle: int
    market: str
    market_time_zone: str
    holidays: frozenset[date]
    rules: RuleSet
    terms: dict[str, Json]
    mic: str = ""

    @cached_property
    def terms_json(self) -> bytes:
        """Canonical JSON of the terms, as published beside the token."""
        return canonical_json(self.terms)

    @cached_property
    def terms_hash(self) -> Bytes32:
        """keccak256 of the canonical JSON of the terms."""
        return document_hash(self.terms)

    @property
    def calendar(self) -> BusinessCalendar:
        """Business days of the security's market."""
        return BusinessCalendar(self.market, self.holidays)

    @cached_property
    def security_id(self) -> Bytes32:
        """Id of the security on every ledger."""
        return security_id(self.isin, self.terms_hash)
