"""The contracts of a network: salts, creation code, expected code hashes, gas limits (pure).

Every address follows from deployer and salt, so constructors can be told of contracts that
do not exist yet, also in a circle. The salt of code behind proxies holds the hash of its
creation code: new code goes to a new address, and a proxy is then pointed to it by an act.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from paripassu import artefacts
from paripassu.artefacts import Artefact
from paripassu.deploy.create3 import address_of, factory_address, factory_creation_data
from paripassu.deploy.desired import FACTORY, IMPLEMENTATION, MANAGER, Creation
from paripassu.errors import ArtefactUnknown
from paripassu.identifiers import keccak256
from paripassu.ledgers.evm.codec import Parameters
from paripassu.ledgers.evm.contracts import codec

# what constructors and immutables name by a word of their own, by contract
_REFERENCES = {
    "authority": MANAGER,
    "approvals": "Approvals",
    "kernel": "Kernel",
    "holderRegistry": "HolderRegistry",
    "gateway": "Gateway",
    "instanceRegistry": "InstanceRegistry",
    "bridge": "TokenBridge",
    "corporateActions": "CorporateActions",
    "quotas": "Quotas",
    "extension": f"SecurityTokenExtension{IMPLEMENTATION}",
    "readings": f"SecurityTokenReadings{IMPLEMENTATION}",
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where a network's contracts go: environment, deployer, and the addresses known so far.

    `addresses` grows with each address that is asked for; it has no other state.
    """

    environment: str
    deployer: str
    addresses: dict[str, str] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """Where a contract goes that is found by its name, whatever its code."""
        if name not in self.addresses:
            self.addresses[name] = address_of(self.deployer, self.salt(name))
        return self.addresses[name]

    def salt(self, name: str, detail: str = "") -> bytes:
        return bytes(keccak256(f"paripassu/{self.environment}/{name}/{detail}".encode()))


def factory_creation() -> Creation:
    artefact = artefacts.load(FACTORY)
    data = factory_creation_data()
    return Creation(
        name=FACTORY,
        artefact=FACTORY,
        address=factory_address(),
        salt=bytes(32),
        init_code=data,
        code_hash=artefact.code_hash_with({}),
        gas=creation_gas(data, len(artefact.code), 0),
        immutables={},
    )


def direct_creation(site: Site, name: str, values: Mapping[str, Any], execution: int = 150_000) -> Creation:
    """A contract that stands at its address itself, for good.

    Args:
        values: constructor arguments that are no contracts of ours, by name.
        execution: gas that its constructor uses.
    """
    artefact = artefacts.load(name)
    arguments = _arguments(site, artefact, values)
    address = site.address(name)
    return _created(site, name, artefact, site.salt(name), address, arguments, execution)


def code_creation(site: Site, name: str) -> Creation:
    """The code behind one or many proxies."""
    artefact = artefacts.load(name)
    arguments = _arguments(site, artefact, {})
    salt = site.salt(name, f"implementation/{keccak256(_init_code(artefact, arguments)).text}")
    full = f"{name}{IMPLEMENTATION}"
    site.addresses[full] = address_of(site.deployer, salt)
    return _created(site, full, artefact, salt, site.addresses[full], arguments, 200_000)


def proxy_creation(
    site: Site, name: str, implementation: str, initial: Mapping[str, Any], *, proxy: str = "ERC1967Proxy"
) -> Creation:
    """A proxy that is initialised as it is created.

    Args:
        name: with `/<whose>` where there are several of a kind.
        initial: arguments of `initialize`, in its order; one struct where that is what it takes.
        proxy: artefact of the proxy itself.
    """
    artefact, abi = artefacts.load(proxy), codec(name)
    grouped = len(abi.inputs("initialize").types) == 1 and len(initial) > 1
    values = [tuple(initial.values())] if grouped else list(initial.values())
    arguments = {"implementation": implementation, "data": abi.encode("initialize", *values)}
    address = site.address(name)
    made = _created(site, name, artefact, site.salt(name), address, arguments, 1_000_000)
    return replace(made, implementation=implementation, arguments=initial)


def _created(
    site: Site,
    name: str,
    artefact: Artefact,
    salt: bytes,
    address: str,
    arguments: Mapping[str, Any],
    execution: int,
) -> Creation:
    init_code, immutables = _init_code(artefact, arguments), _immutables(site, artefact, address)
    return Creation(
        name=name,
        artefact=artefact.name,
        address=address,
        salt=salt,
        init_code=init_code,
        code_hash=artefact.code_hash_with(immutables),
        gas=creation_gas(init_code, len(artefact.code), execution),
        immutables=immutables,
        arguments=arguments or None,
    )


def _init_code(artefact: Artefact, arguments: Mapping[str, Any]) -> bytes:
    return artefact.bytecode + Parameters.of(artefact.constructor_inputs()).encode(list(arguments.values()))


def _arguments(site: Site, artefact: Artefact, values: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments in their order: what is given, else the contract that the word stands for.

    Raises:
        ArtefactUnknown: an argument is neither.
    """
    found: dict[str, Any] = {}
    for parameter in artefact.constructor_inputs():
        word = str(parameter["name"]).strip("_")
        found[word] = values[word] if word in values else _referred(site, artefact, word)
    return found


def _immutables(site: Site, artefact: Artefact, address: str) -> dict[str, bytes]:
    """Values of the immutables, which all name contracts: `HOLDER_REGISTRY` and the like, `SELF`."""
    values: dict[str, bytes] = {}
    for name in artefact.immutables:
        word = re.sub(r"_(\w)", lambda match: match[1].upper(), name.strip("_").lower())
        referred = address if word == "self" else _referred(site, artefact, word)
        values[name] = bytes.fromhex(referred[2:])
    return values


def _referred(site: Site, artefact: Artefact, word: str) -> str:
    if word not in _REFERENCES:
        raise ArtefactUnknown(f"Nothing here says what '{word}' of {artefact.name} is.")
    name = _REFERENCES[word]
    if name.endswith(IMPLEMENTATION) and name not in site.addresses:
        raise ArtefactUnknown(f"{artefact.name} needs {name}, which must be described before it.")
    return site.address(name)


def creation_gas(data: bytes, code_length: int, execution: int) -> int:
    """Gas limit for deploying through a factory: calldata, launcher, code deposit, constructor, margin.

    A limit, not a price: what is not used is not paid. It is computed because a step that
    builds on a pending one cannot be simulated yet.
    """
    calldata = sum(16 if byte else 4 for byte in data)
    base = 21_000 + calldata + 2 * 32_000 + 200 * code_length + 6 * len(data) // 32
    return (base + execution) * 23 // 20 + 60_000
