"""CTL-1: no function of the token moves units past the table of rules and entry points."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from paripassu import artefacts
from paripassu.rules import Restriction

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

TABLE: dict[str, Any] = json.loads(
    (ROOT / "tests" / "vectors" / "denial-matrix.json").read_text(encoding="utf-8")
)
PARTS = ("SecurityToken", "SecurityTokenExtension", "SecurityTokenReadings", "Kernel")


def _type(parameter: dict[str, Any]) -> str:
    name = str(parameter["type"])
    if not name.startswith("tuple"):
        return name
    return f"({','.join(_type(part) for part in parameter['components'])}){name.removeprefix('tuple')}"


def _changing(abi: tuple[dict[str, Any], ...]) -> set[str]:
    return {
        f"{item['name']}({','.join(_type(parameter) for parameter in item['inputs'])})"
        for item in abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }


def _listed() -> set[str]:
    return {entry["function"] for entry in TABLE["entries"]} | set(TABLE["moves_nothing"])


@pytest.mark.parametrize("part", PARTS)
def test_ctl_1_every_function_that_changes_state_has_a_row_or_a_reason(part: str) -> None:
    missing = _changing(artefacts.load(part).abi) - _listed()
    assert not missing, f"neither in the denial matrix nor in what moves nothing: {sorted(missing)}"


def test_ctl_1_the_table_names_no_function_that_there_is_not() -> None:
    functions = set().union(*(_changing(artefacts.load(part).abi) for part in PARTS))
    assert not _listed() - functions - {""}
    assert not {entry["function"] for entry in TABLE["entries"]} & set(TABLE["moves_nothing"])


def test_ctl_1_a_new_entry_point_without_a_row_is_found() -> None:
    added = {"type": "function", "name": "airdrop", "inputs": [{"type": "address[]"}]}
    added["stateMutability"] = "nonpayable"
    assert _changing((added,)) - _listed() == {"airdrop(address[])"}


def test_ctl_1_every_code_is_broken_somewhere_and_every_exception_names_a_condition() -> None:
    conditions = {item["name"]: item["code"] for item in TABLE["conditions"]}
    assert set(conditions.values()) == {int(item) for item in Restriction if item}
    assert {code for entry in TABLE["entries"] for code in entry["codes"]} == set(conditions.values())
    for entry in TABLE["entries"]:
        assert set(entry["spared"]) | set(entry["unasked"]) | set(entry["never"]) <= conditions.keys()
        # what a rule does not say to an entry point needs no exception
        assert {conditions[name] for name in entry["spared"]} <= set(entry["codes"]), entry["name"]


def test_ctl_1_the_documentation_shows_the_table() -> None:
    import denial_matrix

    assert denial_matrix.PAGE.read_text(encoding="utf-8") == denial_matrix.page()
