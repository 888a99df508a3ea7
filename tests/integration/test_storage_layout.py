"""An upgrade finds every value where it was stored: layouts only ever grow at their end (VER-7)."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paripassu.artefacts import names
from paripassu.identifiers import keccak256
from paripassu.ledgers.evm.contracts import parts_of

ROOT = Path(__file__).resolve().parents[2]
Layout = dict[str, Any]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import storage_layout
    finally:
        sys.path.pop(0)
    module: ModuleType = storage_layout
    return module


@pytest.fixture(scope="module")
def snapshot(tool: ModuleType) -> Layout:
    layout: Layout = json.loads(tool.SNAPSHOT.read_text(encoding="utf-8"))
    return layout


@pytest.fixture
def sample() -> Layout:
    return {
        "Vault": {
            "namespaces": {"erc7201:sample": ["owner address", "entries mapping(address => struct Entry)"]},
            "structs": {
                "Entry": {"members": ["units uint64", "since uint64"], "appendable": True},
                "Line": {"members": ["units uint64"], "appendable": False},
                "Word": {"members": ["uint256", "bits 0-63 balance", "FROZEN = 1"], "packed": True},
            },
            "slots": [],
        }
    }


def test_ver_7_contracts_store_as_the_snapshot_says(tool: ModuleType) -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "storage_layout.py"), "--check"], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def _namespace(layout: Layout) -> list[str]:
    members: list[str] = layout["Vault"]["namespaces"]["erc7201:sample"]
    return members


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda now: _namespace(now).reverse(), "'owner address' became 'entries mapping"),
        (lambda now: _namespace(now).pop(), "was removed"),
        (lambda now: _namespace(now).insert(1, "fee uint64"), "became 'fee uint64'"),
        (lambda now: _namespace(now).__setitem__(0, "owner bytes32"), "became 'owner bytes32'"),
        (lambda now: _namespace(now).__setitem__(0, "keeper address"), "became 'keeper address'"),
        (lambda now: now["Vault"]["namespaces"].clear(), "namespace erc7201:sample is gone"),
        (lambda now: now["Vault"]["slots"].append("x"), ""),
        (lambda now: now["Vault"]["structs"]["Entry"]["members"].reverse(), "Entry: 'units uint64' became"),
        (lambda now: now["Vault"]["structs"]["Line"]["members"].append("x bool"), "stored right behind"),
        (lambda now: now["Vault"]["structs"]["Word"]["members"].pop(), "'FROZEN = 1' is no longer stated"),
        (lambda now: now["Vault"]["structs"]["Word"]["members"].insert(1, "LOTS = 4"), ""),
        (lambda now: now.pop("Vault"), "is gone"),
        (lambda now: _namespace(now).append("fee uint64"), ""),
        (lambda now: now["Vault"]["structs"]["Entry"]["members"].append("fee uint64"), ""),
        (lambda now: now.update(Novelty=now["Vault"]), ""),
    ],
)  # fmt: skip
def test_ver_7_only_an_append_passes(
    tool: ModuleType, sample: Layout, change: Callable[[Layout], object], sentence: str
) -> None:
    now = copy.deepcopy(sample)
    change(now)
    found = tool.breaks(sample, now)
    assert bool(found) == bool(sentence), found
    assert all(sentence in line for line in found)


def test_ver_7_parts_of_one_contract_agree_on_a_namespace(tool: ModuleType, sample: Layout) -> None:
    sample["Extension"] = copy.deepcopy(sample["Vault"])
    assert tool.disagreements(sample) == []
    sample["Extension"]["namespaces"]["erc7201:sample"].append("fee uint64")
    assert tool.disagreements(sample) == ["Extension: erc7201:sample is not laid out as in Vault"]


def test_ver_7_the_tool_refuses_to_write_a_break_unless_the_contract_is_unreleased(
    tool: ModuleType, snapshot: Layout, tmp_path: Path
) -> None:
    broken = copy.deepcopy(snapshot)
    name, members = next(
        (name, members)
        for name in broken
        for members in broken[name]["namespaces"].values()
        if len(members) > 1
    )
    members.reverse()
    place = tmp_path / "layout.json"
    place.write_text(tool.written(broken))
    command = [sys.executable, str(ROOT / "tools" / "storage_layout.py"), "--snapshot", str(place)]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert f"{name}: " in refused.stderr
    assert "VER-7" in refused.stderr
    assert json.loads(place.read_text()) == broken
    assert subprocess.run([*command, "--unreleased", name], capture_output=True).returncode == 0
    assert json.loads(place.read_text()) == snapshot


def test_ver_7_an_append_must_be_taken_into_the_snapshot(
    tool: ModuleType, snapshot: Layout, tmp_path: Path
) -> None:
    older = copy.deepcopy(snapshot)
    longest = max((members for entry in older.values() for members in entry["namespaces"].values()), key=len)
    holders = [
        entry["namespaces"][key]
        for entry in older.values()
        for key in entry["namespaces"]
        if entry["namespaces"][key] == longest
    ]
    for members in holders:
        if members is not longest:
            members.pop()
    longest.pop()
    place = tmp_path / "layout.json"
    place.write_text(tool.written(older))
    command = [sys.executable, str(ROOT / "tools" / "storage_layout.py"), "--snapshot", str(place)]
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True)
    assert checked.returncode == 1
    assert "make storage-layout" in checked.stderr
    assert subprocess.run(command).returncode == 0
    assert json.loads(place.read_text()) == snapshot


def test_ver_7_nothing_of_an_upgradeable_contract_is_outside_of_a_namespace(snapshot: Layout) -> None:
    # what has no storage at all is not in the snapshot
    upgradeable = {name for name in names() if "Kernel" in parts_of(name)} | {"SecurityTokenExtension"}
    assert {"SecurityToken", "TokenBridge"} <= upgradeable
    assert [name for name in sorted(upgradeable) if snapshot.get(name, {}).get("slots")] == []


def test_ver_7_namespaces_start_where_erc_7201_says(snapshot: Layout) -> None:
    literals = {
        literal.lower()
        for path in (ROOT / "contracts").rglob("*.sol")
        for literal in re.findall(r"0x[0-9a-fA-F]{64}", path.read_text(encoding="utf-8"))
    }
    ours = {
        namespace.removeprefix("erc7201:")
        for layout in snapshot.values()
        for namespace in layout["namespaces"]
        if "paripassu" in namespace
    }
    assert ours
    for namespace in sorted(ours):
        inner = int.from_bytes(keccak256(namespace.encode()), "big") - 1
        slot = int.from_bytes(keccak256(inner.to_bytes(32, "big")), "big") & ~0xFF
        assert f"0x{slot:064x}" in literals, namespace
