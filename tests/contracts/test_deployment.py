"""Contracts behind proxies: what they are, where they are, who may change them."""

from __future__ import annotations

import pytest
from brownie import Create3Factory, web3
from eth_utils import keccak
from scripts import _suite
from support import refusal

from paripassu import artefacts

IMPLEMENTATION = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
PROXIES = ("instances", "custody", "gateway", "bridge", "actions", "token", "cash")
NAMES = {short: name for short, name in _suite.CONTRACTS.items() if short != "manager"}


@pytest.mark.parametrize(("attribute", "name"), NAMES.items())
def test_ver_1_every_contract_says_what_it_is(world, attribute, name):
    contract = getattr(world, attribute)
    assert contract.contractName() == name
    assert (contract.version(), contract.versionTag()) == ("1.0.0", 1 << 16)
    assert contract.authority() == world.manager.address
    assert contract.approvals() == world.approvals.address


@pytest.mark.parametrize("attribute", PROXIES)
def test_ver_1_the_code_hash_that_a_proxy_names_is_of_the_code_that_it_runs(world, attribute):
    proxy = getattr(world, attribute)
    implementation = bytes(web3.eth.get_storage_at(proxy.address, IMPLEMENTATION))[-20:]
    code = bytes(web3.eth.get_code(web3.to_checksum_address(implementation)))
    assert bytes(proxy.codeHash()) == keccak(code)


@pytest.mark.parametrize("attribute", PROXIES)
def test_ver_6_nobody_upgrades_a_proxy_alone(world, stranger, attribute):
    proxy = getattr(world, attribute)
    for caller in (stranger, world.deployer, world.upgrader):
        assert refusal(proxy.upgradeToAndCall, caller.address, b"", sender=caller) == (
            "ApprovalNeeded",
            (caller.address.lower(),),
        )


def test_an_initialised_token_stays_as_it_is(world, stranger):
    terms = ("x", "X", b"x", b"x", b"x", 1, True, False, [], 0, False, False, 0, 0, 0)
    assert refusal(world.token.initialize, terms, sender=stranger) == ("InvalidInitialization", ())


def test_a_create3_address_depends_on_deployer_and_salt_alone(world, issuer_agent, stranger):
    factory = Create3Factory.deploy({"from": world.deployer})
    salt = b"security token".ljust(32, b"\0")
    expected = factory.addressOf(issuer_agent, salt)
    shipped = artefacts.load("AccessManager")
    code = shipped.bytecode + bytes.fromhex(str(stranger)[2:]).rjust(32, b"\0")
    assert factory.addressOf(stranger, salt) != expected
    factory.deploy(salt, code, {"from": issuer_agent})
    deployed = bytes(web3.eth.get_code(expected))
    assert deployed == shipped.code
    assert refusal(factory.deploy, salt, code, sender=issuer_agent)[0] == "Occupied"
