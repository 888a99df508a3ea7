"""Which facts of a store have to survive its loss, and one digest over them (REC-2).

A store that was rebuilt from ledgers and audit log has the digest of the one that it replaces. What the
digest leaves out is of the moment (leases, heartbeats, what is in blocks that are not final), is each
attestor's own (what it has read and not signed, and how far), or is on its way only (the bytes of
transactions: those that are in a block are there).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, select

from paripassu.bridge.observer import RelayerKeeper
from paripassu.identifiers import Bytes32, keccak256
from paripassu.store.schema import (
    acknowledgement,
    audit,
    batch,
    cursor,
    delivery,
    halt,
    message,
    message_history,
    observation,
    signature,
    submission,
)

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of facts: a table, less some of its columns, and the rows that count."""

    name: str
    table: Table
    without: tuple[str, ...] = ()
    where: ColumnElement[bool] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.columns if column.name not in self.without)

    def read(self, connection: Connection) -> tuple[Row, ...]:
        """Its rows in an order that depends on nothing but what is in them."""
        query = select(*(self.table.c[name] for name in self.columns))
        if self.where is not None:
            query = query.where(self.where)
        return tuple(sorted((tuple(row) for row in connection.execute(query)), key=_text))


PARTS = (
    Part("messages", message),
    Part("steps", message_history),
    Part("deliveries", delivery),
    Part("batches", batch),
    Part("acknowledgements", acknowledgement),
    Part("signatures", signature),
    Part("bindings", observation, where=observation.c.signed == 1),
    Part("transactions", submission, without=("id", "raw")),
    Part("halts", halt),
    Part("cursors", cursor, without=("time",), where=cursor.c.observer == RelayerKeeper.party),
    Part("log", audit, without=("at", "kind", "subject", "detail", "previous")),
)
"""All that the digest covers. A log row's hash covers the row and all before it; a book's newest block has
the time of the look, so that a cursor's time is no fact."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The durable facts of a store: rows by the name of their part."""

    parts: Mapping[str, tuple[Row, ...]]


def read_facts(connection: Connection) -> Facts:
    """All durable facts of a store, in one transaction of the caller's."""
    return Facts({part.name: part.read(connection) for part in PARTS})


def digest(facts: Facts) -> Bytes32:
    """keccak256 over the canonical text of all parts, in the order of their names."""
    return keccak256("\n".join(f"{name}:{part_digest(facts, name)}" for name in sorted(facts.parts)).encode())


def part_digest(facts: Facts, name: str) -> Bytes32:
    """keccak256 over the canonical text of the rows of one part."""
    return keccak256("\n".join(map(_text, facts.parts[name])).encode())


def differences(live: Facts, rebuilt: Facts) -> tuple[str, ...]:
    """One sentence for each part in which two stores differ, with the first row that only one of them has."""
    return tuple(_differences(live, rebuilt))


def _differences(live: Facts, rebuilt: Facts) -> Iterator[str]:
    for name in sorted({*live.parts, *rebuilt.parts}):
        ours, theirs = _texts(live.parts.get(name, ())), _texts(rebuilt.parts.get(name, ()))
        missing, more = sorted(ours - theirs), sorted(theirs - ours)
        if missing or more:
            first = f"live {missing[0][:300]}" if missing else f"rebuilt {more[0][:300]}"
            yield f"{name}: {len(missing)} rows of the live store are missing, {len(more)} are new; {first}"


def _texts(rows: Sequence[Row]) -> set[str]:
    return set(map(_text, rows))


def _text(row: Row) -> str:
    return json.dumps([_plain(value) for value in row], separators=(",", ":"), ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return repr(value) if isinstance(value, float) else value
