"""A freeze ordered while units are on their way and a ledger is down: they land, and do not move (CTL-8)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from paripassu.bridge.node import Seat, run_bridge
from paripassu.bridge.settings import BridgeSettings
from paripassu.commands import Move, Transfer
from paripassu.controls import SANCTION, Order, Reason, order_role
from paripassu.errors import RuleError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.invariants import SupplyState, conservation
from paripassu.jobs.ordering import LOOKS
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import Ledger
from paripassu.quantities import Units
from paripassu.rules import Restriction
from paripassu.store import Store
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    book_network,
    issue,
    onboard,
)
from paripassu.testing.faults import FaultyLedger

START = 1_800_000_000
FAST = BridgeSettings(poll=0.01, idle_poll=0.03)
DESK = Desk()
WHY = Reason("court order 7")


@dataclass(slots=True)
class World:
    """Three books, the last one seen through a connection that can be cut; holder_de has units on each."""

    home: BookLedger
    south: BookLedger
    west: BookLedger
    down: FaultyLedger
    store: Store
    number: int = 0

    @property
    def books(self) -> tuple[BookLedger, ...]:
        return (self.home, self.south, self.west)

    @contextlib.asynccontextmanager
    async def bridge(self, settings: BridgeSettings = FAST) -> AsyncIterator[None]:
        ledgers: dict[LedgerId, Ledger] = {book.id: book for book in self.books}
        ledgers[self.west.id] = self.down.port
        seats = [Seat(name, DESK[name], ledgers) for name in ("relayer", *ATTESTOR_NAMES)]
        stop = asyncio.Event()
        task = asyncio.create_task(
            run_bridge(self.store, relayer=seats[0], attestors=seats[1:], stop=stop, settings=settings)
        )
        try:
            yield
        finally:
            stop.set()
            await task

    async def do(self, ledger: BookLedger, command: Move | Transfer | Order, signer: str) -> None:
        self.number += 1
        await ledger.execute(command, DESK[signer], f"step:{self.number}")

    async def send(self, units: int) -> None:
        """From holder_de to holder_fr, south to west."""
        await self.do(self.south, Move("holder_de", self.west.id, "holder_fr", Units(units)), "holder_de")

    async def order(self, scope: Bytes32, stands: bool) -> None:
        """Against the holder of holder_fr, on the home ledger."""
        record = await self.home.holder("holder_fr")
        assert record is not None
        command = Order(record.holder, scope, stands, WHY)
        await self.do(self.home, command, order_role(scope))

    async def spends(self, ledger: BookLedger) -> Restriction:
        """What stands against a delivery by holder_fr, however few its units are."""
        return await ledger.verdict("holder_fr", "holder_de", Units(0))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> float:
    """Wait for a condition; how long it took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not await condition():
        assert loop.time() - start < seconds, f"not so after {seconds:g} s"
        await asyncio.sleep(0.01)
    return loop.time() - start


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    home, south, west = await book_network(tmp_path, ("home", "south", "west"), SettableClock(START))
    for book in (home, south, west):
        for name in ("holder_de", "holder_fr"):
            await onboard(book, name)
    await issue(home, "holder_de", 1_000)
    with Store.open(tmp_path / "bridge.db") as store:
        made = World(home, south, west, FaultyLedger(west), store)
        for number, book in enumerate((south, west)):
            await home.execute(
                Move("holder_de", book.id, "holder_de", Units(300)), DESK["holder_de"], f"endow:{number}"
            )
        async with made.bridge():
            for book in (south, west):
                await until(lambda book=book: held(book, "holder_de", 300))  # type: ignore[misc]
        yield made
    for book in (home, south, west):
        book.check()
        await book.close()


async def held(book: BookLedger, account: str, units: int) -> bool:
    return int(await book.position(account)) == units


@pytest.mark.parametrize("scope", [TEST_SECURITY, SANCTION], ids=["freeze", "sanction"])
async def test_ctl_8_units_in_transit_to_a_ledger_that_is_down_land_frozen(
    world: World, scope: Bytes32
) -> None:
    await world.send(40)
    world.down.unreachable = True
    async with world.bridge():
        await world.order(scope, True)

        async def in_force_there() -> bool:
            return await world.spends(world.south) is not Restriction.NONE

        # the ledger that is down holds up no other
        await until(in_force_there)
        assert await world.west.position("holder_fr") == Units(0)
        world.down.unreachable = False
        await until(lambda: held(world.west, "holder_fr", 40))

        async def bound_there() -> bool:
            return await world.spends(world.west) is not Restriction.NONE

        await until(bound_there)
    with pytest.raises(RuleError):
        await world.do(world.west, Transfer("holder_fr", "holder_de", Units(1)), "holder_fr")
    with pytest.raises(RuleError):
        await world.do(world.west, Move("holder_fr", world.home.id, "holder_fr", Units(1)), "holder_fr")
    supplies = {book.id: await book.supply() for book in world.books}
    assert conservation(SupplyState(await world.home.issued(), supplies, Units(0))).ok  # none is lost
    async with world.bridge():
        await world.order(scope, False)

        async def free_again() -> bool:
            return await world.spends(world.west) is Restriction.NONE

        await until(free_again)
    await world.do(world.west, Transfer("holder_fr", "holder_de", Units(40)), "holder_fr")


async def test_ctl_8_an_order_is_in_force_everywhere_within_the_bound(world: World) -> None:
    """The bound that `pari` states, measured. The best of three: a machine that stalls is no slow bridge."""
    settings = BridgeSettings()
    bound = LOOKS * settings.idle_poll
    taken: list[float] = []
    async with world.bridge(settings):
        await asyncio.sleep(settings.idle_poll)  # idle, as bridges are most of the time
        for _ in range(3):
            await world.order(SANCTION, True)

            async def in_force() -> bool:
                codes = [await world.spends(book) for book in (world.south, world.west)]
                return all(code is not Restriction.NONE for code in codes)

            taken.append(await until(in_force))
            if taken[-1] <= bound:
                break
            await world.order(SANCTION, False)

            async def lifted() -> bool:
                codes = [await world.spends(book) for book in (world.south, world.west)]
                return all(code is Restriction.NONE for code in codes)

            await until(lifted)
    assert min(taken) <= bound, taken
