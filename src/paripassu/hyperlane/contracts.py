"""Hyperlane's contracts on a local node, from the code that its npm package ships."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from eth_abi.abi import decode, encode

from paripassu.devnet.controls import set_balance
from paripassu.devnet.programs import node_modules
from paripassu.devnet.rpc import call
from paripassu.errors import LedgerInconsistent, NodeMissing
from paripassu.hyperlane.places import (
    THRESHOLD,
    carrier,
    created_by_owner,
    local_mailbox,
    local_tree,
    owner,
    validators,
)
from paripassu.hyperlane.sending import send_all
from paripassu.identifiers import keccak256

_PACKAGE = Path("@hyperlane-xyz/core")
_CHECKOUT = Path(__file__).resolve().parents[3]
_VARIABLE = "PARI_HYPERLANE"
_FACTORIES = Path("dist/typechain/factories")
_PROXIES = "@openzeppelin/contracts/proxy/transparent"
_PROXY = f"{_PROXIES}/TransparentUpgradeableProxy.sol/TransparentUpgradeableProxy"
_MODULES = "contracts/isms/multisig/StaticMultisigIsm.sol/StaticMessageIdMultisigIsmFactory"
_COIN = 10**22
_GAS = 7_000_000
_MOST_FEE = 10**18


def put_up(url: str, domain: int) -> None:
    """Deploy a mailbox with its tree and a module of two of three local validators, unless it is there.

    Args:
        domain: Hyperlane's number of the chain.

    Raises:
        NodeMissing: the npm package is not in reach.
        NodeCallFailed, LedgerInconsistent: the node refuses it, or it comes to other addresses.
    """
    if call(url, "eth_getCode", local_mailbox(), "latest") != "0x":
        return
    signer = owner()
    for one in (signer, carrier()):
        set_balance(url, one.address, _COIN)
    created = send_all(url, signer, [("", code) for code in _creations(domain)], _GAS)
    *_, mailbox, tree, fee, modules = created
    if [one.lower() for one in (mailbox, tree)] != [local_mailbox().lower(), local_tree().lower()]:
        raise LedgerInconsistent(f"{signer.address} was used on {url} before Hyperlane was put up there.")
    members = encode(["address[]", "uint8"], [[one.address for one in validators()], THRESHOLD])
    module = _read(url, modules, "getAddress(address[],uint8)", members)
    parts = encode(["address"] * 4, [signer.address, module, tree, fee])
    calls = [
        (modules, _selector("deploy(address[],uint8)") + members),
        (mailbox, _selector("initialize(address,address,address,address)") + parts),
    ]
    send_all(url, signer, calls, _GAS)


def _creations(domain: int) -> list[bytes]:
    """Creation code of the mailbox's logic, its proxy's administrator and the proxy, of the tree, of the hook
    that asks for no fee, and of what makes modules; in the order that `places` counts on."""
    logic, administrator = (created_by_owner(nonce) for nonce in (0, 1))
    fees = [_MOST_FEE, 0, owner().address, owner().address]
    return [
        _code("contracts/Mailbox") + encode(["uint32"], [domain]),
        _code(f"{_PROXIES}/ProxyAdmin"),
        _code(_PROXY) + encode(["address", "address", "bytes"], [logic, administrator, b""]),
        _code("contracts/hooks/MerkleTreeHook") + encode(["address"], [local_mailbox()]),
        _code("contracts/hooks/ProtocolFee") + encode(["uint256", "uint256", "address", "address"], fees),
        _code(_MODULES),
    ]


def _read(url: str, to: str, signature: str, arguments: bytes) -> str:
    data = "0x" + (_selector(signature) + arguments).hex()
    answer = call(url, "eth_call", {"to": to, "data": data}, "latest")
    (address,) = decode(["address"], bytes.fromhex(answer[2:]))
    return str(address)


def _selector(signature: str) -> bytes:
    return bytes(keccak256(signature.encode())[:4])


def _code(contract: str) -> bytes:
    """Creation code of a contract, from the factory for TypeScript that the package ships of it."""
    path = _package() / _FACTORIES / f"{contract}__factory.js"
    found = re.search(r'_bytecode = "0x([0-9a-f]+)"', path.read_text(encoding="utf-8"))
    if found is None:
        raise NodeMissing(f"{path} holds no code of Hyperlane's.")
    return bytes.fromhex(found[1])


def _package() -> Path:
    for folder in _places():
        if (folder / _FACTORIES).is_dir():
            return folder
    make = (_CHECKOUT / "Makefile").is_file()
    raise NodeMissing(
        f"Hyperlane's contracts are in no node_modules folder in reach; {_VARIABLE} may name their folder.",
        next_command="make setup" if make else f"npm install --ignore-scripts --no-save {_PACKAGE}@10.0.5",
    )


def _places() -> Iterator[Path]:
    if chosen := os.environ.get(_VARIABLE):
        yield Path(chosen)
    yield _CHECKOUT / "tools" / "hyperlane" / "node_modules" / _PACKAGE
    for folder in node_modules():
        yield folder / _PACKAGE
