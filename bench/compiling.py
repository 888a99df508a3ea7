"""Creation code of peers: compiled like our own contracts, or as their npm package ships it."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "node_modules"
HYPERLANE = ROOT / "tools" / "hyperlane" / "node_modules"
"""Where the tests have the one peer that they need."""

SOLC_VERSION = "0.8.30"
SETTINGS: dict[str, Any] = {
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 800},
}
"""As tools/build_artefacts.py compiles what our movements run, but for more runs: for less gas."""

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


def compile_vyper(source: Path) -> bytes:
    """Creation code of a Vyper contract, for the same EVM as ours.

    Raises:
        subprocess.CalledProcessError: it does not compile; the compiler has said why.
    """
    command = [sys.executable, "-m", "vyper", "-f", "bytecode", "--evm-version", "paris", str(source)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return bytes.fromhex(output.strip().removeprefix("0x"))


def shipped(
    package: str,
    contract: str,
    folder: str = "artifacts/contracts",
    libraries: Mapping[str, str] | None = None,
) -> bytes:
    """Creation code from the Hardhat artefact that a package ships.

    Args:
        contract: path below `folder` without the file's own ending, `token/Token`.
        libraries: name of each library that the contract is linked with -> its address.
    """
    code = str(_artefact(package, folder, contract)["bytecode"])[2:]
    for library, starts in linked_with(package, contract, folder).items():
        address = (libraries or {})[library].removeprefix("0x").lower()
        for start in starts:
            code = code[: 2 * start] + address + code[2 * start + len(address) :]
    return bytes.fromhex(code)


def linked_with(package: str, contract: str, folder: str) -> dict[str, list[int]]:
    """Library -> the bytes of a shipped contract's code where its address has to stand."""
    references = _artefact(package, folder, contract).get("linkReferences", {})
    return {
        library: [place["start"] for place in places]
        for by_library in references.values()
        for library, places in by_library.items()
    }


@cache
def _artefact(package: str, folder: str, contract: str) -> dict[str, Any]:
    name = contract.rpartition("/")[2]
    path = PEERS / package / folder / f"{contract}.sol" / f"{name}.json"
    if not path.is_file():
        raise PeersMissing(path)
    return dict(json.loads(path.read_text(encoding="utf-8")))


def in_factory(package: str, contract: str) -> bytes:
    """Creation code from the factory for TypeScript that a package ships of a contract.

    Args:
        contract: path below the package's factories without the file's own ending.
    """
    below = Path(package) / "dist" / "typechain" / "factories" / f"{contract}__factory.js"
    path = next((folder / below for folder in (PEERS, HYPERLANE) if (folder / below).is_file()), None)
    if path is None:
        raise PeersMissing(PEERS / below)
    found = re.search(r'_bytecode = "0x([0-9a-f]+)"', path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path.relative_to(ROOT)} holds no code, or code that has to be linked.")
    return bytes.fromhex(found[1])


def built(package: str, contract: str) -> bytes:
    """Creation code from the Truffle artefact that a package ships."""
    path = PEERS / package / "build" / "contracts" / f"{contract}.json"
    if not path.is_file():
        raise PeersMissing(path)
    return bytes.fromhex(str(json.loads(path.read_text(encoding="utf-8"))["bytecode"])[2:])


def plain_code(package: str, path: str) -> bytes:
    """Creation code from a file of hex digits that a package ships."""
    file = PEERS / package / path
    if not file.is_file():
        raise PeersMissing(file)
    return bytes.fromhex(file.read_text(encoding="utf-8").strip().removeprefix("0x"))
