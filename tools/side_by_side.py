"""Run make's targets in lanes beside each other: `python tools/side_by_side.py 'lint typecheck' forge`.

Each argument is a lane: its targets run one after the other, the lanes beside each other. What a
target prints is shown whole when it ends. After the first failure no further target is begun; what
runs by then runs to its end, and the exit status is 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Lanes:
    """Targets under way, and what has failed."""

    def __init__(self, make: str) -> None:
        self._make = make
        self._output = threading.Lock()
        self.failed: list[str] = []

    def run(self, targets: Sequence[str]) -> None:
        """The targets of one lane."""
        for target in targets:
            if self.failed:
                return
            self._run(target)

    def _run(self, target: str) -> None:
        start = time.monotonic()
        ran = subprocess.run(
            [self._make, target],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if ran.returncode:
            self.failed.append(target)
        ending = f"  {target}: {'failed' if ran.returncode else 'done'} in {time.monotonic() - start:.0f} s\n"
        with self._output:
            sys.stdout.buffer.write(ran.stdout + ending.encode())
            sys.stdout.flush()


def main() -> int:
    lanes = [argument.split() for argument in sys.argv[1:]]
    under_way = Lanes(os.environ.get("MAKE", "make"))
    with ThreadPoolExecutor(max(1, len(lanes))) as pool:
        list(pool.map(under_way.run, lanes))
    for target in under_way.failed:
        print(f"failed: make {target}", file=sys.stderr)
    return 1 if under_way.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
