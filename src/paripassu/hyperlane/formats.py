"""What Hyperlane's contracts take and tell, byte by byte (pure): messages, checkpoints, their tree, metadata.

Source: the public interface of Hyperlane's Mailbox (message version 3) and of its message-id multisig module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paripassu.errors import MalformedMessage
from paripassu.identifiers import Bytes32, keccak256

_HEAD = 77
"""Version 1 byte, nonce 4, origin 4, sender 32, destination 4, recipient 32; then the body."""

DEPTH = 32
"""Levels of the tree that a chain's messages are put into."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message of Hyperlane's. `origin` and `destination` are domains; `raw` is what is hashed."""

    nonce: int
    origin: int
    destination: int
    raw: bytes

    @property
    def id(self) -> Bytes32:
        return keccak256(self.raw)

    @classmethod
    def parse(cls, raw: bytes) -> Envelope:
        """Raises MalformedMessage."""
        if len(raw) < _HEAD:
            raise MalformedMessage(f"A message of Hyperlane's has {_HEAD} bytes or more, not {len(raw)}.")
        nonce, origin = int.from_bytes(raw[1:5], "big"), int.from_bytes(raw[5:9], "big")
        return cls(nonce, origin, int.from_bytes(raw[41:45], "big"), raw)


class Tree:
    """The Merkle tree of everything that a chain dispatched, kept by its rightmost path alone."""

    def __init__(self) -> None:
        self._branch = [bytes(32)] * DEPTH
        self.count = 0

    def insert(self, leaf: bytes) -> None:
        """Put the next message in."""
        self.count += 1
        node, size = leaf, self.count
        for level in range(DEPTH):
            if size & 1:
                self._branch[level] = node
                return
            node = bytes(keccak256(self._branch[level] + node))
            size >>= 1

    @property
    def root(self) -> bytes:
        node, empty = bytes(32), bytes(32)
        for level in range(DEPTH):
            right = self.count >> level & 1
            node = bytes(keccak256(self._branch[level] + node if right else node + empty))
            empty = bytes(keccak256(empty + empty))
        return node


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What validators of a chain sign: that its tree has this root once this message is in it.

    Args:
        tree: address of the tree's contract, left-padded to 32 bytes.
        index: the message's place in the tree, from 0.
    """

    domain: int
    tree: bytes
    root: bytes
    index: int
    message: Bytes32

    @property
    def digest(self) -> Bytes32:
        """What is signed, as a personal message (EIP-191)."""
        place = keccak256(self.domain.to_bytes(4, "big") + self.tree + b"HYPERLANE")
        said = keccak256(bytes(place) + self.root + self.index.to_bytes(4, "big") + bytes(self.message))
        return keccak256(b"\x19Ethereum Signed Message:\n32" + bytes(said))

    def metadata(self, signatures: Sequence[bytes]) -> bytes:
        """What the module is shown; the signatures in the order of its validators."""
        return self.tree + self.root + self.index.to_bytes(4, "big") + b"".join(signatures)
