"""The contracts of one chain on Brownie's development network, behind proxies, roles granted.

For trying things out in `brownie console` and `brownie run`. Real deployments, with plans,
journals and equal addresses on every chain, are made by `pari deploy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brownie import Contract, accounts, chain, project
from eth_abi import encode

from paripassu import artefacts
from paripassu.config import load_event, load_security
from paripassu.config.event import EventFile
from paripassu.deploy.rights import FUNCTIONS, function_roles
from paripassu.identifiers import AccountId, Bytes32, Country, InteropAddress, LedgerId, keccak256, role_id
from paripassu.securities import Security

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ROLES = sorted({role for rights in FUNCTIONS.values() for role in rights} | {"upgrader"})
HOLDERS = {"holder_de": "DE", "holder_fr": "FR", "holder_gb": "GB"}
RETAIL = 1
MOVEMENT, CORPORATE_ACTION = 1, 2


@dataclass(frozen=True)
class Suite:
    """One chain's contracts (Brownie contract objects) and who may do what (Brownie accounts)."""

    security: Security
    ledger: LedgerId
    parties: dict[str, Any]
    contracts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        """`suite.token`, `suite.issuer_agent`: a contract or a party by its name."""
        for found in (self.contracts, self.parties):
            if name in found:
                return found[name]
        raise AttributeError(name)

    def send(self, party: str, method: Any, *arguments: Any) -> Any:
        """Transaction of a party, without Brownie's lines about it."""
        return method(*arguments, {"from": self.parties[party]}, silent=True)

    def account_id(self, account: Any) -> AccountId:
        """CAIP-10 id of an account on this chain."""
        return AccountId(self.ledger, str(account))


def deploy() -> Suite:
    """Deploy, connect and fill in the example equity; nothing is issued yet."""
    (ours,) = project.get_loaded_projects()
    security = load_security(EXAMPLES / "securities" / "example-equity.toml")
    names = ["admin", *ROLES, *HOLDERS]
    parties = dict(zip(names, accounts, strict=False))
    admin = parties["admin"]
    manager = _artefact("AccessManager", ["address"], [admin.address], admin)

    def proxied(name: str, *arguments: Any) -> Any:
        implementation = admin.deploy(ours[name], silent=True)
        call = bytes.fromhex(implementation.initialize.encode_input(*arguments)[2:])
        proxy = _artefact("ERC1967Proxy", ["address", "bytes"], [implementation.address, call], admin)
        return Contract.from_abi(name, proxy.address, implementation.abi, owner=admin)

    contracts = {"manager": manager}
    contracts["holders"] = proxied("HolderRegistry", manager)
    contracts["instances"] = proxied("InstanceRegistry", manager)
    contracts["custody"] = proxied("CustodyRegistry", manager, contracts["holders"])
    contracts["attestors"] = proxied("AttestorSet", manager)
    contracts["gateway"] = proxied("Gateway", manager, contracts["attestors"])
    contracts["bridge"] = proxied("TokenBridge", manager, contracts["gateway"], contracts["instances"])
    contracts["actions"] = proxied(
        "CorporateActions", manager, contracts["gateway"], contracts["instances"], True
    )
    contracts["token"] = proxied("SecurityToken", _token_terms(security, contracts))
    contracts["cash"] = proxied("CashToken", "Cash token EUR", "EURC1", b"EUR", 2, manager)
    suite = Suite(security, LedgerId(f"eip155:{chain.id}"), parties, contracts)
    _grant(suite)
    _connect(suite)
    return suite


def onboard_holders(suite: Suite) -> None:
    """Register the holders, each with a commitment, a country and a class."""
    for name, country in HOLDERS.items():
        number = Country(country).numeric
        entry = (suite.parties[name], commitment(name), number, RETAIL, 0, "0x" + "0" * 40)
        suite.send("registrar", suite.holders.onboard, *entry)


def issue(suite: Suite) -> None:
    """Issue the whole issue to the German holder and move part of it to the others."""
    onboard_holders(suite)
    whole = int(suite.security.issue_size)
    reference = bytes(keccak256(b"first issue"))
    suite.send("transfer_agent", suite.token.issue, suite.holder_de, whole, reference)
    suite.send("holder_de", suite.token.transfer, suite.holder_fr, 250_001)
    suite.send("holder_de", suite.token.transfer, suite.holder_gb, 99_999)


def commitment(name: str) -> Bytes32:
    """Stand-in for a salted commitment to a holder."""
    return keccak256(b"development holder " + name.encode())


def example_dividend(security: Security) -> EventFile:
    return load_event(EXAMPLES / "2027-03-dividend.toml", security)


def travel_to(time: int) -> None:
    """Mine a block at `time`, Unix seconds; the clock goes on from there."""
    # chain.mine(timestamp=…) is refused by Anvil: Brownie 1.22 passes it in a wrong form
    chain.sleep(max(0, time - chain[-1].timestamp))
    chain.mine()


def finish() -> None:
    """Wait for Brownie's snapshot thread, which else still speaks to the node when that has ended."""
    chain.mine()


def _artefact(name: str, types: list[str], arguments: list[Any], deployer: Any) -> Any:
    """Deploy a contract of OpenZeppelin's from the package's artefacts."""
    artefact = artefacts.load(name)
    creation = artefact.bytecode + encode(types, arguments)
    transaction = deployer.transfer(data="0x" + creation.hex(), silent=True)
    return Contract.from_abi(name, transaction.contract_address, list(artefact.abi), owner=deployer)


def _token_terms(security: Security, contracts: dict[str, Any]) -> tuple[Any, ...]:
    rules = security.rules
    return (
        security.name,
        security.symbol,
        security.isin.encode(),
        security.lei.encode(),
        bytes(security.terms_hash),
        contracts["manager"],
        contracts["holders"],
        contracts["bridge"],
        contracts["actions"],
        int(security.issue_size),
        True,
        sorted(country.numeric for country in rules.countries),
        sorted(rules.classes),
    )


def _grant(suite: Suite) -> None:
    manager = suite.manager
    for role in ROLES:
        suite.send("admin", manager.grantRole, role_id(role), suite.parties[role], 0)
    for contract in suite.contracts.values():
        if contract._name not in FUNCTIONS:
            continue
        for selector, role in function_roles(contract._name).items():
            suite.send("admin", manager.setTargetFunctionRole, contract, [selector], role)


def _connect(suite: Suite) -> None:
    security, identity = suite.security, bytes(suite.security.security_id)
    suite.send("bridge_operator", suite.gateway.setApp, MOVEMENT, suite.bridge)
    suite.send("bridge_operator", suite.gateway.setApp, CORPORATE_ACTION, suite.actions)
    suite.send("bridge_operator", suite.bridge.setToken, identity, suite.token)
    suite.send("issuer_agent", suite.actions.setToken, identity, suite.token)
    suite.send("issuer_agent", suite.actions.setCash, b"EUR", suite.cash)
    terms = (security.isin.encode(), security.lei.encode(), bytes(security.terms_hash))
    suite.send("tokenizer", suite.instances.registerSecurity, *terms)
    own = InteropAddress(suite.ledger, suite.token.address).encode()
    code_hash = bytes(artefacts.load("ERC1967Proxy").code_hash)
    instance = (suite.ledger.numeric, own, code_hash, suite.token.version(), True)
    suite.send("tokenizer", suite.instances.registerInstance, identity, instance)
