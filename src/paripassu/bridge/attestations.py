"""What each attestor saw itself, and what it signed. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.columns import in_lane, message_columns, message_of
from paripassu.bridge.records import gapless, known_ids, new_only
from paripassu.bridge.states import GivenSignature
from paripassu.identifiers import Bytes32
from paripassu.ledgers.port import SentMessage
from paripassu.ledgers.signatures import BadSignatureForm, recover
from paripassu.messages import Lane, Message
from paripassu.store import audit
from paripassu.store.schema import observation, signature

log = structlog.get_logger("paripassu.bridge")


def _own(attestor: str, lane: Lane) -> ColumnElement[bool]:
    return and_(observation.c.attestor == attestor, in_lane(observation, lane))


def record_observed(connection: Connection, attestor: str, lane: Lane, sent: Sequence[SentMessage]) -> int:
    """Keep what an attestor saw in final blocks. Raises ContradictoryMessage; nothing is ever replaced."""
    fresh = new_only(known_ids(connection, observation, _own(attestor, lane), sent), sent)
    if fresh:
        connection.execute(
            insert(observation),
            [
                message_columns(item.message)
                | {
                    "attestor": attestor,
                    "height": item.block.height,
                    "hash": item.block.hash.text,
                    "signed": 0,
                }
                for item in fresh
            ],
        )
    return len(fresh)


def observed_count(connection: Connection, attestor: str, lane: Lane) -> int:
    """n where the attestor has seen exactly the nonces 1 to n, else -1."""
    return gapless(connection, observation, _own(attestor, lane))


def last_height(connection: Connection, attestor: str, lane: Lane) -> int:
    """Source height of the last message that the attestor saw in a lane; 0 where there is none."""
    height = connection.execute(select(func.max(observation.c.height)).where(_own(attestor, lane))).scalar()
    return int(height or 0)


def observed(
    connection: Connection, attestor: str, lane: Lane, first: int, last: int
) -> tuple[Message, ...] | None:
    """The attestor's own copies of a range of messages; None as long as one is missing."""
    query = select(observation).where(_own(attestor, lane), observation.c.nonce.between(first, last))
    rows = connection.execute(query.order_by(observation.c.nonce)).all()
    if [row.nonce for row in rows] != list(range(first, last + 1)):
        return None
    return tuple(message_of(row) for row in rows)


def last_block(connection: Connection, attestor: str, lane: Lane, nonce: int) -> tuple[int, Bytes32]:
    """Height and hash of the block in which the attestor saw a message that it has observed."""
    query = select(observation.c.height, observation.c.hash).where(
        _own(attestor, lane), observation.c.nonce == nonce
    )
    row = connection.execute(query).one()
    return row.height, Bytes32(row.hash)


def has_signed(connection: Connection, attestor: str, digest: Bytes32) -> bool:
    query = select(signature.c.digest).where(
        signature.c.digest == digest.text, signature.c.attestor == attestor
    )
    return connection.execute(query).first() is not None


def bind(connection: Connection, attestor: str, batch: BatchRecord) -> None:
    """Keep that the attestor has bound itself to the batch's messages."""
    connection.execute(
        update(observation)
        .where(_own(attestor, batch.lane), observation.c.nonce.between(batch.first, batch.last))
        .values(signed=1)
    )


def record_signature(
    connection: Connection, at: float, attestor: str, signer: str, digest: Bytes32, signed: bytes, kind: str
) -> None:
    """Keep a signature of a `kind` of thing, a batch or an acknowledgement."""
    connection.execute(
        insert(signature).values(
            digest=digest.text, attestor=attestor, signer=signer, signature=signed, at=at
        )
    )
    facts = {"attestor": attestor, "signature": signed.hex()}
    audit.append(connection, at, f"{kind}.attested", digest.text, facts)


def genuine_signatures(connection: Connection, digest: Bytes32) -> tuple[GivenSignature, ...]:
    """The signatures of a digest, each with the signer recovered from it; others are passed over."""
    query = select(signature).where(signature.c.digest == digest.text)
    genuine = []
    for row in connection.execute(query):
        try:
            genuine.append(GivenSignature(recover(digest, bytes(row.signature)), bytes(row.signature)))
        except BadSignatureForm as error:
            log.error("signature passed over", digest=digest.text, attestor=row.attestor, why=str(error))
    return tuple(genuine)
