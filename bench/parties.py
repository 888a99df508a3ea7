"""Who takes part: fixed accounts whose addresses have no zero byte.

A zero byte in call data is cheaper than another, so addresses with one would make the
same movement cost a little more or less by chance.
"""

from __future__ import annotations

from functools import cache

from paripassu.identifiers import checksum_address, keccak256

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


@cache
def account(name: str) -> str:
    """The address of a party; nobody needs its key, since the node sends for everyone."""
    for attempt in range(256):
        address = keccak256(f"gas bench/{name}/{attempt}".encode())[12:]
        if all(address):
            return checksum_address(address)
    raise AssertionError(f"no address without a zero byte for {name}")


def commitment(holder: str) -> bytes:
    """32 bytes, none of them zero, that stand for a holder's identity."""
    return bytes(byte or 1 for byte in keccak256(f"gas bench/identity/{holder}".encode()))
