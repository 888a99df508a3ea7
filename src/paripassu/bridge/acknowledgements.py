"""Acknowledgements of lanes and where they stand. Every function works in the caller's transaction.

What a source is to be told follows from the relayer's own records of final blocks of the destination.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from paripassu.bridge import records
from paripassu.bridge.columns import in_lane, lane_columns, lane_of
from paripassu.bridge.states import ENDS, LIVE_BATCH_STATES, REFUSALS, BatchState, MessageState
from paripassu.identifiers import Bytes32
from paripassu.messages import Acknowledgement, Lane, Message
from paripassu.store import audit
from paripassu.store.schema import acknowledgement as table
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import message_history

REFUSED_AT_ONCE = 100
"""Refused messages that one acknowledgement names at most."""

NONCES_AT_ONCE = 5_000

_ARRIVED = message_table.c.state.in_([MessageState.FINALISED.value, MessageState.PARKED.value])
_NOT_RETURNED = and_(
    message_table.c.state.in_([state.value for state in REFUSALS]), message_table.c.returned == 0
)


@dataclass(frozen=True, slots=True)
class AcknowledgementRecord:
    """An acknowledgement as the store has it. `refused` says of each refused message in which block of the
    destination that is to be read; it is where to look, and no evidence."""

    digest: Bytes32
    said: Acknowledgement
    refused: Mapping[Bytes32, int]
    state: BatchState
    attempt: int
    reference: str

    @property
    def lane(self) -> Lane:
        return self.said.lane


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What is known of a lane at its destination, by final blocks, and of that at its source.

    Up to `arrived` every message was executed, parked or refused; the last of them was read `quiet` seconds
    ago. Up to `acknowledged` the source has been told; `refused` are those of which it has not.
    """

    arrived: int
    acknowledged: int
    refused: Mapping[Bytes32, int]
    quiet: float


def due(arrivals: Arrivals, every: int, quiet: float) -> bool:
    """Whether the source is to be told: at once where something was refused, else after `every` messages, or
    when nothing has arrived for `quiet` seconds."""
    missing = arrivals.arrived - arrivals.acknowledged
    return bool(arrivals.refused) or missing >= every or (missing > 0 and arrivals.quiet >= quiet)


def waiting_lanes(connection: Connection, lanes: Iterable[Lane]) -> frozenset[Lane]:
    """Those of some lanes with messages that arrived, of which their source may not know yet."""
    asked = tuple(lanes)
    return records.lanes_with(connection, asked, _ARRIVED) | records.lanes_with(
        connection, asked, _NOT_RETURNED
    )


def arrivals(connection: Connection, now: float, lane: Lane) -> Arrivals:
    """What is known of a lane."""
    acknowledged = level(connection, lane)
    arrived = min(_arrived(connection, lane), acknowledged + NONCES_AT_ONCE)
    last = connection.execute(
        select(func.max(message_history.c.at))
        .join(message_table, message_table.c.id == message_history.c.id)
        .where(in_lane(message_table, lane), message_table.c.nonce == arrived)
    ).scalar()
    refused = connection.execute(
        select(message_table.c.id, delivery_table.c.height)
        .join(delivery_table, delivery_table.c.id == message_table.c.id)
        .where(in_lane(message_table, lane), message_table.c.nonce <= arrived, _NOT_RETURNED)
        .order_by(message_table.c.nonce)
        .limit(REFUSED_AT_ONCE)
    )
    heights = {Bytes32(id): int(height) for id, height in refused}
    return Arrivals(arrived, acknowledged, heights, now - (last or 0.0))


def level(connection: Connection, lane: Lane) -> int:
    """Up to which message the source has been told, in a final block of it."""
    done = select(func.max(table.c.nonce)).where(in_lane(table, lane), table.c.state == BatchState.DONE.value)
    return int(connection.execute(done).scalar() or 0)


def live(connection: Connection, lanes: Iterable[Lane] | None = None) -> tuple[AcknowledgementRecord, ...]:
    """Acknowledgements that have not ended, of some lanes or of all."""
    wanted = None if lanes is None else frozenset(lanes)
    query = select(table).where(table.c.state.in_([state.value for state in LIVE_BATCH_STATES]))
    found = (_record_of(row) for row in connection.execute(query.order_by(table.c.at, table.c.digest)))
    return tuple(record for record in found if wanted is None or record.lane in wanted)


def done_for(connection: Connection, message: Message, *, refused: bool) -> AcknowledgementRecord | None:
    """The first acknowledgement that tells of a message's arrival or, where it was refused, of that."""
    query = select(table).where(
        in_lane(table, message.lane),
        table.c.nonce >= message.nonce,
        table.c.state == BatchState.DONE.value,
    )
    for row in connection.execute(query.order_by(table.c.nonce, table.c.at)):
        record = _record_of(row)
        if not refused or message.id in record.said.refused:
            return record
    return None


def propose(
    connection: Connection, at: float, digest: Bytes32, said: Acknowledgement, heights: Mapping[Bytes32, int]
) -> None:
    """Ask attestors for their signatures; one that ended before is taken up in a new attempt."""
    where = table.c.digest == digest.text
    attempts = connection.execute(select(table.c.attempt).where(where)).scalar()
    refused = json.dumps([[id.text, height] for id, height in heights.items()])
    values = {"state": BatchState.PROPOSED.value, "reason": "", "reference": "", "at": at, "refused": refused}
    if attempts is None:
        key = {"digest": digest.text, "nonce": said.nonce, "set_version": said.attestor_set_version}
        connection.execute(insert(table).values(**lane_columns(said.lane), **key, attempt=0, **values))
    else:
        connection.execute(update(table).where(where).values(attempt=attempts + 1, **values))
    facts = {"lane": str(said.lane), "nonce": said.nonce, "refused": [id.text for id in said.refused]}
    facts["set_version"] = said.attestor_set_version
    audit.append(connection, at, "acknowledgement.proposed", digest.text, facts)


def change(
    connection: Connection, at: float, record: AcknowledgementRecord, state: BatchState, **values: object
) -> None:
    """Bring an acknowledgement into a state; `values` may set reason and reference."""
    where = table.c.digest == record.digest.text
    connection.execute(update(table).where(where).values(state=state.value, **values))
    if state is not record.state:
        kind = f"acknowledgement.{state.value.lower()}"
        audit.append(connection, at, kind, record.digest.text, dict(values))


def behind(connection: Connection, lane: Lane) -> list[str]:
    """Messages that do not show yet that their source knows of their arrival."""
    query = select(message_table.c.id).where(
        in_lane(message_table, lane),
        message_table.c.nonce <= level(connection, lane),
        message_table.c.state == MessageState.FINALISED.value,
    )
    return list(connection.execute(query.limit(NONCES_AT_ONCE)).scalars())


def settle(connection: Connection, at: float, lane: Lane, detail: Mapping[str, object]) -> int:
    """Let messages show that their source knows of their arrival; how many did not yet."""
    ids = behind(connection, lane)
    return records.transition(connection, at, ids, MessageState.ACKED, "", detail) if ids else 0


def mark_returned(connection: Connection, ids: Iterable[Bytes32]) -> None:
    """Keep that it is attested at their source that messages never take effect."""
    texts = [id.text for id in ids]
    if texts:
        connection.execute(update(message_table).where(message_table.c.id.in_(texts)).values(returned=1))


def _arrived(connection: Connection, lane: Lane) -> int:
    """Up to which message of a lane all have arrived.

    Asked state by state: of one state the index knows the least and the greatest nonce.
    """
    missing = [_extreme(connection, lane, func.min, state) for state in records.OPEN_STATES]
    if any(missing):
        return min(nonce for nonce in missing if nonce) - 1
    return max(_extreme(connection, lane, func.max, state.value) for state in ENDS)


def _extreme(connection: Connection, lane: Lane, function: Any, state: str) -> int:
    query = select(function(message_table.c.nonce)).where(in_lane(message_table, lane))
    return int(connection.execute(query.where(message_table.c.state == state)).scalar() or 0)


def _record_of(row: Row[Any]) -> AcknowledgementRecord:
    heights = {Bytes32(id): int(height) for id, height in json.loads(row.refused)}
    said = Acknowledgement(row.set_version, lane_of(row), row.nonce, tuple(heights))
    return AcknowledgementRecord(
        Bytes32(row.digest), said, heights, BatchState(row.state), row.attempt, row.reference
    )
