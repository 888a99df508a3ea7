"""ERC-7930 interoperable addresses: one binary form for an account on any ledger.

version (2 bytes, 0x0001) | chain type (2) | reference length (1) | reference |
address length (1) | address. EVM chains are type 0x0000 with a minimal big-endian
chain id; book-entry ledgers use 0xB00C, which CAIP-350 has not allotted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from paripassu.errors import InvalidInteropAddress, InvalidLedgerId
from paripassu.identifiers.caip import LedgerId, account_from_bytes, account_to_bytes

VERSION = 1
CHAIN_TYPE_EVM = 0x0000
CHAIN_TYPE_BOOK = 0xB00C


@dataclass(frozen=True, slots=True)
class InteropAddress:
    """An account (EVM address, book account) together with its ledger. Raises IdentifierError leaves."""

    ledger: LedgerId
    account: str

    def __post_init__(self) -> None:
        canonical = account_from_bytes(self.ledger, account_to_bytes(self.ledger, self.account))
        object.__setattr__(self, "account", canonical)

    def encode(self) -> bytes:
        """ERC-7930 bytes."""
        address = account_to_bytes(self.ledger, self.account)
        if self.ledger.is_evm:
            chain_type, number = CHAIN_TYPE_EVM, self.ledger.chain_id
            reference = number.to_bytes((number.bit_length() + 7) // 8, "big")
        else:
            chain_type, reference = CHAIN_TYPE_BOOK, self.ledger.reference.encode("ascii")
        return b"".join(
            (
                VERSION.to_bytes(2, "big"),
                chain_type.to_bytes(2, "big"),
                bytes((len(reference),)),
                reference,
                bytes((len(address),)),
                address,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> InteropAddress:
        """Read ERC-7930 bytes; only the one form that `encode` writes is accepted.

        Raises:
            InvalidInteropAddress: wrong version, chain type or length, or a chain id with leading zeros.
        """
        return _decode(bytes(data))


@lru_cache(maxsize=1024)
def _decode(data: bytes) -> InteropAddress:
    if len(data) < 6 or int.from_bytes(data[:2], "big") != VERSION:
        raise InvalidInteropAddress(f"Address 0x{data.hex()} is not ERC-7930 version {VERSION}.")
    chain_type = int.from_bytes(data[2:4], "big")
    end = 5 + data[4]
    if len(data) <= end or len(data) != end + 1 + data[end]:
        raise InvalidInteropAddress(
            f"Address 0x{data.hex()} has lengths that do not fit its {len(data)} bytes."
        )
    ledger = _ledger_of(chain_type, data[5:end])
    return InteropAddress(ledger, account_from_bytes(ledger, data[end + 1 :]))


def _ledger_of(chain_type: int, reference: bytes) -> LedgerId:
    try:
        if chain_type == CHAIN_TYPE_EVM and reference and reference[0]:
            return LedgerId.evm(int.from_bytes(reference, "big"))
        if chain_type == CHAIN_TYPE_BOOK:
            return LedgerId("book:" + reference.decode("ascii"))
    except (InvalidLedgerId, UnicodeDecodeError) as error:
        raise InvalidInteropAddress(f"Chain reference 0x{reference.hex()} names no ledger.") from error
    raise InvalidInteropAddress(
        f"Chain type {chain_type:#06x} with reference 0x{reference.hex()} names no ledger that we know."
    )
