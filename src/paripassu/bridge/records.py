"""The relayer's records of messages and of what became of them.

Every function works in the caller's transaction.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from paripassu.bridge.columns import in_lane, lane_columns, message_of, sent_columns
from paripassu.bridge.states import ENDS, REFUNDABLE, REFUSALS, MessageState, Reason, may_become
from paripassu.errors import ContradictoryMessage
from paripassu.ledgers.port import Delivery, DeliveryStatus, SentMessage
from paripassu.messages import Lane, Message
from paripassu.store import audit
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import message_history

_AT_ONCE = 500
"""Ids in one statement."""

OPEN_STATES = [state.value for state in MessageState if state not in ENDS]
"""In which something is left to be delivered. Named one by one, since an index finds no "not in"."""

_UNSETTLED = message_table.c.state.in_(OPEN_STATES)
_SEEN_STOPPED = and_(_UNSETTLED, message_table.c.reason == Reason.LANE_STOPPED.value)
_COMING_BACK = and_(
    message_table.c.state.in_([state.value for state in REFUSALS]),
    ~message_table.c.reason.startswith(Reason.REFUND_WAITS.value),
)

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


def known_ids(
    connection: Connection, table: Table, lane: ColumnElement[bool], sent: Sequence[SentMessage]
) -> dict[int, str]:
    """Nonce → id of the messages that a table holds of a lane, in the range of those sent."""
    nonces = [item.message.nonce for item in sent]
    between = table.c.nonce.between(min(nonces, default=0), max(nonces, default=0))
    query = select(table.c.nonce, table.c.id).where(lane, between)
    return {row.nonce: row.id for row in connection.execute(query)}


def record_sent(connection: Connection, at: float, lane: Lane, sent: Sequence[SentMessage]) -> int:
    """Keep a lane's messages that are final on their source; those known already stay as they are."""
    fresh = new_only(known_ids(connection, message_table, in_lane(message_table, lane), sent), sent)
    if not fresh:
        return 0
    connection.execute(
        insert(message_table),
        [
            sent_columns(item) | {"state": MessageState.FINAL.value, "reason": "", "batch": None}
            for item in fresh
        ],
    )
    details = {item.message.id.text: _sent(item) for item in fresh}
    add_history(connection, at, details, MessageState.FINAL, "")
    ids = [item.message.id.text for item in fresh]
    audit.append(connection, at, "message.final", str(lane), {"ids": ids})
    settle_from_deliveries(connection, at, ids)
    return len(fresh)


def _sent(item: SentMessage) -> str:
    source = str(item.message.lane.source)
    return detail_text({"transaction": item.transaction, "height": item.block.height, "ledger": source})


def record_deliveries(connection: Connection, at: float, deliveries: Sequence[Delivery]) -> int:
    """Keep what a destination did with messages, in a final block, and settle those messages."""
    last = {item.message_id.text: item for item in deliveries if item.status is not DeliveryStatus.PENDING}
    known = _statuses(connection, list(last))
    changed = [
        item
        for text, item in last.items()
        if known.get(text) not in _SETTLED and known.get(text) != item.status.value
    ]
    for some in _portions([item.message_id.text for item in changed if item.message_id.text in known]):
        connection.execute(delete(delivery_table).where(delivery_table.c.id.in_(some)))
    if changed:
        connection.execute(insert(delivery_table), [_delivery_columns(item) for item in changed])
    settle_from_deliveries(connection, at, list(last))
    return len(changed)


def _delivery_columns(item: Delivery) -> dict[str, object]:
    return lane_columns(item.lane) | {
        "id": item.message_id.text,
        "nonce": item.nonce,
        "status": item.status.value,
        "reason": item.reason,
        "height": item.block.height,
        "hash": item.block.hash.text,
        "time": item.block.time,
    }


def _statuses(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    query = select(delivery_table.c.id, delivery_table.c.status)
    return {
        row.id: row.status
        for some in _portions(ids)
        for row in connection.execute(query.where(delivery_table.c.id.in_(some)))
    }


def settle_from_deliveries(connection: Connection, at: float, ids: Sequence[str]) -> None:
    """Bring messages to where their destinations' records say that they are."""
    query = select(delivery_table, message_table.c.expiry).join(
        message_table, message_table.c.id == delivery_table.c.id
    )
    alike: dict[tuple[MessageState, str, str, int, str, int], list[str]] = defaultdict(list)
    for some in _portions(ids):
        for row in connection.execute(query.where(delivery_table.c.id.in_(some))).all():
            block = (row.destination, row.height, row.hash, row.time)
            alike[(_state_of(row), row.reason, *block)].append(row.id)
    for (state, reason, ledger, height, block_hash, time), settled in alike.items():
        detail = {"ledger": ledger, "height": height, "block": block_hash, "time": time}
        transition(connection, at, settled, state, reason, detail)


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as a statement takes on every database."""
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def transition(
    connection: Connection,
    at: float,
    ids: Iterable[str],
    state: MessageState,
    reason: str = "",
    detail: Mapping[str, object] | None = None,
) -> int:
    """Bring messages into a state, where the order of states allows it; returns how many changed."""
    moved = []
    query = select(message_table.c.id, message_table.c.state, message_table.c.reason)
    for some in _portions(list(ids)):
        for row in connection.execute(query.where(message_table.c.id.in_(some))):
            if may_become(MessageState(row.state), state) and (row.state, row.reason) != (
                state.value,
                reason,
            ):
                moved.append(row.id)
    if not moved:
        return 0
    _change(connection, at, moved, state, reason, detail or {})
    facts: dict[str, object] = {"ids": moved, "reason": reason}
    audit.append(connection, at, f"message.{state.value.lower()}", "", facts | dict(detail or {}))
    return len(moved)


def _change(
    connection: Connection,
    at: float,
    ids: Sequence[str],
    state: MessageState,
    reason: str,
    detail: Mapping[str, object],
) -> None:
    for some in _portions(ids):
        where = message_table.c.id.in_(some)
        connection.execute(update(message_table).where(where).values(state=state.value, reason=reason))
    add_history(connection, at, dict.fromkeys(ids, detail_text(detail)), state, reason)


def times_in(connection: Connection, text: str, state: MessageState) -> int:
    """How many times a message has come into a state."""
    query = select(func.count()).select_from(message_history)
    found = connection.execute(
        query.where(message_history.c.id == text, message_history.c.state == state.value)
    ).scalar()
    return int(found or 0)


def annotate(connection: Connection, at: float, ids: Sequence[str], reason: str) -> None:
    """Let messages show why they wait, in the states that they have."""
    query = select(message_table.c.id, message_table.c.state).where(message_table.c.reason != reason)
    alike: dict[MessageState, list[str]] = defaultdict(list)
    for some in _portions(ids):
        for row in connection.execute(query.where(message_table.c.id.in_(some))):
            alike[MessageState(row.state)].append(row.id)
    for state, waiting in alike.items():
        if state not in ENDS:
            _change(connection, at, waiting, state, reason, {})
            audit.append(connection, at, "message.noted", "", {"ids": waiting, "reason": reason})


def detail_text(detail: Mapping[str, object]) -> str:
    """What goes with a step, as it is kept."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"))


def add_history(
    connection: Connection, at: float, details: Mapping[str, str], state: MessageState, reason: str
) -> None:
    """One more step of each message, with what goes with it, JSON."""
    last: dict[str, int] = {}
    highest = select(message_history.c.id, func.max(message_history.c.seq).label("seq"))
    for some in _portions(list(details)):
        query = highest.where(message_history.c.id.in_(some)).group_by(message_history.c.id)
        last |= {row.id: row.seq for row in connection.execute(query)}
    connection.execute(
        insert(message_history),
        [
            {
                "id": item,
                "seq": last.get(item, 0) + 1,
                "at": at,
                "state": state.value,
                "reason": reason,
                "detail": detail,
            }
            for item, detail in details.items()
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
    """(nonce, source time) of those of a lane's next messages after a nonce that have not ended."""
    rows = connection.execute(_range(lane, after + 1, after + limit))
    return tuple((row.nonce, row.timestamp) for row in rows if row.state in OPEN_STATES)


def _range(lane: Lane, first: int, last: int) -> Select[Any]:
    columns = (message_table.c.id, message_table.c.nonce, message_table.c.timestamp, message_table.c.state)
    between = message_table.c.nonce.between(first, last)
    return select(*columns).where(in_lane(message_table, lane), between).order_by(message_table.c.nonce)


def unsettled_lanes(connection: Connection, lanes: Iterable[Lane]) -> frozenset[Lane]:
    """Those of some lanes that have messages which have not ended."""
    return lanes_with(connection, lanes, _UNSETTLED)


def lanes_with(
    connection: Connection, lanes: Iterable[Lane], condition: ColumnElement[bool]
) -> frozenset[Lane]:
    """Those of some lanes that have a message for which a condition on its state holds.

    Each is a look into the index: how many messages a lane has had makes no difference.
    """
    return frozenset(lane for lane in lanes if connection.execute(_one(lane, condition)).first() is not None)


@lru_cache(maxsize=1024)
def _one(lane: Lane, condition: ColumnElement[bool]) -> Select[Any]:
    return select(literal(1)).where(in_lane(message_table, lane), condition).limit(1)


def refund_lanes(connection: Connection, lanes: Iterable[Lane]) -> frozenset[Lane]:
    """Those of some lanes with refused messages whose sender is about to get back what they carried."""
    return lanes_with(connection, (lane for lane in lanes if lane.purpose in REFUNDABLE), _COMING_BACK)


def stopped_lanes(connection: Connection, lanes: Iterable[Lane]) -> frozenset[Lane]:
    """Those of some lanes whose messages were last seen to wait because their destination has stopped it."""
    return lanes_with(connection, lanes, _SEEN_STOPPED)


def unsettled_ids(connection: Connection, lane: Lane, first: int, last: int) -> list[str]:
    """Ids of the messages in a range of a lane that have not ended."""
    rows = connection.execute(_range(lane, first, last))
    return [row.id for row in rows if row.state in OPEN_STATES]
