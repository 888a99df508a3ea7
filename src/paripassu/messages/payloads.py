"""What messages carry, ABI-encoded: movements of units, event records, entitlement roots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from eth_abi.abi import decode as _abi_decode
from eth_abi.abi import encode as _abi_encode
from eth_abi.exceptions import DecodingError, EncodingError

from paripassu.errors import MalformedMessage
from paripassu.events import EVENT_RECORD_ABI, EventRecord
from paripassu.identifiers import Bytes32
from paripassu.quantities import Minor, Units


@dataclass(frozen=True, slots=True)
class MovementPayload:
    """Purpose MOVEMENT: units leave `from_account` of the source for `to_account` of the destination."""

    security_id: Bytes32
    from_account: bytes
    to_account: bytes
    amount: Units

    def encode(self) -> bytes:
        """abi.encode(bytes32 securityId, bytes fromAccount, bytes toAccount, uint256 amount)."""
        return _abi_encode(
            _MOVEMENT,
            [bytes(self.security_id), bytes(self.from_account), bytes(self.to_account), int(self.amount)],
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        security, source, target, amount = _decode(_MOVEMENT, payload)
        return cls(Bytes32(security), source, target, Units(amount))


@dataclass(frozen=True, slots=True)
class EventPayload:
    """Purpose CORPORATE_ACTION, kind 1: an official event record."""

    record: EventRecord

    def encode(self) -> bytes:
        """abi.encode(uint8 1, EventRecord)."""
        return _abi_encode(_EVENT, [_KIND_EVENT, self.record.abi_tuple()])

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        kind, values = _decode(_EVENT, payload)
        _expect_kind(kind, _KIND_EVENT)
        return cls(EventRecord.from_abi(values))


@dataclass(frozen=True, slots=True)
class EntitlementPayload:
    """Purpose CORPORATE_ACTION, kind 2: root and total of the entitlement table of an event."""

    event_key: Bytes32
    root: Bytes32
    total: Minor
    lines: int

    def encode(self) -> bytes:
        """abi.encode(uint8 2, bytes32 eventKey, bytes32 root, uint256 total, uint32 lines)."""
        return _abi_encode(
            _ENTITLEMENT,
            [_KIND_ENTITLEMENT, bytes(self.event_key), bytes(self.root), int(self.total), self.lines],
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        kind, key, root, total, lines = _decode(_ENTITLEMENT, payload)
        _expect_kind(kind, _KIND_ENTITLEMENT)
        return cls(Bytes32(key), Bytes32(root), Minor(total), lines)


def decode_corporate_action(payload: bytes) -> EventPayload | EntitlementPayload:
    """The payload of a CORPORATE_ACTION message, by its kind. Raises MalformedMessage."""
    kind = int.from_bytes(payload[:32], "big")
    if kind == _KIND_EVENT:
        return EventPayload.decode(payload)
    if kind == _KIND_ENTITLEMENT:
        return EntitlementPayload.decode(payload)
    raise MalformedMessage(f"A corporate-action payload has the unknown kind {kind}.")


_KIND_EVENT = 1
_KIND_ENTITLEMENT = 2
_MOVEMENT = ["bytes32", "bytes", "bytes", "uint256"]
_EVENT = ["uint8", EVENT_RECORD_ABI]
_ENTITLEMENT = ["uint8", "bytes32", "bytes32", "uint256", "uint32"]


def _decode(types: list[str], payload: bytes) -> tuple[Any, ...]:
    """Decode strictly: only the one encoding that `abi.encode` writes is accepted."""
    try:
        values = _abi_decode(types, payload)
        if _abi_encode(types, values) == payload:
            return values
    except (DecodingError, EncodingError, OverflowError) as error:
        raise MalformedMessage(f"A payload of {len(payload)} bytes is not {','.join(types)}.") from error
    raise MalformedMessage(f"A payload of {len(payload)} bytes is not the canonical {','.join(types)}.")


def _expect_kind(kind: int, expected: int) -> None:
    if kind != expected:
        raise MalformedMessage(f"A payload of kind {expected} was expected, kind {kind} was received.")
