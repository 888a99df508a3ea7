"""How fast and how much a relayer tries on one lane, after what went well and what did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from paripassu.bridge.states import BATCH_LIMIT, backoff_seconds

ASIDE_SECONDS = 0.2
"""Between looks at what is no part of a message's way to its destination."""

REST_SECONDS = 0.4
"""Between two full batches of a lane, and two portions of a backlog, while others are in use."""

LATELY_SECONDS = 3.0

POSTPONEMENTS = 3
"""Failures in a row after which a batch is tried in smaller parts."""


class Every:
    """Says once in so many seconds that something is due: what is no part of a message's way is looked at now
    and then, not at every step."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = 0.0

    def due(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class Traffic:
    """What is in use in a process, so that whoever works off a backlog gives way to others.

    Names are the caller's own: lanes for deliveries, ledgers for what is read.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[str, float] = {}

    def use(self, name: str) -> None:
        """Something was carried, or read, under this name."""
        self._used[name] = self._clock()

    def gives_way(self, name: str) -> bool:
        """Whether others were in use lately, and this one was a moment ago."""
        now = self._clock()
        lately = any(now - at < LATELY_SECONDS for other, at in self._used.items() if other != name)
        return lately and now - self._used.get(name, -REST_SECONDS) < REST_SECONDS


@dataclass(slots=True)
class Pace:
    """One lane's batch size and waiting time. Kept in memory: a restart begins hopefully."""

    limit: int = BATCH_LIMIT
    failures: int = 0
    not_before: float = 0.0

    def went_through(self) -> None:
        """A destination took a delivery."""
        self.failures = 0

    def finished(self) -> None:
        """A delivery is final: larger ones may be tried again."""
        self.limit = min(BATCH_LIMIT, 2 * self.limit)

    def failed(self, now: float) -> float:
        """An attempt failed; returns the seconds to wait."""
        wait = backoff_seconds(self.failures)
        self.failures += 1
        self.not_before = now + wait
        return wait

    def given_up(self, size: int, now: float) -> None:
        """A batch of `size` will not do: wait, then try half of it."""
        self.limit = max(1, size // 2)
        self.failed(now)

    def hurry(self) -> None:
        """Somebody wants it at once: what was waited for is forgotten, but not the size."""
        self.failures = 0
        self.not_before = 0.0

    @property
    def too_much(self) -> bool:
        """Whether so many failures in a row speak for smaller parts."""
        return self.failures >= POSTPONEMENTS
