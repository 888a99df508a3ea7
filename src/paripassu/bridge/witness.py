"""The attestor as witness: says at a lane's source what it itself reads at the destination, and no more.

What a relayer proposes is how far to look and where, never content: up to which number messages arrived is
the destination gateway's own counter at a final block, that a message was refused is the gateway's own
event in a final block, and that it was ever sent is this attestor's own record of the source.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from paripassu.bridge import acknowledgements, attestations
from paripassu.bridge.acknowledgements import AcknowledgementRecord
from paripassu.bridge.finality import Sight, require_unchanged, sight
from paripassu.bridge.seams import seam
from paripassu.bridge.states import BatchState
from paripassu.errors import FinalityViolated, LedgerError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.observed import Observed
from paripassu.ledgers.port import Delivery, DeliveryStatus, Signer
from paripassu.messages import Lane, acknowledgement_digest, acknowledgement_typed_data
from paripassu.store import Store, audit, cursors

log = structlog.get_logger("paripassu.bridge.witness")


class Contradiction(Exception):
    """What is proposed is not what this attestor sees."""


class Witness:
    """Signs acknowledgements for one attestor, which reads through connections of its own."""

    def __init__(self, store: Store, name: str, signer: Signer, ledgers: Mapping[LedgerId, Observed]) -> None:
        self._store = store
        self._name = name
        self._signer = signer
        self._ledgers = ledgers
        self._refused: set[Bytes32] = set()

    async def step(self) -> bool:
        """Sign what is proposed and seen; True where something was signed."""
        with self._store.read() as connection:
            halted = cursors.halted(connection)
            proposed = [
                record
                for record in acknowledgements.live(connection)
                if record.state is BatchState.PROPOSED
                and not {record.lane.source, record.lane.destination} & halted.keys()
                and {record.lane.source, record.lane.destination} <= self._ledgers.keys()
                and record.digest not in self._refused
                and not attestations.has_signed(connection, self._name, record.digest)
            ]
        signed = False
        for record in proposed:
            try:
                if await self._sees(record):
                    signed |= await self._sign(record)
            except Contradiction as contradiction:
                self._refuse(record, str(contradiction))
            except LedgerError as error:  # of one destination; the others do not wait for it
                log.warning(
                    "destination not read", attestor=self._name, lane=str(record.lane), why=str(error)
                )
        return signed

    async def _sees(self, record: AcknowledgementRecord) -> bool:
        """Whether all of it is final as this attestor sees it; False where it is not yet.

        Raises:
            Contradiction: it never will be.
        """
        lane, destination = record.lane, self._ledgers[record.lane.destination]
        if acknowledgement_digest(record.said, self._ledgers[lane.source].domain) != record.digest:
            raise Contradiction("its digest is another one's")
        final = await destination.final()
        if not await self._follows(destination, final):
            return False
        if any(height > final.height for height in record.refused.values()):
            return False
        if await destination.inbound_nonce(lane, final.height) < record.said.nonce:
            return False
        refused: dict[Bytes32, Delivery] = {}
        for height in sorted(set(record.refused.values())):
            for delivery in await destination.deliveries(height, height):
                if delivery.lane == lane and delivery.status is DeliveryStatus.REFUSED:
                    refused[delivery.message_id] = delivery
        return self._has_sent(lane, record, refused)

    async def _follows(self, ledger: Observed, final: BlockRef) -> bool:
        """Whether what is final now follows what this attestor has read as final before; where it does not,
        its reading of the ledger halts it, and nothing is signed."""
        with self._store.read() as connection:
            cursor = cursors.get(connection, self._name, ledger.id)
        if cursor is None or sight(cursor, final) is Sight.BEHIND:
            return False
        try:
            await require_unchanged(ledger, cursor.height, cursor.hash)
        except FinalityViolated as error:
            log.error("acknowledgement not signed", attestor=self._name, ledger=ledger.name, why=str(error))
            return False
        return True

    def _has_sent(
        self, lane: Lane, record: AcknowledgementRecord, refused: Mapping[Bytes32, Delivery]
    ) -> bool:
        with self._store.read() as connection:
            if attestations.observed_count(connection, self._name, lane) < record.said.nonce:
                return False
            for id in record.said.refused:
                delivery = refused.get(id)
                if delivery is None or delivery.nonce > record.said.nonce:
                    raise Contradiction(f"{lane.destination} shows no refusal of {id}")
                own = attestations.observed(connection, self._name, lane, delivery.nonce, delivery.nonce)
                if own is None or own[0].id != id:
                    raise Contradiction(f"{lane.source} never sent {id} as nonce {delivery.nonce}")
        return True

    async def _sign(self, record: AcknowledgementRecord) -> bool:
        domain = self._ledgers[record.lane.source].domain
        signature = await self._signer.sign_typed(
            record.digest, lambda: acknowledgement_typed_data(record.said, domain)
        )
        seam(f"{self._name}.ack_signed.before_commit")
        with self._store.write() as connection:
            if attestations.has_signed(connection, self._name, record.digest):
                return False  # another process of this attestor was faster
            who = (self._name, self._signer.address)
            attestations.record_signature(
                connection, self._store.clock(), *who, record.digest, signature, "acknowledgement"
            )
        seam(f"{self._name}.ack_signed.after_commit")
        return True

    def _refuse(self, record: AcknowledgementRecord, why: str) -> None:
        self._refused.add(record.digest)
        log.error("acknowledgement refused", attestor=self._name, lane=str(record.lane), why=why)
        facts = {"attestor": self._name, "why": why}
        with self._store.write() as connection:
            kind = "acknowledgement.not_attested"
            audit.append(connection, self._store.clock(), kind, record.digest.text, facts)
