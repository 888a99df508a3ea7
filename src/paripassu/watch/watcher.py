"""One look after the other: facts, alarms, metrics; and lanes that stop, where the watcher has the key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from paripassu.commands import StopLane
from paripassu.controls import Reason
from paripassu.errors import PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger, Signer
from paripassu.messages import Lane
from paripassu.store import Store
from paripassu.watch.alarms import Alarm, Limits, alarms, to_stop
from paripassu.watch.facts import Facts
from paripassu.watch.metrics import Metrics
from paripassu.watch.reading import Watch
from paripassu.watch.upkeep import doubts, signers, tasks, unattested, wallets

log = structlog.get_logger("paripassu.watch")


class Watcher:
    """Looks, tells, and stops lanes; it can move nothing.

    Args:
        pauser: the key that may stop lanes; None only tells.
        relayer: the account whose coin is counted on chains; empty counts none.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        watch: Watch,
        ledgers: Mapping[LedgerId, Ledger],
        store: Store,
        *,
        attestors: Sequence[str],
        relayer: str = "",
        pauser: Signer | None = None,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._watch = watch
        self._ledgers = ledgers
        self._store = store
        self._attestors = tuple(attestors)
        self._relayer = relayer
        self._pauser = pauser
        self._limits = limits or Limits()
        self._metrics = metrics
        self._clock = clock

    async def step(self) -> tuple[Facts, tuple[Alarm, ...]]:
        """One look. Lanes that must stop are stopped on both sides before it returns."""
        facts = replace(
            await self._watch.look(),
            wallets=await wallets(self._ledgers, self._relayer) if self._relayer else (),
            signers=signers(self._store, self._attestors, self._limits.batches),
            doubts=doubts(self._store, self._attestors, self._ledgers),
            unattested=unattested(self._store),
            tasks=tasks(self._store),
        )
        found = alarms(facts, self._limits)
        for alarm in found:
            log.warning("alarm", kind=alarm.kind.value, subject=alarm.subject, why=alarm.sentence)
        if self._pauser is not None:
            for lane in to_stop(found, facts):
                await self._stop(lane, next(alarm for alarm in found if lane in alarm.stops), self._pauser)
        if self._metrics is not None:
            self._metrics.show(facts, found, self._clock())
        return facts, found

    async def run(self, stop: asyncio.Event, seconds: float) -> None:
        """Look every so many seconds until the stop."""
        while not stop.is_set():
            await self.step()
            try:
                await asyncio.wait_for(stop.wait(), seconds)
            except TimeoutError:
                continue

    async def _stop(self, lane: Lane, alarm: Alarm, pauser: Signer) -> None:
        """Stop a lane where it ends and where it starts; who cannot be reached is told at a later look."""
        reason = Reason(f"{alarm.kind.value} {alarm.subject}"[:31])
        for here, peer in ((lane.destination, lane.source), (lane.source, lane.destination)):
            ledger = self._ledgers[here]
            try:
                if await ledger.lane_stopped(peer, lane.purpose):
                    continue
                head = await ledger.head()
                once = f"watch/stop/{lane}/{head.height}"
                await ledger.execute(StopLane(peer, lane.purpose, reason), pauser, once)
                log.error("lane stopped", lane=str(lane), on=ledger.name, why=alarm.sentence)
            except PariError as error:
                log.error("lane could not be stopped", lane=str(lane), on=ledger.name, why=str(error))
