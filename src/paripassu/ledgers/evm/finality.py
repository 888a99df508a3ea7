"""Which block of a chain is final (pure)."""

from __future__ import annotations


def final_height(latest: int, finalized: int | None, reorg_period: int) -> int:
    """Height of the last block that may be treated as final; never below 0.

    Args:
        latest: height of the head.
        finalized: what the client answers for its `finalized` tag, None where it knows none.
            Clients without a consensus layer (Ganache, Hardhat) answer the head itself,
            which says nothing: the depth alone then decides.
        reorg_period: blocks that must lie above a block, from the network file.
    """
    if reorg_period < 0:
        raise ValueError("reorg_period is negative")
    deep_enough = latest - reorg_period
    return max(0, deep_enough if finalized is None else min(deep_enough, finalized))
