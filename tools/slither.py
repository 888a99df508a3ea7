"""Slither over contracts/, with the compiler and settings that the artefacts are built with.

    python tools/slither.py            exit 1 with any finding that has no `slither-disable` and reason

Findings of low impact count too, but for five detectors, whose reports are the design here:
`calls-loop` (loops are bounded and call our own contracts), `reentrancy-events` and
`reentrancy-benign` (the two halves of a token call each other by delegatecall), `timestamp`
(expiries and record times are times) and `shadowing-local` (parameter names of an ERC's interface).
Slither runs from .venv-verify, which `make slither` installs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import build_artefacts
from setup_solc import SOLC

ROOT = build_artefacts.ROOT
LEFT_OUT = "calls-loop,reentrancy-events,reentrancy-benign,timestamp,shadowing-local"
OUTPUTS = ["abi", "devdoc", "userdoc", "metadata", "evm.bytecode", "evm.deployedBytecode"]


def standard_input() -> dict[str, object]:
    """What the compiler is given: our sources, and those of the library that they import."""
    wanted = {"*": {"*": OUTPUTS, "": ["ast"]}}
    return {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in build_artefacts.sources().items()},
        "settings": {**build_artefacts.settings(), "outputSelection": wanted},
    }


def main() -> int:
    """Run slither; its exit status is ours."""
    options = ["--compile-force-framework", "Solc-json", "--solc", str(SOLC), "--fail-low"]
    options += ["--filter-paths", "@openzeppelin", "--exclude", LEFT_OUT]
    options += ["--exclude-informational", "--exclude-optimization"]
    # apart from the checkout, where slither would look for forge
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "contracts").symlink_to(ROOT / "contracts")
        (place / "@openzeppelin").symlink_to(ROOT / "node_modules" / "@openzeppelin")
        (place / "contracts.json").write_text(json.dumps(standard_input()), encoding="utf-8")
        program = str(ROOT / ".venv-verify" / "bin" / "slither")
        ran = subprocess.run([program, "contracts.json", *options], cwd=place, check=False)
    return 1 if ran.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
