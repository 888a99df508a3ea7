"""One way to open a database: SQLite by default, PostgreSQL by URL, migrated on open.

Every change is one transaction through `Database.write`. On SQLite that is a
`BEGIN IMMEDIATE`: a writer takes its place in the queue when it begins, so
what it reads before it writes cannot be changed under it. The journal is WAL
and `synchronous` is FULL: a commit that returned is on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from paripassu.errors import StoreTooNew, StoreUnusable

BUSY_SECONDS = 30
_WRITES = "paripassu_writes"
_SHARED_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Schema:
    """A set of tables: its name, the folder of its migrations, and their revisions, oldest first."""

    name: str
    versions: Path
    revisions: tuple[str, ...]

    @property
    def head(self) -> str:
        return self.revisions[-1]


class Database:
    """An open database of one schema."""

    def __init__(self, engine: Engine, schema: Schema) -> None:
        self.engine = engine
        self.schema = schema
        self._listener: PoolProxiedConnection | None = None

    @classmethod
    def open(cls, place: Path | str, schema: Schema) -> Database:
        """Open (create, migrate) the database at a path or a SQLAlchemy URL.

        Raises:
            StoreTooNew: it was written by a later version than this one.
            StoreUnusable: it cannot be opened, or holds something else.
        """
        database = cls(_engine(place), schema)
        try:
            database._migrate()
        except DatabaseError as error:
            database.close()
            raise StoreUnusable(f"The database at {place} cannot be used: {error.orig}.") from error
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        self.engine.dispose()

    def changes(self) -> int:
        """A number that differs from the one before once another connection has committed something.

        Asking takes microseconds. On PostgreSQL it is always 0: there, only looking tells.
        """
        if self.engine.dialect.name != "sqlite":
            return 0
        if self._listener is None:
            self._listener = self.engine.raw_connection()
        cursor = self._listener.cursor()
        try:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
        finally:
            cursor.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot to read from."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that changes something; committed when the block ends without an error."""
        with self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def _migrate(self) -> None:
        with self.read() as connection:
            if _revision(connection, self.schema) == self.schema.head:
                return
        # alembic takes a while to import: only who has to migrate pays for it
        from paripassu.database.migrate import upgrade

        with self.write() as connection:
            if _revision(connection, self.schema) != self.schema.head:
                upgrade(connection, _SHARED_MIGRATIONS, self.schema.versions)


def _revision(connection: Connection, schema: Schema) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise StoreUnusable(
                f"The database holds tables that are not of the {schema.name}: {sorted(tables)}."
            )
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is None:
        return None
    revision = str(found)
    family = schema.revisions[0].split("_")[0]
    if not revision.startswith(f"{family}_"):
        raise StoreUnusable(f"The database is not a {schema.name}: its revision is {revision}.")
    if revision not in schema.revisions:
        raise StoreTooNew(
            f"The {schema.name} is at revision {revision}, this version knows up to {schema.head}."
        )
    return revision


def _engine(place: Path | str) -> Engine:
    if isinstance(place, str) and "://" in place:
        url = place
    else:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{Path(place).absolute()}"
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in `_begin_sqlite`
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
