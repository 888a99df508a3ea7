"""What a plan consists of (pure values, with their JSON form)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction, and what it does in words.

    `gas` is its limit, None where a simulation will set it; `gas_estimate` is for reading.
    `published` is a signed transaction of somebody else that is broadcast after this one.
    `waits` says what must be first where the step cannot be sent yet; its data may then not
    be known either.
    """

    ledger: str
    stage: int
    key: str
    title: str
    signer: str
    to: str = ""
    data: bytes = b""
    value: int = 0
    gas: int | None = None
    gas_estimate: int = 0
    parts: tuple[str, ...] = ()
    published: bytes = b""
    waits: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "title": self.title,
            "signer": self.signer,
            "to": self.to,
            "gasEstimate": self.gas_estimate,
            "parts": list(self.parts),
            "waits": self.waits,
        }


@dataclass(frozen=True, slots=True)
class LedgerPlan:
    """What is left to do on one ledger; nothing where `steps` is empty."""

    ledger: str
    caip2: str
    steps: tuple[Step, ...] = ()

    @property
    def gas_estimate(self) -> int:
        return sum(step.gas_estimate for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        return {
            "caip2": self.caip2,
            "gasEstimate": self.gas_estimate,
            "steps": [step.as_json() for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between network file and ledgers."""

    environment: str
    ledgers: Mapping[str, LedgerPlan] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(ledger.steps for ledger in self.ledgers.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "paripassu.plan/1",
            "environment": self.environment,
            "empty": self.is_empty,
            "ledgers": {name: ledger.as_json() for name, ledger in self.ledgers.items()},
        }
