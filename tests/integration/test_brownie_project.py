"""Brownie from a clean clone after set-up: compile, run and console, for a user new to the machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWNIE = Path(sys.prefix) / "bin" / "brownie"


@pytest.fixture(scope="module")
def home_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which Brownie has never run."""
    return tmp_path_factory.mktemp("home")


def brownie(home_folder: Path, *arguments: str, typed: str | None = None) -> str:
    """What Brownie prints; fails unless its exit status is 0."""
    ran = subprocess.run(
        [BROWNIE, *arguments],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home_folder)},
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_brownie_compiles_the_contracts(home_folder: Path) -> None:
    brownie(home_folder, "compile")
    assert (ROOT / "build" / "contracts" / "SecurityToken.json").is_file()


def test_brownie_compiles_after_a_contract_was_removed_that_another_one_was_built_on(
    home_folder: Path,
) -> None:
    """The token was built on a contract that is gone, and which had its turn been built on a changed one."""
    brownie(home_folder, "compile")
    built = ROOT / "build" / "contracts"
    retired, token, changed = (built / f"{name}.json" for name in ("Retired", "SecurityToken", "CheckDigits"))
    artefact = json.loads(token.read_text("utf-8"))
    old = {**artefact, "contractName": "Retired", "sourcePath": "contracts/token/Retired.sol"}
    retired.write_text(json.dumps({**old, "dependencies": ["CheckDigits"]}), "utf-8")
    former = {**artefact, "dependencies": [*artefact["dependencies"], "Retired"]}
    token.write_text(json.dumps(former), "utf-8")
    changed.write_text(json.dumps({**json.loads(changed.read_text("utf-8")), "sha1": "another one"}), "utf-8")
    brownie(home_folder, "compile")
    assert not retired.exists()
    assert "Retired" not in json.loads(token.read_text("utf-8"))["dependencies"]


@pytest.mark.parametrize("network", ["development", "ganache-local"])
def test_brownie_runs_the_dividend_script_which_pays_each_holder_once(
    home_folder: Path, network: str
) -> None:
    shown = brownie(home_folder, "run", "dividend", "--network", network)
    assert "3 accounts paid, 0 paid again" in shown
    assert len(re.findall(r"holder_\w+ +[\d,]+\.\d\d EUR", shown)) == 3


def test_brownie_runs_the_issue_script_which_refuses_a_stranger(home_folder: Path) -> None:
    assert "stranger   refused: 5" in brownie(home_folder, "run", "issue")


def test_brownie_console_deploys_the_suite(home_folder: Path) -> None:
    typed = "s = run('deploy')\nprint('version', s.token.version())\nexit()\n"
    assert "version 1.0.0" in brownie(home_folder, "console", typed=typed)
