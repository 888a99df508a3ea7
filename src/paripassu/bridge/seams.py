"""Crash seams: named places at which a test may kill the process, as a power cut would.

`PARI_CRASH_AT=n` kills the process with SIGKILL at its n-th seam;
`PARI_SEAM_LOG=path` appends the name of every seam passed. Without either, a
seam costs one comparison.
"""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "PARI_CRASH_AT"
LOG_VARIABLE = "PARI_SEAM_LOG"


class _Seams:
    def __init__(self) -> None:
        self.passed = 0
        self.crash_at = int(os.environ.get(CRASH_VARIABLE) or 0)
        self.log = os.environ.get(LOG_VARIABLE) or ""
        self.active = bool(self.crash_at or self.log)

    def reach(self, name: str) -> None:
        self.passed += 1
        if self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if self.passed == self.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)


_seams = _Seams()


def seam(name: str) -> None:
    """Mark a place between two durable steps."""
    if _seams.active:
        _seams.reach(name)
