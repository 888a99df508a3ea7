"""Free ports of the loopback interface, kept apart between starts that run side by side.

Two starts at once may both find one port free. Both local chains would have the same id,
so the loser would take the winner's node for its own. A record lock, dropped by the
system with the process, covers the time between finding a port and listening on it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
from pathlib import Path

_guard = threading.Lock()
_taken: set[int] = set()
_lock_file: int | None = None


def reserve_port() -> int:
    """A port that nobody listens on and that no other start has reserved."""
    with _guard:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in _taken and _lock(port):
                _taken.add(port)
                return port


def release_port(port: int) -> None:
    """Give a reservation back: the node listens now, or never will."""
    with _guard:
        if port in _taken:
            _taken.remove(port)
            fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, port)


def _lock(port: int) -> bool:
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _locks() -> int:
    """The open lock file; never closed, since closing it would drop every lock of this process."""
    global _lock_file
    if _lock_file is None:
        path = Path(tempfile.gettempdir()) / f"paripassu-ports-{os.getuid()}.lock"
        _lock_file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    return _lock_file
