"""How batches and acknowledgements travel to a gateway, byte by byte; and which members of an attestor set
signed them."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from eth_account.messages import _hash_eip191_message, encode_typed_data

from paripassu.commands import (
    Acknowledge,
    Command,
    Refund,
    Refuse,
    ResumeLane,
    SetArrivalCap,
    StopLane,
)
from paripassu.controls import Reason
from paripassu.errors import BatchRefused, MalformedMessage
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.evm.calls import call_for
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.ledgers.quorum import require_quorum, signers_among
from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.messages import (
    PROTOCOL_VERSION,
    Acknowledgement,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    acknowledgement_digest,
    acknowledgement_head,
    execution,
    packed_messages,
    payloads_of,
)
from paripassu.quantities import Units

LANE = Lane(LedgerId("eip155:31001"), LedgerId("eip155:31002"), Purpose.QUOTA)
DIGEST = keccak256(b"digest")
SIGNERS = sorted(
    (KeySigner(name, dev_key(name)) for name in ("csd", "bank", "second key of the bank", "broker")),
    key=lambda signer: int(signer.address, 16),
)


def message(nonce: int, **changed: Any) -> Message:
    values: dict[str, Any] = {"timestamp": 1_803_888_000, "expiry": 0, "payload": b"\x01\x02"} | changed
    return Message(LANE, nonce, version=PROTOCOL_VERSION, sender=b"sender", recipient=b"recipient", **values)


def members(*signers: KeySigner, version: int = 3, threshold: int = 2) -> AttestorSet:
    entities = {"second key of the bank": "bank"}
    found = (Attestor(one.address, keccak256(entities.get(one.name, one.name).encode())) for one in signers)
    return AttestorSet(version, threshold, tuple(found))


def test_a_message_is_thirteen_bytes_and_its_payload() -> None:
    batch = Batch(3, (message(5), message(6, expiry=1_803_888_060, payload=b"")))
    time = (1_803_888_000).to_bytes(5, "big")
    first = time + bytes(5) + b"\x00\x00\x02" + b"\x01\x02"
    second = time + (1_803_888_060).to_bytes(5, "big") + bytes(3)
    assert packed_messages(batch) == first + second


def test_the_head_says_once_what_a_batch_has_in_common() -> None:
    source, head, parties, _, signatures = execution(
        Batch(3, (message(5),)), 0b101, [b"\x07" * 65, b"\x08" * 65]
    )
    assert source == 31001
    assert abi_decode(["bytes", "bytes"], parties) == (b"sender", b"recipient")
    assert head & 0xFF == Purpose.QUOTA
    assert head >> 8 & (2**64 - 1) == 5
    assert head >> 72 & (2**32 - 1) == PROTOCOL_VERSION
    assert head >> 104 & (2**32 - 1) == 3
    assert head >> 136 == 0b101
    assert signatures == b"\x07" * 65 + b"\x08" * 65


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"timestamp": 1 << 40}, "source time must fit 40 bits"),
        ({"expiry": 1 << 40}, "expiry must fit 40 bits"),
        ({"payload": bytes(1 << 24)}, "payload's length must fit 24 bits"),
    ],
)
def test_what_a_batch_has_no_room_for_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedMessage, match=said):
        packed_messages(Batch(3, (message(1, **changed),)))


def test_mov_3_an_acknowledgement_says_in_one_word_whose_and_how_many() -> None:
    word = acknowledgement_head(Acknowledgement(3, LANE, 7, (DIGEST,)), 0b101)
    assert word == Purpose.QUOTA | 7 << 8 | 3 << 104 | 0b101 << 136


def test_mov_3_an_acknowledgement_is_signed_as_wallets_sign_it() -> None:
    domain = GatewayDomain(LANE.source, b"\x0a" * 20)
    for refused in ((), (DIGEST,), (DIGEST, keccak256(b"another"))):
        said = Acknowledgement(3, LANE, 7, refused)
        types = {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Acknowledgement": [
                {"name": "attestorSetVersion", "type": "uint32"},
                {"name": "source", "type": "uint256"},
                {"name": "destination", "type": "uint256"},
                {"name": "purpose", "type": "uint8"},
                {"name": "nonce", "type": "uint64"},
                {"name": "refused", "type": "bytes32[]"},
            ],
        }
        document = {
            "types": types,
            "primaryType": "Acknowledgement",
            "domain": {
                "name": "Pari Passu Gateway",
                "version": "1",
                "chainId": 31001,
                "verifyingContract": "0x" + "0a" * 20,
            },
            "message": {
                "attestorSetVersion": 3,
                "source": 31001,
                "destination": 31002,
                "purpose": 4,
                "nonce": 7,
                "refused": [bytes(id) for id in refused],
            },
        }
        signable = encode_typed_data(full_message=document)
        assert bytes(_hash_eip191_message(signable)) == bytes(acknowledgement_digest(said, domain))


SAID = Acknowledgement(3, LANE, 7, (DIGEST,))
WHY = Reason("drift of 5")
WORD = b"drift of 5".ljust(32, b"\0")
ADDRESSES = {"Gateway": "0x" + "0a" * 20, "TokenBridge": "0x" + "0b" * 20}


@pytest.mark.parametrize(
    ("command", "contract", "function", "arguments"),
    [
        (
            Acknowledge(SAID, (b"\x07" * 65,)),
            "Gateway",
            "acknowledge",
            (31002, acknowledgement_head(SAID, 0b100), (bytes(DIGEST),), b"\x07" * 65),
        ),
        (Refund(message(5)), "Gateway", "refund", (message(5).abi_tuple(),)),
        (Refuse(message(5)), "Gateway", "refuse", (message(5).abi_tuple(), bytes(32))),
        (Refuse(message(5), WHY), "Gateway", "refuse", (message(5).abi_tuple(), WORD)),
        (StopLane(LANE.destination, Purpose.QUOTA, WHY), "Gateway", "stopLane", (31002, 4, WORD)),
        (ResumeLane(LANE.destination, Purpose.QUOTA, WHY), "Gateway", "resumeLane", (31002, 4, WORD)),
        (
            SetArrivalCap(DIGEST, LANE.source, Units(5), 60),
            "TokenBridge",
            "setArrivalCap",
            (bytes(DIGEST), 31001, 5, 60),
        ),
    ],
)
def test_mov_6_each_command_is_one_call_to_the_gateway_or_the_bridge(
    command: Command, contract: str, function: str, arguments: tuple[Any, ...]
) -> None:
    call = call_for(command, "0x" + "0c" * 20, "reference", ADDRESSES.__getitem__, 0b100)
    assert call.to == ADDRESSES[contract]
    assert call.data[:4] == codec(contract).selector(function)
    assert codec(contract).inputs(function).decode(call.data[4:]) == arguments


def test_no_gateway_counts_beyond_its_counter_or_its_members() -> None:
    with pytest.raises(MalformedMessage, match="counts to nonce"):
        execution(Batch(3, (message(1 << 44),)), 1, [])
    with pytest.raises(MalformedMessage, match="at most 32 members"):
        execution(Batch(3, (message(1),)), 1 << 32, [])
    with pytest.raises(MalformedMessage, match="65 bytes"):
        execution(Batch(3, (message(1),)), 1, [bytes(64)])


def test_acc_3_the_signers_are_named_by_their_place_in_the_set() -> None:
    one, two, three, four = SIGNERS
    # in whatever order the set lists them
    attestors = members(four, two, one, three)
    assert signers_among(attestors, 3, DIGEST, [two.sign_digest(DIGEST), four.sign_digest(DIGEST)]) == 0b1010
    assert signers_among(attestors, 3, DIGEST, []) == 0


def test_acc_3_old_sets_strangers_and_disorder_are_refused() -> None:
    one, two, three, _ = SIGNERS
    attestors = members(one, two)
    signed = [one.sign_digest(DIGEST), two.sign_digest(DIGEST)]
    with pytest.raises(BatchRefused, match="signed for attestor set 2, the current one is 3"):
        signers_among(attestors, 2, DIGEST, signed)
    with pytest.raises(BatchRefused, match="twice or out of order"):
        signers_among(attestors, 3, DIGEST, signed[::-1])
    with pytest.raises(BatchRefused, match="not in attestor set 3"):
        signers_among(attestors, 3, DIGEST, [*signed, three.sign_digest(DIGEST)])


def test_acc_3_two_keys_of_one_entity_are_one_vote() -> None:
    keys = [one for one in SIGNERS if "bank" in one.name]
    signed = [key.sign_digest(DIGEST) for key in keys]
    with pytest.raises(BatchRefused, match="1 entities, 2 are needed"):
        require_quorum(members(*SIGNERS), 3, DIGEST, signed)
    pair = [one.sign_digest(DIGEST) for one in SIGNERS if one.name in ("csd", "broker")]
    require_quorum(members(*SIGNERS), 3, DIGEST, pair)


def test_parties_that_the_gateway_knows_are_not_named() -> None:
    batch = Batch(3, (message(5),))
    _, head, parties, packed, _ = execution(batch, 1, [], known=True)
    assert parties == b""
    assert (head, packed) == (execution(batch, 1, [])[1], packed_messages(batch))


def test_payloads_are_found_again_by_their_nonce() -> None:
    batch = Batch(3, (message(5), message(6, payload=b""), message(7, payload=b"\x09" * 300)))
    _, head, _, packed, _ = execution(batch, 1, [])
    assert payloads_of(head, packed) == {5: b"\x01\x02", 6: b"", 7: b"\x09" * 300}
    for length in (1, 12, len(packed) - 1):
        with pytest.raises(MalformedMessage, match="no whole messages"):
            payloads_of(head, packed[:length])
