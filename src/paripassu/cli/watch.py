"""`pari watch`: compare the books of all ledgers, raise alarms, serve metrics, stop lanes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated

from cyclopts import Parameter

from paripassu.bridge.node import lanes_between
from paripassu.cli.bridge import until_stopped
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.cli.logs import log_to_stderr
from paripassu.errors import MetricsUnserved
from paripassu.jobs.bridging import relayer_spec
from paripassu.jobs.session import Session, open_session
from paripassu.watch.alarms import Alarm, Limits
from paripassu.watch.facts import Facts
from paripassu.watch.metrics import Metrics
from paripassu.watch.reading import Watch
from paripassu.watch.watcher import Watcher


def watch(
    *,
    place: SecurityPlace = SecurityPlace(),
    once: Annotated[bool, Parameter(negative="", help="Look once; exits 1 where there is an alarm.")] = False,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 5.0,
    metrics: Annotated[
        int | None, Parameter(help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    stop_lanes: Annotated[
        bool, Parameter(negative="", help="Stop lanes on drift, with the key of the role pauser.")
    ] = False,
    lag: Annotated[int, Parameter(help="Messages that may wait in a lane.")] = Limits().lag,
    age: Annotated[int, Parameter(help="Seconds that a message may be under way.")] = Limits().age,
    json: JsonFlag = False,
) -> int:
    """Compare what every ledger says of itself and of the others, and say what is wrong. It moves nothing."""
    log_to_stderr()
    limits = Limits(lag=lag, age=age)

    async def job() -> int:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                open_session(place.network_file, place.folder, place.isin)
            )
            watcher = _watcher(session, limits, _served(metrics), stop_lanes)
            if not once:
                await watcher.run(until_stopped(), every)
                return 0
            facts, found = await watcher.step()
            (_print_json if json else _print)(facts, found)
            return 1 if found else 0

    return run(job())


def _watcher(session: Session, limits: Limits, metrics: Metrics | None, stop_lanes: bool) -> Watcher:
    security = session.security.security_id
    reading = Watch(session.ledgers, session.home.id, security, lanes_between(session.ledgers))
    return Watcher(
        reading,
        session.ledgers,
        session.store,
        attestors=[member.name for member in session.network.attestors.members],
        relayer=session.signer(relayer_spec(session.network)).address,
        pauser=session.role("pauser") if stop_lanes else None,
        limits=limits,
        metrics=metrics,
        clock=time.time,
    )


def _served(port: int | None) -> Metrics | None:
    if port is None:
        return None
    metrics = Metrics()
    try:
        metrics.serve(port)
    except OSError as error:
        raise MetricsUnserved(f"Metrics cannot be served on port {port}: {error.strerror}.") from error
    return metrics


def _print_json(facts: Facts, found: Sequence[Alarm]) -> None:
    lanes = [
        {
            "source": str(one.lane.source),
            "destination": str(one.lane.destination),
            "purpose": one.lane.purpose.name,
            "sent": one.sent,
            "taken": one.taken,
            "acknowledged": one.acknowledged,
            "parked": one.parked,
            "waitingSince": one.waiting_since,
            "stopped": one.stopped,
        }
        for one in facts.lanes
        if one.sent or one.taken or one.stopped
    ]
    books = [
        {"ledger": str(one.ledger), "supply": str(one.supply), "drift": str(one.drift)} for one in facts.books
    ]
    alarms = [
        {"kind": one.kind.value, "subject": one.subject, "sentence": one.sentence, "next": one.next_command}
        for one in found
    ]
    print_json({"schema": "paripassu.watch/1", "books": books, "lanes": lanes, "alarms": alarms})


def _print(facts: Facts, found: Sequence[Alarm]) -> None:
    print_table(
        "", ["ledger", "supply#", "drift#"], [[one.ledger, one.supply, one.drift] for one in facts.books]
    )
    rows = [
        [one.lane, one.sent, one.taken, one.acknowledged, one.parked, "stopped" if one.stopped else "open"]
        for one in facts.lanes
        if one.sent or one.taken or one.stopped
    ]
    print_table("", ["lane", "sent#", "taken#", "acknowledged#", "parked#", "state"], rows)
    for alarm in found:
        print(f"{alarm.kind.value}: {alarm.sentence}\nnext: {alarm.next_command}")
    if not found:
        print("no alarm")
