"""Hyperlane on local networks: keys that everybody knows, and addresses that follow from them."""

from __future__ import annotations

from paripassu.identifiers import checksum_address, keccak256
from paripassu.ledgers.signers import KeySigner, dev_key

THRESHOLD = 2
_VALIDATORS = 3
_MAILBOX_NONCE, _TREE_NONCE = 2, 3


def owner() -> KeySigner:
    """Deploys Hyperlane's contracts on the nodes of a local network, as the first that it does there."""
    return _known("hyperlane")


def carrier() -> KeySigner:
    """Delivers Hyperlane's messages."""
    return _known("hyperlane-relayer")


def validators() -> list[KeySigner]:
    """Sign what a chain dispatched, two of three of them."""
    return [_known(f"hyperlane-validator-{number}") for number in range(1, _VALIDATORS + 1)]


def _known(name: str) -> KeySigner:
    return KeySigner(name, dev_key(name))


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
