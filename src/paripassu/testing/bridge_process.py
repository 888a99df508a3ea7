"""A whole bridge (relayer and attestors) as a function to run in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paripassu.bridge.node import BridgeSettings, Seat, drain
from paripassu.identifiers import LedgerId
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.port import Ledger
from paripassu.store import Store
from paripassu.testing.books import ATTESTOR_NAMES, Desk, SettableClock

FAST = BridgeSettings(poll=0.02, idle_poll=0.05)


@dataclass(frozen=True, slots=True)
class BookPlace:
    """Where a book is. `time` stands still; 0 for the wall clock."""

    path: Path
    ledger: LedgerId
    time: int = 0

    def connect(self, store: Store, peers: Sequence[LedgerId]) -> Ledger:
        clock = SettableClock(self.time) if self.time else None
        return BookLedger(self.path, self.ledger, clock=clock)


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """Where a chain is, and its contracts."""

    name: str
    ledger: LedgerId
    url: str
    addresses: dict[str, str]
    reorg_period: int
    block_time: float = 1.0

    def connect(self, store: Store, peers: Sequence[LedgerId]) -> Ledger:
        settings = EvmSettings(reorg_period=self.reorg_period, block_time=self.block_time)
        return EvmLedger(
            self.ledger, self.name, [self.url], settings, self.addresses, store.intents, peers=peers
        )


Place = BookPlace | ChainPlace


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """What a bridge process needs to know; picklable."""

    store: Path
    places: tuple[Place, ...]
    patience: float = 60.0
    settings: BridgeSettings = FAST


def run_bridge_process(plan: BridgePlan) -> None:
    """Run relayer and attestors until everything is delivered and final, then return."""
    asyncio.run(drain_plan(plan))


async def drain_plan(plan: BridgePlan) -> None:
    """The same within this process."""
    desk = Desk()
    ids = [place.ledger for place in plan.places]
    opened: list[Ledger] = []

    async def seat(name: str) -> Seat:
        ledgers = {place.ledger: place.connect(store, ids) for place in plan.places}
        for ledger in ledgers.values():
            await ledger.open()
            opened.append(ledger)
        return Seat(name, desk[name], ledgers)

    with Store.open(plan.store) as store:
        try:
            relayer = await seat("relayer")
            attestors = [await seat(name) for name in ATTESTOR_NAMES]
            await drain(
                store, relayer=relayer, attestors=attestors, patience=plan.patience, settings=plan.settings
            )
        finally:
            for ledger in opened:
                await ledger.close()
