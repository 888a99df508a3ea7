"""Processes that never outlive who owns them, and are never mistaken for others.

A process id alone says little: it is given out again. An identity is the id together
with the time at which the process started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STOP_SECONDS = 5.0

# Kills all processes whose ids it was told, once whoever holds the other end of its standard
# input is gone, by whatever end (also SIGKILL, which no handler sees). A pipe serves every
# platform and any thread; Linux's parent-death signal fires when the starting *thread* ends.
_WATCHDOG = r"""
trap '' INT TERM HUP
pids=
while read -r pid; do pids="$pids $pid"; done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
"""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its id and when it started (a text to compare for equality only)."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        return cls(pid, _started(pid) or "")

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        return bool(self.started) and _started(self.pid) == self.started

    def stop(self) -> bool:
        """End it and wait until it is gone; False when it was gone already."""
        if not self.alive:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + _STOP_SECONDS
            while time.monotonic() < deadline:
                if not self.alive:
                    return True
                time.sleep(0.02)
        return not self.alive


def _started(pid: int) -> str | None:
    """When process `pid` started; None when there is none or only its zombie."""
    if sys.platform == "linux":
        try:
            # after the last ')': the name in front of it may hold spaces and parentheses
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        # ticks since the machine's start, hence together with which start that was
        return None if fields[0] in "ZX" else f"{_boot()}-{fields[19]}"
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, since = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else since.strip()


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]


class Watchdog:
    """Kills the processes it guards as soon as this process is gone, however it went."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def guard(self, pid: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid}\n".encode())
        self._process.stdin.flush()

    def release(self) -> None:
        """Let go of all processes: from here on they live on their own, or are gone."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
