"""The relayer's records of messages and of what became of them.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, func, insert, select, update

from paripassu.bridge.columns import in_lane, lane_between, lane_columns, message_of, sent_columns
from paripassu.bridge.states import ENDS, REFUNDABLE, REFUSALS, MessageState, Reason, may_become
from paripassu.errors import ContradictoryMessage
from paripassu.ledgers.port import Delivery, DeliveryStatus, SentMessage
from paripassu.messages import Lane, Message
from paripassu.store import audit
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import message_history

_SETTLED = (DeliveryStatus.EXECUTED.value, DeliveryStatus.REFUSED.value)
"""What a destination never changes again."""


def _state_of(row: Row[Any]) -> MessageState:
    """Where a message stands by its destination's record, in a row of both."""
    status = DeliveryStatus(row.status)
    if status is not DeliveryStatus.REFUSED:
        return MessageState.FINALISED if status is DeliveryStatus.EXECUTED else MessageState.PARKED
    return MessageState.EXPIRED if row.expiry and row.time > row.expiry else MessageState.REFUSED


def new_only(known: Mapping[int, str], sent: Sequence[SentMessage]) -> list[SentMessage]:
    """Those of a lane's messages that are not known yet, by nonce.

    Raises:
        ContradictoryMessage: another message is known at the same nonce.
    """
    fresh: dict[int, SentMessage] = {}
    seen = dict(known)
    for item in sorted(sent, key=lambda item: item.message.nonce):
        nonce, text = item.message.nonce, item.message.id.text
        if seen.setdefault(nonce, text) != text:
            raise ContradictoryMessage(
                f"Lane {item.message.lane} shows message {text} with nonce {nonce}, where "
                f"{seen[nonce]} was seen before."
            )
        if nonce not in known:
            fresh[nonce] = item
    return list(fresh.values())


def known_ids(connection: Connection, table: Table, condition: ColumnElement[bool]) -> dict[int, str]:
    """Nonce → id of the messages that a table holds."""
    query = select(table.c.nonce, table.c.id).where(condition)
    return {row.nonce: row.id for row in connection.execute(query)}


def record_sent(connection: Connection, at: float, lane: Lane, sent: Sequence[SentMessage]) -> int:
    """Keep a lane's messages that are final on their source; those known already stay as they are."""
    nonces = [item.message.nonce for item in sent]
    around = and_(in_lane(message_table, lane), message_table.c.nonce.in_(nonces))
    fresh = new_only(known_ids(connection, message_table, around), sent)
    if not fresh:
        return 0
    connection.execute(
        insert(message_table),
        [
            sent_columns(item) | {"state": MessageState.FINAL.value, "reason": "", "batch": None}
            for item in fresh
        ],
    )
    for item in fresh:
        detail = {"transaction": item.transaction, "height": item.block.height, "ledger": str(lane.source)}
        add_history(connection, at, [item.message.id.text], MessageState.FINAL, "", detail)
    ids = [item.message.id.text for item in fresh]
    audit.append(connection, at, "message.final", str(lane), {"ids": ids})
    settle_from_deliveries(connection, at, ids)
    return len(fresh)


def record_deliveries(connection: Connection, at: float, deliveries: Sequence[Delivery]) -> int:
    """Keep what a destination did with messages, in a final block, and settle those messages."""
    changed = 0
    for item in deliveries:
        if item.status is DeliveryStatus.PENDING:
            continue
        where = delivery_table.c.id == item.message_id.text
        known = connection.execute(select(delivery_table.c.status).where(where)).scalar()
        if known in _SETTLED or known == item.status.value:
            continue
        connection.execute(delete(delivery_table).where(where))
        connection.execute(
            insert(delivery_table).values(
                **lane_columns(item.lane),
                id=item.message_id.text,
                nonce=item.nonce,
                status=item.status.value,
                reason=item.reason,
                height=item.block.height,
                hash=item.block.hash.text,
                time=item.block.time,
            )
        )
        changed += 1
    settle_from_deliveries(connection, at, [item.message_id.text for item in deliveries])
    return changed


def settle_from_deliveries(connection: Connection, at: float, ids: Sequence[str]) -> None:
    """Bring messages to where their destinations' records say that they are."""
    query = select(delivery_table, message_table.c.expiry).join(
        message_table, message_table.c.id == delivery_table.c.id
    )
    for row in connection.execute(query.where(delivery_table.c.id.in_(ids))).all():
        state = _state_of(row)
        detail = {"ledger": row.destination, "height": row.height, "block": row.hash, "time": row.time}
        transition(connection, at, [row.id], state, row.reason, detail)


def transition(
    connection: Connection,
    at: float,
    ids: Iterable[str],
    state: MessageState,
    reason: str = "",
    detail: Mapping[str, object] | None = None,
) -> int:
    """Bring messages into a state, where the order of states allows it; returns how many changed."""
    rows = connection.execute(
        select(message_table.c.id, message_table.c.state, message_table.c.reason).where(
            message_table.c.id.in_(list(ids))
        )
    ).all()
    moved = [
        row.id
        for row in rows
        if may_become(MessageState(row.state), state) and (row.state, row.reason) != (state.value, reason)
    ]
    if not moved:
        return 0
    connection.execute(
        update(message_table).where(message_table.c.id.in_(moved)).values(state=state.value, reason=reason)
    )
    add_history(connection, at, moved, state, reason, detail or {})
    facts: dict[str, object] = {"ids": moved, "reason": reason}
    audit.append(connection, at, f"message.{state.value.lower()}", "", facts | dict(detail or {}))
    return len(moved)


def times_in(connection: Connection, text: str, state: MessageState) -> int:
    """How many times a message has come into a state."""
    query = select(func.count()).select_from(message_history)
    found = connection.execute(
        query.where(message_history.c.id == text, message_history.c.state == state.value)
    ).scalar()
    return int(found or 0)


def annotate(connection: Connection, at: float, ids: Sequence[str], reason: str) -> None:
    """Let messages show why they wait, in the states that they have."""
    columns = (message_table.c.id, message_table.c.state, message_table.c.reason)
    noted: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(*columns).where(message_table.c.id.in_(ids))):
        if row.reason != reason and MessageState(row.state) not in ENDS:
            noted[row.state].append(row.id)
    for state, some in noted.items():
        connection.execute(update(message_table).where(message_table.c.id.in_(some)).values(reason=reason))
        add_history(connection, at, some, MessageState(state), reason, {})
        audit.append(connection, at, "message.noted", "", {"ids": some, "reason": reason})


def add_history(
    connection: Connection,
    at: float,
    ids: Sequence[str],
    state: MessageState,
    reason: str,
    detail: Mapping[str, object],
) -> None:
    """Add a step to the history of messages."""
    highest = (
        select(message_history.c.id, func.max(message_history.c.seq).label("seq"))
        .where(message_history.c.id.in_(ids))
        .group_by(message_history.c.id)
    )
    last = {row.id: row.seq for row in connection.execute(highest)}
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"))
    connection.execute(
        insert(message_history),
        [
            {
                "id": item,
                "seq": last.get(item, 0) + 1,
                "at": at,
                "state": state.value,
                "reason": reason,
                "detail": text,
            }
            for item in ids
        ],
    )


def sent_count(connection: Connection, lane: Lane) -> int:
    """Messages stored of a lane; they count for nothing unless they are 1 to n without a gap."""
    return gapless(connection, message_table, in_lane(message_table, lane))


def gapless(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    """n where the rows hold exactly the nonces 1 to n, else -1."""
    number, highest = connection.execute(
        select(func.count(), func.max(table.c.nonce)).select_from(table).where(condition)
    ).one()
    return int(number) if number == (highest or 0) else -1


def last_height(connection: Connection, lane: Lane) -> int:
    """Source height of the last message stored of a lane; 0 where there is none."""
    height = connection.execute(
        select(func.max(message_table.c.source_height)).where(in_lane(message_table, lane))
    ).scalar()
    return int(height or 0)


def messages(connection: Connection, lane: Lane, first: int, last: int) -> tuple[Message, ...]:
    """Messages of a lane by nonce; fewer where some are not stored."""
    query = select(message_table).where(
        in_lane(message_table, lane), message_table.c.nonce.between(first, last)
    )
    return tuple(message_of(row) for row in connection.execute(query.order_by(message_table.c.nonce)))


def unsettled(connection: Connection, lane: Lane, *, after: int, limit: int) -> tuple[tuple[int, int], ...]:
    """(nonce, source time) of a lane's first messages after a nonce that have not ended."""
    query = (
        select(message_table.c.nonce, message_table.c.timestamp)
        .where(
            in_lane(message_table, lane),
            message_table.c.nonce > after,
            message_table.c.state.not_in([state.value for state in ENDS]),
        )
        .order_by(message_table.c.nonce)
        .limit(limit)
    )
    return tuple((int(nonce), int(time)) for nonce, time in connection.execute(query))


def unsettled_lanes(connection: Connection) -> tuple[Lane, ...]:
    """Lanes that have messages which have not ended."""
    query = (
        select(message_table.c.source, message_table.c.destination, message_table.c.purpose)
        .where(message_table.c.state.not_in([state.value for state in ENDS]))
        .distinct()
    )
    return tuple(lane_between(*row) for row in connection.execute(query))


def refund_lanes(connection: Connection) -> tuple[Lane, ...]:
    """Lanes with refused messages whose sender is about to get back what they carried."""
    columns = (message_table.c.source, message_table.c.destination, message_table.c.purpose)
    query = select(*columns).where(
        message_table.c.state.in_([state.value for state in REFUSALS]),
        message_table.c.purpose.in_([int(purpose) for purpose in REFUNDABLE]),
        ~message_table.c.reason.startswith(Reason.REFUND_WAITS.value),
    )
    return tuple(lane_between(*row) for row in connection.execute(query.distinct()))


def stopped_lanes(connection: Connection) -> frozenset[Lane]:
    """Lanes whose messages were last seen to wait because their destination has stopped the lane."""
    columns = (message_table.c.source, message_table.c.destination, message_table.c.purpose)
    query = select(*columns).where(
        message_table.c.state.not_in([state.value for state in ENDS]),
        message_table.c.reason == Reason.LANE_STOPPED.value,
    )
    return frozenset(lane_between(*row) for row in connection.execute(query.distinct()))


def unsettled_ids(connection: Connection, lane: Lane, first: int, last: int) -> list[str]:
    """Ids of the messages in a range of a lane that have not ended."""
    query = select(message_table.c.id).where(
        in_lane(message_table, lane),
        message_table.c.nonce.between(first, last),
        message_table.c.state.not_in([state.value for state in ENDS]),
    )
    return list(connection.execute(query.order_by(message_table.c.nonce)).scalars())
