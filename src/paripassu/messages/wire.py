"""How a batch travels in the call that delivers it: as few bytes as its identity allows.

What the messages of a batch have in common is said once, in one word and two addresses; of each message
source time, expiry and length take 13 bytes before its payload. Nothing of this is signed: the gateway
computes the messages' ids from it, and attestors sign those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import MalformedMessage
from paripassu.messages.envelope import Batch

_TIME_BITS: Final = 40
_LENGTH_BITS: Final = 24
COUNTER_BITS: Final = 44


def execution(
    batch: Batch, signers: int, signatures: Sequence[bytes], *, known: bool = False
) -> tuple[int, int, bytes, bytes, bytes]:
    """Arguments of the gateway's `execute`: source, head, parties, messages, signatures.

    The parties are named unless the gateway knows them: one that knows others then parks the messages,
    with the reason.

    Args:
        signers: which members of the attestor set signed, bit by bit in the set's order.
        signatures: theirs, in that order.
        known: the lane's applications are those that the messages name, by the gateway itself.

    Raises:
        MalformedMessage: a value that a batch has no room for.
    """
    first = batch.messages[0]
    parties = b"" if known else _abi_encode(["bytes", "bytes"], [first.sender, first.recipient])
    packed = packed_messages(batch), packed_signatures(signatures)
    return (batch.lane.source.numeric, batch_head(batch, signers), parties, *packed)


def batch_head(batch: Batch, signers: int) -> int:
    """Purpose 8 bits, first nonce 64, protocol version 32, attestor set version 32, signers 32.

    Args:
        signers: which members of the set signed, bit by bit in the set's order.

    Raises:
        MalformedMessage: a nonce that no gateway counts to, or more members than there are bits.
    """
    first = batch.messages[0]
    if batch.messages[-1].nonce >> COUNTER_BITS:
        raise MalformedMessage(f"No gateway counts to nonce {batch.messages[-1].nonce}.")
    return head(int(first.lane.purpose), first.nonce, first.version, batch.attestor_set_version, signers)


def head(purpose: int, nonce: int, version: int, set_version: int, signers: int) -> int:
    """The word itself; `version` is not read of an acknowledgement. Raises MalformedMessage."""
    if not 0 <= signers < 1 << 32:
        raise MalformedMessage(f"An attestor set has at most 32 members, {signers:#x} names others.")
    return purpose | nonce << 8 | version << 72 | set_version << 104 | signers << 136


def packed_messages(batch: Batch) -> bytes:
    """The messages one after the other: source time and expiry in seconds, 5 bytes each; length, 3; payload.

    Raises:
        MalformedMessage: a time beyond the year 36,812, or a payload of 16 MiB.
    """
    return b"".join(
        _sized(message.timestamp, _TIME_BITS, "source time")
        + _sized(message.expiry, _TIME_BITS, "expiry")
        + _sized(len(message.payload), _LENGTH_BITS, "payload's length")
        + message.payload
        for message in batch.messages
    )


def payloads_of(head_: int, messages: bytes) -> dict[int, bytes]:
    """Payload by nonce of the messages that a delivery carries, as `packed_messages` wrote them.

    Raises:
        MalformedMessage: they do not end where the last one does.
    """
    found: dict[int, bytes] = {}
    nonce, at = head_ >> 8 & (1 << 64) - 1, 0
    while at < len(messages):
        start = at + 2 * _TIME_BITS // 8 + _LENGTH_BITS // 8
        at = start + int.from_bytes(messages[start - _LENGTH_BITS // 8 : start], "big")
        if at > len(messages):
            raise MalformedMessage(f"{len(messages)} bytes are no whole messages of a batch.")
        found[nonce] = messages[start:at]
        nonce += 1
    return found


def packed_signatures(signatures: Sequence[bytes]) -> bytes:
    """Signatures of 65 bytes in the order of the set's members. Raises MalformedMessage."""
    for signature in signatures:
        if len(signature) != 65:
            raise MalformedMessage(f"A signature has 65 bytes, {len(signature)} were given.")
    return b"".join(bytes(signature) for signature in signatures)


def _sized(value: int, bits: int, what: str) -> bytes:
    if value >> bits:
        raise MalformedMessage(f"A message's {what} must fit {bits} bits in a batch, {value} does not.")
    return value.to_bytes(bits // 8, "big")
