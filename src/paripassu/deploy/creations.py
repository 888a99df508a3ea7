"""The contracts of a network: salts, creation code, expected code hashes, gas limits."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode as abi_encode

from paripassu import artefacts
from paripassu.config import NetworkConfig
from paripassu.deploy.create3 import address_of, factory_address, factory_creation_data
from paripassu.deploy.desired import FACTORY, MANAGER, Creation
from paripassu.identifiers import keccak256
from paripassu.ledgers.evm.contracts import codec
from paripassu.securities import Security


def salt_of(network: NetworkConfig, security: Security, name: str, detail: str = "") -> bytes:
    """One per contract; what belongs to a security or a currency also has its identifier."""
    owner = {"SecurityToken": str(security.isin), "CashToken": str(security.currency)}.get(name, "")
    return bytes(keccak256(f"paripassu/{network.environment}/{name}/{owner}/{detail}".encode()))


def factory_creation() -> Creation:
    artefact = artefacts.load(FACTORY)
    address = factory_address()
    data = factory_creation_data()
    return Creation(
        FACTORY,
        FACTORY,
        address,
        bytes(32),
        data,
        artefact.code_hash_at(bytes.fromhex(address[2:])),
        creation_gas(data, len(artefact.code), 0),
    )


def manager_creation(
    network: NetworkConfig, security: Security, deployer: str, addresses: dict[str, str]
) -> Creation:
    artefact = artefacts.load(MANAGER)
    init_code = artefact.bytecode + abi_encode(["address"], [deployer])
    return Creation(
        name=MANAGER,
        artefact=MANAGER,
        address=addresses[MANAGER],
        salt=salt_of(network, security, MANAGER),
        init_code=init_code,
        code_hash=artefact.code_hash_at(bytes.fromhex(addresses[MANAGER][2:])),
        gas=creation_gas(init_code, len(artefact.code), 150_000),
        arguments={"initialAdmin": deployer},
    )


def code_creation(network: NetworkConfig, security: Security, name: str, deployer: str) -> Creation:
    """The code behind a proxy."""
    artefact = artefacts.load(name)
    salt = salt_of(network, security, name, f"implementation/{artefact.code_hash.text}")
    address = address_of(deployer, salt)
    return Creation(
        name=f"{name}.implementation",
        artefact=name,
        address=address,
        salt=salt,
        init_code=artefact.bytecode,
        code_hash=artefact.code_hash_at(bytes.fromhex(address[2:])),
        gas=creation_gas(artefact.bytecode, len(artefact.code), 60_000),
    )


def proxy_creation(
    network: NetworkConfig,
    security: Security,
    name: str,
    implementation: str,
    initial: dict[str, Any],
    addresses: dict[str, str],
) -> Creation:
    artefact = artefacts.load("ERC1967Proxy")
    values = [tuple(initial.values())] if name == "SecurityToken" else list(initial.values())
    data = codec(name).encode("initialize", *values)
    init_code = artefact.bytecode + abi_encode(["address", "bytes"], [implementation, data])
    return Creation(
        name=name,
        artefact="ERC1967Proxy",
        address=addresses[name],
        salt=salt_of(network, security, name),
        init_code=init_code,
        code_hash=artefact.code_hash_at(bytes.fromhex(addresses[name][2:])),
        gas=creation_gas(init_code, len(artefact.code), 1_000_000 if name == "SecurityToken" else 400_000),
        implementation=implementation,
        arguments=initial,
    )


def creation_gas(data: bytes, code_length: int, execution: int) -> int:
    """Gas limit for deploying through a factory: calldata, launcher, code deposit, constructor, margin.

    A limit, not a price: what is not used is not paid. It is computed because a step that
    builds on a pending one cannot be simulated yet.
    """
    calldata = sum(16 if byte else 4 for byte in data)
    base = 21_000 + calldata + 2 * 32_000 + 200 * code_length + 6 * len(data) // 32
    return (base + execution) * 23 // 20 + 60_000
