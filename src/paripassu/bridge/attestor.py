"""The attestor: signs a proposed batch only where it is exactly what it saw final itself.

It reads its ledgers through its own endpoints into its own records, and
computes the digest from those: what a relayer proposes is a range of nonces
and a digest to compare with, never content. Records are never replaced, so
it cannot come to sign two different messages for one place in a lane; and the
block that held the last of them is looked up once more before it signs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from paripassu.bridge import attestations, batches
from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.finality import require_unchanged
from paripassu.bridge.seams import seam
from paripassu.bridge.witness import Witness
from paripassu.errors import FinalityViolated, LedgerError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.observed import Observed
from paripassu.ledgers.port import Signer
from paripassu.messages import Batch, batch_digest, batch_typed_data
from paripassu.store import Store, audit, cursors

log = structlog.get_logger("paripassu.bridge.attestor")


class Attestor:
    """One attestor: its name, its key, its own view of the ledgers.


    `unseen` is called where it is asked to sign what it has not seen yet.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        signer: Signer,
        ledgers: Mapping[LedgerId, Observed],
        unseen: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._name = name
        self._signer = signer
        self._ledgers = ledgers
        self._unseen = unseen
        self._refused: set[str] = set()
        self._witness = Witness(store, name, signer, ledgers)

    async def step(self) -> bool:
        """Sign what is proposed and seen; True where something was signed."""
        with self._store.read() as connection:
            halted = cursors.halted(connection)
            open_batches = [
                batch
                for batch in batches.unsigned_batches(connection, self._name)
                if batch.lane.source not in halted
                and {batch.lane.source, batch.lane.destination} <= self._ledgers.keys()
                and batch.digest.text not in self._refused
            ]
        signed = [await self._try(batch) for batch in open_batches]
        return await self._witness.step() or any(signed)

    async def _try(self, batch: BatchRecord) -> bool:
        """Consider a batch; what cannot be read or signed now is looked at again, and holds up no other."""
        try:
            return await self._consider(batch)
        except LedgerError as error:
            log.warning("batch not signed yet", attestor=self._name, lane=str(batch.lane), why=str(error))
            return False
        except FinalityViolated as error:
            log.error("ledger halted", ledger=batch.lane.source, party=self._name, why=str(error))
            with self._store.write() as connection:
                cursors.halt_ledger(connection, self._store.clock(), batch.lane.source, error)
            return True

    async def _consider(self, batch: BatchRecord) -> bool:
        with self._store.read() as connection:
            own = attestations.observed(connection, self._name, batch.lane, batch.first, batch.last)
            if own is None:
                self._unseen()
                return False  # not final as this attestor sees it, not yet
            seen_at = attestations.last_block(connection, self._name, batch.lane, batch.last)
        domain = self._ledgers[batch.lane.destination].domain
        content = Batch(batch.set_version, own)
        digest = batch_digest(content, domain)
        if digest != batch.digest:
            self._refuse(batch, digest.text)
            return False
        await require_unchanged(self._ledgers[batch.lane.source], *seen_at)
        signature = await self._signer.sign_typed(digest, lambda: batch_typed_data(content, domain))
        seam(f"{self._name}.signed.before_commit")
        with self._store.write() as connection:
            if batch.lane.source in cursors.halted(connection):
                return False  # halted while it was signed
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
