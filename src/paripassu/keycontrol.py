"""Proof that whoever onboards an account, or gives one up for another, controls its key (UBO-10).

The account signs a statement by EIP-712: that it belongs to the holder behind a commitment, or
that another account may take its place. The HolderRegistry of the chain checks it; of a contract
account by ERC-1271.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from eth_abi.abi import encode as _abi_encode

from paripassu.identifiers import Bytes32, LedgerId, keccak256

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME: Final = "Pari Passu HolderRegistry"
DOMAIN_VERSION: Final = "1"
KEY_CONTROL_TYPE: Final = "KeyControl(address account,bytes32 holder)"
KEY_ROTATION_TYPE: Final = "KeyRotation(address from,address to)"


def _typehash(type: str) -> bytes:
    return bytes(keccak256(type.encode("ascii")))


@dataclass(frozen=True, slots=True)
class _Statement:
    """What an account signs for the HolderRegistry of a chain.

    Args:
        registry: address of the chain's HolderRegistry; a proof for one is worth nothing for another.
        account: the address that signs.
    """

    TYPE: ClassVar[str]

    ledger: LedgerId
    registry: str
    account: str

    @property
    def values(self) -> dict[str, str]:
        """The signed fields in order."""
        raise NotImplementedError

    @property
    def digest(self) -> Bytes32:
        """The EIP-712 digest that the account's key signs."""
        domain = keccak256(
            _abi_encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    _typehash(DOMAIN_TYPE),
                    _typehash(DOMAIN_NAME),
                    _typehash(DOMAIN_VERSION),
                    self.ledger.chain_id,
                    self.registry,
                ],
            )
        )
        kinds = [kind for kind, _ in self._fields]
        values = [
            bytes.fromhex(value[2:]) if kind == "bytes32" else value
            for kind, value in zip(kinds, self.values.values(), strict=True)
        ]
        statement = keccak256(_abi_encode(["bytes32", *kinds], [_typehash(self.TYPE), *values]))
        return keccak256(b"\x19\x01" + domain + statement)

    @property
    def _fields(self) -> list[tuple[str, str]]:
        """Type and name of each field, as the statement's type lists them."""
        listed = self.TYPE[self.TYPE.index("(") + 1 : -1].split(",")
        return [(kind, name) for kind, _, name in (one.partition(" ") for one in listed)]

    def typed_data(self) -> dict[str, Any]:
        """The same as JSON for `eth_signTypedData_v4`, for keys that are in a wallet."""
        primary = self.TYPE.partition("(")[0]
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                primary: [{"name": name, "type": kind} for kind, name in self._fields],
            },
            "primaryType": primary,
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": self.ledger.chain_id,
                "verifyingContract": self.registry,
            },
            "message": self.values,
        }


@dataclass(frozen=True, slots=True)
class KeyControl(_Statement):
    """The statement that an account of a chain belongs to the holder behind a commitment."""

    TYPE: ClassVar[str] = KEY_CONTROL_TYPE

    holder: Bytes32

    @property
    def values(self) -> dict[str, str]:
        return {"account": self.account, "holder": self.holder.text}


@dataclass(frozen=True, slots=True)
class KeyRotation(_Statement):
    """The statement that another account may take the signing account's place."""

    TYPE: ClassVar[str] = KEY_ROTATION_TYPE

    target: str

    @property
    def values(self) -> dict[str, str]:
        return {"from": self.account, "to": self.target}
