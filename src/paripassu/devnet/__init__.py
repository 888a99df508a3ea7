"""Local nodes: found, started on free ports, steered in time, and stopped.

    from paripassu.devnet import NodeSpec, running_nodes, travel_to

    with running_nodes([NodeSpec("alpha", "anvil", 31001, block_time=1)]) as nodes:
        travel_to([nodes["alpha"].url], 1_804_000_000)

`up` and `down` do the same for nodes that outlive the process.
"""

from __future__ import annotations

from paripassu.devnet.controls import (
    advance,
    mine,
    reorganise,
    revert,
    set_balance,
    set_mining,
    snapshot,
    travel_to,
)
from paripassu.devnet.network import DevnetRecord, annotate, down, read, up
from paripassu.devnet.nodes import GENESIS_TIME, MNEMONIC, NodeSpec, RunningNode, running_nodes
from paripassu.devnet.rpc import call, head_number, head_time

__all__ = [
    "GENESIS_TIME",
    "MNEMONIC",
    "DevnetRecord",
    "NodeSpec",
    "RunningNode",
    "advance",
    "annotate",
    "call",
    "down",
    "head_number",
    "head_time",
    "mine",
    "read",
    "reorganise",
    "revert",
    "running_nodes",
    "set_balance",
    "set_mining",
    "snapshot",
    "travel_to",
    "up",
]
