"""Hedera's Asset Tokenization Studio 8.0.0: an equity of its own factory, from what npm ships.

Deployed as the package's own workflow does, in its batches; of its 8 kinds of asset only what
an equity needs counts, so the whole of its platform costs more than shown.
"""

from __future__ import annotations

from typing import ClassVar

from eth_utils.address import to_checksum_address

from bench.ats_code import FACTORY_FACET, OPENZEPPELIN, PACKAGE, Deployer, equity_facets, role
from bench.chain import Bench, call_data
from bench.compiling import shipped
from bench.parties import COUNTRY, EXPIRY, account
from bench.system import System

ISIN = "FR0014ZZPPT7"
REGULATION_S = 1
MOST_UNITS = 10**12
REGISTERED_AT_ONCE, CONFIGURED_AT_ONCE = 10, 15
ZERO = "0x" + "0" * 40
_EQUITY, _FACTORY = (1).to_bytes(32, "big"), (8).to_bytes(32, "big")  # its names of configurations
_RBAC = "(bytes32,address[])[]"
_SECURITY = (
    f"(address,uint256,(bytes32,uint256),(string,string,string,uint8),{_RBAC},address[],address[],address[],"
    "address,address,bool,bool,bool,bool,bool,bool,bool)"
)
_RIGHTS = "(bool,bool,bool,bool,bool,bool,bool,uint8,bytes3,uint256,uint8)"
_DEPLOY_EQUITY = f"deployEquity(({_SECURITY},{_RIGHTS}),(uint8,uint8,(bool,string,string)))"
_ROLES = (
    "DEFAULT_ADMIN_ROLE",
    "ROLE_CONTROL_LIST",
    "ROLE_KYC",
    "ROLE_SSI_MANAGER",
    "ROLE_ISSUER",
    "ROLE_CONTROLLER",
    "ROLE_FREEZE_MANAGER",
    "ROLE_SNAPSHOT",
)


class Ats(System):
    name = "hedera-ats-8.0.0"
    rules = (
        "allow list and KYC with expiry of both sides, freeze, locks, holds and clearing, pause, largest "
        "supply; a proxy that asks a resolver for the code of each function. Countries are stored as text "
        "and not checked on the chain, and there is no largest balance"
    )
    remarks: ClassVar = {
        "onboard": "one entry of the allow list and one of the KYC list, in each token anew",
        "first_movement_after_record_time": "the first after a snapshot that was ordered at that moment",
        "deploy_platform": "resolver, the facets and libraries of an equity, its configuration, factory; the "
        "other kinds of asset left out",
        "deploy_security": "one call of the factory, and the issuer of KYC statements",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("ats owner")
        self._resolver = self._factory = ""

    def deploy_platform(self) -> int:
        owner, deployer = self._owner, Deployer(self.bench, self._owner)
        with self.bench.meter() as gas:
            admin = self.bench.create(owner, self._openzeppelin("ProxyAdmin"))
            code = deployer.deploy("BusinessLogicResolver")
            proxy = self._openzeppelin("TransparentUpgradeableProxy")
            kinds = ["address", "address", "bytes"]
            self._resolver = self.bench.create(owner, proxy, kinds, [code, admin, b""])
            self._call(self._resolver, "initializeBusinessLogicResolver()")
            keys = self._register(deployer, (*equity_facets(), FACTORY_FACET))
            self._configure(_EQUITY, keys[:-1])
            self._configure(_FACTORY, keys[-1:])
            proxy, kinds = deployer.code("ResolverProxy"), ["address", "bytes32", "uint256", _RBAC]
            self._factory = self.bench.create(owner, proxy, kinds, [self._resolver, _FACTORY, 1, []])
        return gas[0]

    def deploy_security(self) -> int:
        data = call_data(_DEPLOY_EQUITY, (self._security(), _rights()), (REGULATION_S, 0, (True, "", "")))
        made = self.bench.call(self._owner, self._factory, data)
        with self.bench.meter() as gas:
            self.bench.send(self._owner, self._factory, data)
            self.token = to_checksum_address(made[-20:])
            self._call(self.token, "addIssuer(address)", self._owner)
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        grant = "grantKyc(address,string,uint256,uint256,address)"
        with self.bench.meter() as gas:
            self._call(self.token, "addToControlList(address)", holder)
            self._call(self.token, grant, holder, "", 1, EXPIRY, self._owner)
        return gas[0]

    def ban(self, holder: str) -> None:
        self._call(self.token, "setAddressFrozen(address,bool)", holder, True)

    def issue(self, holder: str, amount: int) -> None:
        self._call(self.token, "mint(address,uint256)", holder, amount)

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        function = "batchTransfer(address[],uint256[])"
        return self.bench.execute(sender, self.token, function, recipients, [amount] * len(recipients))

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        function = "forcedTransfer(address,address,uint256)"
        return self._call(self.token, function, source, recipient, amount)

    def pass_record_time(self) -> None:
        self._call(self.token, "takeSnapshot()")

    # ------------------------------------------------------------------ parts

    def _call(self, to: str, function: str, *values: object) -> int:
        return self.bench.execute(self._owner, to, function, *values)

    def _openzeppelin(self, name: str) -> bytes:
        return shipped(PACKAGE, f"proxy/transparent/{name}", OPENZEPPELIN)

    def _register(self, deployer: Deployer, facets: tuple[str, ...]) -> list[bytes]:
        """Deploy facets and make them known to the resolver; their keys."""
        addresses = [deployer.deploy(facet) for facet in facets]
        key = "getStaticResolverKey()"
        keys = [bytes(self.bench.read(one, key, returns="bytes32")) for one in addresses]
        known = list(zip(keys, addresses, strict=True))
        for start in range(0, len(known), REGISTERED_AT_ONCE):
            part = known[start : start + REGISTERED_AT_ONCE]
            self._call(self._resolver, "registerBusinessLogics((bytes32,address)[])", part)
        return keys

    def _configure(self, configuration: bytes, keys: list[bytes]) -> None:
        function = "createBatchConfiguration(bytes32,(bytes32,uint256)[],bool,bytes)"
        for start in range(0, len(keys), CONFIGURED_AT_ONCE):
            end = start + CONFIGURED_AT_ONCE
            facets = [(key, 1) for key in keys[start:end]]
            self._call(self._resolver, function, configuration, facets, end >= len(keys), b"")

    def _security(self) -> tuple[object, ...]:
        """Allow list and KYC of its own on; no clearing, one partition, forced transfers allowed."""
        roles = [(role(name), [self._owner]) for name in _ROLES]
        text = ("Example share", "EXSH", ISIN, 0)
        flags = (False, False, True, True, False, True, False)
        return (self._resolver, MOST_UNITS, (_EQUITY, 1), text, roles, [], [], [], ZERO, ZERO, *flags)


def _rights() -> tuple[object, ...]:
    """A share with votes and dividends, of 1 euro."""
    return (True, *[False] * 6, 1, b"EUR", 1, 0)
