"""The book checks attestors' signatures itself, as the contract does: k distinct entities, low s, sorted."""

from __future__ import annotations

from collections.abc import Sequence

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from paripassu.errors import BatchRefused
from paripassu.identifiers import Bytes32
from paripassu.ledgers.port import AttestorSet

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def recover(digest: Bytes32, signature: bytes) -> str:
    """Checksummed address of the key that signed.

    Raises:
        BatchRefused: not 65 bytes, v not 27 or 28, high s, or no key at all.
    """
    if len(signature) != 65:
        raise BatchRefused(f"A signature has 65 bytes, {len(signature)} were given.")
    r, s, v = (
        int.from_bytes(signature[:32], "big"),
        int.from_bytes(signature[32:64], "big"),
        signature[64],
    )
    if v not in (27, 28) or not 0 < s <= _HALF_ORDER:
        raise BatchRefused("A signature is not in the one form that is accepted (low s, v 27 or 28).")
    try:
        key = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(bytes(digest))
    except (BadSignature, ValidationError, ValueError) as error:
        raise BatchRefused("A signature belongs to no key.") from error
    return str(key.to_checksum_address())


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
        signer = recover(digest, signature)
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
