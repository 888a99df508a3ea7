"""What a message between ledgers costs with us is what the committed results say, to the unit of gas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "bench" / "results" / "bridge.json"


@pytest.fixture(autouse=True)
def _bench_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


def test_gas_of_a_message_is_that_of_the_committed_results() -> None:
    """After a change that is meant: `make bench-bridge`, and commit the results with it."""
    from bench.bridge import document
    from bench.bridges.ours import PariPassuBridge

    name = PariPassuBridge.name
    committed = json.loads(RESULT.read_text(encoding="utf-8"))["gas"]
    measured = document([PariPassuBridge])["gas"]
    assert {scenario: gas[name] for scenario, gas in measured.items()} == {
        scenario: gas[name] for scenario, gas in committed.items()
    }


def test_mov_11_gas_over_hyperlane_is_that_of_the_committed_results() -> None:
    from bench.bridge import carried

    assert carried() == json.loads(RESULT.read_text(encoding="utf-8"))["carried"]


def test_no_figure_of_ours_is_above_its_ceiling() -> None:
    from bench.bridge_report import OURS, TARGETS

    committed = json.loads(RESULT.read_text(encoding="utf-8"))["gas"]
    assert set(TARGETS) == set(committed)
    assert [one for one, target in TARGETS.items() if committed[one][OURS] > target.ceiling] == []


def test_the_page_is_written_from_the_results() -> None:
    from bench.bridge_report import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(json.loads(RESULT.read_text(encoding="utf-8")))


def test_ops_2_the_page_of_the_bridge_at_work_is_written_from_the_results() -> None:
    from bench.run_report import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(json.loads(RESULT.read_text(encoding="utf-8")))
