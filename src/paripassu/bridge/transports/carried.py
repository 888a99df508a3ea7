"""A transport over another network, whichever: its contract at the destination vouches for messages."""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.states import Reason
from paripassu.bridge.transports.port import Evidence
from paripassu.ledgers.port import AttestorSet, Ledger
from paripassu.messages import Message


class CarriedTransport:
    """Believes the destination's transport contract, as its gateway does; a delivery needs no signatures."""

    def __init__(self, ledger: Ledger, kind: str) -> None:
        self._ledger = ledger
        self._kind = kind

    def version(self, attestors: AttestorSet) -> int:
        return 0

    async def ready(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        if not messages:
            return ()
        ids = [message.id for message in messages]
        return tuple(messages[: await self._ledger.vouched(self._kind, messages[0].lane, ids)])

    def evidence(self, batch: BatchRecord, attestors: AttestorSet) -> Evidence:
        return Evidence(0, (), Reason.AWAITING_TRANSPORT.value, {"transport": self._kind})
