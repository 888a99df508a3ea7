"""T-REX 4.1.6 with ONCHAINID 2.2.1, from the code that their npm packages ship."""

from __future__ import annotations

from typing import ClassVar

from eth_abi.abi import encode as abi_encode
from eth_utils.address import to_checksum_address

from bench.chain import Bench
from bench.compiling import shipped
from bench.parties import BARRED_COUNTRY, COUNTRY, account
from bench.system import System
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.signers import KeySigner

_TREX = "@tokenysolutions/t-rex"
_ONCHAINID = "@onchain-id/solidity"
_MODULES = "compliance/modular/modules/"
_IMPLEMENTATIONS = (  # in the order of the authority's struct
    "token/Token",
    "registry/implementation/ClaimTopicsRegistry",
    "registry/implementation/IdentityRegistry",
    "registry/implementation/IdentityRegistryStorage",
    "registry/implementation/TrustedIssuersRegistry",
    "compliance/modular/ModularCompliance",
)
_SUITE = (
    "deployTREXSuite(string,"
    "(address,string,string,uint8,address,address,address[],address[],address[],bytes[]),"
    "(uint256[],address[],uint256[][]))"
)
ZERO = "0x" + "0" * 40
TOPIC = int.from_bytes(keccak256(b"gas bench: verified investor"), "big")
CLAIM_KEY = 3
ECDSA = 1
CLAIM = b"verified by the registrar"
MOST_UNITS = 1_000_000_000


class TRex(System):
    name = "trex-4.1.6"
    rules = (
        "a verified claim of the recipient (one topic, one trusted issuer), freeze of both sides, pause, a "
        "list of restricted countries, a largest balance for each identity; all behind proxies"
    )
    bars_countries = True
    remarks: ClassVar = {
        "onboard": "identity, claim and registration; a further token needs only the last",
        "deploy_platform": "six implementations, their authority and factory, ONCHAINID with its factory, "
        "two modules, claim issuer",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("trex owner")
        self._agent = account("trex agent")
        self._claim_signer = KeySigner("claims", bytes(keccak256(b"gas bench: key of the claim signer")))
        self._registry = ""

    def deploy_platform(self) -> int:
        with self.bench.meter() as gas:
            self._deploy_identities()
            self._deploy_factory()
            self._country = self._module("CountryRestrictModule")
            self._balance = self._module("MaxBalanceModule")
        return gas[0]

    def deploy_security(self) -> int:
        owner, agents = self._owner, [self._agent]
        modules = [self._country, self._balance]
        settings = [
            _module_call("addCountryRestriction(uint16)", "uint16", BARRED_COUNTRY),
            _module_call("setMaxBalance(uint256)", "uint256", MOST_UNITS),
        ]
        token = (owner, "Example share", "EXSH", 0, ZERO, ZERO, agents, agents, modules, settings)
        claims = ([TOPIC], [self._claims], [[TOPIC]])
        with self.bench.meter() as gas:
            self.bench.execute(owner, self._factory, _SUITE, "example", token, claims)
            self.token = self._address(self._factory, "getToken(string)", "example")
            self.bench.execute(self._agent, self.token, "unpause()")
        self._registry = self._address(self.token, "identityRegistry()")
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        with self.bench.meter() as gas:
            create = "createIdentity(address,string)"
            self.bench.execute(self._owner, self._identities, create, holder, holder)
            identity = self._address(self._identities, "getIdentity(address)", holder)
            digest = keccak256(abi_encode(["address", "uint256", "bytes"], [identity, TOPIC, CLAIM]))
            signature = self._claim_signer.sign_digest(_as_message(digest))
            add = "addClaim(uint256,uint256,address,bytes,bytes,string)"
            self.bench.execute(holder, identity, add, TOPIC, ECDSA, self._claims, signature, CLAIM, "")
            register = "registerIdentity(address,address,uint16)"
            self.bench.execute(self._agent, self._registry, register, holder, identity, country)
        return gas[0]

    def ban(self, holder: str) -> None:
        self.bench.execute(self._agent, self.token, "setAddressFrozen(address,bool)", holder, True)

    def issue(self, holder: str, amount: int) -> None:
        self.bench.execute(self._agent, self.token, "mint(address,uint256)", holder, amount)

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        amounts = [amount] * len(recipients)
        return self.bench.execute(
            sender, self.token, "batchTransfer(address[],uint256[])", recipients, amounts
        )

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        function = "forcedTransfer(address,address,uint256)"
        return self.bench.execute(self._agent, self.token, function, source, recipient, amount)

    # ------------------------------------------------------------------ parts

    def _deploy_identities(self) -> None:
        create, owner = self.bench.create, self._owner
        code = create(owner, shipped(_ONCHAINID, "Identity"), ["address", "bool"], [owner, True])
        authority = create(owner, shipped(_ONCHAINID, "proxy/ImplementationAuthority"), ["address"], [code])
        self._identities = create(owner, shipped(_ONCHAINID, "factory/IdFactory"), ["address"], [authority])
        self._claims = create(owner, shipped(_ONCHAINID, "ClaimIssuer"), ["address"], [owner])
        key = keccak256(abi_encode(["address"], [self._claim_signer.address]))
        add = "addKey(bytes32,uint256,uint256)"
        self.bench.execute(owner, self._claims, add, bytes(key), CLAIM_KEY, ECDSA)

    def _deploy_factory(self) -> None:
        create, owner, execute = self.bench.create, self._owner, self.bench.execute
        implementations = tuple(create(owner, shipped(_TREX, one)) for one in _IMPLEMENTATIONS)
        authority = create(
            owner,
            shipped(_TREX, "proxy/authority/TREXImplementationAuthority"),
            ["bool", "address", "address"],
            [True, ZERO, ZERO],
        )
        use = (
            "addAndUseTREXVersion((uint8,uint8,uint8),(address,address,address,address,address,address))"
        )
        execute(owner, authority, use, (4, 1, 6), implementations)
        pair = [authority, self._identities]
        self._factory = create(owner, shipped(_TREX, "factory/TREXFactory"), ["address", "address"], pair)
        execute(owner, authority, "setTREXFactory(address)", self._factory)
        execute(owner, self._identities, "addTokenFactory(address)", self._factory)

    def _module(self, name: str) -> str:
        code = self.bench.create(self._owner, shipped(_TREX, _MODULES + name))
        initialise = keccak256(b"initialize()")[:4]
        proxy = shipped(_TREX, f"{_MODULES}ModuleProxy")
        return self.bench.create(self._owner, proxy, ["address", "bytes"], [code, initialise])

    def _address(self, contract: str, function: str, *values: str) -> str:
        return to_checksum_address(self.bench.read(contract, function, *values, returns="address"))


def _module_call(function: str, kind: str, value: int) -> bytes:
    return keccak256(function.encode())[:4] + abi_encode([kind], [value])


def _as_message(digest: Bytes32) -> Bytes32:
    """EIP-191: what a wallet signs when it signs a message of these 32 bytes."""
    return keccak256(b"\x19Ethereum Signed Message:\n32" + digest)
