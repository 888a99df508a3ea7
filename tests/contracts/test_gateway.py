"""Batches that Python signs and the gateway checks: one digest on both sides."""

from __future__ import annotations

import pytest
from brownie import chain
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from scripts import _suite
from support import events_of, interop, refusal

from conftest import PEER_CHAIN, REASON
from paripassu.identifiers import LedgerId, role_id
from paripassu.messages import (
    PROTOCOL_VERSION,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    batch_digest,
    execution,
)

FIELDS = (
    ("source", "uint256"),
    ("destination", "uint256"),
    ("purpose", "uint8"),
    ("nonce", "uint64"),
    ("timestamp", "uint64"),
    ("expiry", "uint64"),
    ("version", "uint32"),
    ("sender", "bytes"),
    ("recipient", "bytes"),
    ("payload", "bytes"),
)
PARKED = 1
U64 = 2**64 - 1
TYPES = {
    "Message": [{"name": name, "type": kind} for name, kind in FIELDS],
    "Batch": [{"name": "attestorSetVersion", "type": "uint32"}, {"name": "messages", "type": "Message[]"}],
}


@pytest.fixture
def arriving(world, holder_fr):
    """Two movements from the other ledger to the French holder, 30 and 12 units."""
    lane = Lane(LedgerId(f"eip155:{PEER_CHAIN}"), LedgerId(f"eip155:{chain.id}"), Purpose.MOVEMENT)
    accounts = (bytes.fromhex("bb" * 20), bytes.fromhex(str(holder_fr)[2:]))
    return Batch(
        1,
        tuple(
            Message(
                lane,
                nonce,
                chain.time() - 60,
                0,
                PROTOCOL_VERSION,
                interop(PEER_CHAIN, world.bridge.address),
                interop(chain.id, world.bridge.address),
                encode(["bytes32", "bytes", "bytes", "uint256"], [world.security, *accounts, units]),
            )
            for nonce, units in ((1, 30), (2, 12))
        ),
    )


def typed_data(world, batch):
    messages = [dict(zip((name for name, _ in FIELDS), m.abi_tuple(), strict=True)) for m in batch.messages]
    domain = {
        "name": "Pari Passu Gateway",
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": world.gateway.address,
    }
    return encode_typed_data(
        domain, TYPES, {"attestorSetVersion": batch.attestor_set_version, "messages": messages}
    )


def places(world, attestors):
    """Which members of the gateway's set some attestors are, bit by bit in its order."""
    members = [signer for signer, _ in world.gateway.attestors()[2]]
    return sum(1 << members.index(attestor.address) for attestor in attestors)


def signatures(world, batch, attestors):
    return [Account.sign_message(typed_data(world, batch), a.key).signature for a in attestors]


def test_a_batch_has_one_digest_for_wallet_core_and_gateway(world, arriving):
    on_chain = bytes(world.gateway.digest(1, [bytes(id) for id in arriving.ids]))
    typed = typed_data(world, arriving)
    assert on_chain == keccak(b"\x19" + typed.version + typed.header + typed.body)
    domain = GatewayDomain(LedgerId(f"eip155:{chain.id}"), bytes.fromhex(world.gateway.address[2:]))
    assert on_chain == bytes(batch_digest(arriving, domain))
    for message in arriving.messages:
        assert bytes(world.gateway.messageId(message.abi_tuple())) == bytes(message.id)


def test_mov_3_an_attested_batch_is_executed_once(world, arriving, attestors, relayer, holder_fr):
    signed = signatures(world, arriving, attestors)
    first = world.gateway.execute(*execution(arriving, places(world, attestors), signed), {"from": relayer})
    again = world.gateway.execute(*execution(arriving, places(world, attestors), signed), {"from": relayer})
    assert world.token.balanceOf(holder_fr) == 42
    assert world.gateway.inboundNonce(PEER_CHAIN, Purpose.MOVEMENT) == 2
    ((_, (number, ids)),) = events_of(first, "Gateway", "BatchExecuted")
    assert (number, list(ids)) == (1, [bytes(id) for id in arriving.ids])
    assert events_of(again, "Gateway", "BatchExecuted") == []


def test_a1_one_signature_is_no_quorum(world, arriving, attestors, relayer):
    signed = signatures(world, arriving, attestors)
    for one in signed:
        place = places(world, [attestors[signed.index(one)]])
        assert refusal(world.gateway.execute, *execution(arriving, place, [one]), sender=relayer) == (
            "QuorumMissing",
            (2, 1),
        )
    wrong = execution(arriving, places(world, attestors), signed[::-1])
    name, _ = refusal(world.gateway.execute, *wrong, sender=relayer)
    assert name == "BadSignature"


def test_acc_3_two_roles_replace_the_attestors_and_the_former_ones_count_no_more(
    world, arriving, attestors, relayer
):
    signed = signatures(world, arriving, attestors)
    delivery = execution(arriving, places(world, attestors), signed)
    _, threshold, members = world.gateway.attestors()
    fewer = [member for member in members if member[0] != attestors[0].address]
    operator, issuer = _suite.funded("bridge_operator"), _suite.funded("issuer")
    alone = refusal(world.gateway.rotate, fewer, threshold, sender=operator)
    assert alone == ("ApprovalNeeded", (operator.address.lower(),))
    call = world.gateway.rotate.encode_input(fewer, threshold)
    act = (role_id("bridge_operator"), world.gateway, call, 0, REASON)
    proposed = world.approvals.propose(*act, {"from": operator})
    id = proposed.events["ActProposed"]["id"]
    early = refusal(world.approvals.execute, id, world.gateway, call, sender=relayer)
    assert early[0] == "QuorumMissing"
    world.approvals.approve(role_id("issuer"), id, {"from": issuer})
    world.approvals.execute(id, world.gateway, call, {"from": relayer})
    assert world.gateway.attestors()[0] == 2
    assert refusal(world.gateway.execute, *delivery, sender=relayer) == ("WrongSetVersion", (2, 1))


def test_mov_3_a_later_batch_waits_for_the_earlier(world, arriving, attestors, relayer):
    later = Batch(1, arriving.messages[1:])
    signed = signatures(world, later, attestors)
    delivery = execution(later, places(world, attestors), signed)
    found = refusal(world.gateway.execute, *delivery, sender=relayer)
    assert found == ("NonceGap", (1, 2))


def test_a_movement_to_an_ineligible_holder_is_parked_with_the_code(
    world, arriving, attestors, relayer, holder_fr
):
    world.holders.setStatus(holder_fr, False, REASON, {"from": world.registrar})
    batch = Batch(1, arriving.messages[:1])
    signed = signatures(world, batch, attestors)
    sent = world.gateway.execute(*execution(batch, places(world, attestors), signed), {"from": relayer})
    ((_, (_, reason)),) = events_of(sent, "Gateway", "MessageParked")
    assert reason[4:36] == (6).to_bytes(32, "big"), "RECIPIENT_INACTIVE"
    message = batch.messages[0]
    assert world.gateway.standingOf(message.id) == PARKED
    world.holders.setStatus(holder_fr, True, REASON, {"from": world.registrar})
    world.gateway.retry(message.abi_tuple(), {"from": relayer})
    assert world.token.balanceOf(holder_fr) == 30


def test_the_log_of_a_departure_gives_the_whole_message(world, issued, holder_de, holder_fr):
    to = bytes.fromhex(str(holder_fr)[2:])
    sent = world.bridge.move(world.token, PEER_CHAIN, to, 25, 0, {"from": holder_de})
    (((message_id,), (sender, recipient, payload, _, attributes)),) = events_of(
        sent, "Gateway", "MessageSent"
    )
    word = int.from_bytes(attributes[0][4:36], "big")
    purpose, nonce, timestamp = word & 0xFF, word >> 8 & U64, word >> 72 & U64
    expiry, version = word >> 136 & U64, word >> 200
    lane = Lane(LedgerId(f"eip155:{chain.id}"), LedgerId(f"eip155:{PEER_CHAIN}"), Purpose(purpose))
    message = Message(lane, nonce, timestamp, expiry, version, sender, recipient, payload)
    assert bytes(message.id) == message_id
    assert world.token.totalSupply() == issued - 25
