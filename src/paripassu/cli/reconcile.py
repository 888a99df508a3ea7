"""`pari reconcile`: prove the invariants from the ledgers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.cli.events import Breakdowns
from paripassu.config import event_isin, load_breakdown, load_event
from paripassu.errors import InvariantBroken
from paripassu.jobs.entitling import strike_event
from paripassu.jobs.reconciling import Reconciliation, Subject
from paripassu.jobs.reconciling import reconcile as read_and_prove
from paripassu.jobs.session import open_session


def reconcile(
    *,
    place: SecurityPlace = SecurityPlace(),
    event: Annotated[
        Path | None, Parameter(help="Event file whose record and payments are proved too.")
    ] = None,
    breakdown: Breakdowns = None,
    json: JsonFlag = False,
) -> None:
    """Read every ledger at one final instant and evaluate the invariants; exits 1 where one is broken."""

    async def job() -> Reconciliation:
        isin = place.isin or (event_isin(event) if event else "")
        async with open_session(place.network_file, place.folder, isin) as session:
            breakdowns = [load_breakdown(path, session.network.environment) for path in breakdown or []]
            subject = None
            if event is not None:
                record = load_event(event, session.security).record
                struck = await strike_event(session.ledgers, record, breakdowns)
                subject = Subject(record, struck.holdings)
            return await read_and_prove(
                session.ledgers,
                session.home.id,
                session.security.security_id,
                subject=subject,
                breakdowns=breakdowns,
            )

    found = run(job())
    results = sorted(found.results, key=lambda result: result.id)
    if json:
        rows = [
            {
                "id": result.id,
                "title": result.title,
                "ok": result.ok,
                "explanation": result.explanation,
                "figures": {name: str(figure) for name, figure in result.figures.items()},
            }
            for result in results
        ]
        print_json(
            {
                "schema": "paripassu.reconciliation/1",
                "ok": found.ok,
                "time": found.reading.time,
                "invariants": rows,
            }
        )
    else:
        table = [[one.id, one.title, "holds" if one.ok else "BROKEN", one.explanation] for one in results]
        print_table("", ["", "invariant", "", "because"], table)
    broken = [result for result in results if not result.ok]
    if broken:
        raise InvariantBroken(f"{broken[0].id} {broken[0].title}: {broken[0].explanation}")
