"""The 32-byte value and the one hash function of the product."""

from __future__ import annotations

from typing import Final, Self

from paripassu.errors import InvalidBytes32

try:
    from sha3 import keccak_256 as _keccak_256  # type: ignore[import-untyped]

    def _keccak(data: bytes) -> bytes:
        return bytes(_keccak_256(data).digest())

except ImportError:  # pysha3 is an extension module: without a wheel, eth_utils does the same slower
    from eth_utils.crypto import keccak as _eth_keccak

    def _keccak(data: bytes) -> bytes:
        return bytes(_eth_keccak(data))


class Bytes32(bytes):
    """Exactly 32 bytes; printed as 0x and 64 lower-case hex digits.

    Raises:
        InvalidBytes32: any other length, or text that is not such hex.
    """

    __slots__ = ()

    def __new__(cls, value: bytes | str) -> Self:
        if isinstance(value, str):
            digits = value[2:] if value[:2] in ("0x", "0X") else value
            try:
                value = bytes.fromhex(digits) if len(digits) == 64 else b""
            except ValueError:
                value = b""
            if not value:
                raise InvalidBytes32("A 32-byte value must be written as 0x and 64 hex digits.")
        if len(value) != 32:
            raise InvalidBytes32(f"A 32-byte value was expected, {len(value)} bytes were given.")
        return super().__new__(cls, value)

    @property
    def text(self) -> str:
        """The value as 0x and 64 hex digits."""
        return "0x" + self.hex()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Bytes32('{self.text}')"

    def __bool__(self) -> bool:
        """False for 32 zero bytes, which stand for "none" on chains."""
        return any(self)


ZERO32 = Bytes32(bytes(32))


COMMITMENT_BYTES: Final = 24
"""Bytes of a holder commitment that are not zero: it shares a slot with the rest of its record."""


def keccak256(data: bytes) -> Bytes32:
    """Keccak-256 as EVM chains use it (not SHA3-256)."""
    return Bytes32(_keccak(data))


def commitment(data: bytes) -> Bytes32:
    """What holder registries keep of `data`: the first 24 bytes of its hash, and 8 zero bytes."""
    return Bytes32(_keccak(data)[:COMMITMENT_BYTES].ljust(32, b"\0"))


def is_commitment(value: Bytes32) -> bool:
    """Whether a holder registry can keep it: nothing but zeros after the first 24 bytes."""
    return not any(value[COMMITMENT_BYTES:])
