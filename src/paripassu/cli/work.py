"""`pari work`: what recurs by the clock, shared by any number of workers on one PostgreSQL."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import Place, run
from paripassu.cli.logs import log_to_stderr
from paripassu.errors import StoreUnusable
from paripassu.jobs.session import open_session
from paripassu.jobs.storing import store_place


def work(
    *,
    place: Place = Place(),
    once: Annotated[
        bool, Parameter(negative="", help="Do everything once, now; exits 1 where something failed.")
    ] = False,
) -> int:
    """Hold the ledgers' counters against the store, prove the invariants, check the audit log, each at its
    time, until stopped by Ctrl-C or SIGTERM."""
    log_to_stderr()
    if find_spec("procrastinate") is None:
        raise StoreUnusable(
            "Scheduled work needs packages that are not installed.",
            next_command="pip install 'paripassu[postgres]'",
        )
    from paripassu.jobs.scheduled import Work  # only who has the extra can load it

    async def job() -> int:
        async with open_session(place.network_file, place.folder) as session:
            worker = Work(session, str(store_place(session.network, place.folder)))
            if not once:
                await worker.run()
                return 0
            failed = await worker.once()
            for name, why in failed.items():
                print(f"{name}: {why}")
            return 1 if failed else 0

    return run(job())
