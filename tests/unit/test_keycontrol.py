"""Proof of key control: the digest is EIP-712's, and only the account's own key makes it (UBO-10)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from paripassu.errors import CommandImpossible, InvalidLedgerId
from paripassu.identifiers import LedgerId, commitment
from paripassu.jobs.movements import signature_of
from paripassu.keycontrol import KeyControl
from paripassu.testing.books import Desk

DESK = Desk()
OWNER = DESK["holder_fr"]
STATEMENT = KeyControl(LedgerId("eip155:31001"), "0x" + "11" * 20, OWNER.address, commitment(b"holder"))


def test_ubo_10_the_digest_is_that_of_the_typed_data_that_a_wallet_signs() -> None:
    typed: dict[str, Any] = json.loads(json.dumps(STATEMENT.typed_data()))
    signable = encode_typed_data(full_message=typed)
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == STATEMENT.digest


async def test_ubo_10_a_proof_recovers_to_the_account() -> None:
    proof = await signature_of(STATEMENT, OWNER)
    recovered: Any = Account._recover_hash(bytes(STATEMENT.digest), signature=proof)
    assert recovered == OWNER.address
    assert len(proof) == 65


def test_ubo_10_a_proof_is_for_one_registry_of_one_chain() -> None:
    elsewhere = KeyControl(LedgerId("eip155:31002"), STATEMENT.registry, OWNER.address, STATEMENT.holder)
    other = KeyControl(STATEMENT.ledger, "0x" + "22" * 20, OWNER.address, STATEMENT.holder)
    assert len({STATEMENT.digest, elsewhere.digest, other.digest}) == 3
    with pytest.raises(InvalidLedgerId):
        _ = KeyControl(LedgerId("book:register"), "0x" + "22" * 20, OWNER.address, STATEMENT.holder).digest


async def test_ubo_10_nobody_signs_for_another_account() -> None:
    with pytest.raises(CommandImpossible, match="cannot sign"):
        await signature_of(STATEMENT, DESK["holder_de"])
