"""Pari Passu: the steps of `pari deploy` on one chain, then its contracts as they ship."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bench.chain import Bench, Receipt
from bench.parties import COUNTRY, EXPIRY, INVESTOR_CLASS, commitment, signer_of
from bench.shared import BEYOND_TOKENS, platform_of
from bench.system import System
from paripassu import artefacts
from paripassu.config import NetworkConfig, load_network, load_security
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import APPROVALS, CASH, EvmDesired
from paripassu.deploy.observe import observe
from paripassu.deploy.plan import DEPLOYER, steps_for
from paripassu.deploy.rights import role_for
from paripassu.deploy.spec import desired_state
from paripassu.deploy.steps import Step
from paripassu.devnet import GENESIS_TIME, controls, travel_to
from paripassu.identifiers import Bytes32, Isin, LedgerId, role_id
from paripassu.keycontrol import KeyControl
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.signers import signer_from_spec
from paripassu.quantities import Units

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LEDGER = "alpha"
SECOND_ISIN = Isin("FR0014ZZPPT7")
RECORD_TIME = GENESIS_TIME + 30 * 86_400
NO_SERVICER = "0x" + "0" * 40
TOKEN, HOLDERS = "SecurityToken", "HolderRegistry"
HOLDING_CAP = Units(900_000)
CORRECTORS = ("registrar", "transfer_agent")
"""The roles that agree to a forced transfer: the first also proposes it and carries it out."""


class PariPassu(System):
    name = "paripassu"
    rules = (
        "eligibility with expiry, sanctions and freeze of both sides, country and class of the recipient, "
        "blocked and locked-up units of the sender, holding cap of the recipient, pause; upgradeable token"
    )
    bars_countries = True
    remarks: ClassVar = {
        "onboard": "once for all securities of the chain, with the account's proof that it has its key",
        "forced_transfer": "carrying out what two roles have agreed to",
        "deploy_token_platform": "the same without custody, corporate actions, bridge, gateway, attestors, "
        "which the peers' platforms do not have: access, approvals, registers of holders and of securities, "
        "the code of all tokens, factory, roles",
        "onboard_batch_100": "the same, a hundred in one transaction",
        "deploy_security": "proxy and registration of a second security, each transaction by the role that "
        "may send it; the code behind the proxy is the first security's, and so are the roles",
        "first_movement_after_record_time": "the record time is armed as the corporate actions contract does",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._network = _one_chain(load_network(EXAMPLES / "local.toml"), bench.url)
        first = load_security(self._network.security_path)
        first = replace(first, rules=replace(first.rules, holding_cap=HOLDING_CAP))
        self._securities = [first]
        self._addresses: dict[str, str] = {}
        self._references = 0

    def deploy_platform(self) -> int:
        desired = self._desired()
        with self.bench.meter() as gas:
            for step, receipt in self._carry_out(platform_of(desired)):
                self.parts[step.key.removeprefix("create/")] = receipt.gas
        code = sum(len(artefacts.load(one.artefact).code) for one in platform_of(desired).creations)
        rest = {step.key: receipt.gas for step, receipt in self._carry_out(desired)}
        cash = sum(gas for key, gas in rest.items() if key.startswith(f"create/{CASH}"))
        self.notes["deploy_platform"] = (
            "all steps of `pari deploy` on one chain but those of a security and of cash: every contract, "
            "implementations and proxies, all policies, settings and role holders; a cash token and its code "
            f"would take {cash:,} more. {code:,} bytes of code are kept, at 200 gas each and 4 or 16 to send"
        )
        return gas[0]

    def deploy_token_platform(self) -> int:
        with self.bench.undone(), self.bench.meter() as gas:
            self._carry_out(platform_of(self._desired(), BEYOND_TOKENS))
        return gas[0]

    def deploy_security(self) -> int:
        self._securities.append(replace(self._securities[0], isin=SECOND_ISIN))
        with self.bench.meter() as gas:
            self._carry_out(self._desired())
        self.token = self._addresses[f"{TOKEN}/{SECOND_ISIN}"]
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        return self.restricted(self._addresses[HOLDERS], HOLDERS, "onboard", *self._record(holder, country))

    def onboard_batch(self, holders: list[str]) -> int:
        records = [self._record(holder, COUNTRY) for holder in holders]
        return self.restricted(self._addresses[HOLDERS], HOLDERS, "onboardBatch", records)

    def ban(self, holder: str) -> None:
        self.restricted(self.token, TOKEN, "setAddressFrozen", holder, True)

    def open(self, holder: str) -> int:
        data = codec(TOKEN).encode("open", [holder])
        return self.bench.send(self._signer("transfer_agent"), self.token, data).gas

    def issue(self, holder: str, amount: int) -> None:
        self.restricted(self.token, TOKEN, "issue", holder, amount, self._reference())

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        data = codec(TOKEN).encode("batchTransfer", recipients, [amount] * len(recipients))
        return self.bench.send(sender, self.token, data).gas

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        return self._forced(source, recipient, amount)[-1]

    def forced_transfer_act(self, source: str, recipient: str, amount: int) -> int:
        steps = self._forced(source, recipient, amount)
        self.notes["act_forced_transfer_with_approvals"] = (
            "proposed by one role, which so approves it, approved by a second, carried out: "
            f"{' + '.join(f'{gas:,}' for gas in steps)}"
        )
        return sum(steps)

    def pass_record_time(self) -> None:
        data = codec(TOKEN).encode("armRecordTime", RECORD_TIME)
        self.bench.send(self._addresses["CorporateActions"], self.token, data)
        travel_to([self.bench.url], RECORD_TIME + 1)

    def address_of(self, contract: str) -> str:
        """Where a contract of the platform is."""
        return self._addresses[contract]

    def restricted(self, address: str, contract: str, function: str, *values: object) -> int:
        """Call a restricted function as the role that may; the gas of the transaction."""
        data = codec(contract).encode(function, *values)
        return self.bench.send(self._signer(role_for(contract, function)), address, data).gas

    # ------------------------------------------------------------------ parts

    def _record(self, holder: str, country: int) -> tuple[object, ...]:
        """What an onboarding states, with the account's proof that it has its key."""
        identity = commitment(holder)[:24] + bytes(8)  # registers keep the first 24 bytes
        ledger = LedgerId(f"eip155:{self._network.ledgers[LEDGER].id.chain_id}")
        statement = KeyControl(ledger, self._addresses[HOLDERS], holder, Bytes32(identity))
        proof = signer_of(holder).sign_digest(statement.digest)
        return (holder, identity, country, INVESTOR_CLASS, EXPIRY, NO_SERVICER, False, proof)

    def _forced(self, source: str, recipient: str, amount: int) -> tuple[int, int, int]:
        data = codec(TOKEN).encode("forcedTransfer", source, recipient, amount)
        return self.agree(self.token, data, CORRECTORS)

    def agree(self, target: str, data: bytes, roles: tuple[str, str]) -> tuple[int, int, int]:
        """Carry out an act; gas of the first role's proposal, the second one's approval, the execution."""
        abi, address = codec(APPROVALS), self._addresses[APPROVALS]
        first, second = roles
        call = abi.encode("propose", role_id(first), target, data, 0, self._reference())
        proposed = self.bench.send(self._signer(first), address, call)
        act = proposed.topics[0][1]  # of the event ActProposed
        call = abi.encode("approve", role_id(second), act)
        approved = self.bench.send(self._signer(second), address, call)
        call = abi.encode("execute", act, target, data)
        return proposed.gas, approved.gas, self.bench.send(self._signer(first), address, call).gas

    def _desired(self) -> EvmDesired:
        desired = desired_state(self._network, self._securities)[LEDGER]
        assert isinstance(desired, EvmDesired)
        self._addresses = desired.addresses
        return desired

    def _carry_out(self, desired: EvmDesired) -> list[tuple[Step, Receipt]]:
        """Carry out what `pari deploy` plans on the chain as it is."""
        controls.mine(self.bench.url, 4)  # what is planned on is what is final
        steps = asyncio.run(self._planned(desired))
        return [
            (step, self.bench.send(self._signer(step.signer, desired), step.to, step.data)) for step in steps
        ]

    async def _planned(self, desired: EvmDesired) -> tuple[Step, ...]:
        async with Chain(self._network.ledgers[LEDGER], desired) as chain:
            return steps_for(desired, await observe(chain))

    def _signer(self, role: str, desired: EvmDesired | None = None) -> str:
        if role == DEPLOYER:
            assert desired is not None
            return desired.deployer
        return signer_from_spec(self._network.roles[role][0], self._network.environment).address

    def _reference(self) -> bytes:
        self._references += 1
        return self._references.to_bytes(32, "big")


def _one_chain(network: NetworkConfig, url: str) -> NetworkConfig:
    """The example network without its other ledgers, which so are nobody's peers; blocks final at once."""
    ledger = network.ledgers[LEDGER]
    ledger = replace(ledger, blocks=replace(ledger.blocks, reorg_period=0), rpc_urls=(url,))
    return replace(network, ledgers={LEDGER: ledger})
