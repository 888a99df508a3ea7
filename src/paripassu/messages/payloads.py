"""What messages carry, ABI-encoded: movements of units, event records, entitlement roots, quotas, orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from eth_abi.abi import decode as _abi_decode
from eth_abi.abi import encode as _abi_encode
from eth_abi.exceptions import DecodingError, EncodingError

from paripassu.errors import MalformedMessage
from paripassu.events import EVENT_RECORD_ABI, EventRecord
from paripassu.identifiers import COMMITMENT_BYTES, ZERO32, Bytes32, is_commitment, keccak256
from paripassu.quantities import Minor, Units
from paripassu.rules import Lot


@dataclass(frozen=True, slots=True)
class MovementPayload:
    """Purpose MOVEMENT: units leave `from_account` of the source for `to_account` of the destination."""

    security_id: Bytes32
    from_account: bytes
    to_account: bytes
    amount: Units
    holder: Bytes32 = ZERO32
    lots: tuple[Lot, ...] = ()

    def encode(self) -> bytes:
        """abi.encode(bytes32 securityId, bytes fromAccount, bytes toAccount, uint256 amount) and, where units
        are locked up, bytes lineage behind that: abi.encode(bytes24 holder, (uint64 amount, uint64 until,
        uint64 since, bytes32 path)[] lots), their holder's commitment and their lots (MOV-8).

        Raises:
            MalformedMessage: more is locked up than moves, or the holder is no commitment.
        """
        plain = [bytes(self.security_id), bytes(self.from_account), bytes(self.to_account), int(self.amount)]
        if not self.lots:
            return _abi_encode(_MOVEMENT, plain)
        self._require_lots()
        lots = [(int(lot.units), lot.until, lot.since, bytes(lot.path)) for lot in self.lots]
        lineage = _abi_encode(_LINEAGE, [bytes(self.holder[:COMMITMENT_BYTES]), lots])
        return _abi_encode(_LOCKED_MOVEMENT, [*plain, lineage])

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Raises MalformedMessage."""
        if not has_lots(payload):
            security, source, target, amount = _decode(_MOVEMENT, payload)
            return cls(Bytes32(security), source, target, Units(amount))
        security, source, target, amount, lineage = _decode(_LOCKED_MOVEMENT, payload)
        made = cls(Bytes32(security), source, target, Units(amount), *decode_lineage(lineage))
        made._require_lots()
        return made

    def passed_by(self, message_id: Bytes32) -> tuple[Lot, ...]:
        """The lots as they land: this movement is added to their paths."""
        return tuple(replace(lot, path=next_path(lot.path, message_id)) for lot in self.lots)

    def _require_lots(self) -> None:
        locked = sum(int(lot.units) for lot in self.lots)
        if not 0 < locked <= self.amount or not is_commitment(self.holder):
            raise MalformedMessage(
                f"A movement of {int(self.amount)} units for the holder {self.holder} cannot have {locked} "
                f"locked up."
            )


def has_lots(payload: bytes) -> bool:
    """Whether a movement carries lots: told by where its first dynamic part begins, without decoding it."""
    return payload[32:64] != _PLAIN


def decode_lineage(lineage: bytes) -> tuple[Bytes32, tuple[Lot, ...]]:
    """The holder of units that travel with lock-ups, and their lots. Raises MalformedMessage."""
    holder, lots = _decode(_LINEAGE, lineage)
    found = tuple(Lot(Units(units), until, since, Bytes32(path)) for units, until, since, path in lots)
    return Bytes32(holder + bytes(8)), found


def next_path(path: Bytes32, message_id: Bytes32) -> Bytes32:
    """The path of units that a movement has brought: keccak256(path before, id of the movement). As the id
    commits to source, destination and time, the last path proves all ledgers before it."""
    return keccak256(bytes(path) + bytes(message_id))


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


@dataclass(frozen=True, slots=True)
class OrderPayload:
    """Purpose ORDER: what the source ordered against a holder, or lifted.

    `count` numbers orders and releases of this by the source, from 1: it stands where it is odd.
    """

    holder: Bytes32
    scope: Bytes32
    count: int
    reason: Bytes32

    def encode(self) -> bytes:
        """abi.encode(bytes32 holder, bytes32 scope, uint256 count, bytes32 reason)."""
        return _abi_encode(_ORDER, [bytes(self.holder), bytes(self.scope), self.count, bytes(self.reason)])

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        holder, scope, count, reason = _decode(_ORDER, payload)
        return cls(Bytes32(holder), Bytes32(scope), count, Bytes32(reason))


def decode_corporate_action(payload: bytes) -> EventPayload | EntitlementPayload:
    """The payload of a CORPORATE_ACTION message, by its kind. Raises MalformedMessage."""
    kind = int.from_bytes(payload[:32], "big")
    if kind == _KIND_EVENT:
        return EventPayload.decode(payload)
    if kind == _KIND_ENTITLEMENT:
        return EntitlementPayload.decode(payload)
    raise MalformedMessage(f"A corporate-action payload has the unknown kind {kind}.")


@dataclass(frozen=True, slots=True)
class QuotaPayload:
    """Purpose QUOTA, kind 1: units of holding cap that the source gave up, for an account of the same
    holder on the destination (CTL-4). `holder` is the commitment, whose last 8 bytes are zero."""

    security_id: Bytes32
    holder: Bytes32
    to_account: bytes
    amount: Units

    def encode(self) -> bytes:
        """abi.encode(bytes32 securityId, uint8 1, bytes24 holder, bytes toAccount, uint64 amount).

        Raises:
            MalformedMessage: the holder is no commitment, or the amount does not fit.
        """
        if not is_commitment(self.holder):
            raise MalformedMessage(f"{self.holder} is no commitment to a holder.")
        holder = bytes(self.holder[:COMMITMENT_BYTES])
        return _encode_quota(self.security_id, _KIND_QUOTA, holder, self.to_account, int(self.amount))


@dataclass(frozen=True, slots=True)
class PlacesPayload:
    """Purpose QUOTA, kind 2: places of the limit of holders that the source gave up (CTL-4)."""

    security_id: Bytes32
    places: int

    def encode(self) -> bytes:
        """As a quota's, kind 2, with the places as amount; holder and account are empty."""
        if not 0 <= self.places < 1 << 32:
            raise MalformedMessage(f"{self.places} places do not fit 32 bits.")
        return _encode_quota(self.security_id, _KIND_PLACES, bytes(COMMITMENT_BYTES), b"", self.places)


def decode_quota(payload: bytes) -> QuotaPayload | PlacesPayload:
    """The payload of a QUOTA message, by its kind. Raises MalformedMessage."""
    security, kind, holder, account, amount = _decode(_QUOTA, payload)
    if kind == _KIND_QUOTA:
        return QuotaPayload(Bytes32(security), Bytes32(holder + bytes(8)), account, Units(amount))
    if kind == _KIND_PLACES and not any(holder) and not account and amount < 1 << 32:
        return PlacesPayload(Bytes32(security), amount)
    raise MalformedMessage(f"A quota payload of kind {kind} is none that is known.")


def _encode_quota(security: Bytes32, kind: int, holder: bytes, account: bytes, amount: int) -> bytes:
    if not 0 <= amount < 1 << 64:
        raise MalformedMessage(f"The amount {amount} of a quota does not fit 64 bits.")
    return _abi_encode(_QUOTA, [bytes(security), kind, holder, bytes(account), amount])


_KIND_EVENT = 1
_KIND_ENTITLEMENT = 2
_KIND_QUOTA = 1
_KIND_PLACES = 2
_QUOTA = ["bytes32", "uint8", "bytes24", "bytes", "uint64"]
_MOVEMENT = ["bytes32", "bytes", "bytes", "uint256"]
_LOCKED_MOVEMENT = [*_MOVEMENT, "bytes"]
_LINEAGE = ["bytes24", "(uint64,uint64,uint64,bytes32)[]"]
_PLAIN = (32 * len(_MOVEMENT)).to_bytes(32, "big")
_ORDER = ["bytes32", "bytes32", "uint256", "bytes32"]
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
