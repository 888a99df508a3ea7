"""What a settlement proof must be by its own content: ids, digests, signatures, legs that fit (MOV-7)."""

from __future__ import annotations

from itertools import pairwise

from paripassu.errors import BatchRefused, ProofRefused
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.quorum import require_quorum
from paripassu.ledgers.signatures import BadSignatureForm, recover
from paripassu.messages import acknowledgement_digest, batch_ids_digest
from paripassu.settlement.proof import AT_SOURCE, Attestation, Leg, LegKind, SettlementProof

_ARRIVED = (LegKind.EXECUTED, LegKind.PARKED, LegKind.REFUSED)
_ORDER = {
    LegKind.SENT: 0,
    LegKind.EXECUTED: 1,
    LegKind.PARKED: 1,
    LegKind.REFUSED: 1,
    LegKind.ACKNOWLEDGED: 2,
    LegKind.REFUNDED: 3,
}


def check(proof: SettlementProof) -> None:
    """Check all that needs no ledger. That the legs and the attestors are those of the ledgers, these say.

    Raises:
        ProofRefused: the first thing that does not hold.
    """
    _check_legs(proof)
    message, given = proof.message, proof.attestation
    place = message.nonce - proof.first
    if not 0 <= place < len(proof.batch) or proof.batch[place] != message.id:
        raise ProofRefused(f"The batch from nonce {proof.first} on does not have the message {message.id}.")
    _check_signatures(
        given, batch_ids_digest(given.attestors.version, proof.batch, given.domain), message.lane.destination
    )
    _check_acknowledgement(proof)


def _check_legs(proof: SettlementProof) -> None:
    message = proof.message
    for leg in proof.legs:
        ledger = message.lane.source if leg.kind in AT_SOURCE else message.lane.destination
        if leg.ledger != ledger:
            raise ProofRefused(f"The leg {leg.kind} is on {leg.ledger}, its place is {ledger}.")
        _check_final(leg)
    for earlier, later in pairwise(proof.legs):
        if _ORDER[earlier.kind] >= _ORDER[later.kind]:
            raise ProofRefused(f"The leg {later.kind} stands behind {earlier.kind}.")
    sent = proof.leg(LegKind.SENT)
    if sent is None or sent.block.time != message.timestamp:
        raise ProofRefused(f"No leg shows that the message was sent at {message.timestamp}.")
    arrived = proof.leg(*_ARRIVED)
    if arrived is not None and arrived.block.time < message.timestamp:
        raise ProofRefused(f"The message arrived at {arrived.block.time}, before it left.")
    late = 0 < message.expiry < (0 if arrived is None else arrived.block.time)
    if arrived is not None and arrived.kind is LegKind.EXECUTED and late:
        raise ProofRefused(
            f"The message took effect at {arrived.block.time}, it expired at {message.expiry}."
        )
    refused = proof.leg(LegKind.REFUSED) is not None
    if proof.leg(LegKind.REFUNDED) is not None and not refused:
        raise ProofRefused("What the message carried was given back, and no leg shows that it was refused.")


def _check_final(leg: Leg) -> None:
    final = leg.final.block
    if leg.index < 0 or final.height < leg.block.height or final.time < leg.block.time:
        raise ProofRefused(f"The leg {leg.kind} is final in block {final.height}, before its own.")
    if final.height == leg.block.height and final != leg.block:
        raise ProofRefused(f"The leg {leg.kind} has two blocks {final.height}.")


def _check_signatures(given: Attestation, digest: Bytes32, ledger: LedgerId) -> None:
    """Signed for the gateway of `ledger`, by a quorum of distinct entities of its set."""
    if given.domain.ledger != ledger:
        raise ProofRefused(
            f"Attestors signed for {given.domain.ledger}, the gateway of {ledger} asks for them."
        )
    if given.digest != digest:
        raise ProofRefused(f"The digest is {digest} by the content, the proof states {given.digest}.")
    seats = {member.signer: member.entity for member in given.attestors.members}
    if not 0 < given.attestors.threshold <= len(set(seats.values())) or len(seats) != len(
        given.attestors.members
    ):
        raise ProofRefused(f"A set of attestors with the threshold {given.attestors.threshold} cannot be.")
    for one in given.signatures:
        try:
            signer = recover(digest, one.signature)
        except BadSignatureForm as error:
            raise ProofRefused(f"The signature of {one.signer}: {error}") from error
        if signer != one.signer:
            raise ProofRefused(f"The signature is by {signer}, the proof says by {one.signer}.")
        if seats.get(signer) != one.entity:
            raise ProofRefused(
                f"{signer} does not sign for the entity {one.entity} in that set of attestors."
            )
    try:
        require_quorum(
            given.attestors, given.attestors.version, digest, [one.signature for one in given.signatures]
        )
    except BatchRefused as error:
        raise ProofRefused(error.sentence) from error


def _check_acknowledgement(proof: SettlementProof) -> None:
    said, given = proof.acknowledgement, proof.acknowledged
    acknowledged = proof.leg(LegKind.ACKNOWLEDGED, LegKind.REFUNDED)
    if (said is None) != (acknowledged is None):
        raise ProofRefused("An acknowledgement and its leg go together; the proof has one without the other.")
    if said is None or given is None:
        return
    if given.domain.ledger != proof.message.lane.source:
        raise ProofRefused(f"The acknowledgement is for {given.domain.ledger}, not for the message's source.")
    if said.nonce < proof.message.nonce:
        raise ProofRefused(f"The acknowledgement goes to nonce {said.nonce}, the message is later.")
    if (proof.message.id in said.refused) and proof.leg(LegKind.REFUSED) is None:
        raise ProofRefused("The acknowledgement names the message as refused, and no leg shows that it was.")
    if proof.leg(LegKind.REFUNDED) is not None and proof.message.id not in said.refused:
        raise ProofRefused(
            "What the message carried was given back, and no attestor says that it was refused."
        )
    _check_signatures(given, acknowledgement_digest(said, given.domain), proof.message.lane.source)
