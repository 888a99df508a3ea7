"""Pari Passu: the steps of `pari deploy` on one chain, then its contracts as they ship."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bench.chain import Bench
from bench.parties import COUNTRY, EXPIRY, INVESTOR_CLASS, commitment
from bench.system import NotOffered, System
from paripassu.config import NetworkConfig, load_network, load_security
from paripassu.deploy.creations import proxy_creation
from paripassu.deploy.desired import FACTORY, MANAGER, EvmDesired, Setting
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.plan import DEPLOYER, steps_for
from paripassu.deploy.rights import FUNCTIONS
from paripassu.deploy.spec import desired_state
from paripassu.devnet import GENESIS_TIME, travel_to
from paripassu.identifiers import ZERO32, Isin
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.port import BlockRef
from paripassu.ledgers.signers import signer_from_spec
from paripassu.securities import Security

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LEDGER = "alpha"
SECOND_ISIN = Isin("FR0014ZZPPT7")
RECORD_TIME = GENESIS_TIME + 30 * 86_400
NO_SERVICER = "0x" + "0" * 40
TOKEN = "SecurityToken"


class PariPassu(System):
    name = "paripassu"
    rules = (
        "eligibility with expiry and freeze of both sides, country and class of the recipient, pause; token "
        "and holder registry behind proxies. Holding cap and lock-up are not built yet"
    )
    bars_countries = True
    remarks: ClassVar = {
        "deploy_platform": "all steps of `pari deploy` on one chain: every contract, implementations and "
        "proxies, all roles, and the first security with its cash token",
        "deploy_security": "proxy, rights and registrations of a second security, each transaction by the "
        "role that may send it; the code behind the proxy is the first security's",
        "first_movement_after_record_time": "the record time is armed as the corporate actions contract does",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._network = _one_chain(load_network(EXAMPLES / "local.toml"))
        self._first = load_security(self._network.security_path)
        self._second = replace(self._first, isin=SECOND_ISIN)
        self._desired = self._desired_for(self._first)
        self._addresses = dict(self._desired.addresses)
        self._references = 0

    def deploy_platform(self) -> int:
        desired = self._desired
        bare = EvmObserved(
            genesis="",
            final=BlockRef(0, ZERO32, GENESIS_TIME),
            has_deterministic_deployer=True,
            code_hashes={creation.address: None for creation in desired.creations},
            implementations={},
            settings=(None,) * len(desired.settings),
            members={},
            functions={},
            versions={},
        )
        with self.bench.meter() as gas:
            for step in steps_for(desired, bare):
                receipt = self.bench.send(self._signer(step.signer), step.to, step.data)
                self.parts[step.key.removeprefix("create/")] = receipt.gas
        return gas[0]

    def deploy_security(self) -> int:
        desired = self._desired_for(self._second)
        self._addresses = dict(desired.addresses)
        self.token = self._addresses[TOKEN]
        with self.bench.meter() as gas:
            self._create_proxy(desired)
            self._give_rights(desired)
            self._set_up(desired)
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        record = (holder, commitment(holder), country, INVESTOR_CLASS, EXPIRY, NO_SERVICER)
        return self._restricted("HolderRegistry", "onboard", *record)

    def issue(self, holder: str, amount: int) -> None:
        self._references += 1
        reference = self._references.to_bytes(32, "big")
        self._restricted(TOKEN, "issue", holder, amount, reference)

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        if not codec(TOKEN).has("batchTransfer"):
            raise NotOffered("the token has no batch transfer yet")
        data = codec(TOKEN).encode("batchTransfer", recipients, [amount] * len(recipients))
        return self.bench.send(sender, self.token, data).gas

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        if not codec(TOKEN).has("forcedTransfer"):
            raise NotOffered("the token has no forced transfer yet")
        return self._restricted(TOKEN, "forcedTransfer", source, recipient, amount)

    def pass_record_time(self) -> None:
        data = codec(TOKEN).encode("armRecordTime", RECORD_TIME)
        self.bench.send(self._addresses["CorporateActions"], self.token, data)
        travel_to([self.bench.url], RECORD_TIME + 1)

    # ------------------------------------------------------------------ parts

    def _desired_for(self, security: Security) -> EvmDesired:
        desired = desired_state(self._network, security)[LEDGER]
        assert isinstance(desired, EvmDesired)
        return desired

    def _signer(self, role: str) -> str:
        if role == DEPLOYER:
            return self._desired.deployer
        return signer_from_spec(self._network.roles[role][0], self._network.environment).address

    def _restricted(self, contract: str, function: str, *values: object) -> int:
        """Call a restricted function as the role that may."""
        role = next(role for role, functions in FUNCTIONS[contract].items() if function in functions)
        data = codec(contract).encode(function, *values)
        return self.bench.send(self._signer(role), self._addresses[contract], data).gas

    def _multicall(self, role: str, calls: list[bytes]) -> None:
        data = codec(MANAGER).encode("multicall", calls)
        self.bench.send(self._signer(role), self._addresses[MANAGER], data)

    def _create_proxy(self, desired: EvmDesired) -> None:
        code = next(one for one in self._desired.creations if one.name == f"{TOKEN}.implementation")
        planned = next(one for one in desired.creations if one.name == TOKEN)
        proxy = proxy_creation(
            self._network,
            self._second,
            TOKEN,
            code.address,
            dict(planned.arguments or {}),
            dict(desired.addresses),
        )
        data = codec(FACTORY).encode("deploy", proxy.salt, proxy.init_code)
        self.bench.send(desired.deployer, self._addresses[FACTORY], data)

    def _give_rights(self, desired: EvmDesired) -> None:
        groups: dict[int, list[bytes]] = {}
        for (target, selector), role in desired.functions.items():
            if target == self.token:
                groups.setdefault(role, []).append(selector)
        encode = codec(MANAGER).encode
        calls = [
            encode("setTargetFunctionRole", self.token, selectors, role) for role, selectors in groups.items()
        ]
        self._multicall(DEPLOYER, calls)

    def _set_up(self, desired: EvmDesired) -> None:
        made = {(one.contract, one.call) for one in self._desired.settings}
        missing: dict[str, list[Setting]] = {}
        for setting in desired.settings:
            if (setting.contract, setting.call) not in made:
                missing.setdefault(setting.role, []).append(setting)
        for role, settings in missing.items():
            encode = codec(MANAGER).encode
            calls = [encode("execute", self._addresses[one.contract], one.call) for one in settings]
            self._multicall(role, calls)


def _one_chain(network: NetworkConfig) -> NetworkConfig:
    """The example network without its other ledgers: no peer here has any either."""
    return replace(network, ledgers={LEDGER: network.ledgers[LEDGER]})
