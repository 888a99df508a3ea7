"""Blocks for nodes that mine on demand, so that what is sent becomes final without being asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from paripassu.devnet.rpc import call
from paripassu.errors import PariError

_SECONDS = 0.12


class Heartbeat:
    """Mines a block on every node several times a second, in a thread, until it is stopped."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = list(urls)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _beat(self) -> None:
        while not self._stopping.wait(_SECONDS):
            for url in self._urls:
                try:
                    call(url, "evm_mine")
                except PariError:
                    # The node is being stopped, reverted or killed by the test; the next beat tries again.
                    continue
