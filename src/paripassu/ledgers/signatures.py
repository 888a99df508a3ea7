"""Signatures over digests: r || s || v, low s, v 27 or 28, as OpenZeppelin's ECDSA accepts them."""

from __future__ import annotations

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from paripassu.identifiers import Bytes32

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class BadSignatureForm(ValueError):
    """Not a signature in the one accepted form; the text says what is wrong."""


def recover(digest: Bytes32, signature: bytes) -> str:
    """Checksummed address of the key that signed. Raises BadSignatureForm."""
    if len(signature) != 65:
        raise BadSignatureForm(f"A signature has 65 bytes, {len(signature)} were given.")
    r, s, v = (
        int.from_bytes(signature[:32], "big"),
        int.from_bytes(signature[32:64], "big"),
        signature[64],
    )
    if v not in (27, 28) or not 0 < s <= _HALF_ORDER:
        raise BadSignatureForm("A signature is not in the one form that is accepted (low s, v 27 or 28).")
    try:
        key = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(bytes(digest))
    except (BadSignature, ValidationError, ValueError) as error:
        raise BadSignatureForm("A signature belongs to no key.") from error
    return str(key.to_checksum_address())
