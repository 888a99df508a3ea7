"""Histories of several ledgers, read one after the other, brought to one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paripassu.identifiers import LedgerId
from paripassu.lots.records import Dispatched, Landed, Record


def consistent(records: Mapping[LedgerId, Sequence[Record]]) -> dict[LedgerId, tuple[Record, ...]]:
    """What each ledger tells, up to where all of them tell of the same past: nothing has arrived that its
    source had not sent when it was read. What is cut off is in the next look."""
    kept = {ledger: tuple(rows) for ledger, rows in records.items()}
    while True:
        gone = {one.message_id for rows in kept.values() for one in rows if isinstance(one, Dispatched)}
        cut = {
            ledger: next(
                (at for at, one in enumerate(rows) if isinstance(one, Landed) and one.message_id not in gone),
                len(rows),
            )
            for ledger, rows in kept.items()
        }
        if all(cut[ledger] == len(rows) for ledger, rows in kept.items()):
            return kept
        kept = {ledger: rows[: cut[ledger]] for ledger, rows in kept.items()}
