"""Merkle trees as OpenZeppelin's MerkleProof verifies them.

Leaves are hashed twice by their makers (so that a leaf can never pass for an inner
node); pairs are sorted before hashing. The shape is that of OpenZeppelin's
StandardMerkleTree: sorted leaves at the end of a complete binary tree in an array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paripassu.errors import EntitlementRefused
from paripassu.identifiers import Bytes32, keccak256


def leaf_hash(encoded: bytes) -> Bytes32:
    """keccak256(keccak256(encoded)): a leaf in the standard double-hashed form."""
    return keccak256(keccak256(encoded))


def hash_pair(left: bytes, right: bytes) -> Bytes32:
    """Inner node of two nodes, in sorted order."""
    return keccak256(min(left, right) + max(left, right))


class MerkleTree:
    """A tree over distinct leaf hashes; the order in which they are given does not matter.

    Raises:
        EntitlementRefused: no leaves, or the same leaf twice.
    """

    def __init__(self, leaves: Iterable[Bytes32]) -> None:
        ordered = sorted(leaves)
        if not ordered:
            raise EntitlementRefused("A Merkle tree needs at least one leaf.")
        if len(set(ordered)) != len(ordered):
            raise EntitlementRefused("A Merkle tree cannot hold the same leaf twice.")
        size = 2 * len(ordered) - 1
        nodes: list[Bytes32] = [Bytes32(bytes(32))] * size
        self._index: dict[bytes, int] = {}
        for offset, leaf in enumerate(ordered):
            nodes[size - 1 - offset] = leaf
            self._index[leaf] = size - 1 - offset
        for index in range(size - 1 - len(ordered), -1, -1):
            nodes[index] = hash_pair(nodes[2 * index + 1], nodes[2 * index + 2])
        self._nodes = nodes

    @property
    def root(self) -> Bytes32:
        return self._nodes[0]

    def proof(self, leaf: Bytes32) -> tuple[Bytes32, ...]:
        """Siblings from the leaf up to the root. Raises EntitlementRefused for a leaf not in the tree."""
        index = self._index.get(leaf)
        if index is None:
            raise EntitlementRefused(f"The Merkle tree holds no leaf {leaf}.")
        siblings: list[Bytes32] = []
        while index > 0:
            siblings.append(self._nodes[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return tuple(siblings)


def verify_proof(root: Bytes32, leaf: Bytes32, proof: Sequence[bytes]) -> bool:
    """True where the proof leads from the leaf to the root, as the contract computes it."""
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node == root
