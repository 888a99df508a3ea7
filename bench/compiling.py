"""Creation code of peers: compiled like our own contracts, or as their npm package ships it."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "node_modules"
SOLC_VERSION = "0.8.30"
SETTINGS: dict[str, Any] = {
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 800},
}
"""As tools/build_artefacts.py compiles our contracts."""

_IMPORT = re.compile(r"""^\s*import\s+(?:[^'";]*?\sfrom\s+)?["']([^"']+)["']""", re.MULTILINE)


class PeersMissing(Exception):
    """The packages of bench/package.json are not installed."""

    def __init__(self, what: Path) -> None:
        super().__init__(f"There is no {what.relative_to(ROOT)}; `make bench-gas` installs the peers.")


def compile_contracts(
    entries: Sequence[str], remappings: Mapping[str, Path], settings: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """Creation code by contract name of everything in the source units `entries`.

    Args:
        remappings: beginning of an import -> folder that it stands for; the longest that fits counts.
        settings: compiler settings that differ from SETTINGS.
    """
    texts = _sources(entries, remappings)
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in texts.items()},
        "settings": {
            **SETTINGS,
            **(settings or {}),
            "outputSelection": {entry: {"*": ["evm.bytecode.object"]} for entry in entries},
        },
    }
    output = solcx.compile_standard(request, solc_version=SOLC_VERSION)
    return {
        name: bytes.fromhex(contract["evm"]["bytecode"]["object"])
        for entry in entries
        for name, contract in output["contracts"][entry].items()
    }


def _sources(entries: Sequence[str], remappings: Mapping[str, Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    pending = list(entries)
    while pending:
        unit = pending.pop()
        if unit in found:
            continue
        found[unit] = _read(unit, remappings)
        for target in _IMPORT.findall(found[unit]):
            relative = target.startswith(".")
            pending.append(
                posixpath.normpath(posixpath.join(posixpath.dirname(unit), target)) if relative else target
            )
    return dict(sorted(found.items()))


def _read(unit: str, remappings: Mapping[str, Path]) -> str:
    prefix = max((one for one in remappings if unit.startswith(one)), key=len)
    path = remappings[prefix] / unit.removeprefix(prefix)
    if not path.is_file():
        raise PeersMissing(path)
    return path.read_text(encoding="utf-8")


@cache
def shipped(package: str, contract: str) -> bytes:
    """Creation code from the Hardhat artefact that a package ships.

    Args:
        contract: path below `artifacts/contracts` without the file's own ending, `token/Token`.
    """
    name = contract.rpartition("/")[2]
    path = PEERS / package / "artifacts" / "contracts" / f"{contract}.sol" / f"{name}.json"
    if not path.is_file():
        raise PeersMissing(path)
    return bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["bytecode"][2:])
