"""Messages: ids and digests are those of EIP-712, payloads are strict (MOV-3)."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from paripassu.errors import InvalidEventRecord, InvalidLedgerId, MalformedMessage
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import CurrencyCode, InteropAddress, LedgerId, commitment, keccak256
from paripassu.messages import (
    PROTOCOL_VERSION,
    Batch,
    EntitlementPayload,
    EventPayload,
    GatewayDomain,
    Lane,
    Message,
    MovementPayload,
    PlacesPayload,
    Purpose,
    QuotaPayload,
    batch_digest,
    decode_corporate_action,
    decode_quota,
)
from paripassu.quantities import Minor, Rate, Units

ALPHA, REGISTER = LedgerId("eip155:31001"), LedgerId("book:register")
GATEWAY = bytes.fromhex("d8da6bf26964af9d7eed9e03e53415d37aa96045")
LANE = Lane(ALPHA, REGISTER, Purpose.MOVEMENT)
MOVEMENT = MovementPayload(keccak256(b"security"), GATEWAY, b"HOLDER-FR-1", Units(1500))


def message(nonce: int = 1, **changes: Any) -> Message:
    sender = InteropAddress(ALPHA, "0x" + GATEWAY.hex()).encode()
    recipient = InteropAddress(REGISTER, "bridge").encode()
    first = Message(LANE, nonce, 1_804_000_000, 0, PROTOCOL_VERSION, sender, recipient, MOVEMENT.encode())
    return dataclasses.replace(first, **changes)


def record() -> EventRecord:
    return EventRecord(
        official_event_id="FR2027DVCA000042",
        security_id=keccak256(b"security"),
        event_type="DVCA",
        participation=Participation.MAND,
        announcement_date=date(2027, 3, 1),
        ex_date=date(2027, 3, 4),
        record_date=date(2027, 3, 5),
        payment_date=date(2027, 3, 8),
        record_time=1_804_287_599,
        rate=Rate("0.37"),
        currency=CurrencyCode("EUR"),
        document_hash=keccak256(b"document"),
    )


FIELDS = (
    "source",
    "destination",
    "purpose",
    "nonce",
    "timestamp",
    "expiry",
    "version",
    "sender",
    "recipient",
    "payload",
)
TYPES = ("uint256", "uint256", "uint8", "uint64", "uint64", "uint64", "uint32", "bytes", "bytes", "bytes")


def typed_data(batch: Batch, domain: GatewayDomain) -> dict[str, Any]:
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Message": [{"name": name, "type": kind} for name, kind in zip(FIELDS, TYPES, strict=True)],
            "Batch": [
                {"name": "attestorSetVersion", "type": "uint32"},
                {"name": "messages", "type": "Message[]"},
            ],
        },
        "primaryType": "Batch",
        "domain": {
            "name": "Pari Passu Gateway",
            "version": "1",
            "chainId": domain.ledger.numeric,
            "verifyingContract": "0x" + domain.gateway.hex(),
        },
        "message": {
            "attestorSetVersion": batch.attestor_set_version,
            "messages": [dict(zip(FIELDS, each.abi_tuple(), strict=True)) for each in batch.messages],
        },
    }


@pytest.mark.parametrize("domain", [GatewayDomain(ALPHA, GATEWAY), GatewayDomain(REGISTER)])
def test_batch_digest_is_the_eip_712_digest_of_an_independent_implementation(domain: GatewayDomain) -> None:
    batch = Batch(7, (message(1), message(2, payload=b""), message(3, expiry=1_900_000_000)))
    signable = encode_typed_data(full_message=typed_data(batch, domain))
    expected = keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert batch_digest(batch, domain) == expected


def test_message_id_is_the_eip_712_struct_hash() -> None:
    data = typed_data(Batch(0, (message(),)), GatewayDomain(ALPHA, GATEWAY))
    data["primaryType"], data["message"] = "Message", data["message"]["messages"][0]
    del data["types"]["Batch"]
    assert message().id == encode_typed_data(full_message=data).body


def test_digest_depends_on_gateway_and_ledger_and_attestor_set() -> None:
    batch = Batch(1, (message(),))
    digests = {
        batch_digest(batch, GatewayDomain(ALPHA, GATEWAY)),
        batch_digest(batch, GatewayDomain(ALPHA)),
        batch_digest(batch, GatewayDomain(REGISTER, GATEWAY)),
        batch_digest(Batch(2, (message(),)), GatewayDomain(ALPHA, GATEWAY)),
    }
    assert len(digests) == 4


def test_every_field_of_a_message_changes_its_id() -> None:
    others = [
        message(2),
        message(lane=Lane(REGISTER, ALPHA, Purpose.MOVEMENT)),
        message(lane=Lane(ALPHA, REGISTER, Purpose.RECEIPT)),
        message(timestamp=1),
        message(expiry=1),
        message(version=1),
        message(sender=b"x"),
        message(recipient=b"x"),
        message(payload=b"x"),
    ]
    assert len({message().id, *(other.id for other in others)}) == 10


def test_message_comes_back_from_its_abi_values() -> None:
    assert Message.from_abi(message().abi_tuple(), [ALPHA, REGISTER]) == message()
    with pytest.raises(InvalidLedgerId):
        Message.from_abi(message().abi_tuple(), [])
    unknown = list(message().abi_tuple())
    unknown[2] = 9
    with pytest.raises(MalformedMessage, match="Purpose 9"):
        Message.from_abi(unknown, [ALPHA, REGISTER])


@pytest.mark.parametrize(
    "changes", [{"nonce": 0}, {"nonce": 1 << 64}, {"timestamp": -1}, {"version": 1 << 32}]
)
def test_message_with_a_value_out_of_range_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(MalformedMessage):
        dataclasses.replace(message(), **changes)  # type: ignore[arg-type]


def test_mov_3_batch_holds_consecutive_messages_of_one_lane() -> None:
    assert Batch(1, (message(4), message(5))).lane == LANE
    other_lane = message(5, lane=Lane(ALPHA, REGISTER, Purpose.RECEIPT))
    for messages in ((), (message(4), message(6)), (message(4), message(4)), (message(4), other_lane)):
        with pytest.raises(MalformedMessage):
            Batch(1, messages)


def test_lane_to_itself_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        Lane(ALPHA, ALPHA, Purpose.MOVEMENT)


def test_gateway_address_must_have_twenty_bytes() -> None:
    with pytest.raises(MalformedMessage):
        GatewayDomain(ALPHA, bytes(19))


def test_payloads_round_trip() -> None:
    assert MovementPayload.decode(MOVEMENT.encode()) == MOVEMENT
    event = EventPayload(record())
    assert decode_corporate_action(event.encode()) == event
    entitlement = EntitlementPayload(record().key, keccak256(b"root"), Minor(37_000), 12)
    assert decode_corporate_action(entitlement.encode()) == entitlement


def test_payload_that_is_not_canonical_is_refused() -> None:
    good = MOVEMENT.encode()
    for wrong in (b"", good[:-1], good + bytes(32), good[:-1] + b"\x01"):
        with pytest.raises(MalformedMessage):
            MovementPayload.decode(wrong)


def test_ctl_4_quota_payloads_round_trip() -> None:
    quota = QuotaPayload(keccak256(b"security"), commitment(b"holder"), b"HOLDER-FR-1", Units((1 << 64) - 1))
    places = PlacesPayload(keccak256(b"security"), (1 << 32) - 1)
    assert decode_quota(quota.encode()) == quota
    assert decode_quota(places.encode()) == places


def test_ctl_4_what_no_ledger_can_hold_is_no_quota_payload() -> None:
    security = keccak256(b"security")
    for wrong in (
        QuotaPayload(security, keccak256(b"not a commitment"), b"x", Units(1)),
        QuotaPayload(security, commitment(b"holder"), b"x", Units(1 << 64)),
        PlacesPayload(security, 1 << 32),
        PlacesPayload(security, -1),
    ):
        with pytest.raises(MalformedMessage):
            wrong.encode()
    types = ["bytes32", "uint8", "bytes24", "bytes", "uint64"]
    holder = commitment(b"holder")[:24]
    empty = bytes(24)
    for values in ((3, empty, b"", 1), (2, empty, b"", 1 << 32), (2, holder, b"", 1), (2, empty, b"x", 1)):
        with pytest.raises(MalformedMessage):
            decode_quota(abi_encode(types, [bytes(security), *values]))
    with pytest.raises(MalformedMessage):
        decode_quota(PlacesPayload(security, 1).encode() + bytes(32))


def test_corporate_action_payload_of_unknown_kind_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="unknown kind 3"):
        decode_corporate_action((3).to_bytes(32, "big"))
    with pytest.raises(MalformedMessage, match="kind 2 was expected"):
        EntitlementPayload.decode((1).to_bytes(32, "big") + bytes(128))


def test_event_payload_with_another_currency_exponent_is_refused() -> None:
    values = list(record().abi_tuple())
    values[12] = 3
    with pytest.raises(InvalidEventRecord, match="exponent 3"):
        EventRecord.from_abi(tuple(values))
