"""`pari status`: where every ledger and every lane stands, and what keeps one from working."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from paripassu.bridge.queries import stuck_messages
from paripassu.cli.bridge import until_stopped
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run, table_of
from paripassu.errors import InvalidArgument
from paripassu.jobs.bridging import relayer_spec
from paripassu.jobs.session import read_network
from paripassu.jobs.standing import LaneStanding, LedgerStanding, Looker, Standing
from paripassu.jobs.storing import open_store
from paripassu.ledgers.signers import signer_from_spec

if TYPE_CHECKING:
    from rich.console import Group

LEDGER_COLUMNS = ("ledger", "CAIP-2", "head#", "final#", "final time", "deliveries left#", "state")
LANE_COLUMNS = ("lane", "sent#", "executed#", "lag#", "oldest s#", "states", "state")
TASK_COLUMNS = ("task", "process", "silent s#")
Row = list[object]


def status(
    *,
    place: Place = Place(),
    live: Annotated[
        bool, Parameter(negative="", help="Show it again and again until Ctrl-C; lines where no terminal is.")
    ] = False,
    every: Annotated[float, Parameter(help="Seconds between two looks with --live.")] = 2.0,
    json: JsonFlag = False,
) -> int:
    """Show heads, final blocks, lanes, waiting messages and tasks; exits 1 where a ledger cannot be used."""
    if live and json:
        raise InvalidArgument("--live shows tables and lines; --json prints one look.")
    network, workspace = read_network(place.network_file, place.folder), place.folder
    relayer = signer_from_spec(relayer_spec(network), network.environment).address
    with open_store(network, workspace) as store:

        async def job() -> int:
            looker = Looker(network, workspace, store, relayer)
            try:
                if live:
                    await _follow(looker, every)
                    return 0
                standing = await looker.look()
            finally:
                await looker.close()
            waiting = Counter((str(v.lane), v.state.value, v.reason) for v in stuck_messages(store))
            rows: list[Row] = [[*key, count] for key, count in sorted(waiting.items())]
            (_print_json if json else _print)(standing, rows)
            return 1 if any(ledger.problem for ledger in standing.ledgers) else 0

        return run(job())


async def _follow(looker: Looker, every: float) -> None:
    """Look until stopped: one picture that changes on a terminal, else a line for each ledger and lane."""
    stop = until_stopped()
    if not sys.stdout.isatty():
        async for standing in _looks(looker, stop, every):
            print("\n".join(_lines(standing)), flush=True)
        return
    from rich.live import Live

    with Live(auto_refresh=False) as picture:
        async for standing in _looks(looker, stop, every):
            picture.update(_picture(standing), refresh=True)


async def _looks(looker: Looker, stop: asyncio.Event, every: float) -> AsyncIterator[Standing]:
    while not stop.is_set():
        yield await looker.look()
        try:
            await asyncio.wait_for(stop.wait(), every)
        except TimeoutError:
            continue


def _lines(standing: Standing) -> Iterator[str]:
    at = _time(standing.time)
    for one in standing.ledgers:
        figures = f"head={_height(one.head)} final={_height(one.final)} deliveries_left={_left(one)}"
        yield f"{at} ledger {one.name} {figures} state={one.problem or 'ok'}"
    for lane in standing.lanes:
        figures = f"sent={lane.sent} executed={lane.executed} lag={lane.lag} oldest_s={_age(lane, standing)}"
        yield f"{at} lane {lane.lane} {figures} {_states(lane)} state={_going(lane)}"
    for task in standing.tasks:
        yield f"{at} task {task.task} process={task.process} silent_s={task.silent:.0f}"


def _picture(standing: Standing) -> Group:
    from rich.console import Group

    tables = [table_of(_time(standing.time), LEDGER_COLUMNS, _ledger_rows(standing.ledgers))]
    tables.append(table_of("", LANE_COLUMNS, _lane_rows(standing)))
    if standing.tasks:
        tables.append(table_of("", TASK_COLUMNS, _task_rows(standing)))
    return Group(*tables)


def _ledger_rows(ledgers: Sequence[LedgerStanding]) -> list[Row]:
    return [
        [
            one.name,
            one.id,
            _height(one.head),
            _height(one.final),
            _time(one.final.time) if one.final else "-",
            _left(one),
            one.problem or "ok",
        ]
        for one in ledgers
    ]


def _lane_rows(standing: Standing) -> list[Row]:
    return [
        [one.lane, one.sent, one.executed, one.lag, _age(one, standing), _states(one), _going(one)]
        for one in standing.lanes
    ]


def _task_rows(standing: Standing) -> list[Row]:
    return [[one.task, one.process, round(one.silent)] for one in standing.tasks]


def _print_json(standing: Standing, waiting: list[Row]) -> None:
    ledgers = [
        {
            "ledger": one.name,
            "caip2": one.id,
            "head": one.head.height if one.head else None,
            "final": one.final.height if one.final else None,
            "finalTime": one.final.time if one.final else None,
            "finalAge": standing.time - one.final.time if one.final else None,
            "deliveriesLeft": one.deliveries_left,
            "problem": one.problem,
        }
        for one in standing.ledgers
    ]
    lanes = [
        {
            "source": str(one.lane.source),
            "destination": str(one.lane.destination),
            "purpose": one.lane.purpose.name,
            "sent": one.sent,
            "executed": one.executed,
            "lag": one.lag,
            "oldestSeconds": None if one.oldest is None else standing.time - one.oldest,
            "states": dict(one.states),
            "stopped": one.stopped,
        }
        for one in standing.lanes
    ]
    tasks = [
        {"task": one.task, "process": one.process, "silent": round(one.silent, 1)} for one in standing.tasks
    ]
    names = ["lane", "state", "reason", "messages"]
    print_json(
        {
            "schema": "paripassu.status/1",
            "ledgers": ledgers,
            "lanes": lanes,
            "waiting": [dict(zip(names, row, strict=True)) for row in waiting],
            "tasks": tasks,
        }
    )


def _print(standing: Standing, waiting: list[Row]) -> None:
    print_table("", LEDGER_COLUMNS, _ledger_rows(standing.ledgers))
    if standing.lanes:
        print_table("", LANE_COLUMNS, _lane_rows(standing))
    if standing.tasks:
        print_table("", TASK_COLUMNS, _task_rows(standing))
    if waiting:
        print_table("", ["lane", "state", "reason", "messages#"], waiting)
    else:
        print("no message is waiting")
    remedies = [one.remedy for one in standing.ledgers if one.problem and one.remedy != "pari status"]
    if remedies or waiting:
        print(f"next: {remedies[0] if remedies else 'pari message list --waiting'}")


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _height(block: object) -> object:
    return getattr(block, "height", "-")


def _left(one: LedgerStanding) -> object:
    return "-" if one.deliveries_left is None else one.deliveries_left


def _age(lane: LaneStanding, standing: Standing) -> object:
    return "-" if lane.oldest is None else max(0, standing.time - lane.oldest)


def _states(lane: LaneStanding) -> str:
    return " ".join(f"{state}={count}" for state, count in sorted(lane.states.items()))


def _going(lane: LaneStanding) -> str:
    return "stopped" if lane.stopped else "open"
