"""Golden vectors: hashes as the contracts computed them (`tests/vectors/encodings.json`).

The file is written by `tests/forge/Encodings.t.sol`, which also checks it, so both sides are
held to the same text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paripassu.entitlements import EntitlementLine
from paripassu.events import EventRecord
from paripassu.identifiers import (
    ZERO32,
    AccountId,
    Bytes32,
    InteropAddress,
    Isin,
    LedgerId,
    account_from_bytes,
    keccak256,
    security_id,
)
from paripassu.merkle import hash_pair
from paripassu.messages import (
    Batch,
    EventPayload,
    GatewayDomain,
    Message,
    MovementPayload,
    PlacesPayload,
    QuotaPayload,
    batch_digest,
    decode_corporate_action,
    decode_quota,
)
from paripassu.quantities import Minor, Units

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "encodings.json").read_text(encoding="utf-8")
)
REGISTER = LedgerId("book:register")


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def message_of(vector: dict[str, Any]) -> Message:
    numbers = ("source", "destination", "purpose", "nonce", "timestamp", "expiry", "version")
    values = [int(vector[name]) for name in numbers]
    parts = [raw(vector[name]) for name in ("sender", "recipient", "payload")]
    return Message.from_abi([*values, *parts], [REGISTER])


def test_mov_8_a_movement_with_a_lock_up_is_encoded_as_the_bridge_does() -> None:
    vector = VECTORS["lockedMovement"]
    payload = MovementPayload.decode(raw(vector["payload"]))
    assert payload.encode() == raw(vector["payload"])
    (lot,) = payload.lots
    assert (payload.amount, lot.units, lot.since, lot.path) == (350, 200, int(vector["since"]), ZERO32)
    (landed,) = payload.passed_by(Bytes32(vector["messageId"]))
    assert landed.path.text == vector["path"]
    assert (landed.units, landed.until, landed.since) == (lot.units, lot.until, lot.since)


def test_id_1_security_id() -> None:
    vector = VECTORS["security"]
    expected = Bytes32(vector["securityId"])
    assert security_id(Isin(vector["isin"]), Bytes32(vector["termsHash"])) == expected


@pytest.mark.parametrize("vector", VECTORS["interopAddresses"], ids=lambda vector: vector["caip2"])
def test_erc_7930_address(vector: dict[str, str]) -> None:
    ledger = LedgerId(vector["caip2"])
    assert ledger.numeric == int(vector["ledger"])
    address = InteropAddress(ledger, account_from_bytes(ledger, raw(vector["account"])))
    assert address.encode() == raw(vector["encoded"])
    assert InteropAddress.decode(raw(vector["encoded"])) == address


@pytest.mark.parametrize("vector", VECTORS["eventRecords"], ids=lambda vector: vector["eventType"])
def test_ca_1_event_record(vector: dict[str, Any]) -> None:
    record = EventRecord.from_abi(
        (
            raw(vector["officialEventId"]),
            raw(vector["securityId"]),
            vector["eventType"].encode("ascii"),
            vector["participation"].encode("ascii"),
            vector["announcementDate"],
            vector["exDate"],
            vector["recordDate"],
            vector["paymentDate"],
            int(vector["recordTime"]),
            int(vector["rateNumerator"]),
            int(vector["rateDenominator"]),
            vector["currency"].encode("ascii"),
            vector["currencyExponent"],
            raw(vector["documentHash"]),
        )
    )
    assert record.key == raw(vector["eventKey"])
    assert record.record_hash == raw(vector["recordHash"])
    assert EventPayload(record).encode() == raw(vector["payload"])
    assert decode_corporate_action(raw(vector["payload"])) == EventPayload(record)


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["id"][:10])
def test_message_id(vector: dict[str, Any]) -> None:
    assert message_of(vector).id == raw(vector["id"])


def test_ctl_4_quota_payloads() -> None:
    quota, places = (message_of(vector).payload for vector in VECTORS["messages"][3:])
    security = Bytes32(VECTORS["security"]["securityId"])
    holder = Bytes32(keccak256(b"de")[:24] + bytes(8))
    expected = QuotaPayload(security, holder, b"SAFE-0001", Units((1 << 64) - 1))
    assert decode_quota(quota) == expected
    assert expected.encode() == quota
    assert decode_quota(places) == PlacesPayload(security, (1 << 32) - 1)
    assert PlacesPayload(security, (1 << 32) - 1).encode() == places


@pytest.mark.parametrize("vector", VECTORS["batches"], ids=lambda vector: vector["chainId"])
def test_batch_digest(vector: dict[str, Any]) -> None:
    domain = GatewayDomain(LedgerId.evm(int(vector["chainId"])), raw(vector["gateway"]))
    first_two = tuple(message_of(message) for message in VECTORS["messages"][:2])
    assert batch_digest(Batch(vector["attestorSetVersion"], first_two), domain) == raw(vector["digest"])


@pytest.mark.parametrize("vector", VECTORS["leaves"], ids=lambda vector: vector["ledger"])
def test_entitlement_leaf(vector: dict[str, str]) -> None:
    ledger = LedgerId.evm(int(vector["ledger"]))
    account = AccountId(ledger, account_from_bytes(ledger, raw(vector["account"])))
    line = EntitlementLine(Bytes32(vector["eventKey"]), account, Units(1), Minor(int(vector["amount"])))
    assert line.leaf == raw(vector["leaf"])


@pytest.mark.parametrize("vector", VECTORS["nodes"], ids=lambda vector: vector["node"][:10])
def test_merkle_node(vector: dict[str, str]) -> None:
    left, right = raw(vector["left"]), raw(vector["right"])
    assert hash_pair(left, right) == hash_pair(right, left) == raw(vector["node"])
