"""For all tests under pytest: interrupts, and how files are spread over several processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

import pytest
from xdist.scheduler import LoadScopeScheduling

from paripassu.testing.postgres import PostgresServer, running_postgres

PYREVM_BUILDS = ((3, 11), (3, 12))
"""Versions of Python for which pyrevm, which runs contracts in process, is published."""


def pyrevm_is_due(environ: Mapping[str, str], version: tuple[int, int]) -> bool:
    """Whether a missing pyrevm would hide a gap: what needs it is skipped only where it cannot be had,
    and never in continuous integration."""
    return bool(environ.get("CI")) or version in PYREVM_BUILDS


if find_spec("pyrevm") is None and pyrevm_is_due(os.environ, sys.version_info[:2]):
    raise pytest.UsageError(
        "pyrevm is missing, and with it every test that runs contracts in process: "
        "run `make setup` with Python 3.11 or 3.12, which the whole suite needs."
    )

# A shell that starts us in the background leaves interrupts ignored, and our children inherit
# that; tests that interrupt a process mean one that a person started at a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

BY_HAND = tuple(f"tests/acceptance/test_{name}.py" for name in ("bad_input", "demo", "operator"))
"""Files that share the stages of acceptance/conftest.py: apart, each would go through them anew."""

LONGEST = (
    *BY_HAND,
    "tests/integration/test_controls.py",
    "tests/acceptance/test_controls.py",
    "tests/acceptance/test_upkeep.py",
    "tests/integration/test_versions.py",
    "tests/acceptance/test_quotas.py",
    "tests/integration/test_deploy.py",
    "tests/integration/test_decisions.py",
    "tests/integration/test_quotas.py",
    "tests/integration/test_bridge_books.py",
    "tests/integration/test_bridge_chains.py",
    "tests/integration/test_many_relayers.py",
    "tests/integration/test_brownie_project.py",
    "tests/acceptance/test_securities.py",
    "tests/property/test_rules_differential.py",
)
"""Files that take longest, in the order of what they take; all else comes after them."""


class WholeFiles(LoadScopeScheduling):
    """One file is one piece of work for one process, as with `--dist loadfile`; so are those of `BY_HAND`."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "by hand" if file in BY_HAND else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> WholeFiles | None:
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # by the number of tests, which says little of what they take
    return WholeFiles(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files are spread over processes the longest begin, so that all processes end together."""
    if hasattr(config, "workerinput"):
        rank = {file: number for number, file in enumerate(LONGEST)}
        items.sort(key=lambda item: rank.get(item.nodeid.split("::", 1)[0], len(LONGEST)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; each test asks it for databases of its own."""
    with running_postgres() as server:
        yield server
