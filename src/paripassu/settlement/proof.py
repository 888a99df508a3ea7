"""A settlement proof as values: legs on ledgers, and what attestors signed between them (MOV-7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import AttestorSet
from paripassu.messages import Acknowledgement, GatewayDomain, Message


class LegKind(StrEnum):
    """What a ledger recorded of a message."""

    SENT = "SENT"
    EXECUTED = "EXECUTED"
    PARKED = "PARKED"
    REFUSED = "REFUSED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    REFUNDED = "REFUNDED"


AT_SOURCE = frozenset({LegKind.SENT, LegKind.ACKNOWLEDGED, LegKind.REFUNDED})
"""Legs on the ledger that the message left; the others are on the one that it went to."""


@dataclass(frozen=True, slots=True)
class Finality:
    """When a block became final, and by which rule: with `block`, the first one that has as many blocks
    below it as the ledger's rule asks for. In book entry an entry is final itself."""

    rule: str
    block: BlockRef


@dataclass(frozen=True, slots=True)
class Leg:
    """A record on a ledger: its block, the transaction, the log's place in the block (0 in book entry)."""

    kind: LegKind
    ledger: LedgerId
    block: BlockRef
    transaction: str
    index: int
    final: Finality


@dataclass(frozen=True, slots=True)
class GivenBy:
    """A signature, with the address of its key and the legal entity behind it."""

    signer: str
    entity: Bytes32
    signature: bytes


@dataclass(frozen=True, slots=True)
class Seating:
    """Where a ledger says who its attestors are: the record by which they got their seats."""

    block: BlockRef
    transaction: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """What attestors signed for the gateway of `domain`, as its set of `attestors` at that time."""

    domain: GatewayDomain
    digest: Bytes32
    attestors: AttestorSet
    seating: Seating
    signatures: tuple[GivenBy, ...]


@dataclass(frozen=True, slots=True)
class SettlementProof:
    """One message from end to end, as far as it has come.

    `batch` are the identifiers of the batch that it was attested in, from nonce `first` on. The
    acknowledgement is there once its source knows what became of it.
    """

    message: Message
    legs: tuple[Leg, ...]
    first: int
    batch: tuple[Bytes32, ...]
    attestation: Attestation
    acknowledgement: Acknowledgement | None = None
    acknowledged: Attestation | None = None

    def leg(self, *kinds: LegKind) -> Leg | None:
        """The leg of one of these kinds, if there is one."""
        return next((leg for leg in self.legs if leg.kind in kinds), None)
