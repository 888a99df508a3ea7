"""Who takes part: fixed accounts whose addresses have no zero byte.

A zero byte in call data is cheaper than another, so addresses with one would make the
same movement cost a little more or less by chance.
"""

from __future__ import annotations

from functools import cache

from paripassu.identifiers import keccak256
from paripassu.ledgers.signers import KeySigner

AMOUNT = 1_000
"""Units of every measured movement."""

STOCK = 1_000 * AMOUNT // 4
"""Units that the sender of the movements starts with."""

COUNTRY = 276
"""ISO 3166-1 numeric of every holder: Germany, which no system here restricts."""

BARRED_COUNTRY = 408
"""The country that systems with a list of restricted ones restrict."""

INVESTOR_CLASS = 1
EXPIRY = 2_145_916_800
"""End of every holder's validity: 2038-01-01, Unix seconds."""


_SIGNERS: dict[str, KeySigner] = {}


@cache
def account(name: str) -> str:
    """The address of a party. The node sends for everyone; its key only signs what a system asks for."""
    for attempt in range(256):
        signer = KeySigner(name, bytes(keccak256(f"gas bench/{name}/{attempt}".encode())))
        if all(bytes.fromhex(signer.address[2:])):
            _SIGNERS[signer.address] = signer
            return signer.address
    raise AssertionError(f"no address without a zero byte for {name}")


def signer_of(address: str) -> KeySigner:
    """The key of a party, by its address."""
    return _SIGNERS[address]


def commitment(holder: str) -> bytes:
    """32 bytes, none of them zero, that stand for a holder's identity."""
    return bytes(byte or 1 for byte in keccak256(f"gas bench/identity/{holder}".encode()))
