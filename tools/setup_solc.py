"""Put a Solidity compiler where py-solc-x, Brownie and forge of this checkout find it.

Run by `make setup` with the Python of the virtual environment:

1. `<venv>/solcx/solc-v0.8.30` becomes the native compiler where py-solc-x can
   download it, and else a launcher of `tools/solc/solc.js` (npm's build of the
   same compiler commit, hence the same bytecode). Nothing is asked or printed
   about the difference.
2. A `.pth` file in the environment sets `SOLCX_BINARY_PATH`, unless the user
   has set it. It has to stand in the process environment before py-solc-x is
   imported, and Brownie reads its dotenv file too late for that.

Running it again changes nothing.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

SOLC_VERSION = "0.8.30"
SOLC_COMMIT = "73712a01"
ROOT = Path(__file__).resolve().parent.parent
SOLCX = Path(sys.prefix) / "solcx"
SOLC = SOLCX / f"solc-v{SOLC_VERSION}"
PTH = "import os, sys; os.environ.setdefault('SOLCX_BINARY_PATH', os.path.join(sys.prefix, 'solcx'))\n"

# Runs apart, so that a connection that hangs can be cut off as a whole.
DOWNLOAD = """
import sys, requests, solcx, solcx.install as install
requests.head(install.BINARY_DOWNLOAD_BASE.format("linux", "list.json"), timeout=3).raise_for_status()
solcx.install_solc(sys.argv[1], show_progress=False)
"""


def answers(binary: Path) -> bool:
    """Whether `binary` is the pinned compiler and runs on this machine."""
    try:
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return f"{SOLC_VERSION}+commit.{SOLC_COMMIT}" in shown.stdout


def download() -> bool:
    """Try py-solc-x's download of the native compiler; silent when there is no way."""
    environment = {**os.environ, "SOLCX_BINARY_PATH": str(SOLCX)}
    command = [sys.executable, "-c", DOWNLOAD, SOLC_VERSION]
    try:
        subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return answers(SOLC)


def install_launcher() -> None:
    script = shlex.quote(str(ROOT / "tools" / "solc" / "solc.js"))
    replace(SOLC, f'#!/bin/sh\nexec node {script} "$@"\n', mode=0o755)


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write whole or not at all: another process may be starting the compiler."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_text(text, encoding="utf-8")
    half.chmod(mode)
    half.replace(path)


def main() -> int:
    if sys.prefix == sys.base_prefix:
        print(
            "tools/setup_solc.py: run it with the Python of the virtual environment (make setup).",
            file=sys.stderr,
        )
        return 1
    SOLCX.mkdir(parents=True, exist_ok=True)
    replace(Path(sysconfig.get_path("purelib")) / "paripassu_solcx.pth", PTH)
    if answers(SOLC) or download():
        return 0
    install_launcher()
    if answers(SOLC):
        return 0
    print(
        f"tools/setup_solc.py: no Solidity compiler {SOLC_VERSION} runs here; "
        "check that `node --version` prints 20 or more and that `npm ci` has run.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
