"""The whole platform on one in-process chain, from the shipped artefacts.

    platform = Platform()
    platform.onboard("holder_fr", country="FR")
    platform.token.send("issue", "holder_fr", 1_000, reference("first"), sender="transfer_agent")

Every role is held by the account of the same name. Constructors and initialisers are filled by
the names of their parameters (`authority_` is the AccessManager, `holderRegistry` the
HolderRegistry, …), and what a contract needs is deployed before it: so an argument more or less
in a contract needs no change here, and a parameter of unknown meaning is an error that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paripassu import artefacts
from paripassu.identifiers import ROLES, Country, keccak256
from paripassu.testing.abi import selector
from paripassu.testing.evm import START, Contract, EvmChain, Receipt, signer

CONTRACTS = {
    "authority": "AccessManager",
    "manager": "AccessManager",
    "approvals": "Approvals",
    "kernel": "Kernel",
    "holderregistry": "HolderRegistry",
    "holders": "HolderRegistry",
    "instanceregistry": "InstanceRegistry",
    "instances": "InstanceRegistry",
    "custodyregistry": "CustodyRegistry",
    "gateway": "Gateway",
    "bridge": "TokenBridge",
    "tokenbridge": "TokenBridge",
    "corporateactions": "CorporateActions",
    "actions": "CorporateActions",
    "extension": "SecurityTokenExtension",
    "readings": "SecurityTokenReadings",
    "quotas": "Quotas",
    "mailbox": "Gateway",  # any contract: nothing is sent through it here
}
"""What contract a parameter means, by its name in lower case without underscores."""

VALUES: dict[str, Any] = {
    "initialadmin": "admin",
    "home": True,
    "ishome": True,
    "name": "Example Equity",
    "symbol": "EXEQ",
    "isin": b"DE000PARI000",
    "lei": b"9845001EXAMPLE00PP11",
    "termshash": keccak256(b"terms"),
    "issuelimit": 1_000_000_000,
    "denylist": False,
    "countries": [276, 250],
    "capped": False,
    "limited": False,
    "holdingcap": 0,
    "minimumlot": 0,
    "holderlimit": 0,
    "currency": b"EUR",
    "decimals": 2,
    "module": "0x" + "00" * 20,
    "peers": [],
}
"""Values of the other parameters, by name in the same form. `classes` is a list or a set of bits."""

ACTS = (
    "amendTerms",
    "batchBurn",
    "batchForcedTransfer",
    "burn",
    "cancel",
    "forcedTransfer",
    "recover",
    "recoveryAddress",
    "rollback",
    "setIssueLimit",
    "setMailbox",
    "setName",
    "setPeer",
    "setPolicy",
    "setSymbol",
    "setTransport",
    "upgradeToAndCall",
)
"""Functions that are approved acts here: any role proposes, two approve, and no notice runs."""

PROXIES = {"SecurityToken": "SecurityProxy"}
"""Contracts that have a proxy of their own, where it ships."""

PARTS = {"SecurityToken": ("SecurityTokenExtension", "SecurityTokenReadings")}
"""Contracts whose code runs in that of others, by delegatecall: one address answers for all."""

KERNEL = ("Kernel",)
"""What contracts that have its address in their code run of it: what they have in common."""

DIRECT = {
    "HolderRegistry",
    "HyperlaneTransport",
    *KERNEL,
    *(part for parts in PARTS.values() for part in parts),
}
"""Contracts that stand at their addresses themselves, behind no proxy."""


def reference(text: str) -> bytes:
    """A 32-byte reason or reference."""
    return bytes(keccak256(text.encode()))


def plain(name: str) -> str:
    return name.replace("_", "").lower()


class Platform:
    """Contracts of one chain, deployed when first asked for.

    Args:
        chain: the chain; a new one when left out.
        settings: values of parameters that differ from `VALUES`, for example `holdingcap=500`.
    """

    def __init__(self, chain: EvmChain | None = None, **settings: Any) -> None:
        self.chain = chain or EvmChain()
        self.settings = {**VALUES, **{plain(name): value for name, value in settings.items()}}
        self.implementations: dict[str, str] = {}
        self._contracts: dict[str, Contract] = {}
        self._pending: list[str] = []
        manager = self["AccessManager"]
        for role, number in ROLES.items():
            manager.send("grantRole", number, role, 0, sender="admin")

    def __getitem__(self, name: str) -> Contract:
        """The contract of that name. Raises ArtefactUnknown, Reverted, or TypeError with what is missing."""
        if name not in self._contracts:
            if name in self._pending:
                raise TypeError(f"{' → '.join([*self._pending, name])}: each needs the other first")
            self._pending.append(name)
            self._contracts[name] = self._deployed(name)
            self._pending.remove(name)
            if name == "SecurityToken" and self["HolderRegistry"].has("addSubscriber"):
                implementation = self.implementations[name]
                self["HolderRegistry"].send("addSubscriber", implementation, sender="tokenizer")
        return self._contracts[name]

    @property
    def token(self) -> Contract:
        """The security token; all parts of its code behind one address."""
        return self["SecurityToken"]

    @property
    def holders(self) -> Contract:
        """The HolderRegistry."""
        return self["HolderRegistry"]

    @property
    def approvals(self) -> str:
        """Address that approved acts come from; an account of that name where no contract ships."""
        address: str = self._value("", {"name": "approvals", "type": "address"})
        return address

    def deployed(self, *names: str) -> list[Contract]:
        """These contracts, or all that ship."""
        skipped = {"ERC1967Proxy", "Create3Factory", *PROXIES.values()}
        return [self[name] for name in names or sorted(set(artefacts.names()) - skipped)]

    def onboard(
        self,
        account: str,
        country: str = "DE",
        investor_class: int = 1,
        expiry: int = 0,
        servicer: str | None = None,
        holder: str | None = None,
        additional: bool = False,
    ) -> None:
        """Register an account as the registrar does; `holder` names the person behind it."""
        commitment = self.commitment(holder or account)
        values: dict[str, Any] = {
            "account": account,
            "holder": commitment,
            "country": Country(country).numeric,
            "investorclass": investor_class,
            "expiry": expiry,
            "servicer": servicer or "0x" + "00" * 20,
            "additional": additional,
        }
        function = _function("HolderRegistry", "onboard")
        if any(plain(item["name"]) == "proof" for item in function["inputs"]):
            values["proof"] = self.key_control(account, commitment)
        arguments = [values[plain(item["name"])] for item in function["inputs"]]
        self.holders.send("onboard", *arguments, sender="registrar")

    @staticmethod
    def commitment(holder: str) -> bytes:
        """Commitment to a holder; its last 8 bytes are zero, since registers keep 24."""
        return reference(holder)[:24] + bytes(8)

    def key_control(self, account: str, commitment: bytes) -> bytes:
        """Signature by which an account shows that its holder has its key (EIP-712)."""
        fields = "KeyControl(address account,bytes32 holder)"
        values = [bytes.fromhex(signer(account).address[2:]).rjust(32, b"\0"), commitment]
        return self.typed_signature(account, "Pari Passu HolderRegistry", self.holders, fields, values)

    def typed_signature(
        self, account: str, domain: str, contract: Contract, fields: str, values: list[bytes]
    ) -> bytes:
        """Signature of a struct whose members are encoded in `values`, 32 bytes each."""
        kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        place = self.chain.chain_id.to_bytes(32, "big") + bytes.fromhex(contract.address[2:]).rjust(32, b"\0")
        names = [keccak256(kind), keccak256(domain.encode()), keccak256(b"1")]
        separator = keccak256(b"".join(names) + place)
        content = keccak256(keccak256(fields.encode()) + b"".join(values))
        return signer(account).sign_digest(keccak256(b"\x19\x01" + separator + content))

    def approved(
        self,
        contract: Contract,
        function: str,
        *arguments: Any,
        by: tuple[str, str] = ("registrar", "regulator"),
        change_class: int = 0,
    ) -> Receipt:
        """Carry out an approved act: one role proposes it, both approve it. Raises Reverted."""
        approvals, data = self["Approvals"], contract.data(function, *arguments)
        first, second = by
        act = (ROLES[first], contract, data, change_class, reference("ordered by law"))
        identifier = approvals.send("propose", *act, sender=first).value
        approvals.send("approve", ROLES[second], identifier, sender=second)
        return approvals.send("execute", identifier, contract, data, sender=first)

    def _rules(self) -> list[dict[str, Any]]:
        """Policies of the acts, by the selectors that ship."""
        entries = [entry for name in artefacts.names() for entry in artefacts.load(name).abi]
        found = {
            selector(entry)
            for entry in entries
            if entry["type"] == "function" and entry["name"] in ACTS and entry["stateMutability"] != "view"
        }
        everybody = sum(1 << number for number in ROLES.values())
        policy: dict[str, Any] = {"threshold": 2, "proposers": everybody, "approvers": everybody}
        policy |= dict.fromkeys(("notice", "regulatory", "corporate", "economic", "technical"), 0)
        return [{"selector": item, "policy": policy} for item in sorted(found)]

    def _deployed(self, name: str) -> Contract:
        constructor = [entry for entry in artefacts.load(name).abi if entry["type"] == "constructor"]
        arguments = [self._value(name, item) for entry in constructor for item in entry["inputs"]]
        contract = self.chain.deploy(name, *arguments)
        self.implementations[name] = contract.address
        parts = [part for part in (name, *PARTS.get(name, ())) if part in artefacts.names()]
        if name not in KERNEL and any("KERNEL" in artefacts.load(part).immutables for part in parts):
            parts += KERNEL
        seen = self.chain.at(contract.address, *parts)
        if name in DIRECT or not seen.has("initialize"):
            return seen
        owner = next(part for part in parts if _has_function(part, "initialize"))
        inputs = _function(owner, "initialize")["inputs"]
        init = seen.data("initialize", *(self._value(name, item) for item in inputs))
        proxy = PROXIES.get(name, "")
        proxy = proxy if proxy in artefacts.names() else "ERC1967Proxy"
        return self.chain.at(self.chain.deploy(proxy, contract, init).address, *parts)

    def _value(self, contract: str, item: Mapping[str, Any]) -> Any:
        """What a parameter of `contract` is given."""
        name = plain(item["name"])
        if item["type"] == "tuple":
            return {part["name"]: self._value(contract, part) for part in item["components"]}
        if name == "classes":
            classes = self.settings.get("classes", (1, 2))
            return list(classes) if item["type"].endswith("]") else sum(1 << number for number in classes)
        if contract == "Approvals" and name in ("rules", "policies"):
            return self._rules()
        if name in self.settings:
            return self.settings[name]
        if name in CONTRACTS:
            needed = CONTRACTS[name]
            return self[needed].address if needed in artefacts.names() else signer(name).address.lower()
        raise TypeError(f"{contract}: nothing is known for the parameter {item['name']} ({item['type']})")


def _has_function(contract: str, function: str) -> bool:
    return any(
        entry["type"] == "function" and entry["name"] == function for entry in artefacts.load(contract).abi
    )


def _function(contract: str, function: str) -> dict[str, Any]:
    return next(
        entry
        for entry in artefacts.load(contract).abi
        if entry["type"] == "function" and entry["name"] == function
    )


__all__ = ["START", "Platform", "reference"]
