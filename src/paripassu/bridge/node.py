"""The bridge as a process: relayer and attestors as tasks, together or apart.

Each party reads its ledgers by itself. A task that fails because a ledger
cannot be read tries again; a task that fails for any other reason ends the
process with its error, because a bridge with a dead task is worse than none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product

import structlog

from paripassu.bridge import batches, records
from paripassu.bridge.attestor import Attestor
from paripassu.bridge.observer import AttestorKeeper, Keeper, Observer, RelayerKeeper
from paripassu.bridge.queries import halted_ledgers, stuck_messages
from paripassu.bridge.relayer import DestinationRelayer
from paripassu.bridge.states import ENDS
from paripassu.errors import DrainTimeout, LaneHalted, PariError, StoreError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger, Signer
from paripassu.messages import Lane, Purpose
from paripassu.store import Store, cursors, leases
from paripassu.store.leases import Lease

RELAYER = "relayer"
PURPOSES = (Purpose.MOVEMENT, Purpose.CORPORATE_ACTION)

log = structlog.get_logger("paripassu.bridge")


@dataclass(frozen=True, slots=True)
class Seat:
    """One party: its name, its key, and its own connections to the ledgers."""

    name: str
    signer: Signer
    ledgers: Mapping[LedgerId, Ledger]


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Seconds between looks while something happens, and while nothing does; lanes by purpose."""

    poll: float = 0.2
    idle_poll: float = 0.6
    silence_limit: float = 60.0
    purposes: Sequence[Purpose] = PURPOSES


@dataclass(slots=True)
class Heartbeats:
    """When each task last came round; a task that went silent is named, not overlooked."""

    beats: dict[str, float] = field(default_factory=dict)

    def beat(self, task: str) -> None:
        self.beats[task] = time.monotonic()

    def silent(self, seconds: float) -> list[str]:
        now = time.monotonic()
        return sorted(task for task, at in self.beats.items() if now - at > seconds)


class Bell:
    """Wakes the tasks that work from the store, once something was put there."""

    def __init__(self) -> None:
        self._ringing = asyncio.Event()

    def ring(self) -> None:
        self._ringing.set()
        self._ringing = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        ringing = self._ringing
        try:
            await asyncio.wait_for(ringing.wait(), seconds)
        except TimeoutError:
            return


def lanes_between(ledgers: Iterable[LedgerId], purposes: Sequence[Purpose] = PURPOSES) -> tuple[Lane, ...]:
    """Every lane between every two ledgers."""
    pairs = permutations(sorted(ledgers), 2)
    return tuple(Lane(source, target, purpose) for (source, target), purpose in product(pairs, purposes))


async def run_bridge(
    store: Store,
    *,
    relayer: Seat | None,
    attestors: Sequence[Seat],
    stop: asyncio.Event,
    settings: BridgeSettings | None = None,
    heartbeats: Heartbeats | None = None,
) -> None:
    """Run a relayer, attestors, or both, until `stop` is set.

    Raises:
        LeaseHeld: another live relayer works on this store.
        LeaseLost: another one took over.
        StoreError: the store cannot be used.
    """
    bridge = _Bridge(store, settings or BridgeSettings(), heartbeats or Heartbeats(), stop)
    if relayer is None:
        await bridge.run(None, None, attestors)
        return
    with store.write() as connection:
        lease = leases.acquire(connection, store.clock(), RELAYER, relayer.name)
    try:
        await bridge.run(relayer, lease, attestors)
    finally:
        with store.write() as connection:
            leases.release(connection, lease)


async def drain(
    store: Store,
    *,
    relayer: Seat,
    attestors: Sequence[Seat],
    patience: float = 120.0,
    settings: BridgeSettings | None = None,
) -> None:
    """Run the bridge until everything that is final now is delivered and final, or parked.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger.
        LeaseHeld: another live relayer works on this store.
    """
    stop = asyncio.Event()

    async def watch() -> None:
        try:
            await await_drained(store, relayer.ledgers, patience=patience)
        finally:
            stop.set()

    watcher = asyncio.create_task(watch())
    try:
        await run_bridge(store, relayer=relayer, attestors=attestors, stop=stop, settings=settings)
    finally:
        if not watcher.done():
            watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    watcher.result()


async def await_drained(store: Store, ledgers: Mapping[LedgerId, Ledger], *, patience: float) -> None:
    """Wait, beside a running bridge, until what is final now is delivered and final, or parked.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger.
    """
    targets = {ledger.id: (await ledger.final()).height for ledger in ledgers.values()}
    deadline = time.monotonic() + patience
    while not _drained(store, targets):
        if time.monotonic() > deadline:
            raise DrainTimeout(_under_way(store, patience))
        await asyncio.sleep(0.05)
    if halted := halted_ledgers(store):
        raise LaneHalted("; ".join(f"{ledger} is halted: {why}" for ledger, why in halted.items()))


class _Bridge:
    """The tasks of one process."""

    def __init__(
        self, store: Store, settings: BridgeSettings, heartbeats: Heartbeats, stop: asyncio.Event
    ) -> None:
        self._store = store
        self._settings = settings
        self._heartbeats = heartbeats
        self._stop = stop
        self._bell = Bell()

    async def run(self, relayer: Seat | None, lease: Lease | None, attestors: Sequence[Seat]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                if relayer is not None and lease is not None:
                    self._start_relayer(group, relayer, lease)
                for seat in attestors:
                    self._start_observers(group, seat, AttestorKeeper(seat.name))
                    attestor = Attestor(self._store, seat.name, seat.signer, seat.ledgers)
                    group.create_task(self._loop(f"{seat.name}.attest", attestor.step, wakes=True))
                group.create_task(self._watch_heartbeats())
        except BaseExceptionGroup as group_error:
            raise _first(group_error) from group_error

    def _start_relayer(self, group: asyncio.TaskGroup, seat: Seat, lease: Lease) -> None:
        self._start_observers(group, seat, RelayerKeeper())
        group.create_task(self._renew(lease))
        lanes = lanes_between(seat.ledgers, self._settings.purposes)
        for ledger in seat.ledgers.values():
            inward = [lane for lane in lanes if lane.destination == ledger.id]
            destination = DestinationRelayer(self._store, ledger, inward, seat.signer, lease)
            group.create_task(self._loop(f"relayer.deliver.{ledger.name}", destination.step, wakes=True))

    def _start_observers(self, group: asyncio.TaskGroup, seat: Seat, keeper: Keeper) -> None:
        lanes = lanes_between(seat.ledgers, self._settings.purposes)
        for ledger in seat.ledgers.values():
            outward = [lane for lane in lanes if lane.source == ledger.id]
            observer = Observer(self._store, ledger, outward, keeper)
            group.create_task(self._loop(f"{keeper.party}.observe.{ledger.name}", observer.step))

    async def _loop(self, task: str, step: Callable[[], Awaitable[bool]], *, wakes: bool = False) -> None:
        """Take steps until the stop; a step that moved something is followed by the next at once."""
        wait = self._settings.poll
        while not self._stop.is_set():
            self._heartbeats.beat(task)
            try:
                moved = await step()
            except StoreError:
                raise
            except (PariError, OSError, TimeoutError) as error:
                log.warning("task could not go on", task=task, why=str(error))
                moved, wait = False, self._settings.idle_poll
            if moved:
                wait = self._settings.poll
                self._bell.ring()
                await asyncio.sleep(0)
                continue
            await self._pause(wait, wakes)
            wait = min(self._settings.idle_poll, wait * 1.25)

    async def _pause(self, seconds: float, wakes: bool) -> None:
        sleeper = self._bell.wait(seconds) if wakes else asyncio.sleep(seconds)
        stopper = asyncio.ensure_future(self._stop.wait())
        waiter = asyncio.ensure_future(sleeper)
        try:
            await asyncio.wait({stopper, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopper.cancel()
            waiter.cancel()

    async def _renew(self, lease: Lease) -> None:
        while not self._stop.is_set():
            self._heartbeats.beat("relayer.lease")
            with self._store.write() as connection:
                leases.renew(connection, self._store.clock(), lease)
            await self._pause(leases.LEASE_SECONDS / 6, wakes=False)

    async def _watch_heartbeats(self) -> None:
        while not self._stop.is_set():
            for task in self._heartbeats.silent(self._settings.silence_limit):
                log.error("task went silent", task=task, seconds=self._settings.silence_limit)
            await self._pause(self._settings.silence_limit / 4, wakes=False)


def _drained(store: Store, targets: Mapping[LedgerId, int]) -> bool:
    """Whether nothing is left to do for ledgers that are not halted."""
    with store.read() as connection:
        halted = cursors.halted(connection).keys()
        for ledger in targets.keys() - halted:
            cursor = cursors.get(connection, RELAYER, ledger)
            if cursor is None or cursor.height < targets[ledger]:
                return False
        left = {batch.lane for batch in batches.live_batches(connection)}
        left.update(records.unsettled_lanes(connection))
    return not [lane for lane in left if not {lane.source, lane.destination} & halted]


def _under_way(store: Store, patience: float) -> str:
    views = [view for view in stuck_messages(store) if view.state not in ENDS]
    if not views:
        return f"After {patience:g} s the ledgers had not been read to where they were final at the start."
    first = views[0]
    where = f"{first.state.value} {first.reason}".rstrip()
    return (
        f"After {patience:g} s {len(views)} messages were still under way, the first in lane {first.lane} "
        f"with nonce {first.message.nonce}: {where}."
    )


def _first(error: BaseException) -> BaseException:
    """The first error inside nested groups: what one task raised is what the caller is told."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
