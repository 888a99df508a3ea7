"""What our own contracts cost is what the committed snapshot says, to the unit of gas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "bench" / "results" / "gas-own.json"
ALL_SYSTEMS = ROOT / "bench" / "results" / "gas.json"


def test_gas_of_every_scenario_is_that_of_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change that is meant: `make bench-gas`, and commit the results with it."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from bench.gas import document, own
    from bench.ours import PariPassu

    measured = own(document([PariPassu]))
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert measured["scenarios"] == snapshot["scenarios"]
    assert measured["platform"] == snapshot["platform"]


def test_the_comparison_with_peers_has_our_figures_of_the_snapshot() -> None:
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    compared = json.loads(ALL_SYSTEMS.read_text(encoding="utf-8"))
    ours = {scenario: gas["paripassu"] for scenario, gas in compared["scenarios"].items()}
    assert ours == snapshot["scenarios"]
    assert compared["platform"]["paripassu"] == snapshot["platform"]


def test_the_page_is_written_from_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from bench.report import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(json.loads(ALL_SYSTEMS.read_text(encoding="utf-8")))
