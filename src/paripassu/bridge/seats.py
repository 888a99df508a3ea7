"""The seat of an attestor: a name, a key, and what it reads of each ledger through its own endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from paripassu.identifiers import LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, SentMessage, Signer
from paripassu.messages import GatewayDomain, Lane


class Observed(Protocol):
    """The part of a ledger's port from which everything follows that an attestor signs, and no other."""

    @property
    def id(self) -> LedgerId: ...
    @property
    def name(self) -> str: ...
    @property
    def domain(self) -> GatewayDomain: ...
    @property
    def first_block(self) -> int: ...

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def final(self) -> BlockRef: ...
    async def block_at(self, height: int) -> BlockRef: ...
    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]: ...
    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]: ...
    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int: ...
    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]: ...


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
