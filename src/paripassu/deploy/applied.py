"""What an apply did, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from paripassu.deploy.steps import Step


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened: `done` of `total` steps of the ledger are final."""

    ledger: str
    title: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class AppliedLedger:
    """One ledger after apply: how many steps were carried out, where its contracts are, what waits.

    `waiting` has the steps that a later apply carries out, once the notice of their act is over.
    """

    ledger: str
    caip2: str
    steps: int
    gas_used: int
    addresses: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    waiting: tuple[Step, ...] = ()

    def then(self, later: AppliedLedger) -> AppliedLedger:
        """This round and a later one of the same ledger."""
        return replace(later, steps=self.steps + later.steps, gas_used=self.gas_used + later.gas_used)


@dataclass(frozen=True, slots=True)
class AppliedDeployment:
    """The network after apply."""

    environment: str
    seconds: float
    ledgers: Mapping[str, AppliedLedger]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "paripassu.applied/1",
            "environment": self.environment,
            "seconds": round(self.seconds, 1),
            "ledgers": {
                name: {
                    "caip2": one.caip2,
                    "steps": one.steps,
                    "gasUsed": one.gas_used,
                    "addresses": dict(one.addresses),
                    "record": one.record,
                    "waiting": [step.as_json() for step in one.waiting],
                }
                for name, one in self.ledgers.items()
            },
        }
