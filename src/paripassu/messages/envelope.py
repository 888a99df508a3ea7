"""Lanes, messages, batches, and the digest that attestors sign (EIP-712).

A message's id and a batch's digest are EIP-712 hashes over the very fields that the
gateway contract hashes; book entry computes them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, Self

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import MalformedMessage
from paripassu.identifiers import Bytes32, LedgerId, keccak256

PROTOCOL_VERSION: Final = 1 << 16
"""Gateway protocol 1.0.0, packed major << 16 | minor << 8 | patch. Majors must agree (I9)."""

MESSAGE_TYPE: Final = (
    "Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,"
    "uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
)
BATCH_TYPE: Final = "Batch(uint32 attestorSetVersion,Message[] messages)" + MESSAGE_TYPE
DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME: Final = "Pari Passu Gateway"
DOMAIN_VERSION: Final = "1"

MESSAGE_TYPEHASH: Final = keccak256(MESSAGE_TYPE.encode("ascii"))
BATCH_TYPEHASH: Final = keccak256(BATCH_TYPE.encode("ascii"))

MESSAGE_ABI: Final = "(uint256,uint256,uint8,uint64,uint64,uint64,uint32,bytes,bytes,bytes)"
"""ABI type of a message in calls to the gateway."""


class Purpose(IntEnum):
    """What a lane is for; each purpose has its own order."""

    MOVEMENT = 1
    CORPORATE_ACTION = 2
    RECEIPT = 3
    QUOTA = 4
    ORDER = 5

    @property
    def word(self) -> str:
        """As it is written in commands."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """An ordered sequence of messages: source, destination, purpose."""

    source: LedgerId
    destination: LedgerId
    purpose: Purpose

    def __post_init__(self) -> None:
        if self.source == self.destination:
            raise MalformedMessage(f"A lane cannot lead from '{self.source}' to itself.")
        object.__setattr__(self, "purpose", Purpose(self.purpose))

    def __str__(self) -> str:
        return f"{self.source}>{self.destination}/{self.purpose.name}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Times are seconds since the epoch; `expiry` 0 means never.

    `sender` and `recipient` are ERC-7930 addresses of the applications on either side.
    """

    lane: Lane
    nonce: int
    timestamp: int
    expiry: int
    version: int
    sender: bytes
    recipient: bytes
    payload: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.nonce < 1 << 64:
            raise MalformedMessage(f"A message's nonce must be 1 or more, not {self.nonce}.")
        for name, value, bits in (
            ("timestamp", self.timestamp, 64),
            ("expiry", self.expiry, 64),
            ("version", self.version, 32),
        ):
            if not 0 <= value < 1 << bits:
                raise MalformedMessage(f"A message's {name} must fit {bits} bits, {value} does not.")

    @property
    def id(self) -> Bytes32:
        """EIP-712 struct hash of the message; the same on both ledgers."""
        return _message_id(self)

    @property
    def route(self) -> tuple[bytes, bytes, int]:
        """What the messages of a batch have in common beside the lane: sender, recipient, version."""
        return (self.sender, self.recipient, self.version)

    def abi_tuple(self) -> tuple[Any, ...]:
        """Values in the order of `MESSAGE_ABI`."""
        return (
            self.lane.source.numeric,
            self.lane.destination.numeric,
            int(self.lane.purpose),
            self.nonce,
            self.timestamp,
            self.expiry,
            self.version,
            bytes(self.sender),
            bytes(self.recipient),
            bytes(self.payload),
        )

    @classmethod
    def from_abi(cls, values: Sequence[Any], ledgers: Sequence[LedgerId] = ()) -> Self:
        """Inverse of `abi_tuple`; `ledgers` names those that are no EVM chains.

        Raises:
            MalformedMessage: unknown purpose or a value out of range.
            InvalidLedgerId: a ledger number that none of `ledgers` has.
        """
        try:
            purpose = Purpose(int(values[2]))
        except ValueError as error:
            raise MalformedMessage(f"Purpose {values[2]} of a message is not known.") from error
        source = LedgerId.from_numeric(int(values[0]), ledgers)
        destination = LedgerId.from_numeric(int(values[1]), ledgers)
        nonce, timestamp, expiry, version = (int(value) for value in values[3:7])
        sender, recipient, payload = (bytes(value) for value in values[7:10])
        lane = Lane(source, destination, purpose)
        return cls(lane, nonce, timestamp, expiry, version, sender, recipient, payload)


@lru_cache(maxsize=4096)
def _message_id(message: Message) -> Bytes32:
    # words by hand: every party hashes every message that it reads
    values = message.abi_tuple()
    words = [bytes(MESSAGE_TYPEHASH), *(value.to_bytes(32, "big") for value in values[:7])]
    return keccak256(b"".join([*words, *(bytes(keccak256(part)) for part in values[7:])]))


@dataclass(frozen=True, slots=True)
class Batch:
    """What attestors sign: consecutive messages of one lane, from one sender to one recipient, under one
    version of the attestor set."""

    attestor_set_version: int
    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        if not self.messages:
            raise MalformedMessage("A batch needs at least one message.")
        if not 0 <= self.attestor_set_version < 1 << 32:
            raise MalformedMessage(f"Attestor set version {self.attestor_set_version} does not fit 32 bits.")
        for earlier, later in zip(self.messages, self.messages[1:], strict=False):
            if later.lane != earlier.lane:
                raise MalformedMessage(
                    f"A batch holds messages of the lanes {earlier.lane} and {later.lane}."
                )
            if later.nonce != earlier.nonce + 1:
                raise MalformedMessage(
                    f"A batch of lane {earlier.lane} holds nonce {later.nonce} after {earlier.nonce}."
                )
            if later.route != earlier.route:
                raise MalformedMessage(
                    f"A batch of lane {earlier.lane} goes from one sender to one recipient, by one version; "
                    f"nonce {later.nonce} does not."
                )

    @property
    def lane(self) -> Lane:
        return self.messages[0].lane

    @property
    def ids(self) -> tuple[Bytes32, ...]:
        """Identifiers of the messages, in lane order: what is signed."""
        return tuple(message.id for message in self.messages)


@dataclass(frozen=True, slots=True)
class GatewayDomain:
    """EIP-712 domain of a gateway: its ledger, and its 20 address bytes (zeros in book entry)."""

    ledger: LedgerId
    gateway: bytes = bytes(20)

    def __post_init__(self) -> None:
        if len(self.gateway) != 20:
            raise MalformedMessage(f"A gateway address has 20 bytes, {len(self.gateway)} were given.")

    @property
    def separator(self) -> Bytes32:
        """EIP-712 domain separator."""
        return keccak256(
            _abi_encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    bytes(keccak256(DOMAIN_TYPE.encode("ascii"))),
                    bytes(keccak256(DOMAIN_NAME.encode("ascii"))),
                    bytes(keccak256(DOMAIN_VERSION.encode("ascii"))),
                    self.ledger.numeric,
                    "0x" + self.gateway.hex(),
                ],
            )
        )


def domain_typed_data(domain: GatewayDomain) -> dict[str, Any]:
    """The domain of a gateway as `eth_signTypedData_v4` takes it."""
    return {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": str(domain.ledger.numeric),
        "verifyingContract": "0x" + domain.gateway.hex(),
    }


def fields_of(type: str) -> list[dict[str, str]]:
    """The fields of one struct type in EIP-712's own notation, as `eth_signTypedData_v4` takes them."""
    listed = type[type.index("(") + 1 : type.index(")")].split(",")
    return [{"type": kind, "name": name} for kind, _, name in (one.partition(" ") for one in listed)]


def batch_typed_data(batch: Batch, domain: GatewayDomain) -> dict[str, Any]:
    """What `batch_digest` is the digest of, as JSON for `eth_signTypedData_v4`; numbers are text."""
    names = [field["name"] for field in fields_of(MESSAGE_TYPE)]
    return {
        "types": {
            "EIP712Domain": fields_of(DOMAIN_TYPE),
            "Batch": fields_of(BATCH_TYPE),
            "Message": fields_of(MESSAGE_TYPE),
        },
        "primaryType": "Batch",
        "domain": domain_typed_data(domain),
        "message": {
            "attestorSetVersion": str(batch.attestor_set_version),
            "messages": [
                {
                    name: "0x" + value.hex() if isinstance(value, bytes) else str(value)
                    for name, value in zip(names, message.abi_tuple(), strict=True)
                }
                for message in batch.messages
            ],
        },
    }


def batch_digest(batch: Batch, domain: GatewayDomain) -> Bytes32:
    """The EIP-712 digest that attestors sign for the gateway of `domain`."""
    return batch_ids_digest(batch.attestor_set_version, batch.ids, domain)


def batch_ids_digest(set_version: int, ids: Sequence[Bytes32], domain: GatewayDomain) -> Bytes32:
    """As `batch_digest`, from the identifiers of the batch's messages, in lane order."""
    values = [bytes(BATCH_TYPEHASH), set_version, bytes(keccak256(b"".join(ids)))]
    struct_hash = keccak256(_abi_encode(["bytes32", "uint32", "bytes32"], values))
    return keccak256(b"\x19\x01" + domain.separator + struct_hash)
