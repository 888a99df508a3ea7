"""Messages and lanes as columns of the store's tables, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_

from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import SentMessage
from paripassu.messages import Lane, Message, Purpose


@lru_cache(maxsize=1024)
def in_lane(table: Table, lane: Lane) -> ColumnElement[bool]:
    """The rows of a lane. Kept: every look asks for it, and it takes longer to build than to run."""
    return and_(
        table.c.source == lane.source,
        table.c.destination == lane.destination,
        table.c.purpose == int(lane.purpose),
    )


def lane_columns(lane: Lane) -> dict[str, object]:
    return {"source": str(lane.source), "destination": str(lane.destination), "purpose": int(lane.purpose)}


def message_columns(message: Message) -> dict[str, object]:
    """A message's own fields as columns."""
    return lane_columns(message.lane) | {
        "id": message.id.text,
        "nonce": message.nonce,
        "timestamp": message.timestamp,
        "expiry": message.expiry,
        "version": message.version,
        "sender": bytes(message.sender),
        "recipient": bytes(message.recipient),
        "payload": bytes(message.payload),
    }


def sent_columns(item: SentMessage) -> dict[str, object]:
    """A message with where its source shows it."""
    return message_columns(item.message) | {
        "source_transaction": item.transaction,
        "source_height": item.block.height,
        "source_hash": item.block.hash.text,
        "source_time": item.block.time,
    }


def message_of(row: Row[Any]) -> Message:
    """The message that `message_columns` wrote."""
    return Message(
        lane_of(row),
        row.nonce,
        row.timestamp,
        row.expiry,
        row.version,
        bytes(row.sender),
        bytes(row.recipient),
        bytes(row.payload),
    )


def lane_of(row: Row[Any]) -> Lane:
    return lane_between(row.source, row.destination, row.purpose)


def lane_between(source: str, destination: str, purpose: int) -> Lane:
    """The lane of three column values."""
    return Lane(LedgerId(source), LedgerId(destination), Purpose(purpose))
