"""Signatures against an attestor set: k distinct entities, low s, in the set's order (ACC-3)."""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.errors import BatchRefused
from paripassu.identifiers import Bytes32
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.ledgers.signatures import BadSignatureForm, recover


def signers_among(
    attestors: AttestorSet, set_version: int, digest: Bytes32, signatures: Sequence[bytes]
) -> int:
    """Which members of the set signed, bit by bit in the order of their addresses.

    Raises:
        BatchRefused: another set version, or an unknown or repeated or unsorted signer.
    """
    if set_version != attestors.version:
        raise BatchRefused(
            f"The batch is signed for attestor set {set_version}, the current one is {attestors.version}."
        )
    places = {int(member.signer, 16): place for place, member in enumerate(_in_order(attestors))}
    signers, last = 0, 0
    for signature in signatures:
        try:
            signer = recover(digest, signature)
        except BadSignatureForm as error:
            raise BatchRefused(str(error)) from error
        number = int(signer, 16)
        if number <= last:
            raise BatchRefused(f"Signer {signer} is listed twice or out of order.")
        if number not in places:
            raise BatchRefused(f"Signer {signer} is not in attestor set {attestors.version}.")
        last = number
        signers |= 1 << places[number]
    return signers


def require_quorum(
    attestors: AttestorSet, set_version: int, digest: Bytes32, signatures: Sequence[bytes]
) -> None:
    """Check that the signatures of a batch meet the attestor set's threshold.

    Raises:
        BatchRefused: another set version, an unknown or repeated or unsorted signer, too few entities.
    """
    signers = signers_among(attestors, set_version, digest, signatures)
    members = enumerate(_in_order(attestors))
    entities = {member.entity for place, member in members if signers >> place & 1}
    if len(entities) < attestors.threshold:
        raise BatchRefused(
            f"The batch has signatures of {len(entities)} entities, {attestors.threshold} are needed."
        )


def _in_order(attestors: AttestorSet) -> list[Attestor]:
    return sorted(attestors.members, key=lambda member: int(member.signer, 16))
