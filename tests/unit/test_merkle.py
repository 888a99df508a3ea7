"""Merkle trees are OpenZeppelin's: same roots, same proofs."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from paripassu.errors import EntitlementRefused
from paripassu.identifiers import keccak256
from paripassu.merkle import MerkleTree, hash_pair, leaf_hash, verify_proof

LEAVES = [leaf_hash(bytes([number])) for number in range(7)]


def test_root_is_that_of_openzeppelins_standard_tree() -> None:
    # the example in the documentation of @openzeppelin/merkle-tree
    values = [("0x" + "1" * 40, 5_000_000_000_000_000_000), ("0x" + "2" * 40, 2_500_000_000_000_000_000)]
    tree = MerkleTree(leaf_hash(encode(["address", "uint256"], value)) for value in values)
    assert tree.root.text == "0xd4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@pytest.mark.parametrize("count", range(1, 8))
def test_every_leaf_has_a_proof_that_verifies(count: int) -> None:
    tree = MerkleTree(LEAVES[:count])
    assert all(verify_proof(tree.root, leaf, tree.proof(leaf)) for leaf in LEAVES[:count])


def test_one_leaf_is_its_own_root() -> None:
    assert MerkleTree(LEAVES[:1]).root == LEAVES[0]
    assert MerkleTree(LEAVES[:1]).proof(LEAVES[0]) == ()


def test_order_of_the_leaves_does_not_matter() -> None:
    assert MerkleTree(LEAVES).root == MerkleTree(reversed(LEAVES)).root


def test_a_proof_proves_no_other_leaf_and_no_other_root() -> None:
    tree = MerkleTree(LEAVES)
    proof = tree.proof(LEAVES[0])
    assert not verify_proof(tree.root, LEAVES[1], proof)
    assert not verify_proof(MerkleTree(LEAVES[:6]).root, LEAVES[0], proof)
    assert not verify_proof(tree.root, LEAVES[0], proof[:-1])


def test_an_inner_node_cannot_pass_for_a_leaf_of_our_encoding() -> None:
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(min(left, right) + max(left, right)) != hash_pair(left, right)


def test_no_leaves_doubled_leaves_and_foreign_leaves_are_refused() -> None:
    with pytest.raises(EntitlementRefused, match="at least one leaf"):
        MerkleTree([])
    with pytest.raises(EntitlementRefused, match="twice"):
        MerkleTree([LEAVES[0], LEAVES[0]])
    with pytest.raises(EntitlementRefused, match="no leaf"):
        MerkleTree(LEAVES).proof(keccak256(b"foreign"))
