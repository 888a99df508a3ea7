"""The bound within which an order is in force on every ledger (CTL-8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from paripassu.bridge.settings import BridgeSettings
from paripassu.config import NetworkConfig, load_network
from paripassu.jobs.ordering import bound, bounds, seconds_to_final

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def network() -> NetworkConfig:
    return load_network(ROOT / "examples" / "local.toml")


def test_ctl_8_the_bound_is_finality_then_attestation_then_one_delivery(network: NetworkConfig) -> None:
    alpha, bravo, register = (network.ledgers[name] for name in ("alpha", "bravo", "register"))
    assert (seconds_to_final(alpha), seconds_to_final(bravo), seconds_to_final(register)) == (4, 6, 0)
    settings = BridgeSettings(idle_poll=1.0)
    assert bound(alpha, bravo, settings) == 4 + 4 + 4
    assert bound(bravo, alpha, settings) == 6 + 4 + 2
    assert bound(register, bravo, settings) == 4 + 4
    assert bound(bravo, register, settings) == 6 + 4


def test_ctl_8_the_docs_state_the_bounds_of_the_example_network(network: NetworkConfig) -> None:
    lines = (ROOT / "docs" / "controls.md").read_text("utf-8").splitlines()
    (head,) = (number for number, line in enumerate(lines) if line.startswith("| ordered on |"))
    targets = [cell.strip() for cell in lines[head].split("|")[2:-1]]
    assert targets == list(network.ledgers)
    for line in lines[head + 2 : head + 2 + len(targets)]:
        origin, *cells = (cell.strip() for cell in line.split("|")[1:-1])
        stated = dict(zip(targets, map(float, cells), strict=True))
        assert stated.pop(origin) == 0
        assert stated == pytest.approx(bounds(network, origin))
