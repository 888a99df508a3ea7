"""Addresses that depend on deployer and salt alone: CREATE3 by our factory, the factory by CREATE2 (pure).

The factory itself comes from the deterministic-deployment proxy, which many chains have
and anyone can put on the others by sending its published, signed transaction.
"""

from __future__ import annotations

from eth_abi.abi import encode as abi_encode

from paripassu import artefacts
from paripassu.identifiers import checksum_address, keccak256

DETERMINISTIC_DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Takes salt (32 bytes) and creation code as call data and CREATE2s it."""

DETERMINISTIC_DEPLOYER_SENDER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
DETERMINISTIC_DEPLOYER_COST = 10**16
"""Wei that the sender of the published transaction needs: 100 000 gas at 100 gwei."""

_LAUNCHER = bytes.fromhex("7e363d3d37363d34f0806016573d600060003e3d6000fd5b60005260206000f3600052601f6001f3")


def published_transaction() -> bytes:
    """The signed transaction that deploys the deterministic-deployment proxy on any chain."""
    return bytes.fromhex(
        "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd"
        "5b8082525050506014600cf31ba0222222222222222222222222222222222222222222222222222222222222"
        "2222a02222222222222222222222222222222222222222222222222222222222222222"
    )


def factory_address() -> str:
    """Where the CREATE3 factory is on every chain."""
    creation = artefacts.load("Create3Factory").bytecode
    return _create2(bytes.fromhex(DETERMINISTIC_DEPLOYER[2:]), bytes(32), creation)


def factory_creation_data() -> bytes:
    """Call data for the deterministic-deployment proxy."""
    return bytes(32) + artefacts.load("Create3Factory").bytecode


def address_of(deployer: str, salt: bytes) -> str:
    """Where `deployer` deploys with `salt` on every chain; the factory's `addressOf`."""
    guard = keccak256(abi_encode(["address", "bytes32"], [deployer, salt]))
    launcher = _create2(bytes.fromhex(factory_address()[2:]), bytes(guard), _LAUNCHER)
    # RLP of [launcher, nonce 1]
    return checksum_address(keccak256(b"\xd6\x94" + bytes.fromhex(launcher[2:]) + b"\x01")[12:])


def _create2(creator: bytes, salt: bytes, creation: bytes) -> str:
    return checksum_address(keccak256(b"\xff" + creator + salt + keccak256(creation))[12:])
