"""The book's clock, injected so that tests and local networks can set the time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> int: ...


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> int:
        return int(time.time())
