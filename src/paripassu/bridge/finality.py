"""What a ledger shows now, held against what it has shown as final before: one pure decision.

Everybody who relies on finality asks here, so that none of them takes an equal height for an equal chain.
"""

from __future__ import annotations

from enum import Enum

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
