"""The decision log: every verdict on an instruction, in the store's hash-chained log (CTL-11)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from paripassu.database import Database
from paripassu.identifiers import Bytes32
from paripassu.rules import DecisionRecord
from paripassu.store import audit
from paripassu.store.schema import audit as audit_table

KIND = "decision"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as the log keeps it: its place, and the hash that chains it to all before it."""

    seq: int
    at: float
    hash: Bytes32
    record: DecisionRecord


class SqlDecisionLog:
    """See `paripassu.ledgers.decisions.DecisionLog`; durable when a call returns."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def append(self, records: Sequence[DecisionRecord]) -> None:
        """Keep decisions; one on a movement of a transaction that is kept already is passed over."""
        if records:
            with self._database.write() as connection:
                keep(connection, self._clock(), records)


def keep(connection: Connection, at: float, records: Sequence[DecisionRecord]) -> int:
    """Append within a transaction of the caller's; returns how many were new."""
    subjects = [_subject(record) for record in records if record.transaction]
    known: set[str] = set()
    for start in range(0, len(subjects), _AT_ONCE):
        asked = audit_table.c.subject.in_(subjects[start : start + _AT_ONCE])
        query = select(audit_table.c.subject).where(audit_table.c.kind == KIND, asked)
        known |= set(connection.execute(query).scalars())
    new = [record for record in records if not record.transaction or _subject(record) not in known]
    for record in new:
        audit.append(connection, at, KIND, _subject(record), record.document())
    return len(new)


def kept(connection: Connection) -> tuple[KeptDecision, ...]:
    """All decisions in the order in which they were kept.

    Raises:
        StoreTampered: the log's hashes do not fit; the row is named.
        DecisionUnreadable: a row that fits holds no decision.
    """
    audit.verify(connection)
    return tuple(
        KeptDecision(entry.seq, entry.at, entry.hash, DecisionRecord.from_document(json.loads(entry.detail)))
        for entry in audit.entries(connection, KIND)
    )


def _subject(record: DecisionRecord) -> str:
    """By this a movement of a transaction is known; refused ones have no transaction to be known by."""
    return f"{record.ledger}/{record.transaction or 'refused'}/{record.position}"
