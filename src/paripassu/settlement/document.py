"""A settlement proof as a JSON document, schema `paripassu.settlement-proof/1`, and back.

The document has one form: what is not written just so is refused. It ends with the hash of all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paripassu.canonical import canonical_json, document_hash
from paripassu.errors import PariError, ProofRefused
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.messages import Acknowledgement, GatewayDomain, Lane, Message, Purpose
from paripassu.settlement.proof import (
    Attestation,
    Finality,
    GivenBy,
    Leg,
    LegKind,
    Seating,
    SettlementProof,
)

SCHEMA = "paripassu.settlement-proof/1"

Document = dict[str, Any]


def to_json(proof: SettlementProof) -> Document:
    """The document of a proof."""
    document: Document = {
        "schema": SCHEMA,
        "messageId": proof.message.id.text,
        "message": _message(proof.message),
        "legs": [_leg(leg) for leg in proof.legs],
        "batch": {
            "first": proof.first,
            "messageIds": [id.text for id in proof.batch],
            **_attestation(proof.attestation),
        },
        "acknowledgement": None,
    }
    if proof.acknowledgement is not None and proof.acknowledged is not None:
        document["acknowledgement"] = {
            "nonce": proof.acknowledgement.nonce,
            "refused": [id.text for id in proof.acknowledgement.refused],
            **_attestation(proof.acknowledged),
        }
    document["hash"] = document_hash(document).text
    return document


def from_json(document: Any) -> SettlementProof:
    """The proof that a document states.

    Raises:
        ProofRefused: another schema, a field that is missing, malformed or too much, or another hash.
    """
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise ProofRefused(f"This is no document of the schema {SCHEMA}.")
    rest = {name: value for name, value in document.items() if name != "hash"}
    try:
        stated = document_hash(rest).text
        proof = _proof(document)
        same = canonical_json(to_json(proof)) == canonical_json(document)
    except PariError as error:
        raise ProofRefused(f"The proof is malformed: {error.sentence}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ProofRefused(f"The proof is malformed: {type(error).__name__} {error}.") from error
    if document.get("hash") != stated:
        raise ProofRefused(f"The proof's content hashes to {stated}, it states {document.get('hash')}.")
    if not same:
        raise ProofRefused("The proof has a field that does not follow from the others, or in another form.")
    return proof


def _proof(document: Mapping[str, Any]) -> SettlementProof:
    message = _message_of(document["message"])
    batch, said = document["batch"], document["acknowledgement"]
    acknowledgement = acknowledged = None
    if said is not None:
        acknowledged = _attestation_of(said)
        refused = tuple(Bytes32(id) for id in said["refused"])
        version = acknowledged.attestors.version
        acknowledgement = Acknowledgement(version, message.lane, said["nonce"], refused)
    return SettlementProof(
        message,
        tuple(_leg_of(leg) for leg in document["legs"]),
        batch["first"],
        tuple(Bytes32(id) for id in batch["messageIds"]),
        _attestation_of(batch),
        acknowledgement,
        acknowledged,
    )


def _message(message: Message) -> Document:
    return {
        "source": str(message.lane.source),
        "destination": str(message.lane.destination),
        "purpose": message.lane.purpose.name,
        "nonce": message.nonce,
        "timestamp": message.timestamp,
        "expiry": message.expiry,
        "version": message.version,
        "sender": _hex(message.sender),
        "recipient": _hex(message.recipient),
        "payload": _hex(message.payload),
    }


def _message_of(part: Mapping[str, Any]) -> Message:
    lane = Lane(LedgerId(part["source"]), LedgerId(part["destination"]), Purpose[part["purpose"]])
    numbers = (part["nonce"], part["timestamp"], part["expiry"], part["version"])
    return Message(lane, *numbers, _bytes(part["sender"]), _bytes(part["recipient"]), _bytes(part["payload"]))


def _leg(leg: Leg) -> Document:
    return {
        "kind": leg.kind.value,
        "ledger": str(leg.ledger),
        "block": _block(leg.block),
        "transaction": leg.transaction,
        "logIndex": leg.index,
        "final": {"rule": leg.final.rule, "block": _block(leg.final.block)},
    }


def _leg_of(part: Mapping[str, Any]) -> Leg:
    final = Finality(part["final"]["rule"], _block_of(part["final"]["block"]))
    where = (LedgerId(part["ledger"]), _block_of(part["block"]))
    return Leg(LegKind(part["kind"]), *where, Bytes32(part["transaction"]).text, part["logIndex"], final)


def _attestation(given: Attestation) -> Document:
    return {
        "gateway": {"ledger": str(given.domain.ledger), "address": _hex(given.domain.gateway)},
        "digest": given.digest.text,
        "attestorSet": {
            "version": given.attestors.version,
            "threshold": given.attestors.threshold,
            "members": [{"signer": one.signer, "entity": one.entity.text} for one in given.attestors.members],
            "block": _block(given.seating.block),
            "transaction": given.seating.transaction,
        },
        "signatures": [
            {"signer": one.signer, "entity": one.entity.text, "signature": _hex(one.signature)}
            for one in given.signatures
        ],
    }


def _attestation_of(part: Mapping[str, Any]) -> Attestation:
    seats, gateway = part["attestorSet"], part["gateway"]
    members = tuple(Attestor(one["signer"], Bytes32(one["entity"])) for one in seats["members"])
    return Attestation(
        GatewayDomain(LedgerId(gateway["ledger"]), _bytes(gateway["address"])),
        Bytes32(part["digest"]),
        AttestorSet(seats["version"], seats["threshold"], members),
        Seating(_block_of(seats["block"]), Bytes32(seats["transaction"]).text),
        tuple(
            GivenBy(one["signer"], Bytes32(one["entity"]), _bytes(one["signature"]))
            for one in part["signatures"]
        ),
    )


def _block(block: BlockRef) -> Document:
    return {"number": block.height, "hash": block.hash.text, "time": block.time}


def _block_of(part: Mapping[str, Any]) -> BlockRef:
    return BlockRef(part["number"], Bytes32(part["hash"]), part["time"])


def _hex(data: bytes) -> str:
    return f"0x{bytes(data).hex()}"


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"'{text}' is not hexadecimal with 0x")
    return bytes.fromhex(text[2:])
