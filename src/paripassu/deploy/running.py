"""Which code the tokens of a network run, as each chain says at its final block.

During a rollout it is not one version everywhere, and no chain sees another: who deploys
tells each of them (VER-4).
"""

from __future__ import annotations

import asyncio

from paripassu.config import LedgerConfig
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import Running, TokenCode
from paripassu.errors import LedgerError
from paripassu.identifiers import Bytes32
from paripassu.ledgers.evm.contracts import View


async def running_everywhere(chain: Chain, height: int) -> Running:
    """What this chain's tokens run at a height, and those of the others at their final blocks.

    A chain that cannot be read now is no reason to leave another one as it is: its tokens are
    listed with None.

    Raises:
        LedgerError: this chain.
    """
    found = await asyncio.gather(_running(chain, height), *(_other(chain, one) for one in chain.others))
    return {key: code for one in found for key, code in one.items()}


async def _other(chain: Chain, config: LedgerConfig) -> Running:
    # addresses are the same on every chain
    try:
        async with Chain(config, chain.desired) as other:
            return await _running(other, (await other.blocks.final()).height)
    except LedgerError:
        return {(config.id, place.token): None for place in chain.desired.securities}


async def _running(chain: Chain, height: int) -> Running:
    tokens, addresses = [place.token for place in chain.desired.securities], chain.desired.addresses
    codes = await chain.rpc.batch([("eth_getCode", (addresses[one], hex(height))) for one in tokens])
    there = [one for one, code in zip(tokens, codes, strict=True) if code not in ("0x", None)]
    reads = [View(one, getter) for one in there for getter in ("versionTag", "codeHash")]
    answers = await chain.contracts.views_or_none(reads, height)
    told = zip(there, answers[::2], answers[1::2], strict=True)
    return {
        (chain.config.id, token): TokenCode(version, Bytes32(hash)) if version and hash else None
        for token, version, hash in told
    }
