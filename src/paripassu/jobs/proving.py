"""Settlement proofs from the bridge's store and the ledgers, and proofs held against the ledgers (MOV-7)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from paripassu.bridge import acknowledgements, attestations, batches
from paripassu.bridge.columns import in_lane, message_of
from paripassu.bridge.queries import message_history
from paripassu.errors import ProofRefused
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.port import DeliveryStatus, Evidence, Ledger, Recorded
from paripassu.messages import Acknowledgement, Message, batch_ids_digest
from paripassu.settlement import (
    Attestation,
    Finality,
    GivenBy,
    Leg,
    LegKind,
    Seating,
    SettlementProof,
    check,
)
from paripassu.store import Store
from paripassu.store.schema import message as message_table


async def prove(store: Store, ledgers: Mapping[LedgerId, Ledger], prefix: str) -> SettlementProof:
    """The proof of a message, as far as it has come in final blocks.

    Args:
        prefix: the message's id, or its first characters.

    Raises:
        UnknownMessage: none or several begin so.
        ProofRefused: the message is not attested, or its ledgers do not show what the store says.
    """
    history = message_history(store, prefix)
    message = history.view.message
    source, destination = ledgers[message.lane.source], ledgers[message.lane.destination]
    legs = [await _sent(source, message, history.view.source_height)]
    arrived = None
    if history.delivered_height is not None:
        arrived = await _arrived(destination, message, history.delivered_height)
        legs.append(arrived)
    refused = arrived is not None and arrived.kind is LegKind.REFUSED
    with store.read() as connection:
        first, ids, version = _batch(connection, history.batch, message)
        digest = batch_ids_digest(version, ids, destination.domain)
        given = _signatures(connection, digest)
        told = acknowledgements.done_for(connection, message, refused=refused) if arrived else None
        confirmed = _signatures(connection, told.digest) if told is not None else {}
    attestation = await _attestation(destination, digest, version, given)
    said: Acknowledgement | None = None
    acknowledged: Attestation | None = None
    if told is not None:
        leg = await _acknowledged(source, message, refused=refused)
        if leg is not None:
            legs.append(leg)
            said = told.said
            acknowledged = await _attestation(source, told.digest, said.attestor_set_version, confirmed)
            back = await source.evidence.refunded(message.id)
            legs += [await _leg(source, LegKind.REFUNDED, back)] if back is not None else []
    proof = SettlementProof(message, tuple(legs), first, ids, attestation, said, acknowledged)
    check(proof)
    return proof


async def verify(proof: SettlementProof, ledgers: Mapping[LedgerId, Ledger]) -> None:
    """Hold a proof against the ledgers: each leg is recorded where it says, in a block that is still
    there and final, and the attestors are those of the ledger's own record.

    Raises:
        ProofRefused: the first thing that does not hold, offline ones first.
        LedgerError: a ledger cannot be read.
    """
    check(proof)
    message = proof.message
    for name in (message.lane.source, message.lane.destination):
        if name not in ledgers:
            raise ProofRefused(f"The network has no ledger {name}.")
    for leg in proof.legs:
        ledger = ledgers[leg.ledger]
        found = await _recorded(ledger.evidence, proof, leg)
        if found is None:
            raise ProofRefused(
                f"{leg.ledger} has no record {leg.kind} of the message in block {leg.block.height}."
            )
        if await _leg(ledger, leg.kind, found) != leg:
            raise ProofRefused(f"{leg.ledger} records {leg.kind} in another way than the proof says.")
    await _check_attestors(proof.attestation, ledgers[message.lane.destination])
    if proof.acknowledged is not None:
        await _check_attestors(proof.acknowledged, ledgers[message.lane.source])


async def _recorded(evidence: Evidence, proof: SettlementProof, leg: Leg) -> Recorded | None:
    message, height = proof.message, leg.block.height
    match leg.kind:
        case LegKind.SENT:
            return await evidence.sent(message.id, height)
        case LegKind.ACKNOWLEDGED:
            if proof.leg(LegKind.REFUSED) is not None:
                return await evidence.returned(message.id)
            return await evidence.acknowledged(message.lane, message.nonce)
        case LegKind.REFUNDED:
            return await evidence.refunded(message.id)
    found = await evidence.delivered(message.id, height)
    return None if found is None or found[0].value != leg.kind.value else found[1]


async def _check_attestors(given: Attestation, ledger: Ledger) -> None:
    if given.domain != ledger.domain:
        raise ProofRefused(f"The gateway of {ledger.id} is not the one that attestors signed for.")
    found = await ledger.evidence.seated(given.attestors.version)
    if found is None:
        raise ProofRefused(f"{ledger.id} never had a set of attestors {given.attestors.version}.")
    attestors, record = found
    if attestors != given.attestors or Seating(record.block, record.transaction) != given.seating:
        raise ProofRefused(
            f"The attestors {given.attestors.version} of {ledger.id} are other ones than the proof has."
        )


async def _sent(ledger: Ledger, message: Message, height: int) -> Leg:
    found = await ledger.evidence.sent(message.id, height)
    if found is None:
        raise ProofRefused(f"{ledger.id} has no record of the message {message.id} in block {height}.")
    return await _leg(ledger, LegKind.SENT, found)


async def _arrived(ledger: Ledger, message: Message, height: int) -> Leg:
    found = await ledger.evidence.delivered(message.id, height)
    if found is None or found[0] is DeliveryStatus.PENDING:
        raise ProofRefused(f"{ledger.id} has no record of the message {message.id} in block {height}.")
    return await _leg(ledger, LegKind(found[0].value), found[1])


async def _acknowledged(ledger: Ledger, message: Message, *, refused: bool) -> Leg | None:
    evidence = ledger.evidence
    found = (
        await evidence.returned(message.id)
        if refused
        else await evidence.acknowledged(message.lane, message.nonce)
    )
    return None if found is None else await _leg(ledger, LegKind.ACKNOWLEDGED, found)


async def _leg(ledger: Ledger, kind: LegKind, found: Recorded) -> Leg:
    final = await ledger.evidence.finality(found.block)
    if final is None:
        raise ProofRefused(f"The leg {kind} in block {found.block.height} of {ledger.id} is not final.")
    return Leg(kind, ledger.id, found.block, found.transaction, found.index, Finality(*final))


def _batch(connection: Connection, digest: str, message: Message) -> tuple[int, tuple[Bytes32, ...], int]:
    """First nonce, identifiers and set version of the batch that a message was attested in."""
    record = batches.batch_record(connection, digest)
    if record is None:
        raise ProofRefused(
            f"The message {message.id} is in no batch that this store knows: nobody has attested it here.",
            next_command="pari relay --with-attestors --drain",
        )
    nonces = message_table.c.nonce.between(record.first, record.last)
    query = select(message_table).where(in_lane(message_table, record.lane), nonces)
    rows = connection.execute(query.order_by(message_table.c.nonce))
    return record.first, tuple(message_of(row).id for row in rows), record.set_version


def _signatures(connection: Connection, digest: Bytes32) -> dict[str, bytes]:
    return {one.signer: one.signature for one in attestations.genuine_signatures(connection, digest)}


async def _attestation(
    ledger: Ledger, digest: Bytes32, version: int, given: Mapping[str, bytes]
) -> Attestation:
    found = await ledger.evidence.seated(version)
    if found is None:
        raise ProofRefused(f"{ledger.id} shows no set of attestors {version} in its final blocks.")
    attestors, record = found
    members = sorted(attestors.members, key=lambda member: int(member.signer, 16))
    signatures = tuple(
        GivenBy(member.signer, member.entity, given[member.signer])
        for member in members
        if member.signer in given
    )
    return Attestation(
        ledger.domain, digest, attestors, Seating(record.block, record.transaction), signatures
    )
