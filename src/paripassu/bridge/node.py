"""The bridge as a process: relayer and attestors as tasks, together or apart.

Each party reads its ledgers by itself, through connections of its own, and keeps what it saw apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from paripassu.bridge import batches, beats, records
from paripassu.bridge.acknowledger import SourceAcknowledger
from paripassu.bridge.attestor import Attestor
from paripassu.bridge.finality import has_read
from paripassu.bridge.observer import AttestorKeeper, Keeper, Observer, RelayerKeeper
from paripassu.bridge.queries import halted_ledgers, resume_command, stuck_messages
from paripassu.bridge.relayer import DestinationRelayer
from paripassu.bridge.retries import VersionRetries
from paripassu.bridge.settings import PURPOSES, BridgeSettings
from paripassu.bridge.sightings import SightingReader
from paripassu.bridge.states import MessageState
from paripassu.bridge.tasks import Heartbeats, Runner, log_to_standard_error
from paripassu.errors import DrainTimeout, LaneHalted, LedgerError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Ledger, Signer
from paripassu.messages import Lane, Purpose
from paripassu.store import Store, cursors, leases
from paripassu.store.leases import Lease

RELAYER = "relayer"

Task = Coroutine[object, object, None]
Step = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Seat:
    """One party: its name, its key, and its own connections to the ledgers."""

    name: str
    signer: Signer
    ledgers: Mapping[LedgerId, Ledger]


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
    log_to_standard_error()
    settings = settings or BridgeSettings()
    heartbeats = heartbeats or Heartbeats()
    runner = Runner(
        stop,
        heartbeats,
        poll=settings.poll,
        idle_poll=settings.idle_poll,
        silence_limit=settings.silence_limit,
        grace=settings.grace,
    )
    lease = None
    if relayer is not None:
        with store.write() as connection:
            lease = leases.acquire(connection, store.clock(), RELAYER, relayer.name)
    try:
        tasks = [runner.watch_heartbeats(), beats.keep(store, heartbeats, runner)]
        for seat in attestors:
            tasks += _attestor_tasks(store, seat, runner, settings)
        if relayer is not None and lease is not None:
            # before anything is read, so that who waits for the end waits for these too
            await _retry_first(store, relayer, lease, settings)
            tasks += _relayer_tasks(store, relayer, lease, runner, settings)
        await runner.run(tasks)
    finally:
        if lease is not None:
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
    """Run the bridge until everything that is final now is delivered and final, or parked, or was refused and
    came back. It does not wait until sources know of what arrived.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger, or lanes that a ledger has stopped.
        LeaseHeld: another live relayer works on this store.
    """
    stop = asyncio.Event()

    async def watch() -> None:
        try:
            only = None if settings is None else settings.only
            await await_drained(store, relayer.ledgers, patience=patience, only=only)
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


async def await_drained(
    store: Store,
    ledgers: Mapping[LedgerId, Ledger],
    *,
    patience: float,
    only: Container[Lane] | None = None,
) -> None:
    """Wait, beside a running bridge, until what is final now is delivered and final, or parked, or was
    refused and came back; in some lanes `only`, or in all.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger, or lanes that a ledger has stopped.
    """
    targets = {ledger.id: await ledger.final() for ledger in ledgers.values()}
    deadline = time.monotonic() + patience
    while not (read := _read_to(store, targets)) or _lanes_left(store, only):
        left = _lanes_left(store, only)
        if read and left and await _all_stopped(store, ledgers, left):
            lanes = ", ".join(str(lane) for lane in sorted(left))
            raise LaneHalted(f"All has arrived but what is in stopped lanes: {lanes}.")
        if time.monotonic() > deadline:
            raise DrainTimeout(_under_way(store, patience))
        await asyncio.sleep(0.05)
    if halted := halted_ledgers(store):
        raise LaneHalted(
            "; ".join(f"{ledger} is halted: {why}" for ledger, why in halted.items()),
            next_command=resume_command(next(iter(halted))),
        )


async def _retry_first(store: Store, seat: Seat, lease: Lease, settings: BridgeSettings) -> None:
    """One look at what waits for a version; a ledger that does not answer gets another one later."""
    lanes = lanes_between(seat.ledgers, settings.purposes)
    for ledger in seat.ledgers.values():
        inward = [lane for lane in lanes if lane.destination == ledger.id]
        with contextlib.suppress(LedgerError):
            await VersionRetries(store, ledger, inward, seat.signer, lease).step()


def _relayer_tasks(
    store: Store, seat: Seat, lease: Lease, runner: Runner, settings: BridgeSettings
) -> Iterator[Task]:
    yield from _observer_tasks(store, seat, RelayerKeeper(), runner, settings)
    yield _renew(store, lease, runner)
    lanes = lanes_between(seat.ledgers, settings.purposes)
    for ledger in seat.ledgers.values():
        outward = [lane for lane in lanes if lane.source == ledger.id]
        yield runner.loop(f"relayer.sight.{ledger.name}", SightingReader(store, ledger, outward).step)
        inward = settings.chosen(lane for lane in lanes if lane.destination == ledger.id)
        outward = settings.chosen(outward)
        place = (store, ledger)
        destination = DestinationRelayer(*place, inward, seat.signer, lease, up_to=settings.up_to)
        source = SourceAcknowledger(
            *place, outward, seat.signer, lease, every=settings.ack_every, quiet=settings.ack_quiet
        )
        step = _both(destination.step, source.step)
        yield runner.loop(f"relayer.deliver.{ledger.name}", step, wakes=True)


def _both(first: Step, second: Step) -> Step:
    """One after the other: what they send to a ledger goes by one key, in one order."""

    async def step() -> bool:
        moved = await first()
        return await second() or moved

    return step


def _attestor_tasks(store: Store, seat: Seat, runner: Runner, settings: BridgeSettings) -> Iterator[Task]:
    yield from _observer_tasks(store, seat, AttestorKeeper(seat.name), runner, settings)
    attestor = Attestor(store, seat.name, seat.signer, seat.ledgers)
    yield runner.loop(f"{seat.name}.attest", attestor.step, wakes=True)


def _observer_tasks(
    store: Store, seat: Seat, keeper: Keeper, runner: Runner, settings: BridgeSettings
) -> Iterator[Task]:
    lanes = lanes_between(seat.ledgers, settings.purposes)
    for ledger in seat.ledgers.values():
        outward = [lane for lane in lanes if lane.source == ledger.id]
        observer = Observer(store, ledger, outward, keeper)
        yield runner.loop(f"{keeper.party}.observe.{ledger.name}", observer.step)


async def _renew(store: Store, lease: Lease, runner: Runner) -> None:
    while not runner.stop.is_set():
        with store.write() as connection:
            leases.renew(connection, store.clock(), lease)
        await runner.pause(leases.LEASE_SECONDS / 6)


def _read_to(store: Store, targets: Mapping[LedgerId, BlockRef]) -> bool:
    """Whether all ledgers that are not halted were read to these blocks."""
    with store.read() as connection:
        reading = targets.keys() - cursors.halted(connection).keys()
        return all(has_read(cursors.get(connection, RELAYER, one), targets[one]) for one in reading)


def _lanes_left(store: Store, only: Container[Lane] | None = None) -> frozenset[Lane]:
    """Lanes, of some or of all, in which something is under way or about to come back and nothing halted."""
    with store.read() as connection:
        halted = cursors.halted(connection).keys()
        left = {batch.lane for batch in batches.live_batches(connection)}
        left.update(records.unsettled_lanes(connection), records.refund_lanes(connection))
    left = {lane for lane in left if not {lane.source, lane.destination} & halted}
    return frozenset(lane for lane in left if only is None or lane in only)


async def _all_stopped(store: Store, ledgers: Mapping[LedgerId, Ledger], left: frozenset[Lane]) -> bool:
    """Whether all that is left waits in lanes that their destinations have stopped, and still do."""
    with store.read() as connection:
        if not left <= records.stopped_lanes(connection):
            return False
    for lane in left:
        if not await ledgers[lane.destination].lane_stopped(lane.source, lane.purpose):
            return False
    return True


def _under_way(store: Store, patience: float) -> str:
    views = [view for view in stuck_messages(store) if view.state is not MessageState.PARKED]
    if not views:
        return f"After {patience:g} s the ledgers had not been read to where they were final at the start."
    first = views[0]
    where = f"{first.state.value} {first.reason}".rstrip()
    return (
        f"After {patience:g} s {len(views)} messages were still under way, the first in lane {first.lane} "
        f"with nonce {first.message.nonce}: {where}."
    )
