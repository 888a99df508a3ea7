"""Hyperlane on local networks: keys that everybody knows, and addresses that follow from them."""

from __future__ import annotations

from paripassu.identifiers import checksum_address, keccak256
from paripassu.ledgers.signers import LOCAL_ENVIRONMENT, KeySigner, signer_from_spec

THRESHOLD = 2
_VALIDATORS = 3
_MAILBOX_NONCE, _TREE_NONCE = 2, 3


def owner() -> KeySigner:
    """Deploys Hyperlane's contracts on the nodes of a local network, as the first that it does there."""
    return signer_from_spec("dev:hyperlane", LOCAL_ENVIRONMENT)


def carrier() -> KeySigner:
    """Delivers Hyperlane's messages."""
    return signer_from_spec("dev:hyperlane-relayer", LOCAL_ENVIRONMENT)


def validators() -> list[KeySigner]:
    """Sign what a chain dispatched, two of three of them."""
    names = (f"dev:hyperlane-validator-{number}" for number in range(1, _VALIDATORS + 1))
    return [signer_from_spec(name, LOCAL_ENVIRONMENT) for name in names]


def local_mailbox() -> str:
    """Where the mailbox of every local chain is."""
    return created_by_owner(_MAILBOX_NONCE)


def local_tree() -> str:
    """Where the tree of every local chain's messages is."""
    return created_by_owner(_TREE_NONCE)


def created_by_owner(nonce: int) -> str:
    """Address of what the owner creates with a nonce from 0 to 127: RLP of both, hashed."""
    creator = bytes.fromhex(owner().address[2:])
    return checksum_address(keccak256(b"\xd6\x94" + creator + bytes([nonce or 0x80]))[12:])
