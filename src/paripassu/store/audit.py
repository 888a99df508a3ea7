"""The append-only, hash-chained log of what the bridge did (ACC-5).

Each row's hash covers the row and the hash before it: a changed, missing or
inserted row breaks every hash after it. Rows are written in the transaction
of the act that they tell of, so that neither exists without the other. There is one
writer at a time (`paripassu.database`), so that no two rows follow the same one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from paripassu.errors import StoreTampered
from paripassu.identifiers import ZERO32, Bytes32, keccak256
from paripassu.store.schema import audit, plain

SUBJECT_LENGTH = 160
"""Characters of a subject that are kept; PostgreSQL refuses more, SQLite would keep them."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the log; `detail` is canonical JSON."""

    seq: int
    at: float
    kind: str
    subject: str
    detail: str
    hash: Bytes32


def append(
    connection: Connection, at: float, kind: str, subject: str, detail: Mapping[str, object] | None = None
) -> Bytes32:
    """Add one row and return its hash. Call it inside the transaction of the act itself."""
    last = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1).with_for_update()
    ).first()
    seq, previous = (last.seq + 1, Bytes32(last.hash)) if last else (1, ZERO32)
    subject = plain(subject)[:SUBJECT_LENGTH]
    text = plain(json.dumps(detail or {}, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    digest = _hash(seq, at, kind, subject, text, previous)
    connection.execute(
        insert(audit).values(
            seq=seq, at=at, kind=kind, subject=subject, detail=text, previous=previous.text, hash=digest.text
        )
    )
    return digest


def verify(connection: Connection) -> int:
    """Check the whole chain and return its number of rows.

    Raises:
        StoreTampered: names the first row that does not fit.
    """
    previous, expected = ZERO32, 1
    for row in connection.execute(select(audit).order_by(audit.c.seq)):
        digest = _hash(row.seq, row.at, row.kind, row.subject, row.detail, previous)
        _require(
            row.seq == expected and row.previous == previous.text and row.hash == digest.text,
            row.seq,
            expected,
        )
        previous, expected = digest, expected + 1
    return expected - 1


def verify_entries(entries: Iterable[AuditEntry]) -> int:
    """The same for rows that have left the store. Raises StoreTampered."""
    previous, expected = ZERO32, 1
    for entry in entries:
        digest = _hash(entry.seq, entry.at, entry.kind, entry.subject, entry.detail, previous)
        _require(entry.seq == expected and entry.hash == digest, entry.seq, expected)
        previous, expected = digest, expected + 1
    return expected - 1


def copy(connection: Connection, rows: Sequence[AuditEntry]) -> None:
    """Put a whole log that was verified into a store that has none yet."""
    previous = (ZERO32, *(entry.hash for entry in rows))
    values = [
        {
            "seq": entry.seq,
            "at": entry.at,
            "kind": entry.kind,
            "subject": entry.subject,
            "detail": entry.detail,
            "previous": before.text,
            "hash": entry.hash.text,
        }
        for entry, before in zip(rows, previous, strict=False)
    ]
    if values:
        connection.execute(insert(audit), values)


def entries(connection: Connection, kind: str | None = None) -> tuple[AuditEntry, ...]:
    """The rows in order, of one kind where given."""
    query = select(audit).order_by(audit.c.seq)
    if kind is not None:
        query = query.where(audit.c.kind == kind)
    return tuple(
        AuditEntry(row.seq, row.at, row.kind, row.subject, row.detail, Bytes32(row.hash))
        for row in connection.execute(query)
    )


def _require(fits: bool, seq: int, place: int) -> None:
    if not fits:
        raise StoreTampered(f"Row {seq} of the audit log does not match its hash or place {place}.")


def _hash(seq: int, at: float, kind: str, subject: str, detail: str, previous: Bytes32) -> Bytes32:
    fields = json.dumps([seq, repr(at), kind, subject, detail], separators=(",", ":"), ensure_ascii=False)
    return keccak256(bytes(previous) + fields.encode())
