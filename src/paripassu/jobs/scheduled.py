"""Work by the clock, shared by any number of workers on one PostgreSQL: what recurs and is no step of the
bridge.

Procrastinate keeps the jobs, in a schema of its own beside the store: each time of each task is one job,
whoever notices the time first, and one worker runs it. A task only reads ledgers and mends the store, and
does so in any number of runs, so that a job whose worker was killed is no loss: the next one does it all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition
from procrastinate.schema import SchemaManager
from sqlalchemy import make_url

from paripassu.bridge.mending import Mender
from paripassu.bridge.node import lanes_between
from paripassu.errors import InvariantBroken, StoreUnavailable, StoreUnusable
from paripassu.jobs.reconciling import reconcile
from paripassu.jobs.session import Session
from paripassu.store import audit

SCHEMA = "pari_work"

log = structlog.get_logger("paripassu.work")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A task, the times at which it is due (cron, UTC), and what it does; the answer says what it found."""

    name: str
    cron: str
    act: Callable[[Session], Awaitable[str]]


async def derive_pending(session: Session) -> str:
    """Hold the counters of every ledger against the store, and mend what is missing."""
    lanes = lanes_between(session.ledgers)
    menders = {ledger.name: Mender(session.store, ledger, lanes) for ledger in session.ledgers.values()}
    mended = [name for name, mender in menders.items() if await mender.look()]
    return f"mended what was missing of {', '.join(mended)}" if mended else "nothing was missing"


async def verify_audit(session: Session) -> str:
    """Check the hashes of the whole audit log. Raises StoreTampered."""
    with session.store.read() as connection:
        return f"{audit.verify(connection)} rows of the audit log fit"


async def prove_invariants(session: Session) -> str:
    """Prove the supply over all ledgers, and that every message had one effect. Raises InvariantBroken."""
    found = await reconcile(session.ledgers, session.home.id, session.security.security_id, subject=None)
    broken = [f"{result.id}: {result.explanation}" for result in found.results if not result.ok]
    if broken:
        raise InvariantBroken("; ".join(broken))
    return f"{len(found.results)} invariants hold"


TASKS = (
    Scheduled("derive-pending", "*/5 * * * *", derive_pending),
    Scheduled("prove-invariants", "17 * * * *", prove_invariants),
    Scheduled("verify-audit", "47 3 * * *", verify_audit),
)


class Work:
    """The scheduled work of one network, as one worker of many.

    Args:
        url: of the PostgreSQL database that holds the store.
    """

    def __init__(self, session: Session, url: str, tasks: tuple[Scheduled, ...] = TASKS) -> None:
        found = make_url(url) if "://" in url else None
        if found is None or not found.drivername.startswith("postgres"):
            raise StoreUnusable(
                "Scheduled work is shared over PostgreSQL, and this store is a file.",
                next_command="export PARI_STORE=postgresql://…",
            )
        self._session = session
        self._conninfo = found.set(drivername="postgresql").render_as_string(hide_password=False)
        options = f"-c search_path={SCHEMA}"
        self.app = App(connector=PsycopgConnector(conninfo=self._conninfo, kwargs={"options": options}))
        self._failed: dict[str, str] = {}
        self._tasks = [self._registered(task) for task in tasks]

    def _registered(self, scheduled: Scheduled) -> Any:
        async def run(timestamp: int) -> None:
            try:
                found = await scheduled.act(self._session)
            except Exception as error:
                self._failed[scheduled.name] = str(error)
                log.error("scheduled work failed", task=scheduled.name, why=str(error))
                raise
            log.info("scheduled work done", task=scheduled.name, found=found)

        task = self.app.task(name=scheduled.name, queueing_lock=scheduled.name)(run)
        self.app.periodic(cron=scheduled.cron)(task)
        return task

    async def prepare(self) -> None:
        """Make the jobs' schema where it is missing; workers that start together make it once."""
        async with await psycopg.AsyncConnection.connect(self._conninfo) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [SCHEMA])
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await connection.execute(f"SET LOCAL search_path = {SCHEMA}")
            found = await connection.execute("SELECT to_regclass('procrastinate_jobs')")
            if await found.fetchone() == (None,):
                await connection.execute(SchemaManager.get_schema())

    async def run(self) -> None:
        """Run what is due, until SIGINT or SIGTERM. Work that failed is logged, and due again at its time.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with _unavailable():
            await self.prepare()
            async with self.app.open_async():
                await self.app.run_worker_async(concurrency=1, delete_jobs=DeleteJobCondition.SUCCESSFUL)

    async def once(self) -> dict[str, str]:
        """Run every task now but those that wait for a worker already; why some failed, by name."""
        with _unavailable():
            await self.prepare()
            async with self.app.open_async():
                for task in self._tasks:
                    with contextlib.suppress(AlreadyEnqueued):
                        await task.defer_async(timestamp=0)
                await self.app.run_worker_async(
                    wait=False, concurrency=1, delete_jobs=DeleteJobCondition.SUCCESSFUL
                )
        return dict(self._failed)


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Say in the store's terms that its database does not answer."""
    try:
        yield
    except (ConnectorException, psycopg.OperationalError) as error:
        why = str(error.__cause__ or error).strip().splitlines()[0].rstrip(".")
        raise StoreUnavailable(f"The database of the scheduled work does not answer now: {why}.") from error
