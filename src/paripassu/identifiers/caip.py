"""Ledgers, accounts and assets by the Chain Agnostic Improvement Proposals.

CAIP-2 (`eip155:31001`, `book:register`), CAIP-10 (`eip155:31001:0x…`) and CAIP-19
(`eip155:31001/erc20:0x…`). Two kinds of ledger exist: EVM chains (`eip155`) and
book-entry ledgers (`book`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from paripassu.errors import InvalidAccount, InvalidAssetId, InvalidLedgerId
from paripassu.identifiers.hashing import Bytes32, keccak256

_NON_EVM_BIT = 1 << 255


class LedgerId(str):
    """CAIP-2 id of an EVM chain or a book-entry ledger. Raises InvalidLedgerId."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if value.startswith("eip155:"):
            if not re.fullmatch(r"eip155:[1-9][0-9]{0,31}", value, re.ASCII):
                raise InvalidLedgerId(f"Ledger id '{value}' must be 'eip155:' and a decimal chain id.")
        elif not re.fullmatch(r"book:[-_a-zA-Z0-9]{1,32}", value, re.ASCII):
            raise InvalidLedgerId(
                f"Ledger id '{value}' must be 'eip155:<chain id>' or 'book:<name>' (CAIP-2)."
            )
        return super().__new__(cls, value)

    @classmethod
    def evm(cls, chain_id: int) -> Self:
        """The ledger of an EVM chain id."""
        return cls(f"eip155:{chain_id}")

    @classmethod
    def from_numeric(cls, numeric: int, known: Iterable[LedgerId] = ()) -> LedgerId:
        """The ledger that messages know by `numeric`; one that is no EVM chain must be among `known`."""
        if 0 < numeric < _NON_EVM_BIT:
            return cls.evm(numeric)
        for candidate in known:
            if candidate.numeric == numeric:
                return candidate
        raise InvalidLedgerId(f"No known ledger has the numeric id {numeric:#x}.")

    @property
    def namespace(self) -> str:
        return self.split(":", 1)[0]

    @property
    def reference(self) -> str:
        return self.split(":", 1)[1]

    @property
    def is_evm(self) -> bool:
        return self.namespace == "eip155"

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id. Raises InvalidLedgerId for a ledger that is no EVM chain."""
        if not self.is_evm:
            raise InvalidLedgerId(f"Ledger '{self}' is no EVM chain and has no chain id.")
        return int(self.reference)

    @property
    def numeric(self) -> int:
        """uint256 by which contracts know the ledger: the chain id, or a hash with the top bit set."""
        if self.is_evm:
            return self.chain_id
        return int.from_bytes(keccak256(self.encode("ascii")), "big") | _NON_EVM_BIT


@lru_cache(maxsize=4096)
def checksum_address(raw: bytes) -> str:
    """ERC-55 mixed-case form of a 20-byte address."""
    if len(raw) != 20:
        raise InvalidAccount(f"An EVM address has 20 bytes, {len(raw)} were given.")
    digits = raw.hex()
    mask = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, mask, strict=False)
    )


def account_to_bytes(ledger: LedgerId, account: str) -> bytes:
    """Account as cross-ledger payloads carry it: 20 address bytes, or UTF-8 of the book account id.

    Raises:
        InvalidAccount: malformed, or a mixed-case address whose ERC-55 checksum is wrong.
    """
    if not ledger.is_evm:
        if not re.fullmatch(r"[-.%_a-zA-Z0-9]{1,128}", account, re.ASCII):
            raise InvalidAccount(
                f"Account '{account}' of '{ledger}' must be 1 to 128 letters, digits or one of '-.%_'."
            )
        return account.encode("utf-8")
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", account, re.ASCII):
        raise InvalidAccount(f"Account '{account}' of '{ledger}' must be 0x and 40 hex digits.")
    raw = bytes.fromhex(account[2:])
    digits = account[2:]
    if digits not in (digits.lower(), digits.upper()) and account != checksum_address(raw):
        raise InvalidAccount(f"Account '{account}' of '{ledger}' has a wrong ERC-55 checksum.")
    return raw


def account_from_bytes(ledger: LedgerId, raw: bytes) -> str:
    """Inverse of `account_to_bytes`; addresses come back in ERC-55 form."""
    if ledger.is_evm:
        return checksum_address(raw)
    try:
        account = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidAccount(f"Account bytes 0x{raw.hex()} of '{ledger}' are not UTF-8.") from error
    account_to_bytes(ledger, account)
    return account


@dataclass(frozen=True, slots=True, order=True)
class AccountId:
    """CAIP-10 account. EVM addresses are kept in ERC-55 form, so equal accounts compare equal."""

    ledger: LedgerId
    account: str

    def __post_init__(self) -> None:
        canonical = account_from_bytes(self.ledger, account_to_bytes(self.ledger, self.account))
        object.__setattr__(self, "account", canonical)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `namespace:reference:account`."""
        head, separator, account = text.rpartition(":")
        if not separator or ":" not in head:
            raise InvalidAccount(f"Account '{text}' must be '<ledger>:<account>' (CAIP-10).")
        return cls(LedgerId(head), account)

    @property
    def raw(self) -> bytes:
        """The account as cross-ledger payloads carry it."""
        return account_to_bytes(self.ledger, self.account)

    @property
    def raw_hash(self) -> Bytes32:
        return keccak256(self.raw)

    def __str__(self) -> str:
        return f"{self.ledger}:{self.account}"


@dataclass(frozen=True, slots=True, order=True)
class AssetId:
    """CAIP-19 asset: a token contract (`erc20`), or a security in book entry (`isin`)."""

    ledger: LedgerId
    namespace: str
    reference: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[-a-z0-9]{3,8}", self.namespace, re.ASCII):
            raise InvalidAssetId(f"Asset namespace '{self.namespace}' must be 3 to 8 of a-z, 0-9 and '-'.")
        if not re.fullmatch(r"[-.%a-zA-Z0-9]{1,128}", self.reference, re.ASCII):
            raise InvalidAssetId(
                f"Asset reference '{self.reference}' must be 1 to 128 of a-z, A-Z, 0-9 and '-.%'."
            )
        if self.namespace == "erc20":
            canonical = account_from_bytes(self.ledger, account_to_bytes(self.ledger, self.reference))
            object.__setattr__(self, "reference", canonical)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `chain/namespace:reference`."""
        match = re.fullmatch(r"([^/]+)/([^:/]+):([^/]+)", text)
        if match is None:
            raise InvalidAssetId(f"Asset '{text}' must be '<ledger>/<namespace>:<reference>' (CAIP-19).")
        return cls(LedgerId(match[1]), match[2], match[3])

    def __str__(self) -> str:
        return f"{self.ledger}/{self.namespace}:{self.reference}"
