"""Crash seams: named places at which a test may kill the process, as a power cut would.

`PARI_CRASH_AT=n` kills the process with SIGKILL at its n-th seam, `PARI_CRASH_AT=name`
at the first seam of that name; `PARI_SEAM_LOG=path` appends the name of every
seam passed. Without either, a seam costs one comparison.
"""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "PARI_CRASH_AT"
LOG_VARIABLE = "PARI_SEAM_LOG"


class _Seams:
    def __init__(self) -> None:
        self.arm(os.environ.get(CRASH_VARIABLE, ""), os.environ.get(LOG_VARIABLE, ""))

    def arm(self, crash_at: str, log: str) -> None:
        self.passed = 0
        self.crash_at = crash_at
        self.log = log
        self.active = bool(crash_at or log)

    def reach(self, name: str) -> None:
        self.passed += 1
        if self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if self.crash_at in (str(self.passed), name):
            os.kill(os.getpid(), signal.SIGKILL)


_seams = _Seams()


def seam(name: str) -> None:
    """Mark a place between two durable steps."""
    if _seams.active:
        _seams.reach(name)


def arm(crash_at: str | int = "", log: str = "") -> None:
    """Set the seams of this process by hand, for a process that was forked rather than started."""
    _seams.arm(str(crash_at), log)
