"""From network and security files to the desired state of each ledger (reads files and keys, no ledger).

Addresses follow from deployer and salts, so the whole network can be described before
anything is sent. All securities share the code behind their proxies: one more needs a proxy
and its registration, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from paripassu.config import CHANGE_CLASSES, LedgerConfig, NetworkConfig
from paripassu.deploy.books import book_desired
from paripassu.deploy.creations import (
    Site,
    code_creation,
    direct_creation,
    factory_creation,
    proxy_creation,
)
from paripassu.deploy.desired import (
    APPROVALS,
    CASH,
    MANAGER,
    TOKEN,
    Creation,
    Desired,
    EvmDesired,
    SecurityPlace,
    Upgrades,
)
from paripassu.deploy.policies import approvers_of, policies
from paripassu.deploy.rights import ADMIN
from paripassu.deploy.settings import APPS, chain_settings
from paripassu.deploy.transports import transport_creations
from paripassu.errors import InconsistentFile
from paripassu.identifiers import CurrencyCode, role_id
from paripassu.ledgers.port import Signer
from paripassu.ledgers.signers import signer_from_spec
from paripassu.rules import RuleSet, share
from paripassu.securities import Security

DEPLOYER_VARIABLE = "PARI_DEPLOYER_KEY"
_SHARED = (
    "InstanceRegistry",
    "CustodyRegistry",
    "Gateway",
    "TokenBridge",
    "CorporateActions",
    "Quotas",
)
"""Contracts behind proxies of which a chain has one."""

_TOKEN_PARTS = ("SecurityTokenReadings", "SecurityTokenExtension", TOKEN)
"""The parts of the token's code, each before the one that calls it."""

_TOKEN_PROXY = "SecurityProxy"


def deployer_of(network: NetworkConfig) -> Signer:
    """The key that deploys: `dev:deployer` on local networks, else $PARI_DEPLOYER_KEY or its spec in
    $PARI_DEPLOYER (`keystore:<path>`)."""
    spec = os.environ.get("PARI_DEPLOYER", f"${{{DEPLOYER_VARIABLE}}}")
    return signer_from_spec("dev:deployer" if network.is_local else spec, network.environment, "deployer")


def desired_state(network: NetworkConfig, securities: Sequence[Security]) -> dict[str, Desired]:
    """The desired state of every ledger, by its name in the network file.

    Args:
        securities: those of the network.

    Raises:
        InconsistentFile: the network has no cash in the currency of a security.
        SignerUnusable: a signer of the file has no key here.
    """
    places = {_place(network, security): security for security in securities}
    deployer = deployer_of(network).address
    desired: dict[str, Desired] = {}
    for name, ledger in network.ledgers.items():
        if ledger.id.is_evm:
            desired[name] = _chain(network, places, ledger, Site(network.environment, deployer))
        else:
            site = Site(network.environment, deployer)
            apps = {name: site.address(name) for name in APPS.values()}
            desired[name] = book_desired(network, securities, ledger, apps)
    return desired


def _place(network: NetworkConfig, security: Security) -> SecurityPlace:
    if security.currency not in network.cash:
        raise InconsistentFile(
            f"{network.path}, cash: {security.isin} pays {security.currency}, the network has no such cash."
        )
    return SecurityPlace(
        security.isin, security.security_id, f"{TOKEN}/{security.isin}", f"{CASH}/{security.currency}"
    )


def _chain(
    network: NetworkConfig, places: Mapping[SecurityPlace, Security], ledger: LedgerConfig, site: Site
) -> EvmDesired:
    home = ledger.name == network.home
    codes = {name: code_creation(site, name) for name in (*_SHARED, CASH, *_TOKEN_PARTS)}
    creations = [factory_creation(), *_direct(network, site), *codes.values()]
    creations += transport_creations(network, site, ledger)
    for name in _SHARED:
        initial = {"home": home} if name == "CorporateActions" else {}
        creations.append(proxy_creation(site, name, codes[name].address, initial))
    for currency in network.cash:
        creations.append(_cash(network, site, currency, codes[CASH]))
    code, count = codes[TOKEN].address, len(network.ledgers)
    for place, security in places.items():
        creations.append(security_creation(site, place, security, code, home=home, ledgers=count))
    addresses = {one.name: one.address for one in creations}
    quorum = network.approvals.quorum_names_roles
    return EvmDesired(
        name=ledger.name,
        ledger=ledger.id,
        deployer=site.deployer,
        creations=tuple(creations),
        settings=chain_settings(network, places, ledger, addresses, codes[TOKEN]),
        members=_members(network, addresses[APPROVALS] if quorum else site.deployer),
        securities=tuple(places),
        upgrades=Upgrades(CHANGE_CLASSES.index(network.approvals.change_class) + 1, approvers_of(network)),
    )


def _direct(network: NetworkConfig, site: Site) -> list[Creation]:
    """Contracts that stand at their addresses themselves."""
    policy = policies(network.approvals)
    return [
        direct_creation(site, MANAGER, {"initialAdmin": site.deployer}),
        direct_creation(site, APPROVALS, {"policies": policy}, 150_000 + 120_000 * len(policy)),
        direct_creation(site, "Kernel", {}),
        direct_creation(site, "HolderRegistry", {}),
    ]


def _cash(network: NetworkConfig, site: Site, currency: CurrencyCode, code: Creation) -> Creation:
    cash = network.cash[currency]
    initial = {
        "name": cash.name,
        "symbol": cash.symbol,
        "currency": currency.encode("ascii"),
        "decimals": currency.exponent,
    }
    return proxy_creation(site, f"{CASH}/{currency}", code.address, initial)


def security_creation(
    site: Site, place: SecurityPlace, security: Security, implementation: str, *, home: bool, ledgers: int
) -> Creation:
    """The token of a security: a proxy on code that all securities share.

    Args:
        ledgers: how many ledgers the security lives on, which share its cap and limit.
    """
    initial = {
        "name": security.name,
        "symbol": security.symbol,
        "isin": security.isin.encode("ascii"),
        "lei": security.lei.encode("ascii"),
        "termsHash": bytes(security.terms_hash),
        "issueLimit": int(security.issue_size),
        "home": home,
        **_rules(share(security.rules, ledgers, home=home)),
    }
    return proxy_creation(site, place.token, implementation, initial, proxy=_TOKEN_PROXY)


def _rules(rules: RuleSet) -> dict[str, Any]:
    """A ledger's rules as its token takes them; classes bit by bit."""
    return {
        "denyList": rules.deny_list,
        "countries": sorted(country.numeric for country in rules.countries),
        "classes": sum(1 << number for number in rules.classes),
        "capped": rules.holding_cap is not None,
        "limited": rules.holder_limit is not None,
        "holdingCap": int(rules.holding_cap or 0),
        "minimumLot": int(rules.minimum_lot),
        "holderLimit": rules.holder_limit or 0,
    }


def _members(network: NetworkConfig, administrator: str) -> dict[int, frozenset[str]]:
    held = {
        role_id(role): frozenset(signer_from_spec(spec, network.environment).address for spec in specs)
        for role, specs in network.roles.items()
    }
    return {ADMIN: frozenset({administrator}), **held}
