"""The first transport: k of n attestors sign each batch (ACC-3)."""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.bridge import attestations
from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.states import Reason, choose_quorum, entities_among
from paripassu.bridge.transports.port import Evidence
from paripassu.ledgers.port import AttestorSet
from paripassu.messages import Message
from paripassu.store import Store


class AttestedTransport:
    """Gathers the signatures that the destination's gateway asks for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def version(self, attestors: AttestorSet) -> int:
        return attestors.version

    async def ready(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        return tuple(messages)  # attestors sign what is proposed

    def evidence(self, batch: BatchRecord, attestors: AttestorSet) -> Evidence:
        with self._store.read() as connection:
            given = attestations.genuine_signatures(connection, batch.digest)
        number = entities_among(attestors, given)
        return Evidence(
            attestors.version,
            choose_quorum(attestors, given),
            f"{Reason.AWAITING_SIGNATURES.value}: {number} of {attestors.threshold}",
            {"signers": sorted(item.signer for item in given)},
        )
