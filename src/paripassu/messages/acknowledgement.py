"""What attestors say at a lane's source of what became of its messages, and its digest (EIP-712)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import MalformedMessage
from paripassu.identifiers import Bytes32, keccak256
from paripassu.messages.envelope import DOMAIN_TYPE, GatewayDomain, Lane, domain_typed_data, fields_of
from paripassu.messages.wire import COUNTER_BITS, head

ACKNOWLEDGEMENT_TYPE: Final = (
    "Acknowledgement(uint32 attestorSetVersion,uint256 source,uint256 destination,uint8 purpose,"
    "uint64 nonce,bytes32[] refused)"
)
ACKNOWLEDGEMENT_TYPEHASH: Final = keccak256(ACKNOWLEDGEMENT_TYPE.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """In final blocks of the lane's destination all messages up to `nonce` have arrived: they were executed,
    parked or refused. Those of `refused` never take effect there (MOV-3, MOV-6).

    Raises:
        MalformedMessage: a number that does not fit, or a message named twice.
    """

    attestor_set_version: int
    lane: Lane
    nonce: int
    refused: tuple[Bytes32, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.attestor_set_version < 1 << 32:
            raise MalformedMessage(f"Attestor set version {self.attestor_set_version} does not fit 32 bits.")
        if not 0 <= self.nonce < 1 << COUNTER_BITS:
            raise MalformedMessage(f"No gateway counts to nonce {self.nonce}.")
        if len(set(self.refused)) != len(self.refused):
            raise MalformedMessage(f"An acknowledgement of lane {self.lane} names a message twice.")


def acknowledgement_digest(acknowledgement: Acknowledgement, domain: GatewayDomain) -> Bytes32:
    """The EIP-712 digest that attestors sign for the gateway of the lane's source.

    Raises:
        MalformedMessage: `domain` is another ledger's.
    """
    lane = acknowledgement.lane
    if domain.ledger != lane.source:
        raise MalformedMessage(f"Lane {lane} is acknowledged to its source, not to {domain.ledger}.")
    types = ["bytes32", "uint32", "uint256", "uint256", "uint8", "uint64", "bytes32"]
    values = [
        bytes(ACKNOWLEDGEMENT_TYPEHASH),
        acknowledgement.attestor_set_version,
        lane.source.numeric,
        lane.destination.numeric,
        int(lane.purpose),
        acknowledgement.nonce,
        bytes(keccak256(b"".join(acknowledgement.refused))),
    ]
    return keccak256(b"\x19\x01" + domain.separator + keccak256(_abi_encode(types, values)))


def acknowledgement_typed_data(acknowledgement: Acknowledgement, domain: GatewayDomain) -> dict[str, Any]:
    """What `acknowledgement_digest` hashes, as JSON for `eth_signTypedData_v4`; numbers are text."""
    lane = acknowledgement.lane
    return {
        "types": {
            "EIP712Domain": fields_of(DOMAIN_TYPE),
            "Acknowledgement": fields_of(ACKNOWLEDGEMENT_TYPE),
        },
        "primaryType": "Acknowledgement",
        "domain": domain_typed_data(domain),
        "message": {
            "attestorSetVersion": str(acknowledgement.attestor_set_version),
            "source": str(lane.source.numeric),
            "destination": str(lane.destination.numeric),
            "purpose": str(int(lane.purpose)),
            "nonce": str(acknowledgement.nonce),
            "refused": [id.text for id in acknowledgement.refused],
        },
    }


def acknowledgement_head(acknowledgement: Acknowledgement, signers: int) -> int:
    """The word that the call `acknowledge` begins with; `signers` as of a batch. Raises MalformedMessage."""
    lane = acknowledgement.lane
    return head(int(lane.purpose), acknowledgement.nonce, 0, acknowledgement.attestor_set_version, signers)
