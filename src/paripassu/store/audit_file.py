"""The audit log as a file: one row a line, under a line that says what the file is.

The log leaves the store that way, so that a lost store can be rebuilt from it (REC-2); its hashes are
checked when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from paripassu.errors import AuditLogUnreadable, InvalidBytes32
from paripassu.identifiers import Bytes32
from paripassu.store.audit import AuditEntry, verify_entries

SCHEMA = "paripassu.audit/1"


def to_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """The lines of the file, each without its end."""
    yield json.dumps({"schema": SCHEMA})
    for entry in entries:
        row = [entry.seq, entry.at, entry.kind, entry.subject, entry.detail, entry.hash.text]
        yield json.dumps(row, separators=(",", ":"))  # in ASCII: no sign in it ends a line


def from_lines(lines: Iterable[str]) -> Sequence[AuditEntry]:
    """The rows of an exported log.

    Raises:
        AuditLogUnreadable: the file is something else, or a line of it is broken.
        StoreTampered: a row does not match its hash or place.
    """
    found: list[AuditEntry] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            if number == 1:
                if row != {"schema": SCHEMA}:
                    raise ValueError
            else:
                seq, at, kind, subject, detail, digest = row
                entry = AuditEntry(int(seq), float(at), str(kind), str(subject), str(detail), Bytes32(digest))
                found.append(entry)
        except (ValueError, TypeError, InvalidBytes32):
            raise AuditLogUnreadable(f"Line {number} is not one of an audit log ({SCHEMA}).") from None
    if not found:
        raise AuditLogUnreadable("The file holds no row of an audit log.")
    verify_entries(found)
    return found
