"""Messages in blocks that are not final yet: shown to people, and used for nothing else.

They are read apart from everything that is attested or counted, and kept in a table of their own; what a
reorganisation below finality takes away is shown as REORGED, and as SEEN again where another block has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, delete, insert, select, update

from paripassu.bridge.columns import sent_columns
from paripassu.bridge.observer import RelayerKeeper
from paripassu.bridge.records import add_history, detail_text
from paripassu.bridge.states import MessageState
from paripassu.ledgers.port import Ledger, SentMessage
from paripassu.messages import Lane
from paripassu.store import Store, audit, cursors
from paripassu.store.schema import message as message_table
from paripassu.store.schema import sighting

SECONDS_BETWEEN = 2.0

log = structlog.get_logger("paripassu.bridge.sightings")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message that was seen, and the block that had it."""

    id: str
    height: int
    hash: str
    state: MessageState = MessageState.SEEN


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changes: messages that fell out of their block, that are seen in a block, and that are of
    no more interest, since they are known as final."""

    reorged: tuple[Sighting, ...]
    seen: tuple[str, ...]
    settled: tuple[str, ...]


def changes(
    kept: Sequence[Sighting],
    shown: Mapping[str, str],
    known_final: frozenset[str],
    *,
    final: int,
    read_to: int,
) -> Changes:
    """Compare what is kept of a ledger with what it shows now.

    Args:
        shown: block hash by message, in blocks above the height `final`.
        known_final: messages that the store has as final.
        read_to: height to which the store has final blocks. A message between this and `final` may have
            become final: nothing is said of it yet.
    """
    waiting = [one for one in kept if one.id not in known_final]
    reorged = [
        one
        for one in waiting
        if one.state is MessageState.SEEN
        and shown.get(one.id) != one.hash
        and (one.id in shown or one.height > final or one.height <= read_to)
    ]
    there = [one for one in waiting if shown.get(one.id) == one.hash]
    unchanged = {one.id for one in there if one.state is MessageState.SEEN}
    return Changes(
        reorged=tuple(reorged),
        seen=tuple(id for id in shown if id not in unchanged and id not in known_final),
        settled=tuple(one.id for one in kept if one.id in known_final),
    )


class SightingReader:
    """Looks at the blocks of one ledger between its final one and its newest one. `lanes` start there."""

    def __init__(self, store: Store, ledger: Ledger, lanes: Iterable[Lane]) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = frozenset(lanes)
        self._head = ""
        self._next = 0.0

    async def step(self) -> bool:
        """One look, now and then; always False, for nobody has anything to do because of it."""
        now = self._store.clock()
        if now < self._next:
            return False
        self._next = now + SECONDS_BETWEEN
        head, final = await self._ledger.head(), await self._ledger.final()
        with self._store.read() as connection:
            halted = self._ledger.id in cursors.halted(connection)
            kept = _kept(connection, self._ledger)
        if halted or (head.hash.text == self._head and not kept):
            return False
        sent: Sequence[SentMessage] = ()
        if head.height > final.height:
            sent = await self._ledger.sent_messages(final.height + 1, head.height)
        items = {item.message.id.text: item for item in sent if item.message.lane in self._lanes}
        if items or kept:
            self._keep(items, final.height)
        self._head = head.hash.text
        return False

    def _keep(self, items: Mapping[str, SentMessage], final: int) -> None:
        at = self._store.clock()
        shown = {id: item.block.hash.text for id, item in items.items()}
        with self._store.write() as connection:
            kept = _kept(connection, self._ledger)
            cursor = cursors.get(connection, RelayerKeeper.party, self._ledger.id)
            found = changes(
                kept,
                shown,
                _known_final(connection, {*shown, *(one.id for one in kept)}),
                final=final,
                read_to=-1 if cursor is None else cursor.height,
            )
            if found.settled:
                connection.execute(delete(sighting).where(sighting.c.id.in_(found.settled)))
            for one in found.reorged:
                _reorged(connection, at, one)
            _seen(connection, at, [items[id] for id in found.seen])


def _kept(connection: Connection, ledger: Ledger) -> list[Sighting]:
    columns = (sighting.c.id, sighting.c.source_height, sighting.c.source_hash, sighting.c.state)
    rows = connection.execute(select(*columns).where(sighting.c.source == ledger.id))
    return [Sighting(row.id, row.source_height, row.source_hash, MessageState(row.state)) for row in rows]


def _known_final(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    query = select(message_table.c.id).where(message_table.c.id.in_(sorted(ids)))
    return frozenset(connection.execute(query).scalars())


def _reorged(connection: Connection, at: float, one: Sighting) -> None:
    log.warning("message fell out of its chain before it was final", message=one.id, height=one.height)
    state = MessageState.REORGED
    connection.execute(update(sighting).where(sighting.c.id == one.id).values(state=state.value, at=at))
    _note(connection, at, [one.id], "unseen", state, {"height": one.height, "block": one.hash})


def _seen(connection: Connection, at: float, items: Sequence[SentMessage]) -> None:
    if not items:
        return
    rows: list[dict[str, Any]] = [
        sent_columns(item) | {"state": MessageState.SEEN.value, "at": at} for item in items
    ]
    connection.execute(delete(sighting).where(sighting.c.id.in_([row["id"] for row in rows])))
    connection.execute(insert(sighting), rows)
    for row in rows:
        detail = {"height": row["source_height"], "block": row["source_hash"]}
        _note(connection, at, [row["id"]], "seen", MessageState.SEEN, detail)


def _note(
    connection: Connection,
    at: float,
    ids: list[str],
    act: str,
    state: MessageState,
    detail: dict[str, object],
) -> None:
    add_history(connection, at, dict.fromkeys(ids, detail_text(detail)), state, "")
    audit.append(connection, at, f"message.{act}", "", {"ids": ids, "reason": "", **detail})
