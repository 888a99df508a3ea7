"""One chain of the network, home of the security, behind proxies, with accounts named by role."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from brownie import (
    AttestorSet,
    CashToken,
    Contract,
    CorporateActions,
    CustodyRegistry,
    Gateway,
    HolderRegistry,
    InstanceRegistry,
    SecurityToken,
    TokenBridge,
    accounts,
    chain,
)
from eth_account import Account
from eth_utils import keccak
from support import World, allow, commitment, created, interop, proxied

from paripassu import artefacts
from paripassu.identifiers import ROLES

ISIN = b"DE000PARI000"
LEI = b"9845001EXAMPLE00PP11"
TERMS = keccak(text="terms")
PEER_CHAIN = 31002
GERMANY, FRANCE, UNITED_STATES = 276, 250, 840
RETAIL, PROFESSIONAL = 1, 2
NOBODY = "0x" + "00" * 20
# the applications of the other ledger; nothing of it runs here
PEER_GATEWAY, PEER_BRIDGE, PEER_ACTIONS = ("0x" + f"{n:02x}" * 20 for n in (0xA1, 0xA2, 0xA3))


@pytest.fixture(scope="session")
def issuer_agent():
    return accounts[1]


@pytest.fixture(scope="session")
def paying_agent():
    return accounts[2]


@pytest.fixture(scope="session")
def transfer_agent():
    return accounts[3]


@pytest.fixture(scope="session")
def relayer():
    return accounts[4]


@pytest.fixture(scope="session")
def holder_de():
    return accounts[5]


@pytest.fixture(scope="session")
def holder_fr():
    return accounts[6]


@pytest.fixture(scope="session")
def holder_us():
    return accounts[7]


@pytest.fixture(scope="session")
def custodian_de():
    return accounts[8]


@pytest.fixture(scope="session")
def stranger():
    return accounts[9]


@pytest.fixture(scope="session")
def attestors():
    """Two attestors of two entities, in the order of their addresses."""
    keys = [keccak(text=f"attestor {n}") for n in range(2)]
    return sorted((Account.from_key(key) for key in keys), key=lambda account: int(account.address, 16))


@pytest.fixture(scope="module")
def world(
    module_isolation,
    issuer_agent,
    paying_agent,
    transfer_agent,
    custodian_de,
    holder_de,
    holder_fr,
    attestors,
):
    """All contracts of the chain, configured; `admin` also registers, operates and freezes."""
    w = SimpleNamespace(admin=accounts[0])
    _deploy(w)
    _grant(w, issuer_agent, paying_agent, transfer_agent)
    _configure(w, issuer_agent, attestors)
    onboard(w, holder_de, "holder de", GERMANY)
    onboard(w, holder_fr, "holder fr", FRANCE)
    onboard(w, custodian_de, "custodian de", GERMANY, servicer=custodian_de)
    return w


@pytest.fixture(autouse=True)
def _apart(world, fn_isolation):
    """Each test starts from the chain as `world` left it."""


@pytest.fixture
def issued(world, transfer_agent, holder_de):
    """1,000 shares, all with the German holder."""
    world.token.issue(holder_de, 1000, b"first issue", {"from": transfer_agent})
    return 1000


def onboard(w: World, account, holder: str, country: int, servicer=NOBODY) -> None:
    w.holders.onboard(account, commitment(holder), country, RETAIL, 0, servicer, {"from": w.admin})


def _deploy(w: World) -> None:
    manager = created("AccessManager", w.admin, ["address"], [str(w.admin)])
    w.manager = Contract.from_abi("AccessManager", manager, list(artefacts.load("AccessManager").abi))
    w.holders = proxied(HolderRegistry, w.admin, manager)
    w.instances = proxied(InstanceRegistry, w.admin, manager)
    w.custody = proxied(CustodyRegistry, w.admin, manager, w.holders)
    w.attestors = proxied(AttestorSet, w.admin, manager)
    w.gateway = proxied(Gateway, w.admin, manager, w.attestors)
    w.bridge = proxied(TokenBridge, w.admin, manager, w.gateway, w.instances)
    w.actions = proxied(CorporateActions, w.admin, manager, w.gateway, w.instances, True)
    w.cash = proxied(CashToken, w.admin, "Cash token EUR", "EURC1", b"EUR", 2, manager)
    rules = ([GERMANY, FRANCE], [RETAIL, PROFESSIONAL])
    w.token = proxied(
        SecurityToken,
        w.admin,
        (
            "Example share",
            "EXEQ",
            ISIN,
            LEI,
            TERMS,
            manager,
            w.holders.address,
            w.bridge.address,
            w.actions.address,
            1_000_000,
            True,
            *rules,
        ),
    )
    w.security = bytes(w.token.securityId())


def _grant(w: World, issuer_agent, paying_agent, transfer_agent) -> None:
    allow(w, w.holders, dict.fromkeys(("onboard", "setStatus"), ROLES["registrar"]))
    allow(w, w.instances, dict.fromkeys(("registerSecurity", "registerInstance"), ROLES["tokenizer"]))
    allow(w, w.attestors, {"rotate": ROLES["bridge_operator"]})
    allow(w, w.gateway, dict.fromkeys(("setApp", "setPeer"), ROLES["bridge_operator"]))
    allow(w, w.bridge, dict.fromkeys(("setToken", "setPeerApp"), ROLES["bridge_operator"]))
    allow(w, w.actions, {"setPeerApp": ROLES["bridge_operator"]})
    allow(w, w.actions, dict.fromkeys(("setToken", "setCash", "announce"), ROLES["issuer_agent"]))
    allow(w, w.actions, dict.fromkeys(("publishEntitlements", "pay"), ROLES["paying_agent"]))
    allow(w, w.token, dict.fromkeys(("issue", "redeem"), ROLES["transfer_agent"]))
    allow(w, w.token, {"freeze": ROLES["freezer"], "pause": ROLES["pauser"], "unpause": ROLES["unpauser"]})
    allow(w, w.token, {"upgradeToAndCall": ROLES["upgrader"]})
    allow(w, w.cash, {"mint": ROLES["cash_issuer"]})
    of_admin = (
        "registrar",
        "tokenizer",
        "bridge_operator",
        "freezer",
        "pauser",
        "unpauser",
        "upgrader",
        "cash_issuer",
    )
    grants = [(name, w.admin) for name in of_admin]
    grants += [("issuer_agent", issuer_agent), ("paying_agent", paying_agent)]
    for name, account in [*grants, ("transfer_agent", transfer_agent)]:
        w.manager.grantRole(ROLES[name], account, 0, {"from": w.admin})


def _configure(w: World, issuer_agent, attestors) -> None:
    admin, agent = {"from": w.admin}, {"from": issuer_agent}
    members = [(account.address, commitment(f"entity {n}")) for n, account in enumerate(attestors)]
    w.attestors.rotate(members, 2, admin)
    w.gateway.setApp(1, w.bridge, admin)
    w.gateway.setApp(2, w.actions, admin)
    w.gateway.setPeer(PEER_CHAIN, interop(PEER_CHAIN, PEER_GATEWAY), True, admin)
    w.bridge.setToken(w.security, w.token, admin)
    w.bridge.setPeerApp(PEER_CHAIN, interop(PEER_CHAIN, PEER_BRIDGE), admin)
    w.actions.setPeerApp(PEER_CHAIN, interop(PEER_CHAIN, PEER_ACTIONS), admin)
    w.actions.setToken(w.security, w.token, agent)
    w.actions.setCash(b"EUR", w.cash, agent)
    w.instances.registerSecurity(ISIN, LEI, TERMS, admin)
    for ledger in (chain.id, PEER_CHAIN):
        instance = (ledger, interop(ledger, w.token.address), bytes(32), 1 << 16, ledger == chain.id)
        w.instances.registerInstance(w.security, instance, admin)
