"""How a relayer divides its time between lanes: pure decisions over a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from paripassu.bridge.batches import BatchRecord
from paripassu.bridge.pace import LATELY_SECONDS, REST_SECONDS, Every, Traffic
from paripassu.bridge.relayer import FOLLOWED_AT_ONCE, worth_a_look
from paripassu.bridge.states import BatchState
from paripassu.identifiers import LedgerId, keccak256
from paripassu.messages import Lane, Purpose


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


def batch(first: int, state: BatchState) -> BatchRecord:
    lane = Lane(LedgerId("eip155:31001"), LedgerId("eip155:31002"), Purpose.MOVEMENT)
    return BatchRecord(keccak256(str(first).encode()), lane, first, first, 1, state, 0, "", "", 0.0, 0.0)


def test_batches_that_only_have_to_become_final_are_looked_at_now_and_then_and_never_all() -> None:
    included = [batch(first, BatchState.INCLUDED) for first in range(1, 3 * FOLLOWED_AT_ONCE)]
    signed = batch(1_000, BatchState.SIGNED)
    assert worth_a_look([*included, signed], aside=False) == [signed]
    assert worth_a_look([*included, signed], aside=True) == [*included[:FOLLOWED_AT_ONCE], signed]
