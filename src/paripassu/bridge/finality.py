"""What a ledger shows now, held against what it has shown as final before: one pure decision.

Everybody who relies on finality asks here, so that none of them takes an equal height for an equal chain.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from paripassu.errors import FinalityViolated
from paripassu.identifiers import Bytes32
from paripassu.ledgers.blocks import BlockRef


class Sight(Enum):
    """A ledger's final block beside the highest one seen as final before."""

    FURTHER = "FURTHER"  # higher, or the first: the block seen before has to be looked up
    SAME = "SAME"
    BEHIND = "BEHIND"  # a node that lags: it says nothing about what was seen
    CHANGED = "CHANGED"  # another block at the same height: finality was broken


def sight(seen: BlockRef | None, final: BlockRef) -> Sight:
    """Compare the highest block `seen` as final with the block that is `final` now."""
    if seen is None or final.height > seen.height:
        return Sight.FURTHER
    if final.height < seen.height:
        return Sight.BEHIND
    return Sight.SAME if final.hash == seen.hash else Sight.CHANGED


def has_read(cursor: BlockRef | None, final: BlockRef) -> bool:
    """Whether a party whose cursor is here has read the ledger to `final`, this very block at its height."""
    return sight(cursor, final) in (Sight.SAME, Sight.BEHIND)


class Chain(Protocol):
    """A ledger as far as its blocks are concerned."""

    @property
    def name(self) -> str: ...
    async def block_at(self, height: int) -> BlockRef: ...


async def require_unchanged(ledger: Chain, height: int, hash: Bytes32) -> None:
    """Look once more whether the ledger still holds a block that was final, and so all before it.

    Raises:
        FinalityViolated: it holds another one.
        LedgerError: it cannot be read now.
    """
    now = await ledger.block_at(height)
    if now.hash != hash:
        raise FinalityViolated(f"{ledger.name} shows block {height} as {now.hash}; it was final as {hash}.")
