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
    """Durable record of intents and how they ended. All calls are synchronous and durable on return.

    A settlement FINAL or REFUSED ends the reference with all its intents. DEAD ends only the
    intent of that transaction; a reference whose intents are all dead is free for a new one.
    """

    def find(self, reference: str) -> tuple[Intent, ...]:
        """All intents under a reference, oldest first (more than one after a replacement)."""
        ...

    def settled(self, reference: str) -> Settled | None:
        """How the reference ended: FINAL, REFUSED, or DEAD where all its intents are; else None."""
        ...

    def outstanding(self, ledger: str, sender: str) -> tuple[Intent, ...]:
        """Intents of one key that have not ended, by nonce."""
        ...

    def tenure(self, ledger: str, sender: str) -> str:
        """By what this process owns the nonces of a key; changes when it lost them in between.

        Raises:
            ClaimLost: it takes part in sharing the key, and another process owns them now.
        """
        ...

    def record(self, intent: Intent) -> None: ...
    def settle(self, result: Settled) -> None: ...


class MemoryIntentLog:
    """Intents kept in memory: for tests and for reads that never send. Loses all with the process."""

    def __init__(self) -> None:
        self._intents: dict[str, list[Intent]] = {}
        self._settled: dict[str, Settled] = {}
        self._dead: dict[str, Settled] = {}

    def find(self, reference: str) -> tuple[Intent, ...]:
        return tuple(self._intents.get(reference, ()))

    def settled(self, reference: str) -> Settled | None:
        ended = self._settled.get(reference)
        if ended is not None:
            return ended
        dead = [self._dead.get(intent.transaction) for intent in self.find(reference)]
        return dead[-1] if dead and all(dead) else None

    def outstanding(self, ledger: str, sender: str) -> tuple[Intent, ...]:
        found = [
            intent
            for reference, intents in self._intents.items()
            if reference not in self._settled
            for intent in intents
            if intent.ledger == ledger and intent.sender == sender and intent.transaction not in self._dead
        ]
        return tuple(sorted(found, key=lambda intent: intent.nonce))

    def tenure(self, ledger: str, sender: str) -> str:
        return ""

    def record(self, intent: Intent) -> None:
        known = self._intents.setdefault(intent.reference, [])
        if intent not in known:
            known.append(intent)
        self._dead.pop(intent.transaction, None)  # a local chain started anew may take the same bytes

    def settle(self, result: Settled) -> None:
        if result.status == "DEAD":
            self._dead[result.transaction] = result
        else:
            self._settled.setdefault(result.reference, result)
