"""The attestor: signs a proposed batch only where it is exactly what it saw final itself.

It reads its ledgers through its own connections into its own records, and
computes the digest from those: what a relayer proposes is a range of nonces
and a digest to compare with, never content. Records are never replaced, so
it cannot come to sign two different messages for one place in a lane.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from paripassu.bridge import attestations, batches
from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.seams import seam
from paripassu.bridge.states import BatchState
from paripassu.bridge.witness import Witness
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger, Signer
from paripassu.messages import Batch, batch_digest
from paripassu.store import Store, audit, cursors

log = structlog.get_logger("paripassu.bridge.attestor")


class Attestor:
    """One attestor: its name, its key, its own view of the ledgers."""

    def __init__(self, store: Store, name: str, signer: Signer, ledgers: Mapping[LedgerId, Ledger]) -> None:
        self._store = store
        self._name = name
        self._signer = signer
        self._ledgers = ledgers
        self._refused: set[str] = set()
        self._witness = Witness(store, name, signer, ledgers)

    async def step(self) -> bool:
        """Sign what is proposed and seen; True where something was signed."""
        with self._store.read() as connection:
            halted = cursors.halted(connection)
            open_batches = [
                batch
                for batch in batches.live_batches(connection)
                if batch.state is BatchState.PROPOSED
                and batch.set_version  # else a transport vouches for it
                and batch.lane.source not in halted
                and batch.lane.destination in self._ledgers
                and batch.digest.text not in self._refused
                and not attestations.has_signed(connection, self._name, batch.digest)
            ]
        signed = [self._consider(batch) for batch in open_batches]
        return await self._witness.step() or any(signed)

    def _consider(self, batch: BatchRecord) -> bool:
        with self._store.read() as connection:
            own = attestations.observed(connection, self._name, batch.lane, batch.first, batch.last)
        if own is None:
            return False  # not final as this attestor sees it, not yet
        domain = self._ledgers[batch.lane.destination].domain
        digest = batch_digest(Batch(batch.set_version, own), domain)
        if digest != batch.digest:
            self._refuse(batch, digest.text)
            return False
        signature = self._signer.sign_digest(digest)
        seam(f"{self._name}.signed.before_commit")
        with self._store.write() as connection:
            if attestations.has_signed(connection, self._name, digest):
                return False  # another process of this attestor was faster
            if attestations.observed(connection, self._name, batch.lane, batch.first, batch.last) != own:
                return False
            attestations.bind(connection, self._name, batch)
            who = (self._name, self._signer.address)
            attestations.record_signature(connection, self._store.clock(), *who, digest, signature, "batch")
        seam(f"{self._name}.signed.after_commit")
        return True

    def _refuse(self, batch: BatchRecord, own_digest: str) -> None:
        self._refused.add(batch.digest.text)
        log.error(
            "batch refused",
            attestor=self._name,
            lane=str(batch.lane),
            proposed=batch.digest.text,
            observed=own_digest,
        )
        facts = {"attestor": self._name, "own_digest": own_digest}
        with self._store.write() as connection:
            audit.append(connection, self._store.clock(), "batch.not_attested", batch.digest.text, facts)
