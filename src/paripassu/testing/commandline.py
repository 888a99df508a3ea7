"""An operator at a terminal: runs `pari` as a process, reads what it prints, kills it at will.

    operator = Operator(tmp_path / "pari", network=Path("examples/two-chains.toml"))
    operator.json("up", "--json")["ledgers"]["alpha"]["rpcUrl"]
    operator.end()

Every process below the operator's carries the operator's mark in its environment,
so that what it leaves behind is found whoever its parent is by then, and nothing
else on the machine is taken for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MARK = "PARI_OPERATOR"
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended: its exit status and what it printed."""

    command: str
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON; it must be JSON alone."""
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.out}{self.err}[exit status {self.status}]"


class Operator:
    """Runs commands in one workspace, on one network file."""

    def __init__(self, workspace: Path, *, network: Path | None = None) -> None:
        self.workspace = workspace
        self.mark = uuid.uuid4().hex
        self.environment = {**os.environ, _MARK: self.mark, "PARI_WORKSPACE": str(workspace)}
        if network is not None:
            self.environment["PARI_NETWORK"] = str(network)

    def run(
        self, *words: str, patience: float = PATIENCE, environment: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a command to its end, whatever its status; `environment` is added to the operator's."""
        process = self.start(*words, environment=environment)
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"pari {' '.join(words)} still ran after {patience:g} s:\n{out}{err}"
            ) from None
        return Ran(f"pari {' '.join(words)}", process.returncode, out, err)

    def ok(self, *words: str, patience: float = PATIENCE) -> Ran:
        """Run a command that must succeed."""
        ran = self.run(*words, patience=patience)
        assert ran.status == 0, str(ran)
        return ran

    def json(self, *words: str, patience: float = PATIENCE) -> Any:
        """Run a command that must succeed and print JSON alone."""
        return self.ok(*words, patience=patience).json

    def start(
        self, *words: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start a command and leave it running; its output is piped, as for a script."""
        return subprocess.Popen(
            [sys.executable, "-m", "paripassu.cli.app", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**self.environment, **(environment or {})},
        )

    def processes(self) -> dict[int, str]:
        """Processes that stem from this operator's commands and still run: id -> command line."""
        return {pid: line for pid, line in _marked(f"{_MARK}={self.mark}") if pid != os.getpid()}

    def await_nothing_left(self, seconds: float = 10.0) -> None:
        """Wait until no process of this operator is left; AssertionError names those that stay."""
        deadline = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < deadline, f"after {seconds:g} s there still ran: {left}"
            time.sleep(0.1)

    def end(self) -> None:
        """Kill whatever is left, for the end of a test."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def operating(network: Path) -> Iterator[Operator]:
    """An operator of a network file, whose workspace stands beside it; whatever it started ends."""
    operator = Operator(network.parent / "ws", network=network)
    try:
        yield operator
    finally:
        operator.run("down")
        operator.end()


@dataclass
class Stage:
    """What the commands of one stage printed, by name."""

    operator: Operator
    ran: dict[str, Ran] = field(default_factory=dict)

    def run(self, name: str, *words: str) -> Ran:
        self.ran[name] = self.operator.run(*words)
        return self.ran[name]

    def ok(self, name: str, *words: str) -> Ran:
        ran = self.run(name, *words)
        assert ran.status == 0, str(ran)
        return ran

    def side_by_side(self, *sequences: list[tuple[str, ...]]) -> None:
        """Run sequences of commands beside each other; each tuple is a name and the command's words."""

        def one(sequence: list[tuple[str, ...]]) -> None:
            for name, *words in sequence:
                self.ok(name, *words)

        with ThreadPoolExecutor(len(sequences)) as pool:
            list(pool.map(one, sequences))

    def __getitem__(self, name: str) -> Ran:
        return self.ran[name]

    def rows(self, name: str, key: str) -> list[dict[str, Any]]:
        """The rows under a key of what a command printed as JSON."""
        rows: list[dict[str, Any]] = self[name].json[key]
        return rows


def await_that(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a condition holds; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(0.02)


def rows_in(database: Path, table: str, where: str = "1") -> int:
    """Rows of a table of an SQLite file for which a condition holds; 0 while there is no such table."""
    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        return int(connection.execute(f"select count(*) from {table} where {where}").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def _marked(mark: str) -> Sequence[tuple[int, str]]:
    folder = Path("/proc/self/environ")
    return _marked_in_proc(mark.encode()) if folder.exists() else _marked_by_ps(mark)


def _marked_in_proc(mark: bytes) -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").iterdir():
        # gone meanwhile, or somebody else's; a zombie's environment is empty
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(folder.name), line.strip()))
    return found


def _marked_by_ps(mark: str) -> list[tuple[int, str]]:
    shown = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    pairs = (line.strip().partition(" ") for line in shown.stdout.splitlines() if mark in line)
    return [(int(pid), line) for pid, _, line in pairs]
