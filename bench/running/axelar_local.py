"""Axelar's own local network from npm, over two Anvils of ours: it relays what we send through it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.bridges.axelar import receiver
from paripassu.devnet import running_nodes
from paripassu.devnet.nodes import NodeSpec

FOLDER = Path(__file__).parent / "axelar"
MESSAGES = 100
AT_ONCE = 20
"""In one relay: of 150 and more its gateway runs out of gas, and the batch is lost."""

_SECONDS = 600.0


class RunFailed(Exception):
    """The peer did not come to its end, or lost a message."""


def run() -> dict[str, Any]:
    """Its figures; every message that was sent has to have arrived."""
    specs = [NodeSpec(name, "anvil", chain) for name, chain in (("alpha", 31001), ("bravo", 31002))]
    with running_nodes(specs) as nodes:
        words = [nodes["alpha"].url, nodes["bravo"].url, receiver().hex(), str(MESSAGES), str(AT_ONCE)]
        done = subprocess.run(
            ["node", "run.js", *words], cwd=FOLDER, capture_output=True, text=True, timeout=_SECONDS
        )
    if done.returncode != 0:
        raise RunFailed(done.stderr[-2_000:])
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if figures["sent"] != figures["received"]:
        raise RunFailed(f"{figures['received']} of {figures['sent']} messages arrived")
    return figures
