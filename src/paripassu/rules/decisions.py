"""Decisions of the rules, kept so that they can be made again from what they were made from.

The inputs of a verdict are one canonical JSON document with all that the verdict function reads, so
that a replay needs neither the ledger nor its state of then (CTL-11, C32-R, C52-N).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from paripassu.canonical import Json, canonical_json, document_hash
from paripassu.errors import DecisionUnreadable, PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.rules.inputs import case_of, inputs_of
from paripassu.rules.restrictions import Restriction
from paripassu.rules.state import Movement
from paripassu.rules.verdict import verdict


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """Which rules were in force: the number of their changes, the version of the code that judges,
    and the terms (their hash on chains; in book entry the id of the security, which is made of them)."""

    changes: int
    code: str
    terms: str


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A verdict that a ledger gave on one movement.

    `height` is the block whose state the inputs are of; the time is one of the inputs. `transaction`
    is empty where nothing was carried out, `position` counts the movements of one transaction. It is
    not `exact` where earlier movements of the same block or command had changed that state.
    """

    ledger: LedgerId
    height: int
    reference: str
    transaction: str
    position: int
    rules: RuleVersion
    inputs: Mapping[str, Json]
    verdict: Restriction
    exact: bool = True

    @property
    def inputs_hash(self) -> Bytes32:
        """keccak256 of the canonical JSON of the inputs."""
        return document_hash(self.inputs)

    @property
    def movement(self) -> Movement:
        return case_of(self.inputs).movement

    @property
    def time(self) -> int:
        """When it was judged, by the ledger's clock, in seconds since the epoch."""
        return case_of(self.inputs).now

    def replayed(self, now: int | None = None) -> Restriction:
        """The verdict of the rules on the same inputs, made again; as at another time where one is given."""
        case = case_of(self.inputs)
        return verdict(case if now is None else replace(case, now=now))

    def document(self) -> dict[str, Json]:
        """As it is kept."""
        return {
            "ledger": str(self.ledger),
            "height": self.height,
            "reference": self.reference,
            "transaction": self.transaction,
            "position": self.position,
            "rules": {"changes": self.rules.changes, "code": self.rules.code, "terms": self.rules.terms},
            "inputs": self.inputs,
            "inputsHash": self.inputs_hash.text,
            "verdict": int(self.verdict),
            "exact": self.exact,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Inverse of `document`. Raises DecisionUnreadable where its parts do not fit each other."""
        try:
            rules = document["rules"]
            record = cls(
                LedgerId(document["ledger"]),
                document["height"],
                document["reference"],
                document["transaction"],
                document["position"],
                RuleVersion(rules["changes"], rules["code"], rules["terms"]),
                document["inputs"],
                Restriction(document["verdict"]),
                document["exact"],
            )
            if canonical_json(inputs_of(case_of(record.inputs))) != canonical_json(record.inputs):
                raise DecisionUnreadable("The inputs of a decision say more than a verdict reads.")
        except (KeyError, TypeError, ValueError, PariError) as error:
            raise DecisionUnreadable(f"A decision that was kept cannot be read: {error}.") from error
        if record.inputs_hash.text != document["inputsHash"]:
            raise DecisionUnreadable(
                f"The inputs of a decision hash to {record.inputs_hash}, not to {document['inputsHash']}."
            )
        return record
