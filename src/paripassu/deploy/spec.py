"""From network and security file to the desired state of each ledger.

Addresses follow from deployer and salts, so the whole network can be described before
anything is sent. The salt of code holds its hash: new code goes to a new address, and a
proxy is then pointed to it by an upgrade.
"""

from __future__ import annotations

import os
from typing import Any

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.create3 import address_of, factory_address
from paripassu.deploy.creations import (
    code_creation,
    factory_creation,
    manager_creation,
    proxy_creation,
    salt_of,
)
from paripassu.deploy.desired import FACTORY, MANAGER, BookDesired, Desired, EvmDesired
from paripassu.deploy.rights import ADMIN, FUNCTIONS, function_roles
from paripassu.deploy.settings import chain_settings
from paripassu.errors import InconsistentFile
from paripassu.identifiers import CurrencyCode, InteropAddress, role_id
from paripassu.ledgers.book import BookConfiguration, BookPeer
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.ledgers.signers import KeySigner, signer_from_spec
from paripassu.messages import Purpose
from paripassu.securities import Security

DEPLOYER_VARIABLE = "PARI_DEPLOYER_KEY"
_PROXIED = tuple(FUNCTIONS)


def deployer_of(network: NetworkConfig) -> KeySigner:
    """The key that deploys: `dev:deployer` on local networks, else $PARI_DEPLOYER_KEY or its spec in
    $PARI_DEPLOYER (`keystore:<path>`)."""
    spec = os.environ.get("PARI_DEPLOYER", f"${{{DEPLOYER_VARIABLE}}}")
    return signer_from_spec("dev:deployer" if network.is_local else spec, network.environment, "deployer")


def desired_state(network: NetworkConfig, security: Security) -> dict[str, Desired]:
    """The desired state of every ledger, by its name in the network file.

    Raises:
        InconsistentFile: the network has no single cash currency that fits the security.
        SignerUnusable: a signer of the file has no key here.
    """
    currency = _currency(network, security)
    deployer = deployer_of(network).address
    addresses = _addresses(network, security, deployer)
    desired: dict[str, Desired] = {}
    for name, ledger in network.ledgers.items():
        if ledger.id.is_evm:
            desired[name] = _chain(network, security, ledger, deployer, addresses, currency)
        else:
            desired[name] = _book(network, security, ledger, addresses, currency)
    return desired


def _currency(network: NetworkConfig, security: Security) -> CurrencyCode:
    if security.currency not in network.cash:
        raise InconsistentFile(
            f"{network.path}, cash: the security pays {security.currency}, the network has no such cash."
        )
    return security.currency


def _addresses(network: NetworkConfig, security: Security, deployer: str) -> dict[str, str]:
    """Addresses of everything but code behind proxies; equal on every chain."""
    named = (MANAGER, *_PROXIED)
    found = {name: address_of(deployer, salt_of(network, security, name)) for name in named}
    return {FACTORY: factory_address(), **found}


def _chain(
    network: NetworkConfig,
    security: Security,
    ledger: LedgerConfig,
    deployer: str,
    addresses: dict[str, str],
    currency: CurrencyCode,
) -> EvmDesired:
    creations = [factory_creation(), manager_creation(network, security, deployer, addresses)]
    initials = _initials(network, security, ledger, addresses, currency)
    codes = [code_creation(network, security, name, deployer) for name in _PROXIED]
    creations += codes
    for name, code in zip(_PROXIED, codes, strict=True):
        creations.append(proxy_creation(network, security, name, code.address, initials[name], addresses))
    implementations = {code.artefact: code for code in codes}
    return EvmDesired(
        name=ledger.name,
        ledger=ledger.id,
        deployer=deployer,
        creations=tuple(creations),
        settings=chain_settings(network, security, ledger, addresses, implementations["SecurityToken"]),
        members=_members(network, deployer),
        functions={
            (addresses[name], selector): role
            for name in _PROXIED
            for selector, role in function_roles(name).items()
        },
    )


def _initials(
    network: NetworkConfig,
    security: Security,
    ledger: LedgerConfig,
    addresses: dict[str, str],
    currency: CurrencyCode,
) -> dict[str, dict[str, Any]]:
    """Initialiser arguments of each proxy, in order."""
    manager = {"manager": addresses[MANAGER]}
    home = ledger.name == network.home
    routed = {"gateway": addresses["Gateway"], "instanceRegistry": addresses["InstanceRegistry"]}
    cash = network.cash[currency]
    return {
        "HolderRegistry": manager,
        "InstanceRegistry": manager,
        "CustodyRegistry": {**manager, "holderRegistry": addresses["HolderRegistry"]},
        "AttestorSet": manager,
        "Gateway": {**manager, "attestors": addresses["AttestorSet"]},
        "TokenBridge": {**manager, **routed},
        "CorporateActions": {**manager, **routed, "home": home},
        "SecurityToken": {
            "name": security.name,
            "symbol": security.symbol,
            "isin": security.isin.encode("ascii"),
            "lei": security.lei.encode("ascii"),
            "termsHash": bytes(security.terms_hash),
            **manager,
            "holderRegistry": addresses["HolderRegistry"],
            "bridge": addresses["TokenBridge"],
            "corporateActions": addresses["CorporateActions"],
            "issueLimit": int(security.issue_size),
            "home": home,
            "countries": sorted(country.numeric for country in security.rules.countries),
            "classes": sorted(security.rules.classes),
        },
        "CashToken": {
            "name": cash.name,
            "symbol": cash.symbol,
            "currency": currency.encode("ascii"),
            "decimals": currency.exponent,
            **manager,
        },
    }


def _members(network: NetworkConfig, deployer: str) -> dict[int, frozenset[str]]:
    held = {
        role_id(role): frozenset(signer_from_spec(spec, network.environment).address for spec in specs)
        for role, specs in network.roles.items()
    }
    return {ADMIN: frozenset({deployer}), **held}


def _book(
    network: NetworkConfig,
    security: Security,
    ledger: LedgerConfig,
    addresses: dict[str, str],
    currency: CurrencyCode,
) -> BookDesired:
    peers = {
        other.id: BookPeer(
            {
                Purpose.MOVEMENT: InteropAddress(other.id, addresses["TokenBridge"]).encode(),
                Purpose.CORPORATE_ACTION: InteropAddress(other.id, addresses["CorporateActions"]).encode(),
            }
        )
        for other in network.ledgers.values()
        if other.id.is_evm
    }
    members = tuple(
        Attestor(signer_from_spec(member.signer, network.environment).address, member.entity_id)
        for member in network.attestors.members
    )
    roles = {
        role: tuple(signer_from_spec(spec, network.environment).name for spec in specs)
        for role, specs in network.roles.items()
    }
    configuration = BookConfiguration(
        ledger=ledger.id,
        home=ledger.name == network.home,
        isin=security.isin,
        security_id=security.security_id,
        issue_limit=security.issue_size,
        rules=security.rules,
        currency=currency,
        attestors=AttestorSet(1, network.attestors.threshold, members),
        peers=peers,
        roles=roles,
    )
    return BookDesired(ledger.name, ledger.id, configuration)
