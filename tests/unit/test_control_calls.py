"""Controls and acts as calls: contract, function and arguments of every command, by the contracts' ABIs."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from paripassu import acts, controls
from paripassu.controls import Control, Reason, reason_text
from paripassu.errors import (
    ActRefused,
    BatchRefused,
    CommandImpossible,
    InconsistentFile,
    InvalidQuantity,
    UnknownRole,
)
from paripassu.identifiers import Bytes32, Country, LedgerId, checksum_address, commitment, keccak256, role_id
from paripassu.keycontrol import KeyControl, KeyRotation
from paripassu.ledgers.evm.calls import call_for
from paripassu.ledgers.evm.contracts import codec, revert_decoder
from paripassu.quantities import Units
from paripassu.rules import Window

WHY = Reason("court order 7")
WORD = b"court order 7".ljust(32, b"\0")
A, B, C = (checksum_address(bytes([n]) * 20) for n in (1, 2, 3))
ID = Bytes32(b"\x07" * 32)
HOLDER = commitment(b"holder")
ADDRESSES = {
    "SecurityToken": checksum_address(b"\xaa" * 20),
    "HolderRegistry": checksum_address(b"\xbb" * 20),
    "Approvals": checksum_address(b"\xcc" * 20),
    "AccessManager": checksum_address(b"\xdd" * 20),
    "Gateway": checksum_address(b"\xab" * 20),
    "TokenBridge": checksum_address(b"\xee" * 20),
}
ZERO = "0x" + "00" * 20

CONTROLS: list[tuple[Control, str, str, tuple[Any, ...]]] = [
    (controls.SetStatus(A, False, WHY), "HolderRegistry", "setStatus", (A, False, WORD)),
    (controls.Sanction(A, True, WHY), "HolderRegistry", "setSanctioned", (A, True, WORD)),
    (
        controls.Order(HOLDER, controls.SANCTION, True, WHY),
        "HolderRegistry",
        "order",
        (bytes(HOLDER), bytes(32), True, WORD),
    ),
    (
        controls.Order(HOLDER, ID, False, WHY),
        "HolderRegistry",
        "order",
        (bytes(HOLDER), bytes(ID), False, WORD),
    ),
    (controls.Rotate(A, B, WHY, b"f", b"t"), "HolderRegistry", "rotate", (A, B, WORD, b"f", b"t")),
    (controls.Succeed(A, B), "SecurityToken", "recoveryAddress", (A, B, ZERO)),
    (controls.Freeze(A, True, WHY), "SecurityToken", "freeze", (A, True, WORD)),
    (controls.FreezeUnits(A, Units(5), WHY), "SecurityToken", "freezeUnits", (A, 5, WORD)),
    (controls.Lock(A, Units(5), 99, WHY), "SecurityToken", "lock", (A, 5, 99, WORD)),
    (controls.Pledge(C, B, Units(5)), "SecurityToken", "pledge", (B, 5)),
    (controls.EndPledge(ID, False), "SecurityToken", "releasePledge", (bytes(ID),)),
    (controls.EndPledge(ID, True), "SecurityToken", "enforcePledge", (bytes(ID),)),
    (
        controls.BatchTransfer(C, ((A, Units(1)), (B, Units(2)))),
        "SecurityToken",
        "batchTransfer",
        ((A, B), (1, 2)),
    ),
    (controls.OpenAccounts((A, B)), "SecurityToken", "open", ((A, B),)),
    (controls.Pause(True, WHY), "SecurityToken", "pause(bytes32)", (WORD,)),
    (controls.Pause(False, WHY), "SecurityToken", "unpause(bytes32)", (WORD,)),
    (controls.EmergencyStop(99, WHY), "SecurityToken", "emergencyStop", (99, WORD)),
    (
        controls.PauseClasses(frozenset({0, 3}), True, WHY),
        "SecurityToken",
        "pauseClasses",
        (0b1001, WORD),
    ),
    (controls.PauseClasses(frozenset({1}), False, WHY), "SecurityToken", "unpauseClasses", (2, WORD)),
    (
        controls.SetCountries(frozenset({Country("FR"), Country("DE")}), True, WHY),
        "SecurityToken",
        "setCountries",
        ((250, 276), True, WORD),
    ),
    (controls.SetClasses(frozenset({1, 2}), WHY), "SecurityToken", "setClasses", (6, WORD)),
    (controls.SetMinimumLot(Units(7), WHY), "SecurityToken", "setMinimumLot", (7, WORD)),
    (controls.SetBlackouts((Window(1, 2),), WHY), "SecurityToken", "setBlackouts", (((1, 2),), WORD)),
    (controls.SetModules((A,), WHY), "SecurityToken", "setModules", ((A,), WORD)),
]

TRANSFERS = (acts.ForcedTransfer(A, B, Units(1)), acts.ForcedTransfer(B, C, Units(2)))
ACTS: list[tuple[acts.Act, str, str, tuple[Any, ...], str]] = [
    (TRANSFERS[0], "SecurityToken", "forcedTransfer", (A, B, 1), "registrar"),
    (
        acts.ForcedTransfers(TRANSFERS),
        "SecurityToken",
        "batchForcedTransfer",
        ((A, B), (B, C), (1, 2)),
        "registrar",
    ),
    (acts.Burn(A, Units(3)), "SecurityToken", "burn", (A, 3), "registrar"),
    (acts.Burns((acts.Burn(A, Units(3)),)), "SecurityToken", "batchBurn", ((A,), (3,)), "registrar"),
    (
        acts.Cancel(A, Units(3), "first"),
        "SecurityToken",
        "cancel",
        (A, 3, bytes(keccak256(b"issue/first"))),
        "registrar",
    ),
    (acts.Recover(A, B, b"p"), "HolderRegistry", "recover", (A, B, WORD, b"p"), "registrar"),
    (acts.ApproveArrival(Bytes32(WORD)), "TokenBridge", "approveArrival", (WORD,), "registrar"),
    (acts.SetIssueLimit(Units(4)), "SecurityToken", "setIssueLimit", (4,), "issuer"),
    (acts.SetHoldingCap(Units(4)), "SecurityToken", "setHoldingCap", (4,), "issuer"),
    (acts.SetHolderLimit(4), "SecurityToken", "setHolderLimit", (4,), "issuer"),
    (acts.SetName("N"), "SecurityToken", "setName", ("N",), "issuer"),
    (acts.SetSymbol("S"), "SecurityToken", "setSymbol", ("S",), "issuer"),
    (acts.AmendTerms(ID), "SecurityToken", "amendTerms", (bytes(ID),), "issuer"),
    (
        acts.Rollback("SecurityToken", 2),
        "Approvals",
        "rollback",
        (ADDRESSES["SecurityToken"],),
        "upgrader",
    ),
    (acts.GrantRole(B, "freezer"), "AccessManager", "grantRole", (12, B, 0), "upgrader"),
    (acts.RevokeRole(B, "freezer"), "AccessManager", "revokeRole", (12, B), "upgrader"),
    (
        acts.RotateAttestors(2, ((A, HOLDER), (B, ID))),
        "Gateway",
        "rotate",
        (((A, bytes(HOLDER)), (B, bytes(ID))), 2),
        "bridge_operator",
    ),
]


def told(contract: str, data: bytes, function: str) -> tuple[Any, ...]:
    """Arguments of call data, which must be of the function."""
    assert data[:4] == codec(contract).selector(function)
    return codec(contract).inputs(function).decode(data[4:])


@pytest.mark.parametrize(
    ("command", "contract", "function", "args"),
    CONTROLS,
    ids=[f"{row[2]} {n}" for n, row in enumerate(CONTROLS)],
)
def test_ctl_5_each_control_is_one_call_with_its_reason(
    command: Control, contract: str, function: str, args: tuple[Any, ...]
) -> None:
    call = call_for(command, C, "reference", ADDRESSES.__getitem__)
    assert call.to == ADDRESSES[contract]
    assert told(contract, call.data, function) == args


@pytest.mark.parametrize(
    ("act", "contract", "function", "args", "role"), ACTS, ids=[type(row[0]).__name__ for row in ACTS]
)
def test_ver_6_each_act_is_proposed_as_the_call_that_carries_it_out(
    act: acts.Act, contract: str, function: str, args: tuple[Any, ...], role: str
) -> None:
    assert acts.usual_role(act) == role
    call = call_for(acts.ProposeAct(act, "csd", WHY), C, "reference", ADDRESSES.__getitem__)
    assert call.to == ADDRESSES["Approvals"]
    number, target, data, change_class, reason = told("Approvals", call.data, "propose")
    assert (number, target, reason) == (role_id("csd"), ADDRESSES[contract], WORD)
    assert change_class == (2 if isinstance(act, acts.Rollback) else 0)
    assert told(contract, data, function) == args


def test_ver_6_decisions_are_made_for_a_role() -> None:
    for command, function, args in (
        (acts.ApproveAct(ID, "csd"), "approve", (role_id("csd"), bytes(ID))),
        (acts.WithdrawAct(ID, "csd"), "withdraw", (role_id("csd"), bytes(ID))),
        (acts.ExecuteAct(ID, A, b"call"), "execute", (bytes(ID), A, b"call")),
    ):
        call = call_for(command, C, "reference", ADDRESSES.__getitem__)  # type: ignore[arg-type]
        assert told("Approvals", call.data, function) == args
    with pytest.raises(UnknownRole):
        acts.ProposeAct(TRANSFERS[0], "king", WHY)
    with pytest.raises(CommandImpossible, match="class 1 to 4"):
        acts.Rollback("SecurityToken", 5)
    for kind in (acts.GrantRole, acts.RevokeRole):
        with pytest.raises(UnknownRole):
            kind(B, "king")


def test_acc_3_a_set_that_one_entity_could_speak_for_is_not_even_proposed() -> None:
    one, other = (A, HOLDER), (B, ID)
    for threshold, members in ((1, (one, other)), (2, (one, (B, HOLDER))), (3, (one, other)), (2, ())):
        with pytest.raises(InconsistentFile, match="distinct entities"):
            acts.RotateAttestors(threshold, members)
    with pytest.raises(InconsistentFile, match="key of its own"):
        acts.RotateAttestors(2, (one, (A, ID)))
    many = tuple((checksum_address(bytes([n]) * 20), Bytes32(bytes([n]) * 32)) for n in range(1, 34))
    with pytest.raises(InconsistentFile, match="at most 32"):
        acts.RotateAttestors(2, many)


def test_every_kind_of_control_and_act_is_in_these_tables() -> None:
    assert {type(row[0]) for row in CONTROLS} == set(get_args(Control))
    assert {type(row[0]) for row in ACTS} == set(get_args(acts.Act))


@pytest.mark.parametrize("command", [controls.Pledge(A, B, Units(1)), controls.BatchTransfer(A, ())])
def test_units_of_another_account_are_not_the_signers(command: Control) -> None:
    with pytest.raises(CommandImpossible, match=f"Only {A} itself"):
        call_for(command, C, "reference", ADDRESSES.__getitem__)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("x", True), ("x" * 31, True), ("x" * 32, False), ("décision", False), ("two\nlines", False)],
)
def test_a_chain_keeps_the_reason_or_its_hash(text: str, fits: bool) -> None:
    reason = Reason(text)
    assert reason.fits is fits
    assert reason_text(reason.word) == (text if fits else keccak256(text.encode("utf-8")).text)


@pytest.mark.parametrize("text", ["", "  ", "x" * 1_001])
def test_no_reason_is_refused(text: str) -> None:
    with pytest.raises(CommandImpossible):
        Reason(text)


def test_zeros_are_no_text() -> None:
    assert reason_text(bytes(32)) == "0x" + "00" * 32


@pytest.mark.parametrize("classes", [frozenset({32}), frozenset({-1})])
def test_rules_name_investor_classes_below_32(classes: frozenset[int]) -> None:
    with pytest.raises(InvalidQuantity):
        controls.SetClasses(classes, WHY)
    with pytest.raises(InvalidQuantity):
        controls.PauseClasses(classes, True, WHY)


def test_ubo_10_both_statements_are_signed_as_wallets_sign_them() -> None:
    chain, registry = LedgerId("eip155:31001"), ADDRESSES["HolderRegistry"]
    for statement in (KeyRotation(chain, registry, A, B), KeyControl(chain, registry, A, ID)):
        signable = encode_typed_data(full_message=statement.typed_data())
        assert bytes(_hash_eip191_message(signable)) == bytes(statement.digest)


def test_a_missing_quorum_is_of_an_act_or_of_a_batch() -> None:
    decoder = revert_decoder("alpha")
    act = codec("Approvals").errors
    selector = next(key for key, (name, _) in act.items() if name == "QuorumMissing")
    error = decoder.error(selector + act[selector][1].encode((bytes(ID), 1, 2)))
    assert isinstance(error, ActRefused)
    assert "1 roles that hold, 2 are needed" in str(error)
    batch = codec("Gateway").errors
    selector = next(key for key, (name, _) in batch.items() if name == "QuorumMissing")
    error = decoder.error(selector + batch[selector][1].encode((2, 1)))
    assert isinstance(error, BatchRefused)
