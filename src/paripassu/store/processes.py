"""Processes as others can recognise them: on one machine a dead one is known at once.

A later process with the same number is told apart by its start time. From another machine, or
another container, nothing can be seen of a process; there only the expiry of what it held counts.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """A process as others can recognise it: `realm` is where its number means something."""

    pid: int
    started: str
    host: str
    realm: str


def this_process() -> Process:
    pid = os.getpid()
    return Process(pid, started_at(pid) or "", socket.gethostname(), _realm())


def alive(pid: int, started: str, realm: str) -> bool:
    """Whether a process still runs, as far as can be told from here: of another machine nothing can be."""
    if realm != _realm():
        return True
    if started:
        return started_at(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def started_at(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot (Linux); None for a dead one or without /proc."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def _realm() -> str:
    """Where process numbers are ours: this host, this boot, this pid namespace."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        parts.append(file.read().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "|".join(parts)[:120]
