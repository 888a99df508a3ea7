"""The launcher that speaks native solc's command line over npm's compiler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "tools" / "solc" / "solc.js"
SOURCE = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;
import {Base} from "lib/Base.sol";
contract Child is Base { function who() external view returns (address) { return msg.sender; } }
"""
BASE = (
    "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.30;\nabstract contract Base { uint256 a; }\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "Base.sol").write_text(BASE)
    (tmp_path / "Child.sol").write_text(SOURCE)
    return tmp_path


def solc(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    assert node is not None
    return subprocess.run(
        [node, str(LAUNCHER), *arguments],
        cwd=folder,
        env={**os.environ, "PARI_SOLC_CACHE": str(folder / "cache")},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_names_itself_as_the_pinned_native_compiler_would(folder: Path) -> None:
    for _ in range(2):
        assert "Version: 0.8.30+commit.73712a01.Linux.g++" in solc(folder, "--version").stdout


def test_file_mode_resolves_imports_and_prints_combined_json(folder: Path) -> None:
    answer = json.loads(solc(folder, "--combined-json", "abi,bin,ast", "Child.sol").stdout)
    assert answer["contracts"]["Child.sol:Child"]["abi"][0]["name"] == "who"
    assert answer["sourceList"] == ["Child.sol", "lib/Base.sol"]


def test_built_in_symbols_have_the_negative_ids_of_the_native_compiler(folder: Path) -> None:
    printed = solc(folder, "--combined-json", "ast", "Child.sol").stdout
    assert '"referencedDeclaration":-15' in printed
    assert "42949672" not in printed


def test_standard_json_reads_sources_by_url_and_by_content(folder: Path) -> None:
    request = {
        "language": "Solidity",
        "sources": {"Child.sol": {"urls": ["Child.sol"]}, "lib/Base.sol": {"content": BASE}},
        "settings": {"evmVersion": "paris", "outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }
    first = solc(folder, "--standard-json", given=json.dumps(request))
    again = solc(folder, "--standard-json", given=json.dumps(request))
    assert json.loads(first.stdout)["contracts"]["Child.sol"]["Child"]["evm"]["bytecode"]["object"]
    assert again.stdout == first.stdout


def test_an_answer_that_read_files_of_its_own_is_never_taken_from_the_cache(folder: Path) -> None:
    request = {
        "language": "Solidity",
        "sources": {"Child.sol": {"content": SOURCE}},
        "settings": {"outputSelection": {"*": {"*": ["storageLayout"]}}},
    }
    before = solc(folder, "--standard-json", given=json.dumps(request)).stdout
    (folder / "lib" / "Base.sol").write_text(BASE.replace("uint256 a", "uint256 a; uint256 b"))
    after = solc(folder, "--standard-json", given=json.dumps(request)).stdout
    assert '"label":"b"' not in before
    assert '"label":"b"' in after


def test_what_does_not_compile_is_told_on_standard_error_with_status_1(folder: Path) -> None:
    ran = solc(folder, "--bin", "-", given="contract {")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ParserError" in ran.stderr


def test_an_unknown_option_is_refused_in_the_words_that_py_solc_x_reads(folder: Path) -> None:
    ran = solc(folder, "--no-such-option")
    assert ran.returncode == 2
    assert ran.stderr == "unrecognised option '--no-such-option'\n"


def test_every_python_of_the_environment_finds_the_compiler_without_being_told() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SOLCX_BINARY_PATH"}
    probe = "import solcx; print(*solcx.get_installed_solc_versions())"
    shown = subprocess.run(
        [sys.executable, "-c", probe], env=environment, check=True, capture_output=True, text=True
    )
    assert "0.8.30" in shown.stdout.split()
