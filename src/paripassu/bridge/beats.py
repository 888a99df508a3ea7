"""Signs of life in the store: when each task of each process last came round.

A process that ends by itself takes its signs along; one that died leaves them, and is seen to be silent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from paripassu.bridge.tasks import Heartbeats, Runner
from paripassu.errors import StoreUnavailable
from paripassu.store import Store
from paripassu.store.schema import heartbeat

SECONDS_BETWEEN = 5.0
ALIVE_SECONDS = 20.0
"""Whoever gave a sign within so many seconds is taken to be alive."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A task of a process, and when it last came round, seconds since the epoch by that process's clock."""

    process: str
    task: str
    at: float


def this_process() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


async def keep(store: Store, heartbeats: Heartbeats, runner: Runner) -> None:
    """Write the signs of this process until it stops."""
    process = this_process()
    wait = 0.05  # the first one soon: tasks have begun by then
    while not runner.stop.is_set():
        await runner.pause(wait)
        if not runner.stop.is_set():
            with contextlib.suppress(StoreUnavailable):  # the next one tells as much
                _write(store, process, heartbeats)
        wait = SECONDS_BETWEEN
    with contextlib.suppress(StoreUnavailable), store.write() as connection:
        connection.execute(delete(heartbeat).where(heartbeat.c.process == process))


def _write(store: Store, process: str, heartbeats: Heartbeats) -> None:
    now, here = store.clock(), time.monotonic()
    rows = [
        {"process": process, "task": task, "at": now - (here - at)} for task, at in heartbeats.beats.items()
    ]
    ours = {row["task"] for row in rows}
    with store.write() as connection:
        living = {beat.process for beat in alive(connection, now)}
        # of the same tasks in processes that died: they are in our hands now
        dead = {beat.process for beat in beats(connection) if beat.task in ours} - living
        connection.execute(delete(heartbeat).where(heartbeat.c.process.in_({process, *dead})))
        if rows:
            connection.execute(insert(heartbeat), rows)


def beats(connection: Connection) -> tuple[Beat, ...]:
    """Every task's last sign."""
    query = select(heartbeat).order_by(heartbeat.c.task, heartbeat.c.process)
    return tuple(Beat(row.process, row.task, row.at) for row in connection.execute(query))


def alive(connection: Connection, now: float) -> tuple[Beat, ...]:
    """Those of a moment ago, less those of processes of this machine that are gone."""
    return tuple(beat for beat in beats(connection) if now - beat.at <= ALIVE_SECONDS and not _gone(beat))


def _gone(beat: Beat) -> bool:
    host, _, number = beat.process.rpartition("/")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
