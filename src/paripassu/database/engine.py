"""One way to open a database: SQLite by default, PostgreSQL by URL, migrated on open.

Every change is one transaction through `Database.write`, and there is one writer at a time: what
it reads before it writes cannot be changed under it, so that no read-then-write needs a rule of its
own, and both engines behave alike. On SQLite that is a `BEGIN IMMEDIATE`. On PostgreSQL it is an
advisory lock, held from the first statement to the commit, under READ COMMITTED: each statement
after the lock sees all that was committed before it (a snapshot taken with the first statement, as
under SERIALIZABLE, would be older than the wait for the lock). Writers would queue anyhow, since
each appends to one hash-chained log. Nothing waits behind them but writers: readers have a snapshot
of their own, and who renews a claim touches its own rows alone (`Database.aside`).

A commit that returned is on the disk: `synchronous` is FULL on SQLite, `synchronous_commit` is never
less than on with PostgreSQL. There the server ends a transaction that says nothing for some seconds,
as of a process that was stopped or whose machine is gone, so that it holds up nobody for long.

What passes by itself (the server restarts, somebody else holds the lock for long) is told apart from
what does not: it is `StoreUnavailable`, and a bridge tries again. An answer to a commit that was lost
is no more than a crash right after it: what comes next is read from the store.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from paripassu.database.faults import passes
from paripassu.errors import StoreTooNew, StoreUnavailable, StoreUnusable

BUSY_SECONDS = 30
IDLE_SECONDS = 10
"""A PostgreSQL transaction that says nothing for so long is ended by the server."""

_WRITES = "paripassu_writes"
_WRITER = text("SELECT pg_advisory_xact_lock(hashtext('paripassu'), :one ::integer)")
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
        """Open (create, migrate) the database at a path or a URL (`postgresql://…`, `sqlite://…`).

        Raises:
            StoreTooNew: it was written by a later version than this one.
            StoreUnusable: it cannot be opened, or holds something else.
            StoreUnavailable: it does not answer now.
        """
        database = cls(_engine(place), schema)
        try:
            database._migrate()
        except DatabaseError as error:
            database.close()
            raise StoreUnusable(f"The database at {database.place} cannot be used: {_why(error)}.") from error
        except BaseException:
            database.close()
            raise
        return database

    @property
    def place(self) -> str:
        """Where the database is, as can be shown to people: without a password."""
        url = self.engine.url
        return str(url.database) if self.is_sqlite else url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        self.engine.dispose()

    def version(self) -> int:
        """Of an SQLite database: a number that differs from the one before once another connection has
        committed something. Asking takes microseconds."""
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
        with self._connected() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that changes something; committed when the block ends without an error."""
        with self.aside() as connection:
            if not self.is_sqlite:
                connection.execute(_WRITER, {"one": zlib.crc32(self.schema.name.encode()) & 0x7FFFFFFF})
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """One transaction that on PostgreSQL does not wait for other writers: for rows of one's own."""
        with self._connected() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection; what passes by itself is raised as StoreUnavailable."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            if passes(error):
                raise StoreUnavailable(
                    f"The database at {self.place} does not answer now: {_why(error)}."
                ) from error
            raise

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
        url = _url(place)
    else:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        url = make_url(f"sqlite:///{Path(place).absolute()}")
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _url(text: str) -> URL:
    """A database's URL; the sentence of a refusal shows nothing of it, since it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreUnusable("The URL of the database is none.") from None
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite":
        return url
    raise StoreUnusable(f"A store is kept by SQLite or PostgreSQL, not by '{url.drivername}'.")


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url, connect_args={"connect_timeout": 5, "application_name": "paripassu"}, pool_recycle=3_600
        )
    except (ImportError, NoSuchModuleError):
        raise StoreUnusable(
            "PostgreSQL needs its driver, which is not installed.",
            next_command="pip install 'paripassu[postgres]'",
        ) from None
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _: ConnectionPoolEntry) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] in ("off", "local"):
            cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _why(error: DBAPIError) -> str:
    """The driver's own words, the first line of them."""
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return lines[0].rstrip(".")


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
