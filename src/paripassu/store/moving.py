"""One file of a store in another's place, with the old one kept beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from paripassu.errors import StoreInUse


def take_place(new: Path, live: Path, kept: Path) -> None:
    """Let `new` be the live file from one instant to the next; what was live stays as `kept`.

    Raises:
        StoreInUse: another process has the live file open; nothing is changed.
    """
    _close_journal(new)
    if live.exists():
        try:
            _close_journal(live)
        except sqlite3.OperationalError:
            raise StoreInUse(
                f"Another process has {live} open: stop attestors and watchers, then rebuild again."
            ) from None
        except sqlite3.DatabaseError:
            pass  # no database any more: it is kept as it is
        os.link(live, kept)
    os.replace(new, live)
    descriptor = os.open(live.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close_journal(path: Path) -> None:
    """Bring everything into the one file; SQLite allows that to a connection that is alone."""
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
