"""What the package ships is what the sources compile to, and the wheel carries it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from paripassu import artefacts
from paripassu.errors import ArtefactUnknown
from paripassu.identifiers import keccak256

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))  # as for the script, which imports its neighbour
    spec = importlib.util.spec_from_file_location("build_artefacts", ROOT / "tools" / "build_artefacts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def compiled(builder: ModuleType) -> dict[str, str]:
    files: dict[str, str] = builder.artefacts()
    return files


def test_artefacts_come_from_the_sources(builder: ModuleType, compiled: dict[str, str]) -> None:
    assert builder.differences(compiled) == []


def test_the_check_names_what_is_changed_missing_and_orphaned(
    builder: ModuleType, compiled: dict[str, str]
) -> None:
    touched = dict(compiled)
    touched["SecurityToken.json"] = touched["SecurityToken.json"].replace("60806040", "60806041", 1)
    touched["Novelty.json"] = touched.pop("CashToken.json")
    assert builder.differences(touched) == [
        "CashToken.json: has no source",
        "Novelty.json: not in the package",
        "SecurityToken.json: differs from its source",
    ]


def test_compiling_twice_gives_the_same_bytes(builder: ModuleType, compiled: dict[str, str]) -> None:
    assert builder.artefacts() == compiled


def test_every_artefact_records_how_it_was_compiled(builder: ModuleType, compiled: dict[str, str]) -> None:
    for name, text in compiled.items():
        profile = builder.profile_of(name.removesuffix(".json"))
        assert json.loads(text)["compiler"]["settings"] == builder.settings(profile), name
    assert not builder.settings(builder.HOT).get("viaIR")
    assert builder.settings(builder.SMALL_IR)["viaIR"]
    assert {f"{name}.json" for name in builder.PROFILES} <= compiled.keys(), "a profile of no contract"


def test_no_artefact_names_a_folder_of_this_machine(compiled: dict[str, str]) -> None:
    for name, text in compiled.items():
        assert str(ROOT) not in text, name
        assert "node_modules" not in text, name


@pytest.mark.parametrize("name", artefacts.names())
def test_an_artefact_loads_whole_and_its_code_hash_is_of_its_code(name: str) -> None:
    artefact = artefacts.load(name)
    assert artefact.name == name
    assert artefact.code_hash == keccak256(artefact.code)
    assert len(artefact.code) <= 24_576, "EIP-170: no chain would take it"
    assert artefact.compiler.startswith("0.8.30+commit.73712a01")


def test_ver_1_the_code_hash_on_a_chain_follows_from_artefact_and_immutables() -> None:
    registry = artefacts.load("HolderRegistry")
    values = {name: bytes([number]) * 20 for number, name in enumerate(registry.immutables, 1)}
    assert {"AUTHORITY", "APPROVALS"} <= values.keys()
    code = registry.code_with(values)
    assert registry.values_in(code) == {name: value.rjust(32, b"\0") for name, value in values.items()}
    assert registry.code_hash_with(values) == keccak256(code) != registry.code_hash
    assert registry.code_hash_with(dict.fromkeys(values, b"")) == registry.code_hash
    assert registry.values_in(code[:-1] + b"\xff") is None
    proxy = artefacts.load("ERC1967Proxy")
    assert proxy.code_hash_with({}) == proxy.code_hash


def test_code_whose_immutables_are_not_all_known_is_not_guessed() -> None:
    registry = artefacts.load("HolderRegistry")
    with pytest.raises(ArtefactUnknown, match="without a value for A"):
        registry.code_with({})
    with pytest.raises(ArtefactUnknown, match="has 33 bytes"):
        registry.code_with(dict.fromkeys(registry.immutables, bytes(33)))


def test_a_tag_that_says_something_else_than_the_modifier_stops_the_build(
    builder: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = builder.sources()
    name = "contracts/bridge/Quorum.sol"
    texts[name] = texts[name].replace("access-control BRIDGE_OPERATOR", "access-control TOKENIZER")
    monkeypatch.setattr(builder, "sources", lambda: texts)
    with pytest.raises(SystemExit, match=r"Gateway\.appoint.*'TOKENIZER', the modifier 'BRIDGE_OPERATOR'"):
        builder.artefacts()


def test_every_versioned_contract_has_its_tag_in_its_artefact() -> None:
    versions = {name: artefacts.load(name).version for name in artefacts.names()}
    assert versions["SecurityToken"] == 1 << 16
    assert versions["AccessManager"] is None


def test_storage_layouts_show_our_namespaced_structs() -> None:
    layout = artefacts.load("SecurityToken").storage_layout
    assert layout is not None
    assert any("paripassu" in namespace for namespace in layout["namespaces"])
    assert layout["slots"] == [], "state outside a namespace could collide in an upgrade"


def test_an_unknown_contract_is_refused_with_the_known_names() -> None:
    with pytest.raises(ArtefactUnknown, match="SecurityToken"):
        artefacts.load("SecurityTokn")


def test_the_wheel_carries_artefacts_and_typing_marker_and_needs_no_compiler(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    assert {f"paripassu/artefacts/{name}.json" for name in artefacts.names()} <= set(inside)
    assert "paripassu/py.typed" in inside
    assert not [name for name in inside if name.startswith(("tests/", "contracts/", "tools/"))]
    probe = "from paripassu import artefacts; print(artefacts.__file__, artefacts.load('SecurityToken').name)"
    shown = subprocess.run(
        [sys.executable, "-c", probe],
        env={**os.environ, "PYTHONPATH": str(wheel), "SOLCX_BINARY_PATH": str(tmp_path / "none")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.startswith(str(wheel))
    assert shown.stdout.endswith("SecurityToken\n")
