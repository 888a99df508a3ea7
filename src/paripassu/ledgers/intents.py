"""Intents: what is about to be sent, stored before it is sent.

A restart continues from here. Two stores implement the protocol: the bridge's
database (`paripassu.store`) and the deployment journal (`paripassu.deploy`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Intent:
    """One signed transaction, kept with its bytes so that it can be sent again unchanged."""

    reference: str
    ledger: str  # CAIP-2
    sender: str
    nonce: int
    transaction: str  # hash, 0x…
    raw: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """How an intent ended: `status` is FINAL, REFUSED or DEAD (its nonce was used by another)."""

    reference: str
    transaction: str
    status: str
    height: int
    reason: str = ""
    gas_used: int = 0


class IntentLog(Protocol):
    """Durable record of intents and how they ended. All calls are synchronous and durable on return."""

    def find(self, reference: str) -> tuple[Intent, ...]:
        """All intents under a reference, oldest first (more than one after a replacement)."""
        ...

    def settled(self, reference: str) -> Settled | None: ...
    def outstanding(self, ledger: str, sender: str) -> tuple[Intent, ...]:
        """Intents of one key that have not ended, by nonce."""
        ...

    def record(self, intent: Intent) -> None: ...
    def settle(self, result: Settled) -> None: ...
