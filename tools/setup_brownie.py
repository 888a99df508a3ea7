"""Let `<venv>/bin/brownie` start `tools/brownie_launcher.py`; run by `make setup`, again without effect."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from setup_solc import ROOT, replace


def main() -> int:
    python = Path(sys.prefix) / "bin" / "python"
    launcher = ROOT / "tools" / "brownie_launcher.py"
    command = f'exec {shlex.quote(str(python))} {shlex.quote(str(launcher))} "$@"'
    replace(Path(sys.prefix) / "bin" / "brownie", f"#!/bin/sh\n{command}\n", mode=0o755)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
