"""What lock files and the checkout must not say, and what the tests must not pass over."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.+!-]+", line)] == []


@pytest.mark.parametrize(
    "lock",
    [path for below in ("", "*/", "tools/*/") for path in sorted(ROOT.glob(f"{below}package-lock.json"))],
)
def test_npm_lock_files_name_no_address_to_fetch_from(lock: Path) -> None:
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_package_versions_are_exact() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == set()


def test_a_private_key_in_a_file_is_found_and_not_printed(tmp_path: Path) -> None:
    key = "5e" * 32
    (tmp_path / "settings.py").write_text(f'x = 1\nPRIVATE_KEY = "0x{key}"\n')
    (tmp_path / "clean.py").write_text(f'TOPIC = "0x{key}"\n')
    command = [sys.executable, str(ROOT / "tools" / "check_secrets.py"), "settings.py", "clean.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr == "settings.py:2: a private key in hex\n"


@pytest.fixture
def hidden_pyrevm(tmp_path: Path) -> Path:
    """A folder that, on the module path, lets Python find no pyrevm."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'pyrevm' else find(name, *rest)\n"
    )
    return tmp_path


def test_a_missing_pyrevm_stops_the_tests_where_it_could_be_had(hidden_pyrevm: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(hidden_pyrevm), "CI": "true"}
    command = [sys.executable, "-m", "pytest", "--collect-only", "tests/unit/test_merkle.py"]
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "pyrevm is missing" in ran.stderr


@pytest.mark.parametrize(
    ("environ", "version", "due"),
    [
        ({}, (3, 11), True),
        ({}, (3, 12), True),
        ({}, (3, 13), False),
        ({"CI": ""}, (3, 13), False),
        ({"CI": "true"}, (3, 13), True),
    ],
)
def test_pyrevm_may_be_missing_only_where_there_is_no_build_of_it(
    request: pytest.FixtureRequest, environ: dict[str, str], version: tuple[int, int], due: bool
) -> None:
    conftest: Any = request.config.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    assert conftest.pyrevm_is_due(environ, version) is due
