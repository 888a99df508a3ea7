"""The demo interrupted by Ctrl-C, by SIGTERM and by kill -9: no node stays, and it starts again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.testing.commandline import Operator

CLIENTS = ("anvil", "ganache")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path / "ws")
    try:
        yield operator
    finally:
        operator.end()


class Run:
    """A demo under way, with its progress lines as they come."""

    def __init__(self, operator: Operator) -> None:
        self.process: subprocess.Popen[str] = operator.start("demo", "--workspace", str(operator.workspace))
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(line.rstrip("\n") for line in self.process.stderr)

    def await_line(self, beginning: str, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not any(line.startswith(beginning) for line in list(self.lines)):
            assert self.process.poll() is None, "\n".join(self.lines)
            assert time.monotonic() < deadline, "\n".join(self.lines)
            time.sleep(0.05)

    def end(self) -> int:
        status = self.process.wait(60)
        self._reader.join(10)
        return status


def nodes_of(operator: Operator) -> list[str]:
    lines = operator.processes().values()
    return [line for line in lines if any(client in line for client in CLIENTS)]


def deploying(operator: Operator) -> Run:
    """A demo in its second stage: three nodes run, transactions are under way."""
    run = Run(operator)
    run.await_line("up: two Anvil chains, one Ganache chain, one book-entry ledger: done")
    run.await_line("  alpha:")
    assert len(nodes_of(operator)) == 3
    return run


def test_a_demo_interrupted_in_any_way_leaves_no_process_and_starts_again(operator: Operator) -> None:
    """Each run works in the workspace that the interrupted one before it left."""
    for number, status in (
        (signal.SIGINT, 130),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGKILL, -signal.SIGKILL),
    ):
        run = deploying(operator)
        os.kill(run.process.pid, number)
        assert run.end() == status
        operator.await_nothing_left()
        assert not any("Traceback" in line for line in run.lines), "\n".join(run.lines)
        if number is signal.SIGINT:
            assert "deploy: same contracts, same addresses, same code hash: failed" in "\n".join(run.lines)
            assert run.lines[-1].startswith("stopped by the keyboard")
    last = deploying(operator)
    last.process.terminate()
    last.end()
    operator.await_nothing_left()
