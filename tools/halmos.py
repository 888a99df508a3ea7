"""Halmos over tests/halmos, with the compiler of this checkout: `python tools/halmos.py [options]`.

Halmos starts `forge build` itself: it finds the native binary first on its path, and the compiler in
forge's environment. It runs from .venv-verify, which `make halmos` installs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setup_solc import ROOT, SOLC

from paripassu.devnet.programs import forge_command

OPTIONS = ["--forge-build-out", "build/halmos", "--no-status", "--early-exit"]
OPTIONS += ["--solver-timeout-branching", "200ms", "--loop", "3"]


def main() -> None:
    forge = Path(forge_command()[0]).parent
    environment = os.environ | {
        "FOUNDRY_PROFILE": "halmos",
        "FOUNDRY_SOLC": str(SOLC),
        "PATH": f"{forge}:{os.environ['PATH']}",
    }
    program = str(ROOT / ".venv-verify" / "bin" / "halmos")
    os.chdir(ROOT)
    os.execve(program, [program, *OPTIONS, *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
