"""Where the programs of the local nodes are.

Anvil: `PARI_ANVIL`, then the search path, then npm's package, whose *native* binary is
taken: npm's own wrapper answers exit status 0 to everything and leaves the node behind
when it is killed. Ganache: `PARI_GANACHE`, then npm's package, run by `node`.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from paripassu.errors import NodeMissing

_CHECKOUT = Path(__file__).resolve().parents[3]
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def anvil_command() -> list[str]:
    """Command line prefix that starts Anvil.

    Raises:
        NodeMissing: neither installed nor in any `node_modules` in reach.
    """
    return [_native("anvil", "PARI_ANVIL")]


def forge_command() -> list[str]:
    """Command line prefix that starts forge; used by the checkout's own contract tests."""
    return [_native("forge", "PARI_FORGE")]


def ganache_command() -> list[str]:
    """Command line prefix that starts Ganache 7.

    Raises:
        NodeMissing: the npm package or Node.js itself is not in reach.
    """
    node = shutil.which("node")
    if node is None:
        raise NodeMissing("Ganache needs Node.js 20 or later; no `node` is on the search path.")
    if chosen := os.environ.get("PARI_GANACHE"):
        return [node, chosen]
    for folder in node_modules():
        script = folder / "ganache" / "dist" / "node" / "cli.js"
        if script.is_file():
            return [node, str(script)]
    raise NodeMissing(
        "Ganache is in none of the node_modules folders in reach; PARI_GANACHE may name its cli.js.",
        next_command=_installation("ganache@7.9.2"),
    )


def node_modules() -> Iterator[Path]:
    """Folders of npm packages, nearest first: PARI_NODE_MODULES, the current folder upward, this checkout."""
    if chosen := os.environ.get("PARI_NODE_MODULES"):
        yield Path(chosen)
    here = Path.cwd()
    for parent in dict.fromkeys((here, *here.parents, _CHECKOUT)):
        if (parent / "node_modules").is_dir():
            yield parent / "node_modules"


def _native(program: str, variable: str) -> str:
    if chosen := os.environ.get(variable):
        if not Path(chosen).is_file():
            raise NodeMissing(f"{variable} names {chosen!r}, which is no file.")
        return chosen
    if found := _on_search_path(program):
        return found
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    package = f"{program}-{sys.platform}-{machine}"
    for folder in node_modules():
        binary = folder / "@foundry-rs" / package / "bin" / program
        if binary.is_file():
            return str(binary)
    raise NodeMissing(
        f"{program} is neither on the search path nor in a node_modules folder in reach "
        f"(@foundry-rs/{package}); {variable} may name it.",
        next_command=_installation(f"@foundry-rs/{program}@1.7.1"),
    )


def _installation(package: str) -> str:
    """What installs a missing program: make in a clone, npm beside an installed package."""
    return "make setup" if (_CHECKOUT / "Makefile").is_file() else f"npm install --no-save {package}"


def _on_search_path(program: str) -> str | None:
    found = shutil.which(program)
    # npm's wrapper is a script beside the packages: never that one
    if found is None or "node_modules" in Path(found).resolve().parts:
        return None
    return found
