"""Reading what is on a chain, at one final block: code, role holders, set-up, acts under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paripassu import artefacts
from paripassu.deploy.acts import ObservedAct, observed_acts
from paripassu.deploy.chain import Chain
from paripassu.deploy.create3 import DETERMINISTIC_DEPLOYER
from paripassu.deploy.desired import IMPLEMENTATION, MANAGER, EvmDesired, Running
from paripassu.deploy.running import running_everywhere
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.contracts import View, codec

# ERC-1967: keccak256("eip1967.proxy.implementation") - 1
_IMPLEMENTATION_SLOT = hex(int.from_bytes(keccak256(b"eip1967.proxy.implementation"), "big") - 1)


@dataclass(frozen=True, slots=True)
class EvmObserved:
    """What a chain has at block `final`.

    `codes` by address, empty where there is none; `implementations` by proxy name; `settings`
    in the order of the desired ones, None where the contract is not there; `acts` are the
    changes of code that are proposed and not carried out; `running` has the tokens of the
    network's other chains too.
    """

    genesis: str
    final: BlockRef
    has_deterministic_deployer: bool
    codes: Mapping[str, bytes]
    implementations: Mapping[str, str]
    settings: tuple[Any, ...]
    members: Mapping[int, frozenset[str]]
    versions: Mapping[str, int]
    acts: tuple[ObservedAct, ...] = ()
    running: Running = field(default_factory=dict)

    def has(self, address: str) -> bool:
        """Whether there is code at an address."""
        return bool(self.codes.get(address))

    def code_hash(self, address: str) -> Bytes32 | None:
        """Hash of the code at an address, None where there is none."""
        return keccak256(self.codes[address]) if self.has(address) else None


async def observe(chain: Chain) -> EvmObserved:
    """Read the chain. Raises LedgerError leaves."""
    desired = chain.desired
    final = await chain.blocks.final()
    addresses = [creation.address for creation in desired.creations]
    found = await chain.rpc.batch(
        [("eth_getCode", (address, hex(final.height))) for address in (*addresses, DETERMINISTIC_DEPLOYER)]
    )
    codes = {
        address: bytes.fromhex((code or "0x")[2:]) for address, code in zip(addresses, found, strict=False)
    }
    if not codes[desired.addresses[MANAGER]]:
        chain.first_block = final.height + 1  # nothing of ours is older
    implementations = await _implementations(chain, final.height, codes)
    return EvmObserved(
        genesis=await chain.genesis(),
        final=final,
        has_deterministic_deployer=found[-1] not in ("0x", None),
        codes=codes,
        implementations=implementations,
        settings=await _settings(chain, final.height),
        members=await _members(chain, final.height),
        versions=await _versions(chain, final.height),
        acts=await observed_acts(chain, final.height),
        running=await running_everywhere(chain, final.height),
    )


async def _implementations(chain: Chain, height: int, codes: Mapping[str, bytes]) -> dict[str, str]:
    proxies = [one for one in chain.desired.creations if one.implementation and codes[one.address]]
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


def versioned(desired: EvmDesired) -> list[str]:
    """Names of the contracts that say which version they run."""
    return [
        one.name
        for one in desired.creations
        if not one.name.endswith(IMPLEMENTATION) and artefacts.load(one.kind).version is not None
    ]


async def _versions(chain: Chain, height: int) -> dict[str, int]:
    names = versioned(chain.desired)
    values = await chain.contracts.views_or_none([View(name, "versionTag") for name in names], height)
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


async def _members(chain: Chain, height: int) -> dict[int, frozenset[str]]:
    """Members of every role, from the manager's whole history."""
    if chain.first_block > height:
        return {}
    manager, members = chain.desired.addresses[MANAGER], defaultdict[int, set[str]](set)
    events = ("RoleGranted", "RoleRevoked")
    for log in await chain.logs.read(manager, codec(MANAGER), events, chain.first_block, height):
        held = members[log.args["roleId"]]
        (held.add if log.event == "RoleGranted" else held.discard)(log.args["account"])
    return {role: frozenset(accounts) for role, accounts in members.items() if accounts}
