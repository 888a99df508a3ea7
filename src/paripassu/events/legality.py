"""Which events an instrument can have by its classification: CAEV of ISO 20022, CFI of ISO 10962 (ID-8)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paripassu.errors import EventNotLegal
from paripassu.identifiers import Cfi

_DEBT = ("D",)
_HOLDINGS = ("E", "C")
_REDEEMABLE = ("D", "EP", "EF")
_ANY = ("",)

_TYPES: Mapping[tuple[str, ...], str] = {
    _DEBT: "INTR PRED PRII PCAL DRAW PINK CAPI PDEF EXTM REMK",
    _REDEEMABLE: "REDM MCAL BPUT",
    _HOLDINGS: "DVCA DVOP DVSE DVSC DRIP SHPR CAPD BONU RHDI RHTS SOFF SPLF SPLR",
    ("C",): "CAPG ACCU",
    ("R",): "EXRI EXWA",
    ("DC", "EC", "EF"): "CONV",
    _ANY: (
        "ACTV ATTI BIDS BRUP CERT CHAN CLSA CONS COOP CREV DECR DETI DFLT DLST DRCA DSCL DTCH EXOF INCR LIQU "
        "MRGR MTNG NOOF ODLT OTHR PARI PLAC PPMT PRIO RCLA REDO SMAL SUSP TEND TNDP TREC WRTH WTRC"
    ),
}

EVENT_TYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {code: prefixes for prefixes, codes in _TYPES.items() for code in codes.split()}
)
"""CAEV code -> beginnings of the CFI codes that can have such an event; an empty one is any CFI."""

_CATEGORIES = {
    "E": "an equity",
    "C": "a collective investment",
    "D": "a debt instrument",
    "R": "an entitlement",
}

REGULATORY_CLASSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TRANSFERABLE_SECURITY": "EDR",
        "MONEY_MARKET_INSTRUMENT": "D",
        "FUND_UNIT": "C",
        "DERIVATIVE": "OFSHIJK",
        "FINANCING": "L",
    }
)
"""Class of a financial instrument (as of MiFID II, annex I section C) -> CFI categories that are of it."""


def is_legal(event_type: str, cfi: Cfi) -> bool:
    """Whether an instrument of this classification can have such an event."""
    return any(cfi.startswith(prefix) for prefix in EVENT_TYPES.get(event_type, ()))


def require_legal(event_type: str, cfi: Cfi) -> None:
    """Raise EventNotLegal for an event type that the instrument cannot have, or that there is not."""
    if event_type not in EVENT_TYPES:
        raise EventNotLegal(f"'{event_type}' is no event type of ISO 20022 that is known here.")
    if not is_legal(event_type, cfi):
        what = _CATEGORIES.get(cfi.category, f"of category {cfi.category}")
        raise EventNotLegal(
            f"The CFI {cfi} is {what}, which has no event {event_type}: "
            f"that is for CFI codes that begin with {' or '.join(EVENT_TYPES[event_type])}."
        )
