"""The contracts of one chain on Brownie's development network, behind proxies, roles granted.

For trying things out in `brownie console` and `brownie run`: the steps of `pari deploy`, sent by
Brownie. Real deployments, with plans, journals and equal addresses on every chain, are made by
`pari deploy` itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brownie import Contract, accounts, chain, web3

from paripassu.config import NetworkConfig, load_event, load_network, load_security
from paripassu.config.event import EventFile
from paripassu.custody import holder_commitment
from paripassu.deploy.create3 import DETERMINISTIC_DEPLOYER
from paripassu.deploy.desired import EvmDesired
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.plan import steps_for
from paripassu.deploy.spec import desired_state
from paripassu.deploy.steps import Step
from paripassu.identifiers import ZERO32, AccountId, Bytes32, Country, LedgerId, keccak256
from paripassu.keycontrol import KeyControl
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.contracts import abi_of
from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.securities import Security

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CONTRACTS = {
    "manager": "AccessManager",
    "approvals": "Approvals",
    "holders": "HolderRegistry",
    "instances": "InstanceRegistry",
    "custody": "CustodyRegistry",
    "gateway": "Gateway",
    "bridge": "TokenBridge",
    "actions": "CorporateActions",
    "token": "SecurityToken",
    "cash": "CashToken",
}
HOLDERS = {"holder_de": "DE", "holder_fr": "FR", "holder_gb": "GB"}
RETAIL = 1
NOBODY = "0x" + "0" * 40
_SALT = b"brownie development salt"
_COIN = "10 ether"


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


def deploy(security: Security | None = None, *, peers: tuple[str, ...] = ()) -> Suite:
    """Deploy, connect and fill in a security; nothing is issued yet.

    Each party has the key that `pari` gives it on local networks: `dev:<name>`.

    Args:
        security: the example equity when left out.
        peers: other ledgers of examples/local.toml that lanes are opened with.
    """
    network = on_this_chain(load_network(EXAMPLES / "local.toml"), peers)
    security = security or load_security(network.security_path)
    desired = desired_state(network, [security])[network.home]
    assert isinstance(desired, EvmDesired)
    parties = {party: funded(party) for party in ("deployer", *network.roles, *HOLDERS)}
    for step in steps_for(desired, _bare(desired)):
        _send(step, parties)
    contracts = {
        short: Contract.from_abi(kind, desired.addresses[kind], abi_of(kind), owner=parties["deployer"])
        for short, kind in CONTRACTS.items()
    }
    return Suite(security, desired.ledger, parties, contracts)


def on_this_chain(network: NetworkConfig, peers: tuple[str, ...]) -> NetworkConfig:
    """A network whose home ledger is the chain that Brownie is connected to, and of whose others only
    `peers` are there."""
    id = LedgerId(f"eip155:{web3.eth.chain_id}")
    others = {name: network.ledgers[name] for name in peers}
    return replace(network, ledgers={network.home: replace(network.home_ledger, id=id), **others})


def onboard_holders(suite: Suite) -> None:
    """Register the holders, each with a commitment, a country, a class, and the proof of its key."""
    for name, country in HOLDERS.items():
        onboard(suite, name, country)


def onboard(
    suite: Suite, name: str, country: str, *, investor_class: int = RETAIL, servicer: str = NOBODY
) -> None:
    """Register one holder; its key signs that it is the holder's."""
    signer, holder = KeySigner(name, dev_key(name)), commitment(name)
    statement = KeyControl(suite.ledger, suite.holders.address, signer.address, holder)
    number, proof = Country(country).numeric, signer.sign_digest(statement.digest)
    entry = (signer.address, holder, number, investor_class, 0, servicer, False, proof)
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
    return holder_commitment(_SALT, name)


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


def _bare(desired: EvmDesired) -> EvmObserved:
    """The chain as Brownie has just started it."""
    has_deployer = len(web3.eth.get_code(DETERMINISTIC_DEPLOYER)) > 0
    return EvmObserved(
        genesis="",
        final=BlockRef(0, ZERO32, chain.time()),
        has_deterministic_deployer=has_deployer,
        codes={},
        implementations={},
        settings=(None,) * len(desired.settings),
        members={},
        versions={},
    )


def _send(step: Step, parties: dict[str, Any]) -> None:
    sender = parties[step.signer]
    sender.transfer(step.to, step.value, data="0x" + step.data.hex(), gas_limit=step.gas, silent=True)
    if step.published:
        web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(step.published))


def funded(name: str) -> Any:
    """The account with the key `dev:<name>`, with coin for its fees."""
    account = accounts.add(dev_key(name).hex())
    accounts[0].transfer(account, _COIN, silent=True)
    return account
