"""Settlement proofs: leg by leg, that a message left, was attested, and what became of it (MOV-7).

A proof is built from what ledgers and the bridge's store say, checked by its own content alone (`check`), and
held against the ledgers by whoever can read these (`paripassu.jobs.proving`).
"""

from __future__ import annotations

from paripassu.settlement.checking import check
from paripassu.settlement.document import SCHEMA, from_json, to_json
from paripassu.settlement.proof import (
    Attestation,
    Finality,
    GivenBy,
    Leg,
    LegKind,
    Seating,
    SettlementProof,
)

__all__ = [
    "SCHEMA",
    "Attestation",
    "Finality",
    "GivenBy",
    "Leg",
    "LegKind",
    "Seating",
    "SettlementProof",
    "check",
    "from_json",
    "to_json",
]
