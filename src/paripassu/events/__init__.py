"""Official corporate-action events: their records, and the dates that market practice allows.

An event has one record (golden record, CA-1); its hash is computed alike by contracts,
book entry and here. Codes are ISO 20022: CAEV event type, CAMV participation, COAF id.
"""

from __future__ import annotations

from paripassu.events.dates import (
    NOTICE_BUSINESS_DAYS,
    BusinessCalendar,
    date_violations,
    validate_dates,
)
from paripassu.events.legality import EVENT_TYPES, REGULATORY_CLASSES, is_legal, require_legal
from paripassu.events.record import (
    EVENT_RECORD_ABI,
    EVENT_TYPE,
    EVENT_TYPEHASH,
    EventRecord,
    FractionDisposition,
    LedgerLoss,
    Participation,
    event_key,
)

__all__ = [
    "EVENT_RECORD_ABI",
    "EVENT_TYPE",
    "EVENT_TYPEHASH",
    "EVENT_TYPES",
    "NOTICE_BUSINESS_DAYS",
    "REGULATORY_CLASSES",
    "BusinessCalendar",
    "EventRecord",
    "FractionDisposition",
    "LedgerLoss",
    "Participation",
    "date_violations",
    "event_key",
    "is_legal",
    "require_legal",
    "validate_dates",
]
