"""Batches and where they stand. Every function works in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, select, update

from paripassu.bridge.columns import in_lane, lane_columns, lane_of
from paripassu.bridge.states import LIVE_BATCH_STATES, BatchState
from paripassu.identifiers import Bytes32
from paripassu.messages import Lane
from paripassu.store import audit
from paripassu.store.schema import batch as batch_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import signature as signature_table


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as the store has it; `at` is when signatures were asked for."""

    digest: Bytes32
    lane: Lane
    first: int
    last: int
    set_version: int
    state: BatchState
    attempt: int
    reference: str
    reason: str
    not_before: float
    at: float


def live_batches(connection: Connection, lane: Lane | None = None) -> tuple[BatchRecord, ...]:
    """Batches that have not ended, by lane and first nonce."""
    query = select(batch_table).where(batch_table.c.state.in_([state.value for state in LIVE_BATCH_STATES]))
    if lane is not None:
        query = query.where(in_lane(batch_table, lane))
    query = query.order_by(
        batch_table.c.source, batch_table.c.destination, batch_table.c.purpose, batch_table.c.first
    )
    return tuple(_batch_of(row) for row in connection.execute(query))


def unsigned_batches(connection: Connection, attestor: str) -> tuple[BatchRecord, ...]:
    """Batches that wait for signatures and have none of this attestor yet, oldest first. For one of no set
    a transport vouches, and no attestor."""
    signed = exists().where(
        signature_table.c.digest == batch_table.c.digest, signature_table.c.attestor == attestor
    )
    asked = (batch_table.c.state == BatchState.PROPOSED.value, batch_table.c.set_version > 0)
    query = select(batch_table).where(*asked, ~signed)
    return tuple(_batch_of(row) for row in connection.execute(query.order_by(batch_table.c.at)))


def batch_record(connection: Connection, digest: str) -> BatchRecord | None:
    """A batch by its digest."""
    row = connection.execute(select(batch_table).where(batch_table.c.digest == digest)).first()
    return None if row is None else _batch_of(row)


def propose(
    connection: Connection, at: float, digest: Bytes32, lane: Lane, first: int, last: int, set_version: int
) -> None:
    """Ask attestors for their signatures; a batch that ended before is taken up in a new attempt."""
    where = batch_table.c.digest == digest.text
    attempts = connection.execute(select(batch_table.c.attempt).where(where)).scalar()
    values = {"state": BatchState.PROPOSED.value, "reason": "", "reference": "", "at": at}
    if attempts is None:
        connection.execute(
            insert(batch_table).values(
                **lane_columns(lane),
                digest=digest.text,
                first=first,
                last=last,
                set_version=set_version,
                attempt=0,
                not_before=0.0,
                **values,
            )
        )
    else:
        connection.execute(update(batch_table).where(where).values(attempt=attempts + 1, **values))
    connection.execute(
        update(message_table)
        .where(in_lane(message_table, lane), message_table.c.nonce.between(first, last))
        .values(batch=digest.text)
    )
    facts = {"lane": str(lane), "first": first, "last": last, "set_version": set_version}
    audit.append(connection, at, "batch.proposed", digest.text, facts)


def change_batch(
    connection: Connection, at: float, record: BatchRecord, state: BatchState, **values: object
) -> None:
    """Bring a batch into a state; `values` may set reason, reference and not_before."""
    connection.execute(
        update(batch_table)
        .where(batch_table.c.digest == record.digest.text)
        .values(state=state.value, **values)
    )
    if state is not record.state or any(getattr(record, name) != value for name, value in values.items()):
        kind = "batch.noted" if state is record.state else f"batch.{state.value.lower()}"
        audit.append(connection, at, kind, record.digest.text, dict(values))


def _batch_of(row: Row[Any]) -> BatchRecord:
    return BatchRecord(
        Bytes32(row.digest),
        lane_of(row),
        row.first,
        row.last,
        row.set_version,
        BatchState(row.state),
        row.attempt,
        row.reference,
        row.reason,
        row.not_before,
        row.at,
    )
