"""Mutation testing of the pure core: which small faults would the tests not notice?

    python tools/mutate_python.py                            all modules; bench/results/mutation.json
    python tools/mutate_python.py --modules rules            some of them
    python tools/mutate_python.py --modules rules --again    the survivors of the last run
    python tools/mutate_python.py --modules rules --list     show the mutants, run nothing

A mutant is killed when a test of its module fails with it or takes far too long, or when mypy refuses
what the quickest tests do not. Each one runs in a process of its own, which reads the mutant in place of the
module; no file is changed. Mutants that no test can tell from the module are named, with the reason, in
tools/equivalent_mutants.toml. Opt-in: the whole run takes an hour.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import inspect
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import Phase, settings
from python_mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "paripassu"
RESULTS = ROOT / "bench" / "results" / "mutation.json"
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.toml"
SECONDS = 10
"""Processor time that one mutant may take: the tests of a module take a fifth of it at most."""

HYPOTHESIS = "_hypothesis_internal_use_settings"
FEWER = partial(
    settings, max_examples=80, database=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
"""Fewer random examples than in the suite: a mutant that needs more wants a test of its own."""

KILLED, TYPES = 70, 71
"""Exit statuses of a child: a test failed, or mypy refuses the mutant."""

JUDGES = {
    "rules": "unit/test_rules property/test_rule_properties",
    "quantities": "unit/test_quantities unit/test_entitlements",
    "custody": "unit/test_custody unit/test_vectors",
    "controls": "unit/test_control_calls unit/test_book_controls",
    "acts": "unit/test_control_calls unit/test_book_controls",
    "entitlements": "unit/test_entitlements unit/test_vectors property/test_entitlement_properties",
    "keycontrol": "unit/test_keycontrol",
    "merkle": "unit/test_merkle unit/test_vectors",
    "messages": "unit/test_messages unit/test_vectors",
    "invariants": "unit/test_invariants",
}
"""Modules, or packages of modules, of the core, and the tests that judge them, quick ones first."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the pure core.")
    parser.add_argument(
        "--modules", nargs="+", default=list(JUDGES), metavar="NAME", help="rules, rules/apply …"
    )
    parser.add_argument("--again", action="store_true", help="only what survived the last run")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    arguments = parser.parse_args()
    judges: list[str] = []
    for path in (path for name in arguments.modules for path in sources(name)):
        found = list(mutants(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        if arguments.list:
            for mutant in found:
                print(f"{mutant.path}:{mutant.line} {mutant.function}: {mutant.before} → {mutant.after}")
        elif found:
            before, judges = judges, judges_of(path)
            if judges != before and not sound(judges):
                print(f"{judges}: some fail, or take too long, without any mutant", file=sys.stderr)
                return 1
            judged(found, judges, arguments.again, arguments.jobs)
    return 0


def sources(name: str) -> list[Path]:
    """A module, or each module of a package."""
    place = PACKAGE / name
    return sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def judges_of(path: Path) -> list[str]:
    return [f"tests/{test}.py" for test in JUDGES[name_of(path).split("/")[0]].split()]


def sound(tests: list[str]) -> bool:
    """Whether the tests pass in time without a mutant."""
    preload(tests)
    return tried([None], tests, 1) == ["survived"]


def judged(found: list[Mutant], tests: list[str], again: bool, jobs: int) -> None:
    """Try the mutants of one module and write the results."""
    name = name_of(ROOT / found[0].path)
    named = {key(entry) for entry in tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]}
    last = {key(entry) for entry in results().get(name, {}).get("survivors", [])}
    words = {}
    for mutant in found:
        identity = (mutant.path, mutant.function, mutant.before, mutant.after)
        if identity in named:
            words[mutant] = "equivalent"
        elif again and identity not in last:
            words[mutant] = "killed before"
    rest = [mutant for mutant in found if mutant not in words]
    words |= dict(zip(rest, tried(rest, tests, jobs), strict=True))
    written(name, tests, [(mutant, words[mutant]) for mutant in found])


def key(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    """What a mutant goes by: no line, which moves with every other change."""
    return entry["path"], entry["function"], entry["before"], entry["after"]


# ------------------------------------------------------------------ one mutant


class _Changed(SourceFileLoader):
    """Loads the mutant's source in place of the file's."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds one module in a mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self.path = str(ROOT / mutant.path)
        parts = Path(mutant.path).with_suffix("").parts[1:]
        self.fullname = ".".join(parts)
        self.source = mutant.source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self.fullname:
            return None
        loader = _Changed(fullname, self.path, self.source)
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


def preload(tests: list[str]) -> None:
    """Import once what the tests need; ours is forgotten, to be imported anew with each mutant."""
    pytest.main(["-q", "-q", "--collect-only", *plain(tests)])
    for name in [name for name in sys.modules if name.split(".")[0] in ("paripassu", "tests")]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()


def plain(tests: list[str]) -> list[str]:
    """Arguments for pytest, without plug-ins that cost time, import our package, or remember runs."""
    without = [f"-pno:{name}" for name in ("paripassu", "cacheprovider", "xdist", "asyncio", "logging")]
    without = [item for item in without if "asyncio" not in item or not needs_loop(tests)]
    return ["-x", "-q", "--no-header", "--hypothesis-seed=0", f"--rootdir={ROOT}", *without, *tests]


def needs_loop(tests: list[str]) -> bool:
    return any("async def test_" in (ROOT / test).read_text(encoding="utf-8") for test in tests)


def tried(chosen: Sequence[Mutant | None], tests: list[str], jobs: int) -> list[str]:
    """What became of each: `killed`, `killed by time`, `types` or `survived`; None is no mutant."""
    words: dict[int, str] = {}
    running: dict[int, int] = {}
    while len(words) < len(chosen):
        started = len(words) + len(running)
        if started < len(chosen) and len(running) < jobs:
            running[child_of(chosen[started], tests)] = started
            continue
        child, status = os.wait()
        number = running.pop(child)
        exited = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        words[number] = {None: "killed by time", 0: "survived", TYPES: "types"}.get(exited, "killed")
        mutant = chosen[number]
        if mutant is not None:
            where, change = f"{mutant.path}:{mutant.line}", f"{mutant.before} → {mutant.after}"
            print(f"{len(words)}/{len(chosen)} {words[number]} {where}: {change}", flush=True)
    return [words[number] for number in range(len(chosen))]


def child_of(mutant: Mutant | None, tests: list[str]) -> int:
    """A child process that runs the tests with the mutant; its exit status says what became of it."""
    child = os.fork()
    if child:
        return child
    status = KILLED
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant))  # type: ignore[arg-type]
        left = left_over(tests[0])
        if mutant is not None and refused_by_types(mutant):
            status = TYPES
        else:
            left += [test for name in tests[1:] for test in left_over(name)]
            status = int(pytest.main(plain(left))) if left else 0
    finally:
        os._exit(status)


def left_over(name: str) -> list[str]:
    """Run the tests of a module that need no fixture, without pytest, which takes longer to start than
    they take; the names of the others. Raises what a failing test raises."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    left = []
    for test, function in vars(module).items():
        if not test.startswith("test_"):
            continue
        marks = getattr(function, "pytestmark", [])
        sets = [named_values(mark) for mark in marks if mark.name == "parametrize"]
        filled = {argument for values in sets for argument in values[0]}
        if inspect.iscoroutinefunction(function) or set(inspect.signature(function).parameters) - filled:
            left.append(f"{name}::{test}")
            continue
        if hasattr(function, HYPOTHESIS):
            setattr(function, HYPOTHESIS, FEWER(getattr(function, HYPOTHESIS)))
        for chosen in itertools.product(*sets):
            function(**{argument: value for values in chosen for argument, value in values.items()})
    return left


def named_values(mark: pytest.Mark) -> list[dict[str, Any]]:
    """Arguments of each case of a parametrized test."""
    names, cases = mark.args[:2]
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    values = [case.values if isinstance(case, ParameterSet) else case for case in cases]
    return [dict(zip(names, value if len(names) > 1 else (value,), strict=True)) for value in values]


def refused_by_types(mutant: Mutant) -> bool:
    """Whether mypy, as strict as in `make test`, refuses the mutant."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as shadow:
        shadow.write(mutant.source)
        shadow.flush()
        cache = f"--cache-dir={ROOT / 'build' / 'mutation-mypy'}"
        arguments = ["--strict", cache, "--shadow-file", mutant.path, shadow.name, mutant.path]
        command = [sys.executable, "-m", "mypy", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0


# ------------------------------------------------------------------ results


def results() -> dict[str, Any]:
    """What the last runs said of each name."""
    report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    modules: dict[str, Any] = report.get("python", {}).get("modules", {})
    return modules


def written(name: str, tests: list[str], outcomes: list[tuple[Mutant, str]]) -> None:
    """Put the figures and survivors of one name into the results, and add all names up."""
    words = [word for _, word in outcomes]
    types = words.count("types")
    if "killed before" in words:
        types += results()[name]["of_these_by_types"]
    figures: dict[str, Any] = {
        "mutants": len(words),
        "killed": len(words) - words.count("equivalent") - words.count("survived"),
        "of_these_by_types": types,
        "equivalent": words.count("equivalent"),
        "survived": words.count("survived"),
    }
    fields = ("path", "line", "function", "before", "after")
    survivors = [mutant for mutant, word in outcomes if word == "survived"]
    modules = results() | {
        name: figures
        | {"tests": tests}
        | {"survivors": [{field: getattr(mutant, field) for field in fields} for mutant in survivors]}
    }
    totals = {figure: sum(module[figure] for module in modules.values()) for figure in figures}
    report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    report["python"] = totals | {"modules": dict(sorted(modules.items()))}
    RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    possible = len(words) - figures["equivalent"]
    print(f"{name}: {figures['killed']} of {possible} killed, {figures['survived']} survive", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    raise SystemExit(main())
