"""The durable store of the bridge: cursors, messages, signatures, intents, claims, audit log.

with Store.open(workspace.bridge_database) as store:
    with store.write() as connection: ...
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, func, select

from paripassu.database import Database
from paripassu.store.claims import Claims
from paripassu.store.decisions import SqlDecisionLog
from paripassu.store.intents import SqlIntentLog
from paripassu.store.schema import STORE_SCHEMA
from paripassu.store.schema import audit as audit_table

__all__ = ["SqlDecisionLog", "SqlIntentLog", "Store"]


class Store:
    """An open bridge store. `clock` gives the wall clock that rows are stamped with.

    `claims` are those of the relayers that run in this process over this store; they fence its intents.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.database = database
        self.clock = clock
        self.claims: list[Claims] = []
        self.intents = SqlIntentLog(database, clock, self.claims)
        self.decisions = SqlDecisionLog(database, clock)

    @classmethod
    def open(cls, place: Path | str, clock: Callable[[], float] = time.time) -> Store:
        """Open (create, migrate) the store at a path or SQLAlchemy URL. Raises StoreError leaves."""
        return cls(Database.open(place, STORE_SCHEMA), clock)

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent snapshot to read from."""
        return self.database.read()

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction that changes something."""
        return self.database.write()

    def changes(self) -> int:
        """A number that differs from the one before once somebody else has put something here.

        On PostgreSQL it is the length of the audit log: whatever somebody may wait for is noted there.
        """
        if self.database.is_sqlite:
            return self.database.version()
        with self.read() as connection:
            return int(connection.execute(select(func.max(audit_table.c.seq))).scalar() or 0)

    @property
    def seconds_between_changes(self) -> float:
        """How often it is worth while to ask for `changes`: a look into a file, or a question to a server."""
        return 0.01 if self.database.is_sqlite else 0.05

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
