"""The book checks attestors' signatures itself, as the contract does: k distinct entities, low s, sorted."""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.errors import BatchRefused
from paripassu.identifiers import Bytes32
from paripassu.ledgers.port import AttestorSet
from paripassu.ledgers.signatures import BadSignatureForm, recover


def require_quorum(
    attestors: AttestorSet, set_version: int, digest: Bytes32, signatures: Sequence[bytes]
) -> None:
    """Check that the signatures of a batch meet the attestor set's threshold.

    Raises:
        BatchRefused: another set version, an unknown or repeated or unsorted signer, too few entities.
    """
    if set_version != attestors.version:
        raise BatchRefused(
            f"The batch is signed for attestor set {set_version}, the current one is {attestors.version}."
        )
    entity_of = {member.signer: member.entity for member in attestors.members}
    entities: set[Bytes32] = set()
    last = 0
    for signature in signatures:
        try:
            signer = recover(digest, signature)
        except BadSignatureForm as error:
            raise BatchRefused(str(error)) from error
        if int(signer, 16) <= last:
            raise BatchRefused(f"Signer {signer} is listed twice or out of order.")
        last = int(signer, 16)
        if signer not in entity_of:
            raise BatchRefused(f"Signer {signer} is not in attestor set {attestors.version}.")
        entities.add(entity_of[signer])
    if len(entities) < attestors.threshold:
        raise BatchRefused(
            f"The batch has signatures of {len(entities)} entities, {attestors.threshold} are needed."
        )
