"""How a task of the bridge runs: step after step, woken when there is work, seen to be alive.

A step that fails because a ledger cannot be read, or the store does not answer,
is tried again; so is one whose work another process has claimed, once it is ours
again. One that fails for any other reason ends the process with its error, because a bridge
with a dead task is worse than none.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO, cast

import structlog

from paripassu.errors import ClaimLost, PariError, StoreError, StoreUnavailable

_SLOWING = 1.5
"""By how much a task waits longer from look to look as long as nothing happens."""

_BREATH = 0.01
"""Seconds that a task rests after a look, however often the bell rings."""

log = structlog.get_logger("paripassu.bridge")


@dataclass(slots=True)
class Heartbeats:
    """When each task last came round; a task that went silent is named, not overlooked."""

    beats: dict[str, float] = field(default_factory=dict)

    def beat(self, task: str) -> None:
        self.beats[task] = time.monotonic()

    def silent(self, seconds: float) -> list[str]:
        now = time.monotonic()
        return sorted(task for task, at in self.beats.items() if now - at > seconds)


class Bell:
    """Wakes tasks before their time, where there may be something for them."""

    def __init__(self) -> None:
        self._ringing = asyncio.Event()
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1
        self._ringing.set()
        self._ringing = asyncio.Event()

    async def wait(self, heard: int, seconds: float) -> None:
        """Until it rings, or at once where it has rung more often than `heard`."""
        if self.rung != heard:
            return
        ringing = self._ringing
        try:
            await asyncio.wait_for(ringing.wait(), seconds)
        except TimeoutError:
            return


class Runner:
    """Runs the tasks of one process until `stop` is set.

    Args:
        poll, idle_poll: seconds between looks after something happened, rising to those while nothing does.
        silence_limit: seconds without a heartbeat after which a task is named as silent.
        grace: seconds that a step under way has to end after the stop; then it is cut off, which is
            no worse than a crash.
    """

    def __init__(
        self,
        stop: asyncio.Event,
        heartbeats: Heartbeats,
        *,
        poll: float,
        idle_poll: float,
        silence_limit: float,
        grace: float = 5.0,
    ) -> None:
        self.stop = stop
        self._heartbeats = heartbeats
        self._poll = poll
        self._idle_poll = idle_poll
        self._silence_limit = silence_limit
        self._grace = grace
        self.bell = Bell()
        """Rings when something was put into the store, by this process or another."""

    async def run(self, tasks: Iterable[Coroutine[object, object, None]]) -> None:
        """Run all until the stop. Raises the first error of a task, after the others were cut off."""
        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(task) for task in tasks]
                group.create_task(self._cut_off(running))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors

    async def _cut_off(self, running: Sequence[asyncio.Task[None]]) -> None:
        await self.stop.wait()
        _, late = await asyncio.wait(running, timeout=self._grace)
        for task in late:
            task.cancel()

    async def loop(self, task: str, step: Callable[[], Awaitable[bool]], bell: Bell) -> None:
        """Take steps until the stop; a step that moved something is followed by the next at once, another
        one when it is time, or soon after the bell."""
        wait = self._poll
        while not self.stop.is_set():
            self._heartbeats.beat(task)
            heard = bell.rung
            try:
                moved = await step()
            except ClaimLost as error:
                log.info("task goes on elsewhere", task=task, why=str(error))
                moved, wait = False, self._idle_poll
            except StoreUnavailable as error:
                log.warning("store does not answer", task=task, why=str(error))
                moved, wait = False, self._idle_poll
            except StoreError:
                raise
            except (PariError, OSError, TimeoutError) as error:
                log.warning("task could not go on", task=task, why=str(error))
                moved, wait = False, self._idle_poll
            if moved:
                wait = self._poll
                self.bell.ring()
                await asyncio.sleep(0)
                continue
            await self.pause(_BREATH)
            await self._until(bell.wait(heard, wait - _BREATH))
            wait = min(self._idle_poll, wait * _SLOWING)

    async def every(self, seconds: float, task: str, act: Callable[[], bool]) -> None:
        """Do something at one pace until the stop; who waits for work is woken where it changed something."""
        while not self.stop.is_set():
            self._heartbeats.beat(task)
            try:
                if act():
                    self.bell.ring()
            except StoreUnavailable as error:
                log.warning("store does not answer", task=task, why=str(error))
            await self.pause(seconds)

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the stop."""
        await self._until(asyncio.sleep(seconds))

    async def _until(self, sleeper: Coroutine[object, object, None]) -> None:
        stopper = asyncio.ensure_future(self.stop.wait())
        waiter = asyncio.ensure_future(sleeper)
        try:
            await asyncio.wait({stopper, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopper.cancel()
            waiter.cancel()

    async def listen(self, changes: Callable[[], int], seconds: float) -> None:
        """Wake the tasks that work from the store when another process has put something there.

        `changes` is asked so often: its answer differs from the one before once something was committed.
        """
        last = -1
        while not self.stop.is_set():
            with contextlib.suppress(StoreUnavailable):  # who needs it says so
                now = changes()
                if now != last:
                    last = now
                    self.bell.ring()
            await self.pause(seconds)

    async def watch_heartbeats(self) -> None:
        """Name tasks that went silent."""
        while not self.stop.is_set():
            for task in self._heartbeats.silent(self._silence_limit):
                log.error("task went silent", task=task, seconds=self._silence_limit)
            await self.pause(self._silence_limit / 4)


class _StandardError:
    """Standard error as it is at each line, so that a stream replaced meanwhile is not written to."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def log_to_standard_error() -> None:
    """Unless the application has set up structlog: standard output belongs to the command's own result."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())))


def _first(error: BaseException) -> BaseException:
    """The first error inside nested groups: what one task raised is what the caller is told."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
