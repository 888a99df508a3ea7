"""Reading what is on a chain, at one final block: code, rights, set-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paripassu.deploy.chain import Chain
from paripassu.deploy.create3 import DETERMINISTIC_DEPLOYER
from paripassu.deploy.desired import MANAGER
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.evm.contracts import View, codec
from paripassu.ledgers.port import BlockRef

# ERC-1967: keccak256("eip1967.proxy.implementation") - 1
_IMPLEMENTATION_SLOT = hex(int.from_bytes(keccak256(b"eip1967.proxy.implementation"), "big") - 1)
_RIGHTS = ("RoleGranted", "RoleRevoked", "TargetFunctionRoleUpdated")


@dataclass(frozen=True, slots=True)
class EvmObserved:
    """What a chain has at block `final`.

    `code_hashes` by address, None where there is no code; `implementations` by proxy name;
    `settings` in the order of the desired ones, None where the contract is not there.
    """

    genesis: str
    final: BlockRef
    has_deterministic_deployer: bool
    code_hashes: Mapping[str, Bytes32 | None]
    implementations: Mapping[str, str]
    settings: tuple[Any, ...]
    members: Mapping[int, frozenset[str]]
    functions: Mapping[tuple[str, bytes], int]
    versions: Mapping[str, int]

    def has(self, address: str) -> bool:
        """Whether there is code at an address."""
        return self.code_hashes.get(address) is not None


async def observe(chain: Chain) -> EvmObserved:
    """Read the chain. Raises LedgerError leaves."""
    desired = chain.desired
    final = await chain.blocks.final()
    addresses = [creation.address for creation in desired.creations]
    codes = await chain.rpc.batch(
        [("eth_getCode", (address, hex(final.height))) for address in (*addresses, DETERMINISTIC_DEPLOYER)]
    )
    hashes = {
        address: None if code in ("0x", None) else keccak256(bytes.fromhex(code[2:]))
        for address, code in zip(addresses, codes, strict=False)
    }
    members, functions = await _rights(chain, final.height, hashes)
    return EvmObserved(
        genesis=await chain.genesis(),
        final=final,
        has_deterministic_deployer=codes[-1] not in ("0x", None),
        code_hashes=hashes,
        implementations=await _implementations(chain, final.height, hashes),
        settings=await _settings(chain, final.height),
        members=members,
        functions=functions,
        versions=await _versions(chain, final.height),
    )


async def _implementations(chain: Chain, height: int, hashes: Mapping[str, Bytes32 | None]) -> dict[str, str]:
    proxies = [one for one in chain.desired.creations if one.implementation and hashes[one.address]]
    slots = await chain.rpc.batch(
        [("eth_getStorageAt", (one.address, _IMPLEMENTATION_SLOT, hex(height))) for one in proxies]
    )
    return {
        one.name: "0x" + slot[2:].rjust(64, "0")[24:].lower()
        for one, slot in zip(proxies, slots, strict=True)
    }


async def _settings(chain: Chain, height: int) -> tuple[Any, ...]:
    reads = [setting.read for setting in chain.desired.settings]
    return tuple(await chain.contracts.views_or_none(reads, height))


async def _versions(chain: Chain, height: int) -> dict[str, int]:
    names = [one.name for one in chain.desired.creations if one.implementation]
    values = await chain.contracts.views_or_none([View(name, "version") for name in names], height)
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


async def _rights(
    chain: Chain, height: int, hashes: Mapping[str, Bytes32 | None]
) -> tuple[dict[int, frozenset[str]], dict[tuple[str, bytes], int]]:
    """Members of every role and roles of every function, from the manager's whole history."""
    manager = chain.desired.addresses[MANAGER]
    if hashes[manager] is None:
        chain.first_block = height + 1
        return {}, {}
    members: dict[int, set[str]] = defaultdict(set)
    functions: dict[tuple[str, bytes], int] = {}
    for log in await chain.logs.read(manager, codec(MANAGER), _RIGHTS, chain.first_block, height):
        if log.event == "RoleGranted":
            members[log.args["roleId"]].add(log.args["account"])
        elif log.event == "RoleRevoked":
            members[log.args["roleId"]].discard(log.args["account"])
        else:
            functions[(log.args["target"], log.args["selector"])] = log.args["roleId"]
    return {role: frozenset(accounts) for role, accounts in members.items() if accounts}, functions
