"""`brownie`, with this checkout's local nodes.

Brownie knows networks from a file in the user's home folder and nodes from the search
path. A clean clone has neither: so this launcher adds to the running Brownie, in memory,

- `development` (the default) and `anvil-local`: Anvil,
- `ganache-local`: Ganache 7, at its last hard fork, shanghai,

each on a port that is free now and on the simulated calendar of all local networks (from
2027-03-01), with twenty accounts, and it adds the folders of the nodes to the search path.
It also clears what an earlier compilation left of contracts that are gone since.
Nothing outside the checkout is written but what Brownie itself keeps in `~/.brownie`.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

from paripassu.devnet.nodes import GENESIS_TIME, MNEMONIC
from paripassu.devnet.programs import anvil_command, ganache_command

ROOT = Path(__file__).resolve().parent.parent


def extend_search_path() -> None:
    npm_programs = Path(ganache_command()[1]).parents[3] / ".bin"
    # Anvil's own folder first: npm's wrapper of the same name would survive its owner
    folders = [str(Path(anvil_command()[0]).parent), str(npm_programs)]
    os.environ["PATH"] = os.pathsep.join([*folders[:1], os.environ["PATH"], *folders[1:]])


def clear_stale_build(root: Path) -> None:
    """Remove artefacts of contracts that are in no source any more, and of those that were built on one.

    Brownie keeps the former as dependencies of the latter, and stops with a KeyError where it would
    compile them again.
    """
    files = (root / "build" / "contracts").glob("*.json")
    built = {path: json.loads(path.read_text("utf-8")) for path in files}
    gone = {path.stem for path, one in built.items() if not is_in_sources(root, path.stem, one["sourcePath"])}
    for path, one in built.items():
        if path.stem in gone or gone & set(one["dependencies"]):
            path.unlink()


def is_in_sources(root: Path, name: str, source: str) -> bool:
    """Whether a file of the project still declares a contract; what stands elsewhere is not looked at."""
    if not source.startswith("contracts/"):
        return True
    text = (root / source).read_text("utf-8") if (root / source).is_file() else ""
    declaration = rf"^\s*(abstract\s+)?(contract|library|interface)\s+{re.escape(name)}\b"
    return re.search(declaration, text, re.MULTILINE) is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def anvil(name: str) -> dict[str, Any]:
    return network(name, f"anvil --timestamp {GENESIS_TIME}")


def ganache(name: str) -> dict[str, Any]:
    start = datetime.datetime.fromtimestamp(GENESIS_TIME, datetime.UTC)
    return network(name, "ganache", evm_version="shanghai", gas_limit=30_000_000, time=start)


def network(name: str, cmd: str, **settings: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": f"{cmd.split()[0]} of this checkout",
        "cmd": cmd,
        "host": "http://127.0.0.1",
        "timeout": 120,
        "cmd_settings": {"port": free_port(), "accounts": 20, "mnemonic": MNEMONIC, **settings},
    }


def networks() -> list[dict[str, Any]]:
    return [anvil("development"), anvil("anvil-local"), ganache("ganache-local")]


def main() -> None:
    extend_search_path()
    clear_stale_build(ROOT)
    # Brownie warns of its own calls
    warnings.filterwarnings("ignore", r"rpc\.\w+ should not be called directly", FutureWarning)
    from brownie._config import CONFIG

    CONFIG.networks.update({network["id"]: network for network in networks()})
    from brownie._cli.__main__ import main as brownie

    brownie()


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    main()
