"""How a relayer divides its time between lanes: pure decisions over a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from paripassu.bridge.pace import LATELY_SECONDS, REST_SECONDS, Every, Traffic


@dataclass
class Hand:
    """A clock that stands still until it is moved."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


def test_a_lane_alone_gives_way_to_nobody(clock: Hand) -> None:
    traffic = Traffic(clock)
    assert not traffic.gives_way("backlog")
    traffic.use("backlog")
    assert not traffic.gives_way("backlog")


def test_a_lane_that_was_just_used_gives_way_while_another_is_in_use(clock: Hand) -> None:
    traffic = Traffic(clock)
    traffic.use("live")
    assert not traffic.gives_way("backlog"), "its own turn has not been yet"
    traffic.use("backlog")
    assert traffic.gives_way("backlog")
    clock.at += REST_SECONDS
    assert not traffic.gives_way("backlog"), "it has rested"


def test_a_lane_that_was_used_long_ago_is_not_in_use(clock: Hand) -> None:
    traffic = Traffic(clock)
    traffic.use("live")
    clock.at += LATELY_SECONDS
    traffic.use("backlog")
    assert not traffic.gives_way("backlog")


def test_what_is_due_now_and_then_is_due_once_in_its_time(clock: Hand) -> None:
    every = Every(0.5, clock)
    assert every.due()
    assert not every.due()
    clock.at += 0.5
    assert every.due()
    assert not every.due()
