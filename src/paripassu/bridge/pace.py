"""How fast and how much a relayer tries on one lane, after what went well and what did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from paripassu.bridge.states import BATCH_LIMIT, backoff_seconds

ASIDE_SECONDS = 0.2
"""Between looks at what is no part of a message's way to its destination."""

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
