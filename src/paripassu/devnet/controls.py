"""What only a development node can do: time, blocks, snapshots, balances, reorganisations.

All functions block; call them from a coroutine by `asyncio.to_thread`.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from paripassu.devnet.rpc import call, head_time, is_anvil, is_ganache
from paripassu.errors import NodeCallFailed, NodeCannot

_TRAVEL_SECONDS = 20.0


def travel_to(rpc_urls: Iterable[str], time: int) -> dict[str, int]:
    """Move the clocks of all nodes to `time` (Unix seconds) and mine a block there.

    Works with automatic and with interval mining. A node that is at `time` or later
    already is left alone; clocks never go back.

    Returns:
        url -> timestamp of its latest block, each at least `time`.

    Raises:
        NodeCallFailed: a node's head did not reach `time`.
    """
    urls = list(rpc_urls)
    if not urls:
        return {}
    with ThreadPoolExecutor(max_workers=len(urls)) as pool:
        return dict(zip(urls, pool.map(lambda url: _travel_one(url, time), urls), strict=True))


def _travel_one(url: str, time: int) -> int:
    deadline = clock.monotonic() + _TRAVEL_SECONDS
    anvil = is_anvil(url)
    while (head := head_time(url)) < time:
        if clock.monotonic() > deadline:
            raise NodeCallFailed(f"The node at {url} stands at {head}, {time - head} s before {time}.")
        try:
            if anvil:
                call(url, "evm_setNextBlockTimestamp", time)
            else:
                call(url, "evm_setTime", time * 1000)
            call(url, "evm_mine")
        except NodeCallFailed:
            # interval mining may have passed `time` in between; the head decides
            clock.sleep(0.05)
    return head


def advance(rpc_urls: Iterable[str], seconds: int) -> dict[str, int]:
    """Move all nodes to `seconds` after the latest of their heads."""
    urls = list(rpc_urls)
    return travel_to(urls, max(map(head_time, urls)) + seconds) if urls else {}


def mine(url: str, blocks: int = 1) -> None:
    """Mine `blocks` blocks at once, whatever the mining mode."""
    if is_anvil(url):
        call(url, "anvil_mine", hex(blocks))
    else:
        call(url, "evm_mine", {"blocks": blocks})


def snapshot(url: str) -> str:
    """Remember the node's state; the id is good for one `revert`."""
    return str(call(url, "evm_snapshot"))


def revert(url: str, snapshot_id: str) -> None:
    """Return to a snapshot, state and clock; it and all later ones are used up.

    Raises:
        NodeCallFailed: the node knows no such snapshot (any more).
    """
    if call(url, "evm_revert", snapshot_id) is not True:
        raise NodeCallFailed(f"The node at {url} has no snapshot {snapshot_id}.")


def set_balance(url: str, address: str, wei: int) -> None:
    """Give `address` exactly `wei` of the chain's own coin; Ganache mines a block for it."""
    call(url, "anvil_setBalance" if is_anvil(url) else "evm_setAccountBalance", address, hex(wei))


def reorganise(url: str, depth: int) -> None:
    """Replace the last `depth` blocks by empty ones of other hashes (Anvil only).

    The transactions of the replaced blocks are gone, not back in the pool.

    Raises:
        NodeCannot: the client is not Anvil.
    """
    if not is_anvil(url):
        raise NodeCannot(f"Only Anvil reorganises on demand; the node at {url} is another client.")
    call(url, "anvil_reorg", depth, [])


def set_mining(url: str, running: bool, *, block_time: int | None) -> None:
    """Stop the production of blocks, or let it go on in the way it was configured.

    Args:
        block_time: seconds between blocks; None = a block for each transaction.
    """
    if is_ganache(url):
        call(url, "miner_start" if running else "miner_stop")
    elif block_time is None:
        call(url, "evm_setAutomine", running)
    else:
        call(url, "evm_setIntervalMining", block_time if running else 0)
