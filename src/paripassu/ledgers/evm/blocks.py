"""Blocks of a chain: head, final block, the block at a height, the last final block at a time.

Nothing is kept between calls: what a chain says of a height may change until it
is final, and local networks are set back even further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paripassu.errors import LedgerInconsistent, NodeRefused
from paripassu.identifiers import Bytes32
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.finality import final_height
from paripassu.ledgers.evm.rpc import JsonRpc


@dataclass(frozen=True, slots=True)
class Tips:
    """The head, and the height up to which the chain is final, read together."""

    head: BlockRef
    final: int
    base_fee: int | None


class Blocks:
    """Reads blocks of one ledger under its finality rule."""

    def __init__(self, rpc: JsonRpc, reorg_period: int) -> None:
        self._rpc = rpc
        self._reorg_period = reorg_period

    @property
    def reorg_period(self) -> int:
        """Blocks that must lie above a block before it may be final."""
        return self._reorg_period

    async def tips(self) -> Tips:
        latest, finalized = await self._rpc.batch_with_faults(
            [
                ("eth_getBlockByNumber", ("latest", False)),
                ("eth_getBlockByNumber", ("finalized", False)),
            ]
        )
        if isinstance(latest, NodeFault):
            raise latest
        head = self._block(latest, "latest")
        tag = None if isinstance(finalized, NodeFault) or not finalized else int(finalized["number"], 16)
        base_fee = int(latest["baseFeePerGas"], 16) if latest.get("baseFeePerGas") else None
        return Tips(head, final_height(head.height, tag, self._reorg_period), base_fee)

    async def head(self) -> BlockRef:
        return (await self.tips()).head

    async def next_time(self) -> int:
        """The time that the node expects the next block to carry; the newest block's where it does not say.

        A chain that makes blocks for transactions alone may have been quiet for long: its newest block's
        time says nothing of when the next transaction is executed.
        """
        latest, pending = await self._rpc.batch_with_faults(
            [("eth_getBlockByNumber", ("latest", False)), ("eth_getBlockByNumber", ("pending", False))]
        )
        if isinstance(latest, NodeFault):
            raise latest
        newest = self._block(latest, "latest").time
        if isinstance(pending, NodeFault) or not pending:
            return newest
        return max(newest, int(pending["timestamp"], 16))

    async def final(self) -> BlockRef:
        return await self.at((await self.tips()).final)

    async def at(self, height: int) -> BlockRef:
        """The block that the node holds at `height` now. Raises LedgerInconsistent where it holds none."""
        return (await self.at_heights([height]))[0]

    async def at_heights(self, heights: list[int]) -> list[BlockRef]:
        """Several blocks at once, in the order asked for."""
        found = await self._rpc.batch_with_faults(
            [("eth_getBlockByNumber", (hex(height), False)) for height in heights]
        )
        blocks = []
        for height, block in zip(heights, found, strict=True):
            if isinstance(block, NodeFault):
                if block.fault is not Fault.UNKNOWN_BLOCK:
                    raise block
                block = None
            blocks.append(self._block(block, str(height)))
        return blocks

    async def final_at(self, time: int) -> BlockRef | None:
        """Last final block with timestamp <= `time`, None until a final block is later than that.

        Block times never fall from block to block, so a binary search over heights finds it.
        """
        tips = await self.tips()
        above = await self.at(tips.final)
        if above.time <= time:
            return None
        below = await self.at(0)
        if below.time > time:
            raise NodeRefused(f"The ledger {self._rpc.ledger} starts at {below.time}, after {time}.")
        while above.height - below.height > 1:
            middle = await self.at((above.height + below.height) // 2)
            if middle.time <= time:
                below = middle
            else:
                above = middle
        return below

    def _block(self, block: Any, asked: str) -> BlockRef:
        if not block:
            raise LedgerInconsistent(f"The node of {self._rpc.ledger} holds no block {asked}.")
        return BlockRef(
            height=int(block["number"], 16),
            hash=Bytes32(bytes.fromhex(block["hash"][2:])),
            time=int(block["timestamp"], 16),
        )
