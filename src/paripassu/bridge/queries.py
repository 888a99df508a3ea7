"""Questions about messages, for people: lists, one message's history, what is stuck and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from paripassu.bridge.columns import message_of
from paripassu.bridge.states import ENDS, REFUSALS, MessageState
from paripassu.errors import UnknownMessage
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.messages import Lane, Message
from paripassu.store import Store, cursors
from paripassu.store.schema import batch as batch_table
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import message_history as history_table
from paripassu.store.schema import sighting, signature, submission


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message as the bridge knows it. Times are seconds since the epoch by the source ledger.

    `returned` says that it is attested there that the message never takes effect.
    """

    id: Bytes32
    message: Message
    state: MessageState
    reason: str
    source_transaction: str
    source_height: int
    source_time: int
    returned: bool = False

    @property
    def lane(self) -> Lane:
        return self.message.lane


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of a message; `at` is the bridge's wall clock, `detail` what goes with the state."""

    seq: int
    at: float
    state: MessageState
    reason: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class MessageHistory:
    """All that is known of one message: its steps, who signed for it, the transactions sent for it."""

    view: MessageView
    steps: tuple[HistoryEntry, ...]
    batch: str
    attestors: tuple[str, ...]
    transactions: tuple[str, ...]
    delivered_height: int | None
    delivered_time: int | None


def list_messages(
    store: Store,
    *,
    states: Sequence[MessageState] = (),
    ledger: LedgerId | None = None,
    limit: int = 1_000,
) -> tuple[MessageView, ...]:
    """Messages by lane and nonce; of given states, or from or to one ledger, where asked for."""
    query = select(message_table).order_by(
        message_table.c.source, message_table.c.destination, message_table.c.purpose, message_table.c.nonce
    )
    if states:
        query = query.where(message_table.c.state.in_([state.value for state in states]))
    if ledger is not None:
        query = query.where(or_(message_table.c.source == ledger, message_table.c.destination == ledger))
    with store.read() as connection:
        return tuple(_view(row) for row in connection.execute(query.limit(limit)))


def sighted_messages(store: Store) -> tuple[MessageView, ...]:
    """Messages in no final block of their source, newest last: SEEN in a block, or REORGED out of it."""
    final = select(message_table.c.id)
    with store.read() as connection:
        query = select(sighting).where(sighting.c.id.not_in(final))
        query = query.order_by(sighting.c.source, sighting.c.source_height, sighting.c.nonce)
        return tuple(_sighted(row) for row in connection.execute(query))


def stuck_messages(store: Store) -> tuple[MessageView, ...]:
    """Messages that have not ended, parked ones, and refused ones that were not given back: what somebody
    may have to look at."""
    open_states = [state for state in MessageState if state not in ENDS]
    return list_messages(store, states=[*open_states, MessageState.PARKED, *sorted(REFUSALS)])


def message_history(store: Store, prefix: str) -> MessageHistory:
    """One message by its id or the beginning of it (`0x` may be left out).

    Raises:
        UnknownMessage: none or several begin so.
    """
    text = prefix.lower()
    text = text if text.startswith("0x") else f"0x{text}"
    if len(text) < 4 or not all(digit in "0123456789abcdef" for digit in text[2:]):
        raise UnknownMessage(f"'{prefix}' is no beginning of a message id.")
    with store.read() as connection:
        found = {
            row.id: row
            for table in (sighting, message_table)  # in this order: what is final is no longer only seen
            for row in connection.execute(
                select(table).where(table.c.id.startswith(text, autoescape=True)).limit(2)
            )
        }
        if len(found) != 1:
            number = "no message's id begins" if not found else "more than one message's id begins"
            raise UnknownMessage(f"In this store {number} with '{prefix}'.")
        (row,) = found.values()
        if "batch" not in row._fields:
            return _sighted_history(connection, row)
        steps = _steps(connection, row.id)
        attestors = connection.execute(
            select(signature.c.attestor).where(signature.c.digest == row.batch).order_by(signature.c.attestor)
        ).scalars()
        transactions = connection.execute(
            select(submission.c.transaction)
            .join(batch_table, submission.c.reference.startswith("deliver:" + batch_table.c.digest))
            .where(batch_table.c.digest == row.batch)
            .order_by(submission.c.id)
        ).scalars()
        delivered = connection.execute(select(delivery_table).where(delivery_table.c.id == row.id)).first()
        return MessageHistory(
            view=_view(row),
            steps=steps,
            batch=row.batch or "",
            attestors=tuple(attestors),
            transactions=tuple(transactions),
            delivered_height=None if delivered is None else delivered.height,
            delivered_time=None if delivered is None else delivered.time,
        )


def halted_ledgers(store: Store) -> dict[LedgerId, str]:
    """Ledgers whose lanes are halted, with the reason."""
    with store.read() as connection:
        return cursors.halted(connection)


def resume_command(ledger: str) -> str:
    """What lifts a ledger's halt, once an operator has looked."""
    return f"pari lane resume {ledger} --reason TEXT"


def _view(row: Row[Any]) -> MessageView:
    return MessageView(
        id=Bytes32(row.id),
        message=message_of(row),
        state=MessageState(row.state),
        reason=row.reason,
        source_transaction=row.source_transaction,
        source_height=row.source_height,
        source_time=row.source_time,
        returned=bool(row.returned),
    )


def _sighted(row: Row[Any]) -> MessageView:
    return MessageView(
        id=Bytes32(row.id),
        message=message_of(row),
        state=MessageState(row.state),
        reason="",
        source_transaction=row.source_transaction,
        source_height=row.source_height,
        source_time=row.source_time,
    )


def _sighted_history(connection: Connection, row: Row[Any]) -> MessageHistory:
    return MessageHistory(_sighted(row), _steps(connection, row.id), "", (), (), None, None)


def _steps(connection: Connection, text: str) -> tuple[HistoryEntry, ...]:
    query = select(history_table).where(history_table.c.id == text).order_by(history_table.c.seq)
    return tuple(_step(row) for row in connection.execute(query))


def _step(row: Row[Any]) -> HistoryEntry:
    return HistoryEntry(row.seq, row.at, MessageState(row.state), row.reason, json.loads(row.detail))
