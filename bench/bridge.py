"""Measure bridges and write `bench/results/bridge.json`: what a message costs on its way.

    python -m bench.bridge

Every system delivers the same payload, 256 bytes without a zero, to the same receiver: one slot that
changes from one number to another, one event with the payload's hash. Every system that can asks for three
signatures of five. The first message of each is delivered before anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bench.bridges.axelar import Axelar
from bench.bridges.carried import CarriedBridge
from bench.bridges.ccip import Ccip
from bench.bridges.hyperlane import HyperlaneMerkleRoot, HyperlaneMessageId
from bench.bridges.layerzero import LayerZero
from bench.bridges.ours import PariPassuBridge
from bench.bridges.sygma import Sygma
from bench.bridges.system import Bridge, Figures
from bench.chain import fresh_bench
from bench.gas import RESULTS, write

SCHEMA = "paripassu.bridge/1"
SCENARIOS = (
    "execute_1",
    "execute_10",
    "execute_100",
    "execute_100_record",
    "send",
    "round_trip_1",
    "round_trip_100",
)
"""In the order of the table; gas of one message, of its share of a batch where there is one."""

SYSTEMS: tuple[type[Bridge], ...] = (
    PariPassuBridge,
    Sygma,
    HyperlaneMessageId,
    HyperlaneMerkleRoot,
    Axelar,
    Ccip,
    LayerZero,
)


def document(systems: Sequence[type[Bridge]]) -> dict[str, Any]:
    """Measure the systems one after another, each on a fresh Anvil; the JSON document of the result."""
    figures: dict[str, Figures] = {}
    client = ""
    for system in systems:
        with fresh_bench() as bench:
            client = bench.client
            figures[system.name] = system(bench).measure()
    return {
        "schema": SCHEMA,
        "anvil": client,
        "gas": {
            scenario: {name: one.gas[scenario] for name, one in figures.items() if scenario in one.gas}
            for scenario in SCENARIOS
        },
        "notes": {name: one.notes for name, one in figures.items()},
    }


def carried() -> dict[str, int]:
    """Gas of our own lanes over Hyperlane, by what is done; of many messages, one's share."""
    with fresh_bench() as bench:
        return CarriedBridge(bench).figures_of_carrying()


def main() -> None:
    known = RESULTS / "bridge.json"
    run = json.loads(known.read_text("utf-8")).get("run", {}) if known.exists() else {}
    write("bridge.json", {**document(SYSTEMS), "carried": carried(), "run": run})


if __name__ == "__main__":
    main()
