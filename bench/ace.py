"""Chainlink ACE 1.0.0: its ERC-3643 token under a policy engine, compiled from its npm package.

Wired as the package's own deployment script does, save that a transfer verifies the sender
too. What a further token can share (engine, registries, code behind proxies) counts as platform.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from eth_abi.abi import encode as abi_encode

from bench.chain import Bench, call_data
from bench.compiling import PEERS, ROOT, compile_contracts
from bench.parties import COUNTRY, EXPIRY, account, commitment
from bench.system import System
from paripassu import artefacts
from paripassu.identifiers import keccak256

_PACKAGES = PEERS / "@chainlink" / "ace" / "packages"
_POLICY, _IDENTITY = "@chainlink/policy-management/", "@chainlink/cross-chain-identity/"
_LIBRARY = ROOT / "node_modules" / "@openzeppelin"
_REMAPPINGS = {
    "packages/": _PACKAGES,
    _POLICY: _PACKAGES / "policy-management" / "src",
    _IDENTITY: _PACKAGES / "cross-chain-identity" / "src",
    "@openzeppelin/contracts/": _LIBRARY / "contracts",
    "@openzeppelin/contracts-upgradeable/": _LIBRARY / "contracts-upgradeable",
}
_SOURCES = (
    f"{_POLICY}core/PolicyEngine.sol",
    f"{_POLICY}policies/OnlyOwnerPolicy.sol",
    f"{_POLICY}extractors/ERC20TransferExtractor.sol",
    f"{_IDENTITY}IdentityRegistry.sol",
    f"{_IDENTITY}CredentialRegistry.sol",
    f"{_IDENTITY}CredentialRegistryIdentityValidatorPolicy.sol",
    "packages/tokens/erc-3643/src/ComplianceTokenERC3643.sol",
)
_REGISTER_IDENTITY = "registerIdentity(bytes32,address,bytes)"
_REGISTER_CREDENTIAL = "registerCredential(bytes32,bytes32,uint40,bytes,bytes)"
_IDENTITY_FUNCTIONS = (
    _REGISTER_IDENTITY,
    "registerIdentities(bytes32[],address[],bytes)",
    "removeIdentity(bytes32,address,bytes)",
)
_CREDENTIAL_FUNCTIONS = (
    _REGISTER_CREDENTIAL,
    "registerCredentials(bytes32,bytes32[],uint40,bytes[],bytes)",
    "removeCredential(bytes32,bytes32,bytes)",
    "renewCredential(bytes32,bytes32,uint40,bytes)",
)
_MINT, _FORCED = "mint(address,uint256)", "forcedTransfer(address,address,uint256)"
_OWNER_FUNCTIONS = (
    _MINT,
    _FORCED,
    "pause()",
    "unpause()",
    "setAddressFrozen(address,bool)",
    "freezePartialTokens(address,uint256)",
    "unfreezePartialTokens(address,uint256)",
    "setName(string)",
    "setSymbol(string)",
)
_TRANSFERS = ("transfer(address,uint256)", "transferFrom(address,address,uint256)")
_INIT_POLICY = "initialize(address,address,bytes)"
VERIFIED = bytes(keccak256(b"gas bench: verified investor"))
ZERO = "0x" + "0" * 40


@cache
def _code(name: str) -> bytes:
    # the plain code generator runs out of stack on these sources
    return compile_contracts(_SOURCES, _REMAPPINGS, {"viaIR": True})[name]


class Ace(System):
    name = "chainlink-ace-1.0.0"
    rules = (
        "a verified credential with expiry of both sides, by one policy on `transfer` and `transferFrom`; "
        "freeze of both sides and pause in the token; all behind proxies. It ships no rule about countries "
        "or a largest balance"
    )
    batch_skips_rules = True
    remarks: ClassVar = {
        "onboard": "identity and credential; a further token needs neither again",
        "batch_transfer_100_new": "the policies do not run: they hang on the selector of `transfer`, and "
        "the engine allows what has none",
        "deploy_platform": "engine, two registries, code of policies and token; compiled through the IR, "
        "which its sources need",
        "deploy_security": "the token's proxy, its two policies, and which functions they guard",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("ace owner")

    def deploy_platform(self) -> int:
        with self.bench.meter() as gas:
            self._engine = self._proxy(
                self._deploy("PolicyEngine"), "initialize(bool,address)", True, self._owner
            )
            init = "initialize(address,address)"
            pair = (self._engine, self._owner)
            self._identities = self._proxy(self._deploy("IdentityRegistry"), init, *pair)
            self._credentials = self._proxy(self._deploy("CredentialRegistry"), init, *pair)
            self._owner_policy_code = self._deploy("OnlyOwnerPolicy")
            self._validator_code = self._deploy("CredentialRegistryIdentityValidatorPolicy")
            self._token_code = self._deploy("ComplianceTokenERC3643")
            policy = self._policy(self._owner_policy_code)
            self._guard(self._identities, _IDENTITY_FUNCTIONS, policy)
            self._guard(self._credentials, _CREDENTIAL_FUNCTIONS, policy)
            extractor = self._deploy("ERC20TransferExtractor")
            for function in _TRANSFERS:
                self._call(self._engine, "setExtractor(bytes4,address)", _selector(function), extractor)
        return gas[0]

    def deploy_security(self) -> int:
        with self.bench.meter() as gas:
            init = "initialize(string,string,uint8,address)"
            self.token = self._proxy(self._token_code, init, "Example share", "EXSH", 0, self._engine)
            self._guard(self.token, _OWNER_FUNCTIONS, self._policy(self._owner_policy_code))
            sides = [bytes(keccak256(side)) for side in (b"from", b"to")]
            validator = self._policy(self._validator_code, self._requirements())
            self._guard(self.token, _TRANSFERS, validator, sides)
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        identity = commitment(holder)
        with self.bench.meter() as gas:
            self._call(self._identities, _REGISTER_IDENTITY, identity, holder, b"")
            self._call(self._credentials, _REGISTER_CREDENTIAL, identity, VERIFIED, EXPIRY, b"", b"")
        return gas[0]

    def ban(self, holder: str) -> None:
        self._call(self.token, "setAddressFrozen(address,bool)", holder, True)

    def issue(self, holder: str, amount: int) -> None:
        self._call(self.token, _MINT, holder, amount)

    def batch_transfer(self, sender: str, recipients: list[str], amount: int) -> int:
        function = "batchTransfer(address[],uint256[])"
        return self.bench.execute(sender, self.token, function, recipients, [amount] * len(recipients))

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        return self._call(self.token, _FORCED, source, recipient, amount)

    # ------------------------------------------------------------------ parts

    def _call(self, to: str, function: str, *values: Any) -> int:
        return self.bench.execute(self._owner, to, function, *values)

    def _deploy(self, name: str) -> str:
        return self.bench.create(self._owner, _code(name))

    def _proxy(self, code: str, initialise: str, *values: Any) -> str:
        proxy = artefacts.load("ERC1967Proxy").bytecode
        return self.bench.create(
            self._owner, proxy, ["address", "bytes"], [code, call_data(initialise, *values)]
        )

    def _policy(self, code: str, parameters: bytes = b"") -> str:
        return self._proxy(code, _INIT_POLICY, self._engine, self._owner, parameters)

    def _requirements(self) -> bytes:
        """One credential, by this pair of registries, is needed."""
        source = (VERIFIED, self._identities, self._credentials, ZERO)
        requirement = (bytes(keccak256(b"gas bench: requirement")), [VERIFIED], 1, False)
        kinds = ["(bytes32,address,address,address)[]", "(bytes32,bytes32[],uint256,bool)[]"]
        return abi_encode(kinds, [[source], [requirement]])

    def _guard(
        self, target: str, functions: tuple[str, ...], policy: str, parameters: list[bytes] | None = None
    ) -> None:
        add = "addPolicy(address,bytes4,address,bytes32[])"
        for function in functions:
            self._call(self._engine, add, target, _selector(function), policy, parameters or [])


def _selector(function: str) -> bytes:
    return keccak256(function.encode())[:4]
