"""Contracts behind proxies: what they are, where they are, who may change them."""

from __future__ import annotations

import pytest
from brownie import Create3Factory, SecurityToken, web3
from support import refusal

from paripassu import artefacts

IMPLEMENTATION = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
CONTRACTS = {
    "holders": "HolderRegistry",
    "instances": "InstanceRegistry",
    "custody": "CustodyRegistry",
    "attestors": "AttestorSet",
    "gateway": "Gateway",
    "bridge": "TokenBridge",
    "actions": "CorporateActions",
    "token": "SecurityToken",
    "cash": "CashToken",
}


def without_metadata(code: bytes) -> bytes:
    """Runtime code less the CBOR block at its end, whose length stands in the last two bytes."""
    return code[: -2 - int.from_bytes(code[-2:], "big")]


@pytest.mark.parametrize(("attribute", "name"), CONTRACTS.items())
def test_every_proxy_runs_the_code_that_ships(world, attribute, name):
    proxy = getattr(world, attribute)
    implementation = bytes(web3.eth.get_storage_at(proxy.address, IMPLEMENTATION))[-20:]
    code = bytes(web3.eth.get_code(web3.to_checksum_address(implementation)))
    # Brownie cannot leave the hash of the sources out of the metadata, as our artefacts do
    assert without_metadata(code) == without_metadata(artefacts.load(name).code_at(implementation))
    assert proxy.contractName() == name
    assert proxy.version() == 1 << 16
    assert proxy.authority() == world.manager.address


@pytest.mark.parametrize("attribute", CONTRACTS)
def test_no_stranger_upgrades_a_proxy(world, stranger, attribute):
    proxy = getattr(world, attribute)
    assert refusal(proxy.upgradeToAndCall, stranger, b"", sender=stranger) == (
        "AccessManagedUnauthorized",
        (str(stranger).lower(),),
    )


def test_an_initialised_token_stays_as_it_is(world, stranger):
    terms = (
        "x",
        "X",
        b"x",
        b"x",
        b"x",
        str(stranger),
        str(stranger),
        str(stranger),
        str(stranger),
        1,
        True,
        [],
        [],
    )
    assert refusal(world.token.initialize, terms, sender=stranger) == ("InvalidInitialization", ())


def test_a_create3_address_depends_on_deployer_and_salt_alone(world, issuer_agent, stranger):
    factory = Create3Factory.deploy({"from": world.admin})
    salt = b"security token".ljust(32, b"\0")
    expected = factory.addressOf(issuer_agent, salt)
    code = artefacts.load("SecurityToken").bytecode
    assert factory.addressOf(stranger, salt) != expected
    factory.deploy(salt, code, {"from": issuer_agent})
    deployed = bytes(web3.eth.get_code(expected))
    assert deployed == artefacts.load("SecurityToken").code_at(bytes.fromhex(expected[2:]))
    assert refusal(factory.deploy, salt, code, sender=issuer_agent)[0] == "Occupied"


def test_an_upgrade_must_raise_the_version(world):
    same = SecurityToken.deploy({"from": world.admin})
    name, versions = refusal(world.token.upgradeToAndCall, same, b"", sender=world.admin)
    assert (name, versions) == ("VersionNotRaised", (1 << 16, 1 << 16))
