"""The core stays pure: no chain, store, network, clock, chance or file in it, and no float. Imports of the
whole package run one way.

This reads the syntax of every core module, so that a forbidden import fails the build even
where no test reaches it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "paripassu"
CORE = (
    "events",
    "identifiers",
    "invariants",
    "lots",
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


def imports(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Which modules each module imports when it is imported itself, those for types alone included.

    Imports within functions run later and bind nothing together, so they are left out.
    """
    found: dict[str, set[str]] = {}
    for name, source in sources.items():
        waiting: list[ast.AST] = [ast.parse(source)]
        targets: set[str] = set()
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named = inner & sources.keys()
                targets |= named if named == inner else {*named, str(node.module)}
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                waiting += ast.iter_child_nodes(node)
        found[name] = targets & sources.keys()
    return found


def circle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other, in their order; none where there is no circle."""
    try:
        TopologicalSorter(imports(sources)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def package_sources() -> dict[str, str]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def test_no_modules_import_each_other() -> None:
    sources = package_sources()
    assert len(sources) > 200
    assert sum(map(len, imports(sources).values())) > 1_000
    assert circle(sources) == []


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("import p.b", True),
        ("from p.b import x", True),
        ("from p import b", True),
        ("class C:\n    from p.b import x", True),
        ("if TYPE_CHECKING:\n    from p.b import x", True),
        ("def later():\n    import p.b", False),
        ("from p.c import b", False),
    ],
)
def test_a_circle_of_imports_is_found(first: str, found: bool) -> None:
    sources = {"p": "", "p.a": first, "p.b": "from p.a import y", "p.c": "b = 1"}
    assert bool(circle(sources)) is found
