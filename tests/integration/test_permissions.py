"""docs/permissions.md is what the chain does: strangers and other roles are refused (ID-7, CTL-12)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("pyrevm", reason="has no build for this Python")

from paripassu import artefacts
from paripassu.deploy.rights import APPROVED
from paripassu.identifiers import ROLES, keccak256
from paripassu.testing.abi import Arguments, selector, signature
from paripassu.testing.evm import Contract, Reverted, address_of
from paripassu.testing.platform import PARTS, Platform

ROOT = Path(__file__).resolve().parents[2]
REFUSALS = ("Unauthorised", "ApprovalNeeded")
HALVES = ("beforeMovement", "countHolders", "releaseLapsed", "seize")
LANE = bytes(keccak256(b"lane(uint8,uint64)"))[:4] + (1).to_bytes(32, "big") + bytes(32)
ARGUMENTS: dict[str, list[Any]] = {"sendMessage": [b"", b"", [LANE]]}
"""Where the caller is looked at after the arguments, arguments that pass."""

WORDS = {
    "Approvals": ("Unauthorised", "NotOpen"),
    "CustodyRegistry": ("NotServicer",),
    "Gateway": ("LaneClosed", "MalformedAddress", "NotApp", "NotParked"),
    "SecurityTokenExtension": ("PledgeUnknown", "Unauthorised"),
}
"""Own refusals of functions whose right is said in words and which do not name the caller."""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import permissions
    finally:
        sys.path.pop(0)
    module: ModuleType = permissions
    return module


@pytest.fixture(scope="module")
def rows(tool: ModuleType) -> list[Any]:
    found: list[Any] = tool.rows(tool.reasons())
    return found


@pytest.fixture(scope="module")
def platform() -> Platform:
    deployed = Platform()
    deployed.deployed()
    return deployed


def _entry(row: Any) -> dict[str, Any]:
    functions = (entry for entry in artefacts.load(row.contract).abi if entry["type"] == "function")
    return next(entry for entry in functions if signature(entry) == row.function)


def _zero(item: dict[str, Any]) -> Any:
    kind = str(item["type"])
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return tuple(_zero(part) for part in item["components"])
    if kind.startswith(("uint", "int")):
        return 0
    return {"bool": False, "address": "0x" + "00" * 20, "string": ""}.get(kind, b"")


def _answer(platform: Platform, row: Any, sender: object) -> Reverted | None:
    """What a call with zeros for arguments is refused with; nothing stays of it."""
    parts = {part: whole for whole, names in PARTS.items() for part in names}
    parts["Kernel"] = "Gateway"  # one of those that run it
    if row.contract == "Create3Factory":
        return None
    target: Contract = platform[parts.get(row.contract, row.contract)]
    entry = _entry(row)
    values = ARGUMENTS.get(entry["name"], [_zero(item) for item in entry["inputs"]])
    data = selector(entry) + Arguments(entry["inputs"]).encoded(values)
    with platform.chain.undone():
        try:
            platform.chain.transact(target.address, data, sender)
        except Reverted as refused:
            return refused
    return None


def test_ctl_12_the_page_agrees_with_the_contracts(tool: ModuleType, rows: list[Any]) -> None:
    assert tool.disagreements(rows, tool.reasons()) == []
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(rows)
    assert len(rows) > 100


def test_ctl_12_each_role_calls_its_functions_and_no_other_account_does(
    rows: list[Any], platform: Platform
) -> None:
    checked = 0
    for row in (row for row in rows if row.who.lower() in ROLES):
        role = row.who.lower()
        for other in ("stranger", "admin", platform.approvals, *(ROLES.keys() - {role})):
            refused = _answer(platform, row, other)
            assert refused is not None, f"{other} calls {row.function}"
            assert refused.error == "Unauthorised", f"{other} calls {row.function}: {refused}"
            assert refused.arguments[1] == ROLES[role], row.function
            checked += 1
        allowed = _answer(platform, row, role)
        passed = allowed is None or allowed.error not in (*REFUSALS, "Halt")
        assert passed, f"{role} cannot call {row.function}: {allowed}"
    assert checked > 500


def test_ctl_12_approved_acts_come_from_the_approvals_contract_alone(
    rows: list[Any], platform: Platform
) -> None:
    acts = [row for row in rows if row.who == APPROVED]
    assert any("upgradeToAndCall" in row.function for row in acts)
    for row in acts:
        for caller in ("stranger", "admin", *ROLES):
            refused = _answer(platform, row, caller)
            assert refused is not None, f"{caller} calls {row.function}"
            assert (refused.error, refused.arguments) == ("ApprovalNeeded", (address_of(caller),)), row
        allowed = _answer(platform, row, platform.approvals)
        assert allowed is None or allowed.error not in (*REFUSALS, "Halt"), f"{row}: {allowed}"


def test_ctl_12_what_a_contract_or_party_alone_may_call_refuses_a_stranger(
    rows: list[Any], platform: Platform
) -> None:
    others = [row for row in rows if row.who and row.who != APPROVED and row.who.lower() not in ROLES]
    assert others
    for row in others:
        refused = _answer(platform, row, "stranger")
        assert refused is not None, f"a stranger calls {row.contract}.{row.function}, which is for {row.who}"
        own = address_of("stranger") in refused.arguments or refused.error in WORDS.get(row.contract, ())
        assert own, f"{row}: {refused!r}"


def test_ctl_12_what_is_open_asks_nobody_for_a_role(rows: list[Any], platform: Platform) -> None:
    for row in (row for row in rows if row.why_open):
        refused = _answer(platform, row, "stranger")
        assert refused is None or refused.error not in REFUSALS, f"{row}: {refused}"


def test_ctl_12_what_the_halves_of_a_token_ask_of_each_other_is_refused_at_its_address(
    rows: list[Any], platform: Platform
) -> None:
    halves = [row for row in rows if row.function.startswith(tuple(f"{name}(" for name in HALVES))]
    assert len(halves) == len(HALVES)
    for row in halves:
        for caller in ("stranger", "admin", platform.approvals, *ROLES):
            refused = _answer(platform, row, caller)
            assert refused is not None
            assert refused.error == "Internal", f"{caller} calls {row.function}: {refused}"


def test_ctl_12_initialisers_run_once_and_never_on_the_code_itself(
    rows: list[Any], platform: Platform
) -> None:
    for row in (row for row in rows if row.function.startswith("initialize(")):
        refused = _answer(platform, row, "stranger")
        assert refused is not None
        assert refused.error == "InvalidInitialization", row
        bare = platform.chain.at(platform.implementations[row.contract], row.contract)
        nothing = [_zero(item) for item in _entry(row)["inputs"]]
        with pytest.raises(Reverted, match="InvalidInitialization"):
            bare.send("initialize", *nothing, sender="stranger")


def test_ctl_12_the_check_names_what_is_missing_doubled_and_stale(tool: ModuleType) -> None:
    row = tool.Row("Vault", "open(uint256)", "", "")
    assert tool.disagreements([row], {}) == [
        "Vault.open(uint256): no access-control tag and no line in open-functions.json"
    ]
    (doubled,) = tool.disagreements([tool.Row("Vault", "open(uint256)", "PAUSER", "why not")], {})
    assert "for PAUSER, yet open-functions.json says for anybody" in doubled
    assert tool.disagreements([], {"Vault": {"close": "x"}}) == [
        "Vault.close: in open-functions.json, not in the code"
    ]
