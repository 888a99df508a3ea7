"""The in-process chain says what a node says: answers, refusals by name, events, time and gas."""

from __future__ import annotations

import pytest

pytest.importorskip("pyrevm", reason="has no build for this Python")

from paripassu.identifiers import ROLES
from paripassu.testing import evm
from paripassu.testing.abi import Arguments, interface_id
from paripassu.testing.evm import EvmChain, Reverted, address_of
from paripassu.testing.platform import Platform, reference


@pytest.fixture(scope="module")
def platform() -> Platform:
    deployed = Platform()
    deployed.deployed()
    deployed.onboard("holder_de")
    deployed.onboard("holder_fr", country="FR")
    deployed.token.send("issue", "holder_de", 1_000, reference("first issue"), sender="transfer_agent")
    return deployed


def test_every_shipped_contract_is_deployed_and_says_what_it_is(platform: Platform) -> None:
    versioned = [contract for contract in platform.deployed() if contract.has("contractName")]
    names = {contract.call("contractName") for contract in versioned}
    assert {"SecurityToken", "HolderRegistry", "Gateway", "CorporateActions"} <= names


def test_roles_are_held_by_the_accounts_of_their_names_and_by_nobody_else(platform: Platform) -> None:
    manager = platform["AccessManager"]
    for role, number in ROLES.items():
        assert manager.call("hasRole", number, role) == (True, 0)
        assert manager.call("hasRole", number, "stranger") == (False, 0)


def test_a_refusal_has_the_name_and_arguments_of_its_error_and_changes_nothing(platform: Platform) -> None:
    with pytest.raises(Reverted) as refused:
        platform.token.send("issue", "holder_de", 1, reference("second"), sender="stranger")
    assert refused.value.error == "Unauthorised"
    assert refused.value.arguments == (address_of("stranger"), ROLES["transfer_agent"])
    assert platform.token.call("totalSupply") == 1_000


def test_a_transaction_has_events_and_the_gas_that_it_used(platform: Platform) -> None:
    with platform.chain.undone():
        receipt = platform.token.send("transfer", "holder_fr", 40, sender="holder_de")
        (transfer,) = receipt.named("Transfer")
        assert transfer.contract == platform.token.address
        assert transfer.values == {
            "from": address_of("holder_de"), "to": address_of("holder_fr"), "value": 40,
        }  # fmt: skip
        assert receipt.value is True
        assert 21_000 < receipt.gas < 200_000


def test_what_is_undone_is_gone_and_time_is_back(platform: Platform) -> None:
    before = platform.chain.now
    with platform.chain.undone():
        platform.chain.advance(3_600)
        platform.token.send("transfer", "holder_fr", 40, sender="holder_de")
        assert platform.token.call("balanceOf", "holder_fr") == 40
        with platform.chain.undone():
            platform.token.send("transfer", "holder_fr", 1, sender="holder_de")
        assert platform.token.call("balanceOf", "holder_fr") == 40
    assert platform.token.call("balanceOf", "holder_fr") == 0
    assert platform.chain.now == before


def test_views_change_nothing(platform: Platform) -> None:
    with pytest.raises(Reverted):
        platform.token.call("transfer", "holder_fr", 40, sender="holder_de")
    assert platform.token.call("balanceOf", "holder_de") == 1_000


def test_expiry_bites_when_time_has_passed(platform: Platform) -> None:
    with platform.chain.undone():
        platform.onboard("holder_at", expiry=platform.chain.now + 10)
        platform.token.send("transfer", "holder_at", 2, sender="holder_de")
        platform.chain.advance(11)
        with pytest.raises(Reverted, match="TransferRestricted") as refused:
            platform.token.send("transfer", "holder_de", 1, sender="holder_at")
        assert refused.value.arguments[0] == 3


def test_code_of_a_newer_hard_fork_does_not_run() -> None:
    chain = EvmChain()
    with pytest.raises(Reverted) as refused:  # PUSH0, of Shanghai
        chain._run(lambda: chain._evm.deploy(address_of("deployer"), bytes.fromhex("5f5ff3")))
    assert refused.value.error == "Halt"


def test_no_transaction_passes_the_gas_cap_of_a_chain() -> None:
    endless = bytes.fromhex("5b600056")
    chain = EvmChain()
    with pytest.raises(Reverted, match="OutOfGas"):
        chain._run(lambda: chain._evm.deploy(address_of("deployer"), endless, gas=evm.GAS_LIMIT))


def test_code_is_what_was_deployed(platform: Platform) -> None:
    from paripassu import artefacts

    implementation = platform.implementations["CashToken"]
    assert len(platform.chain.code(implementation)) == len(artefacts.load("CashToken").code)
    assert platform.chain.code("holder_de") == b""


def test_an_act_is_carried_out_once_two_roles_agree(platform: Platform) -> None:
    with platform.chain.undone():
        with pytest.raises(Reverted, match="ApprovalNeeded"):
            platform.token.send("forcedTransfer", "holder_de", "holder_fr", 7, sender="regulator")
        receipt = platform.approved(platform.token, "forcedTransfer", "holder_de", "holder_fr", 7)
        assert platform.token.call("balanceOf", "holder_fr") == 7
        assert receipt.named("ActExecuted")


def test_a_contract_can_be_the_sender_and_is_whole_afterwards(platform: Platform) -> None:
    before = platform.chain.code(platform["Approvals"])
    with platform.chain.undone():
        platform.token.send("setIssueLimit", 5_000, sender=platform["Approvals"])
        assert platform.token.call("issueLimit") == 5_000
        with pytest.raises(Reverted, match="Unauthorised"):
            platform.token.send("pause", reference("why"), sender=platform["Approvals"])
    assert platform.token.call("issueLimit") != 5_000
    assert platform.chain.code(platform["Approvals"]) == before
    assert platform["Approvals"].call("contractName") == "Approvals"


def test_a_parameter_of_unknown_meaning_is_named() -> None:
    platform = Platform()
    with pytest.raises(TypeError, match=r"Gateway: nothing is known for the parameter moon \(uint8\)"):
        platform._value("Gateway", {"name": "moon", "type": "uint8"})


def test_structs_are_given_by_name_and_a_missing_member_is_refused() -> None:
    item = {
        "name": "x", "type": "tuple[]",
        "components": [{"name": "who", "type": "address"}, {"name": "units", "type": "uint64"}],
    }  # fmt: skip
    arguments = Arguments([item], lambda name: "0x" + "11" * 20)
    by_name = arguments.encoded([[{"units": 5, "who": "holder"}]])
    assert by_name == arguments.encoded([[("holder", 5)]])
    with pytest.raises(ValueError, match="struct of"):
        arguments.encoded([[{"units": 5}]])


def test_interface_ids_are_selectors_xored() -> None:
    supports = {"name": "supportsInterface", "inputs": [{"name": "id", "type": "bytes4"}]}
    assert interface_id([supports]).hex() == "01ffc9a7"
    assert interface_id([supports, supports]) == bytes(4)


def test_signatures_of_named_accounts_are_theirs(platform: Platform) -> None:
    from eth_keys.datatypes import Signature

    digest = reference("anything")
    signed = evm.signer("holder_fr").sign_digest(reference("anything"))  # type: ignore[arg-type]
    recovered = Signature(signed[:64] + bytes([signed[64] - 27])).recover_public_key_from_msg_hash(digest)
    assert recovered.to_address() == address_of("holder_fr")
