"""What a relayer asks of a transport: which messages may go into a batch, and what proves the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from paripassu.bridge.batches import BatchRecord
from paripassu.ledgers.port import AttestorSet
from paripassu.messages import Message


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a batch now.

    Args:
        version: of the attestor set that a batch needs to be signed for; 0 where no attestor is asked.
        signatures: those that go with the delivery; None as long as they are too few.
        lacks: what the batch waits for then.
        facts: who vouches for it, for the message's history.
    """

    version: int
    signatures: tuple[bytes, ...] | None
    lacks: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


class Transport(Protocol):
    """Vouches for the messages of a lane to one destination."""

    def version(self, attestors: AttestorSet) -> int:
        """For which a new batch is proposed: that of the destination's set, 0 where no attestor is asked."""
        ...

    async def ready(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The first of some messages that may go into a batch now: none where even the first has to wait."""
        ...

    def evidence(self, batch: BatchRecord, attestors: AttestorSet) -> Evidence:
        """What speaks for a batch now, before this set of the destination."""
        ...
