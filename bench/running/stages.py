"""What is measured of a running bridge, each on chains of its own."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.running.load import Lane
from bench.running.world import Party, wait_until, world

_LONGEST = 1_200.0
"""Seconds after which a stage is given up."""

WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the source's block to the destination's, by each message's own."""

    p50: float
    p99: float
    messages: int


def throughput(messages: int) -> float:
    """Messages a second, of a backlog of one lane that is there when the processes start: from the first
    tenth that is executed to the last."""
    with world() as chains:
        lane = Lane(chains, "alpha", "bravo")
        lane.send(messages)
        with chains.bridge():
            wait_until(lambda: lane.executed() >= messages // 10, _LONGEST)
            begun, first = time.monotonic(), lane.executed()
            wait_until(lambda: lane.executed() == messages, _LONGEST)
            return (messages - first) / (time.monotonic() - begun)


def latency(block_time: int | None, messages: int, every: float) -> Latency:
    """One message every so many seconds, each timed from the node's answer to its execution."""
    with world(block_time) as chains:
        lane = Lane(chains, "alpha", "bravo")
        with chains.bridge():
            _timed(lane, WARM_UP, every)
            return summary(_timed(lane, messages, every))


def _timed(lane: Lane, messages: int, every: float) -> list[float]:
    """Milliseconds of each message; sent at one pace, but each once the one before is in a block."""
    begun, sent = lane.executed(), Arrivals(lane)
    with sent:
        for number in range(1, messages + 1):
            due = time.monotonic() + every
            sent.left(begun + number, lane.send(1))
            time.sleep(max(0.0, due - time.monotonic()))
        wait_until(lambda: lane.executed() >= begun + messages, _LONGEST)
    return sent.milliseconds()


class Arrivals:
    """Watches a lane's counter at the destination in a thread of its own."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._left: dict[int, float] = {}
        self._arrived: list[tuple[int, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Arrivals:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def left(self, nonce: int, at: float) -> None:
        self._left[nonce] = at

    def milliseconds(self) -> list[float]:
        return [1000 * (self._arrival(nonce) - at) for nonce, at in self._left.items()]

    def _arrival(self, nonce: int) -> float:
        return next(at for number, at in self._arrived if number >= nonce)

    def _watch(self) -> None:
        last = -1
        while True:
            ended = self._ended.is_set()
            now = self._lane.executed()
            if now != last:
                self._arrived.append((now, time.monotonic()))
                last = now
            if ended:
                return
            time.sleep(0.003)


def summary(milliseconds: Sequence[float]) -> Latency:
    cuts = statistics.quantiles(milliseconds, n=100)
    return Latency(round(cuts[49], 1), round(cuts[98], 1), len(milliseconds))


@dataclass(frozen=True, slots=True)
class Backlog:
    """How a backlog was worked off beside a live lane the other way.

    `rates` are messages a second in each fifth, `memory` each party's resident MB at its end; the live
    lane's latency before the backlog was there and while it was.
    """

    messages: int
    rates: tuple[float, ...]
    memory: dict[str, tuple[float, ...]]
    alone: Latency
    beside: Latency


def backlog(messages: int, live_every: float = 0.5) -> Backlog:
    """Work off a backlog of one lane while the other direction is in use."""
    with world() as chains:
        out, back = Lane(chains, "alpha", "bravo"), Lane(chains, "bravo", "alpha")
        with chains.bridge():
            out.send(1_000)
            wait_until(lambda: out.executed() == 1_000, _LONGEST)
            alone = summary(_timed(back, 60, live_every))
        out.send(messages)
        with chains.bridge() as parties:
            live = _Live(back, live_every)
            with live:
                rates, memory = _fifths(out, messages, parties)
            return Backlog(messages, rates, memory, alone, summary(live.milliseconds))


class _Live:
    """Messages at a pace in a thread of its own, until the block ends."""

    def __init__(self, lane: Lane, every: float) -> None:
        self.milliseconds: list[float] = []
        self._lane, self._every = lane, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> _Live:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        _timed(self._lane, 5, self._every)
        while not self._ended.is_set():
            self.milliseconds += _timed(self._lane, 20, self._every)


def _fifths(
    lane: Lane, messages: int, parties: Sequence[Party]
) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    begun = lane.executed()
    rates: list[float] = []
    memory: dict[str, list[float]] = {party.name: [] for party in parties}
    wait_until(lambda: lane.executed() > begun, _LONGEST)
    at, before = time.monotonic(), lane.executed()
    for fifth in range(1, 6):
        goal = begun + messages * fifth // 5
        wait_until(_reaches(lane, goal), _LONGEST, every=0.1)
        now, done = time.monotonic(), lane.executed()
        rates.append(round((done - before) / (now - at), 1))
        at, before = now, done
        for party in parties:
            memory[party.name].append(round(party.resident_mb, 1))
    return tuple(rates), {name: tuple(values) for name, values in memory.items()}


def _reaches(lane: Lane, goal: int) -> Callable[[], bool]:
    return lambda: lane.executed() >= goal

