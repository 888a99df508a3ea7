"""The invariants "same asset, same rights, same outcome", each one function, written once.

Each takes what was observed as a frozen value and returns its figures and a verdict; none
fetches anything. Tests, the watcher, reconciliation and the conformance pack use these very
functions (design section 2). I1 to I7 are here; I8 and I9 come with authority and versions.
"""

from __future__ import annotations

from paripassu.invariants.books import CustodyState, DeliveredEntry, LaneState, SentEntry, once, sums
from paripassu.invariants.result import Figures, InvariantResult
from paripassu.invariants.sameness import (
    ProceedsState,
    RecordState,
    VerdictState,
    same_outcome,
    same_record,
    same_verdict,
)
from paripassu.invariants.supply import LocationState, MovementState, SupplyState, conservation, location

__all__ = [
    "CustodyState",
    "DeliveredEntry",
    "Figures",
    "InvariantResult",
    "LaneState",
    "LocationState",
    "MovementState",
    "ProceedsState",
    "RecordState",
    "SentEntry",
    "SupplyState",
    "VerdictState",
    "conservation",
    "location",
    "once",
    "same_outcome",
    "same_record",
    "same_verdict",
    "sums",
]
