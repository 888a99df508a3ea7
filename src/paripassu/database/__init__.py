"""How a database is opened, migrated and written to: for the bridge's store and the book-entry ledger."""

from __future__ import annotations

from paripassu.database.engine import Database, Schema

__all__ = ["Database", "Schema"]
