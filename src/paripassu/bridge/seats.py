"""The seat of an attestor: a name, a key, and what it reads of each ledger through its own endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from paripassu.identifiers import LedgerId
from paripassu.ledgers.observed import Observed
from paripassu.ledgers.port import Signer


class AttestingSeat(Protocol):
    """A party that signs: any seat with these three."""

    @property
    def name(self) -> str: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def ledgers(self) -> Mapping[LedgerId, Observed]: ...


@dataclass(frozen=True, slots=True)
class AttestorSeat:
    """One attestor: its name, its key, and the ledgers as its own endpoints show them."""

    name: str
    signer: Signer
    ledgers: Mapping[LedgerId, Observed]
