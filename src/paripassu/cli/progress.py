"""Progress on standard error: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

OPEN = "…"


class Progress:
    """Stages with their latest note and elapsed seconds.

    `stage` opens a stage; `note` replaces its latest line. Leaving the stage
    by an exception marks it as failed, so the last line names what broke.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._live: Live | None = None
        self._quiet = quiet
        self._rows: list[tuple[str, str, str, str]] = []
        self._started = 0.0
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        started = self._started = time.monotonic()
        self._rows.append((title, OPEN, "", ""))
        self._line(f"{title} …")
        mark = "failed"
        try:
            yield
            mark = "done"
        finally:
            elapsed = time.monotonic() - started
            self.seconds[title] = round(elapsed, 1)
            last = self._rows[-1]
            self._rows[-1] = (last[0], mark, last[2], f"{elapsed:.1f} s")
            self._line(f"{title}: {mark} in {elapsed:.1f} s")

    def note(self, text: str) -> None:
        """Say what is happening now within the open stage."""
        if self._rows:
            last = self._rows[-1]
            self._rows[-1] = (last[0], last[1], text, last[3])
        self._line(f"  {text}")

    def _line(self, text: str) -> None:
        if self._live is None and not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for column in ("stage", "", "latest", "time"):
            table.add_column(column, justify="right" if column == "time" else "left", overflow="fold")
        for title, mark, latest, elapsed in self._rows:
            running = f"{time.monotonic() - self._started:.0f} s" if mark == OPEN else elapsed
            table.add_row(title, mark, latest, running)
        return table
