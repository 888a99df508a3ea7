"""Proof that whoever onboards an account controls its key (UBO-10).

The account signs, by EIP-712, that it belongs to the holder behind a commitment. The
HolderRegistry of the chain checks it at a first onboarding, of a contract account by ERC-1271.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode as _abi_encode

from paripassu.identifiers import Bytes32, LedgerId, keccak256

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME: Final = "Pari Passu HolderRegistry"
DOMAIN_VERSION: Final = "1"
KEY_CONTROL_TYPE: Final = "KeyControl(address account,bytes32 holder)"


def _typehash(type: str) -> bytes:
    return bytes(keccak256(type.encode("ascii")))


@dataclass(frozen=True, slots=True)
class KeyControl:
    """The statement that an account of a chain belongs to a holder.

    Args:
        registry: address of the chain's HolderRegistry; a proof for one is worth nothing for another.
        account: the address that signs.
        holder: commitment to the holder.
    """

    ledger: LedgerId
    registry: str
    account: str
    holder: Bytes32

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
        statement = keccak256(
            _abi_encode(
                ["bytes32", "address", "bytes32"],
                [_typehash(KEY_CONTROL_TYPE), self.account, bytes(self.holder)],
            )
        )
        return keccak256(b"\x19\x01" + domain + statement)

    def typed_data(self) -> dict[str, Any]:
        """The same as JSON for `eth_signTypedData_v4`, for keys that are in a wallet."""
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "KeyControl": [
                    {"name": "account", "type": "address"},
                    {"name": "holder", "type": "bytes32"},
                ],
            },
            "primaryType": "KeyControl",
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": self.ledger.chain_id,
                "verifyingContract": self.registry,
            },
            "message": {"account": self.account, "holder": self.holder.text},
        }
