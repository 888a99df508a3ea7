"""Measure and write `bench/results`: `gas.json` with every system, `gas-own.json` with ours alone.

    python -m bench.gas             all systems; needs the packages of bench/package.json
    python -m bench.gas --own       ours alone: only the snapshot that the tests compare with
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.ace import Ace
from bench.ats import Ats
from bench.chain import fresh_bench
from bench.fiat import FiatToken
from bench.ours import PariPassu
from bench.plain import OpenZeppelin, Snekmate, Solady
from bench.scenarios import EXTRAS, Figures, measure
from bench.system import System
from bench.tokenize_it import TokenizeIt
from bench.trex import TRex

SCHEMA = "paripassu.gas/1"
RESULTS = Path(__file__).resolve().parent / "results"
SCENARIOS = (
    "transfer_existing",
    "transfer_new",
    "transfer_opened",
    "onboard",
    "batch_transfer_100_new",
    "batch_transfer_100_opened",
    "forced_transfer",
    "first_movement_after_record_time",
    "deploy_security",
    "deploy_platform",
)
"""In the order of the tables."""

OWN_SCENARIOS = (*SCENARIOS, *EXTRAS)

SYSTEMS: tuple[type[System], ...] = (
    PariPassu,
    TRex,
    Ace,
    Ats,
    TokenizeIt,
    FiatToken,
    OpenZeppelin,
    Solady,
    Snekmate,
)


def document(systems: Sequence[type[System]]) -> dict[str, Any]:
    """Measure the systems one after another on one fresh Anvil; the JSON document of the result."""
    figures: dict[str, Figures] = {}
    with fresh_bench() as bench:
        client = bench.client
        for system in systems:
            figures[system.name] = measure(system(bench))
    return {
        "schema": SCHEMA,
        "anvil": client,
        "scenarios": {
            scenario: {name: one.gas[scenario] for name, one in figures.items() if scenario in one.gas}
            for scenario in OWN_SCENARIOS
        },
        "notes": {
            scenario: {name: one.notes[scenario] for name, one in figures.items() if scenario in one.notes}
            for scenario in OWN_SCENARIOS
        },
        "platform": {name: one.parts for name, one in figures.items() if one.parts},
    }


def own(whole: dict[str, Any]) -> dict[str, Any]:
    """Our own part of a document."""
    name = PariPassu.name
    return {
        "schema": whole["schema"],
        "anvil": whole["anvil"],
        "scenarios": {scenario: by_system[name] for scenario, by_system in whole["scenarios"].items()},
        "platform": whole["platform"][name],
    }


def write(name: str, content: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure gas on a fresh Anvil.")
    parser.add_argument("--own", action="store_true", help="ours alone")
    only_ours = parser.parse_args().own
    whole = document([PariPassu] if only_ours else SYSTEMS)
    write("gas-own.json", own(whole))
    if not only_ours:
        write("gas.json", whole)


if __name__ == "__main__":
    main()
