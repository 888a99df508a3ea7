"""The bridge as a process: relayer and attestors as tasks, together or apart.

Each party reads its ledgers by itself, through connections of its own, and keeps what it saw apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from paripassu.bridge import batches, beats, records
from paripassu.bridge.acknowledger import SourceAcknowledger
from paripassu.bridge.attestor import Attestor
from paripassu.bridge.finality import has_read
from paripassu.bridge.mending import Mender
from paripassu.bridge.observer import AttestorKeeper, Keeper, Observer, RelayerKeeper
from paripassu.bridge.pace import Traffic
from paripassu.bridge.queries import halted_ledgers, resume_command, stuck_messages
from paripassu.bridge.relayer import DestinationRelayer
from paripassu.bridge.retries import VersionRetries
from paripassu.bridge.seats import AttestingSeat
from paripassu.bridge.settings import PURPOSES, BridgeSettings
from paripassu.bridge.sightings import SightingReader
from paripassu.bridge.states import MessageState
from paripassu.bridge.tasks import Bell, Heartbeats, Runner, log_to_standard_error
from paripassu.bridge.transports.flushing import Flushes
from paripassu.errors import DrainTimeout, IncompleteOutbox, LaneHalted, LedgerError, StoreUnavailable
from paripassu.identifiers import LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Ledger, Signer
from paripassu.messages import Lane, Purpose
from paripassu.store import Store, cursors
from paripassu.store.claims import Claims
from paripassu.store.sharing import ACKNOWLEDGE, DELIVER, NONCES, READ, Unit, nonces_of

RELAYER = "relayer"
CLAIMS_EVERY = 1.0
"""Seconds between looks at who claims what."""

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
    attestors: Sequence[AttestingSeat],
    stop: asyncio.Event,
    settings: BridgeSettings | None = None,
    heartbeats: Heartbeats | None = None,
) -> None:
    """Run a relayer, attestors, or both, until `stop` is set.

    Any number of relayers and attestors may run over one store, in any number of processes: relayers
    share the work by claims, and one that has nothing to do stands by.

    Raises:
        StoreError: the store cannot be used, or not at the start.
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
    claims = None
    if relayer is not None:
        claims = Claims(
            store.database, store.clock, relayer.name, relayer.signer.address, _units(relayer, settings)
        )
        claims.join()
        store.claims.append(claims)
    try:
        tasks = [
            runner.watch_heartbeats(),
            runner.listen(store.changes, store.seconds_between_changes),
            beats.keep(store, heartbeats, runner),
        ]
        for seat in attestors:
            tasks += _attestor_tasks(store, seat, runner, settings)
        if relayer is not None and claims is not None:
            # before anything is read, so that who waits for the end waits for these too
            await _retry_first(store, relayer, claims, settings)
            tasks += _relayer_tasks(store, relayer, claims, runner, settings)
        await runner.run(tasks)
    finally:
        if claims is not None:
            store.claims.remove(claims)
            with contextlib.suppress(StoreUnavailable):  # they run out by themselves
                claims.leave()


async def drain(
    store: Store,
    *,
    relayer: Seat,
    attestors: Sequence[AttestingSeat],
    patience: float = 120.0,
    settings: BridgeSettings | None = None,
) -> None:
    """Run the bridge until everything that is final now is delivered and final, or parked, or was refused and
    came back. It does not wait until sources know of what arrived.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger, or lanes that a ledger has stopped.
    """
    stop = asyncio.Event()
    await _mend_first(store, relayer, settings or BridgeSettings())

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
    only: Collection[Lane] | None = None,
) -> None:
    """Wait, beside a running bridge, until what is final now is delivered and final, or parked, or was
    refused and came back; in some lanes `only`, or in all.

    Raises:
        DrainTimeout: after `patience` seconds; names the messages still under way.
        LaneHalted: all is done but the lanes of a halted ledger, or lanes that a ledger has stopped.
    """
    targets = {ledger.id: await ledger.final() for ledger in ledgers.values()}
    deadline = time.monotonic() + patience
    lanes = [lane for lane in lanes_between(ledgers) if only is None or lane in only]
    while True:
        try:
            read, left = _read_to(store, targets), _lanes_left(store, lanes)
            if read and not left:
                break
            if read and await _all_stopped(store, ledgers, left):
                named = ", ".join(str(lane) for lane in sorted(left))
                raise LaneHalted(f"All has arrived but what is in stopped lanes: {named}.")
            if time.monotonic() > deadline:
                raise DrainTimeout(_under_way(store, patience))
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)
    if halted := halted_ledgers(store):
        raise LaneHalted(
            "; ".join(f"{ledger} is halted: {why}" for ledger, why in halted.items()),
            next_command=resume_command(next(iter(halted))),
        )


async def _retry_first(store: Store, seat: Seat, claims: Claims, settings: BridgeSettings) -> None:
    """One look at what waits for a version; a ledger that does not answer gets another one later."""
    lanes = lanes_between(seat.ledgers, settings.purposes)
    for ledger in seat.ledgers.values():
        inward = [lane for lane in lanes if lane.destination == ledger.id]
        with contextlib.suppress(LedgerError):
            await VersionRetries(store, ledger, inward, seat.signer, claims).step()


async def _mend_first(store: Store, seat: Seat, settings: BridgeSettings) -> None:
    """Know what is missing before anybody asks the store whether all has arrived."""
    for ledger in seat.ledgers.values():
        with contextlib.suppress(LedgerError, IncompleteOutbox):
            await Mender(store, ledger, lanes_between(seat.ledgers, settings.purposes)).look()


def _relayer_tasks(
    store: Store, seat: Seat, claims: Claims, runner: Runner, settings: BridgeSettings
) -> Iterator[Task]:
    traffic = Traffic()
    yield from _reading_tasks(store, seat, claims, runner, settings)
    yield runner.every(CLAIMS_EVERY, f"{seat.name}.claims", claims.tick)
    lanes = lanes_between(seat.ledgers, settings.purposes)
    for ledger in seat.ledgers.values():
        outward = [lane for lane in lanes if lane.source == ledger.id]
        sighting = SightingReader(store, ledger, outward)
        yield runner.loop(f"relayer.sight.{ledger.name}", sighting.step, Bell())
        inward = settings.chosen(lane for lane in lanes if lane.destination == ledger.id)
        outward = settings.chosen(outward)
        place = (store, ledger)
        destination = DestinationRelayer(
            *place, inward, seat.signer, claims, up_to=settings.up_to, traffic=traffic
        )
        source = SourceAcknowledger(
            *place, outward, seat.signer, claims, every=settings.ack_every, quiet=settings.ack_quiet
        )
        flushes = Flushes(*place, list(seat.ledgers), seat.signer, claims, quiet=settings.flush_quiet)
        # each in its own time: what they send to a ledger by one key is put in order there
        yield runner.loop(f"relayer.deliver.{ledger.name}", destination.step, runner.bell)
        yield runner.loop(f"relayer.acknowledge.{ledger.name}", source.step, runner.bell)
        yield runner.loop(f"relayer.flush.{ledger.name}", flushes.step, runner.bell)


def _attestor_tasks(
    store: Store, seat: AttestingSeat, runner: Runner, settings: BridgeSettings
) -> Iterator[Task]:
    asked = Bell()  # for what it has not seen yet: it is looked for at once
    keeper, lanes = AttestorKeeper(seat.name), lanes_between(seat.ledgers, settings.purposes)
    traffic = Traffic()
    for ledger in seat.ledgers.values():
        observer = Observer(store, ledger, _outward(lanes, ledger.id), keeper, traffic)
        yield runner.loop(_reading(keeper, ledger.name), observer.step, asked)
    attestor = Attestor(store, seat.name, seat.signer, seat.ledgers, unseen=asked.ring)
    yield runner.loop(f"{seat.name}.attest", attestor.step, runner.bell)


def _reading_tasks(
    store: Store, seat: Seat, claims: Claims, runner: Runner, settings: BridgeSettings
) -> Iterator[Task]:
    """What the relayer reads, ledger by ledger; nobody can ask for it sooner."""
    keeper, lanes = RelayerKeeper(), lanes_between(seat.ledgers, settings.purposes)
    traffic = Traffic()
    for ledger in seat.ledgers.values():
        observer = Observer(store, ledger, _outward(lanes, ledger.id), keeper, traffic)
        step = _claimed(claims, ledger, observer.step, Mender(store, ledger, lanes))
        yield runner.loop(_reading(keeper, ledger.name), step, Bell())


def _outward(lanes: Iterable[Lane], ledger: LedgerId) -> list[Lane]:
    return [lane for lane in lanes if lane.source == ledger]


def _reading(keeper: Keeper, ledger: str) -> str:
    return f"{keeper.party}.observe.{ledger}"


def _claimed(claims: Claims, ledger: Ledger, step: Step, mender: Mender) -> Step:
    """A step of reading a ledger, left out while another relayer reads it.

    The claim spares nodes the same questions twice; it needs no fence. What is read is in final blocks, and
    the transaction that keeps it does nothing where the cursor is not what the reader started from.
    """

    async def claimed() -> bool:
        return ledger.id in claims.tenure(READ) and await mender.around(step)

    return claimed


def _units(seat: Seat, settings: BridgeSettings) -> Iterator[Unit]:
    """All that a relayer can do."""
    for ledger in seat.ledgers:
        yield Unit(NONCES, nonces_of(ledger, seat.signer.address))
        yield Unit(READ, ledger)
    for lane in settings.chosen(lanes_between(seat.ledgers, settings.purposes)):
        yield Unit(DELIVER, str(lane), lane.destination)
        yield Unit(ACKNOWLEDGE, str(lane), lane.source)


def _read_to(store: Store, targets: Mapping[LedgerId, BlockRef]) -> bool:
    """Whether all ledgers that are not halted were read to these blocks."""
    with store.read() as connection:
        reading = targets.keys() - cursors.halted(connection).keys()
        return all(has_read(cursors.get(connection, RELAYER, one), targets[one]) for one in reading)


def _lanes_left(store: Store, lanes: Collection[Lane]) -> frozenset[Lane]:
    """Those of some lanes in which something is under way or about to come back, and nothing is halted."""
    with store.read() as connection:
        halted = cursors.halted(connection).keys()
        left = {batch.lane for batch in batches.live_batches(connection)}.intersection(lanes)
        left |= records.unsettled_lanes(connection, lanes) | records.refund_lanes(connection, lanes)
    return frozenset(lane for lane in left if not {lane.source, lane.destination} & halted)


async def _all_stopped(store: Store, ledgers: Mapping[LedgerId, Ledger], left: frozenset[Lane]) -> bool:
    """Whether all that is left waits in lanes that their destinations have stopped, and still do."""
    with store.read() as connection:
        if not left <= records.stopped_lanes(connection, left):
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
