"""The core stays pure: no chain, store, network, clock, chance or file in it, and no float.

This reads the syntax of every core module, so that a forbidden import fails the build even
where no test reaches it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "paripassu"
CORE = (
    "events",
    "identifiers",
    "invariants",
    "messages",
    "rules",
    "acts.py",
    "canonical.py",
    "commands.py",
    "controls.py",
    "custody.py",
    "entitlements.py",
    "errors.py",
    "keycontrol.py",
    "merkle.py",
    "quantities.py",
    "securities.py",
)
FORBIDDEN = {
    "aiohttp", "alembic", "asyncio", "eth_account", "httpx", "io", "logging", "os", "pathlib", "random",
    "requests", "secrets", "shutil", "socket", "sqlalchemy", "sqlite3", "subprocess", "tempfile", "threading",
    "time", "tomllib", "urllib", "uuid", "web3", "zoneinfo",
}  # fmt: skip
ALLOWED_OWN = {Path(name).stem for name in CORE}
FORBIDDEN_CALLS = {"open", "float", "input", "print", "eval", "exec", "__import__"}
FORBIDDEN_METHODS = {"now", "utcnow", "today", "fromtimestamp"}


def modules() -> list[Path]:
    found: list[Path] = []
    for name in CORE:
        path = PACKAGE / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def impurities(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [
                f"imports {alias.name}" for alias in node.names if alias.name.split(".")[0] in FORBIDDEN
            ]
        elif isinstance(node, ast.ImportFrom):
            root, *rest = (node.module or "").split(".")
            foreign = root == "paripassu" and (not rest or rest[0] not in ALLOWED_OWN)
            if root in FORBIDDEN or foreign or node.level:
                found.append(f"imports from {'.' * node.level}{node.module}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            found.append(f"holds the float {node.value}")
        elif isinstance(node, ast.Div):
            found.append("divides with /")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append(f"calls {node.func.id}()")
            if isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_METHODS:
                found.append(f"calls .{node.func.attr}()")
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_module_is_pure(module: Path) -> None:
    assert impurities(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import web3",
        "import os.path",
        "from sqlalchemy import select",
        "from paripassu.config import load_network",
        "from paripassu import ledgers",
        "from . import sibling",
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import date\nx = date.today()",
        "x = 0.1",
        "x = float('1')",
        "x = 1 / 3",
        "open('file')",
    ],
)
def test_the_check_finds_each_kind_of_impurity(source: str) -> None:
    assert impurities(source)


def test_the_check_sees_the_whole_core() -> None:
    assert len(modules()) >= 20
    assert all(module.is_file() for module in modules())
