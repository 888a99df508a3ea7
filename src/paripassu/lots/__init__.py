"""Where units come from and where they are: lots, traced over all ledgers by what these tell (MOV-5, MOV-8).

>>> lots = trace({alpha: [Issued(...), Dispatched(...)], bravo: [Landed(...)]}, holders)
>>> [(lot.units, lot.acquired, str(location_of(lot))) for lot in lots]
"""

from __future__ import annotations

from paripassu.lots.cutting import consistent
from paripassu.lots.records import Dispatched, Ended, Issued, Journey, Landed, Locked, Record, Transferred
from paripassu.lots.tracing import InTransit, OnLedger, UnitLot, location_of, trace

__all__ = [
    "Dispatched",
    "Ended",
    "InTransit",
    "Issued",
    "Journey",
    "Landed",
    "Locked",
    "OnLedger",
    "Record",
    "Transferred",
    "UnitLot",
    "consistent",
    "location_of",
    "trace",
]
