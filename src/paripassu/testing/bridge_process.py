"""A whole bridge (relayer and attestors) as a function to run in a process of its own.

`run_bridge_process` is for book-entry ledgers that stand alone, `run_network_bridge`
for a deployed network. Both end once everything is delivered and final.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from paripassu.bridge.node import Seat, drain
from paripassu.bridge.settings import BridgeSettings
from paripassu.config import load_network
from paripassu.identifiers import LedgerId
from paripassu.jobs.bridging import seat_of
from paripassu.jobs.storing import open_store
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import Ledger
from paripassu.store import Store
from paripassu.testing.books import ATTESTOR_NAMES, Desk, SettableClock
from paripassu.workspace import Workspace

FAST = BridgeSettings(poll=0.02, idle_poll=0.05)
CHAINS = BridgeSettings(poll=0.1, idle_poll=0.3)


@dataclass(frozen=True, slots=True)
class BookPlace:
    """Where a book is. `time` stands still; 0 for the wall clock."""

    path: Path
    ledger: LedgerId
    time: int = 0

    def connect(self) -> Ledger:
        clock = SettableClock(self.time) if self.time else None
        return BookLedger(self.path, self.ledger, clock=clock)


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """What a bridge process over books needs to know; picklable."""

    store: Path | str
    places: tuple[BookPlace, ...]
    patience: float = 60.0
    settings: BridgeSettings = FAST


def run_bridge_process(plan: BridgePlan) -> None:
    """Run relayer and attestors until everything is delivered and final, then return."""
    asyncio.run(drain_plan(plan))


async def drain_plan(plan: BridgePlan) -> None:
    """The same within this process."""
    desk = Desk()
    opened: list[Ledger] = []

    async def seat(name: str) -> Seat:
        ledgers = {place.ledger: place.connect() for place in plan.places}
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


def run_network_bridge(
    network: Path, urls: Mapping[str, str], workspace: Path, patience: float = 60.0
) -> None:
    """Run relayer and attestors of a deployed network until everything is delivered and final."""
    asyncio.run(drain_network(network, urls, workspace, patience))


async def drain_network(
    network: Path, urls: Mapping[str, str], workspace: Path, patience: float = 60.0
) -> None:
    """The same within this process."""
    config = load_network(network).with_rpc_urls(dict(urls))
    folder = Workspace(workspace)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(config, folder))
        relayer = await seat_of(config, folder, store, "relayer", stack)
        names = [member.name for member in config.attestors.members]
        attestors = [await seat_of(config, folder, store, name, stack) for name in names]
        await drain(store, relayer=relayer, attestors=attestors, patience=patience, settings=CHAINS)
