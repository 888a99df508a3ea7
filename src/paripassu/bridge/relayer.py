"""The relayer of one destination: plans batches, gathers signatures, delivers, confirms.

It owns nothing but its transaction fees: what it carries is signed by
others, what it believes is read from the destination's own record. What to
do next is always derived from the store and the destination, never from
memory; a restart goes on where the store says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from paripassu.bridge import attestations, nudges, records
from paripassu.bridge.batches import BatchRecord, change_batch, live_batches, propose
from paripassu.bridge.pace import Pace
from paripassu.bridge.refunds import ExpiredParked
from paripassu.bridge.retries import VersionRetries
from paripassu.bridge.seams import seam
from paripassu.bridge.states import (
    BATCH_LIMIT,
    BatchSituation,
    BatchState,
    LaneSituation,
    MessageState,
    Reason,
    batch_after,
    choose_quorum,
    entities_among,
    of_one_route,
    plan,
    submit_obstacle,
)
from paripassu.commands import Deliver
from paripassu.errors import (
    BatchRefused,
    CommandRefused,
    ContractRefused,
    NodeRefused,
    PariError,
    ReferenceConflict,
)
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Ledger, Outcome, OutcomeState, Signer
from paripassu.messages import Batch, Lane, batch_digest
from paripassu.store import Store, cursors, leases
from paripassu.store.leases import Lease

REFUSALS = (ContractRefused, BatchRefused, CommandRefused, NodeRefused, ReferenceConflict)
"""Errors that mean "not this batch"; all others mean "not now"."""

log = structlog.get_logger("paripassu.bridge.relayer")


@dataclass(frozen=True, slots=True)
class Look:
    """A lane at its destination: whether this bridge has halted it, whether its gateway has stopped it, the
    newest block, and what is executed by then."""

    halted: bool
    stopped: bool
    head: BlockRef
    inbound: int


class DestinationRelayer:
    """Delivers to one ledger; the only one that sends there with its key."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        lanes: Sequence[Lane],
        signer: Signer,
        lease: Lease,
        up_to: Callable[[Lane], int | None] = lambda lane: None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = tuple(lanes)
        self._signer = signer
        self._lease = lease
        self._pace = {lane: Pace() for lane in self._lanes}
        self._up_to = up_to
        self._nudged: dict[Lane, float] = {}
        self._retries = VersionRetries(store, ledger, lanes, signer, lease)
        self._expired = ExpiredParked(store, ledger, lanes, signer, lease)

    async def step(self) -> bool:
        """One look at every lane; True where something moved on."""
        moved = await self._retries.step()
        await self._expired.step()
        with self._store.read() as connection:
            live = live_batches(connection)
            busy = {batch.lane for batch in live} | set(records.unsettled_lanes(connection))
            halts = cursors.halted(connection).keys()
            nudged = nudges.given(connection)
        for lane in self._lanes:
            if nudged.get(lane) != self._nudged.get(lane):
                self._nudged[lane] = nudged[lane]
                self._pace[lane].hurry()
        for lane in self._lanes:
            if lane not in busy:
                continue
            batches = [batch for batch in live if batch.lane == lane]
            halted = bool({lane.source, lane.destination} & halts)
            head = await self._ledger.head()
            inbound = await self._ledger.inbound_nonce(lane)
            stopped = await self._ledger.lane_stopped(lane.source, lane.purpose)
            look = Look(halted, stopped, head, inbound)
            for batch in batches:
                moved |= await self._advance(batch, look)
            moved |= await self._plan(lane, look)
        return moved

    # planning

    async def _plan(self, lane: Lane, look: Look) -> bool:
        with self._store.read() as connection:
            live = live_batches(connection, lane)
            waiting = records.unsettled(connection, lane, after=look.inbound, limit=BATCH_LIMIT)
        if (last := self._up_to(lane)) is not None:
            waiting = tuple(one for one in waiting if one[0] <= last)
        if not waiting or self._store.clock() < self._pace[lane].not_before:
            return False
        under_way = max((batch.last for batch in live), default=0)
        situation = LaneSituation(
            lane, look.halted, look.inbound, look.head.time, under_way, waiting, look.stopped
        )
        chosen = plan(situation, self._pace[lane].limit)
        if isinstance(chosen, Reason):
            if chosen is not Reason.BATCH_UNDER_WAY:
                self._note(lane, look.inbound + 1, chosen)
            return False
        first, last = chosen
        attestors = await self._ledger.attestor_set()
        with self._store.write() as connection:
            leases.check(connection, self._lease)
            messages = of_one_route(records.messages(connection, lane, first, last))
            batch = Batch(attestors.version, messages)
            digest = batch_digest(batch, self._ledger.domain)
            now = self._store.clock()
            propose(connection, now, digest, lane, first, messages[-1].nonce, attestors.version)
            seam("relayer.proposed.before_commit")
        seam("relayer.proposed.after_commit")
        return True

    def _note(self, lane: Lane, nonce: int, reason: Reason) -> None:
        """Let the next message of a lane show why it waits; its state stays what it is."""
        with self._store.write() as connection:
            ids = records.unsettled_ids(connection, lane, nonce, nonce)
            records.annotate(connection, self._store.clock(), ids, reason.value)

    # one batch

    async def _advance(self, batch: BatchRecord, look: Look) -> bool:
        if batch.state is BatchState.PROPOSED:
            return await self._gather(batch)
        if batch.state is BatchState.SIGNED:
            return await self._deliver(batch, look)
        if batch.state is BatchState.BUILT:
            return await self._submit(batch)
        return await self._follow(batch)

    async def _gather(self, batch: BatchRecord) -> bool:
        attestors = await self._ledger.attestor_set()
        if attestors.version != batch.set_version:
            return self._give_up(batch, Reason.ATTESTORS_ROTATED.value)
        with self._store.read() as connection:
            given = attestations.genuine_signatures(connection, batch.digest)
        if choose_quorum(attestors, given) is None:
            number = entities_among(attestors, given)
            return self._annotate(
                batch, f"{Reason.AWAITING_SIGNATURES.value}: {number} of {attestors.threshold}"
            )
        facts = {"batch": batch.digest.text, "signers": sorted(item.signer for item in given)}
        self._change(batch, BatchState.SIGNED, MessageState.ATTESTED, detail=facts)
        return True

    async def _deliver(self, batch: BatchRecord, look: Look) -> bool:
        attestors = await self._ledger.attestor_set()
        with self._store.read() as connection:
            (first,) = records.messages(connection, batch.lane, batch.first, batch.first)
            left = records.unsettled_ids(connection, batch.lane, batch.first, batch.last)
        situation = BatchSituation(
            halted=look.halted,
            stopped=look.stopped,
            first=batch.first,
            last=batch.last,
            first_time=first.timestamp,
            set_version=batch.set_version,
            current_set_version=attestors.version,
            inbound=look.inbound,
            destination_time=look.head.time,
            now=self._store.clock(),
            not_before=batch.not_before,
        )
        if not left:
            return self._finish(batch)
        obstacle = submit_obstacle(situation)
        if obstacle is Reason.ATTESTORS_ROTATED:
            return self._give_up(batch, obstacle.value)
        if obstacle is not None:
            return self._annotate(batch, obstacle.value)
        reference = f"deliver:{batch.digest.text}:{batch.attempt}"
        facts = {"batch": batch.digest.text, "reference": reference}
        self._change(batch, BatchState.BUILT, MessageState.BUILT, detail=facts, reference=reference)
        return await self._submit(replace(batch, state=BatchState.BUILT, reference=reference))

    async def _submit(self, batch: BatchRecord) -> bool:
        """Send, or after a restart send again: the reference lets it happen once."""
        if self._store.clock() < batch.not_before:
            return False
        attestors = await self._ledger.attestor_set()
        with self._store.read() as connection:
            messages = records.messages(connection, batch.lane, batch.first, batch.last)
            given = attestations.genuine_signatures(connection, batch.digest)
        signatures = choose_quorum(attestors, given)
        if signatures is None:
            return self._give_up(batch, Reason.ATTESTORS_ROTATED.value)
        command = Deliver(Batch(batch.set_version, messages), signatures)
        seam("relayer.submit.before")
        try:
            outcome = await self._ledger.submit(command, self._signer, batch.reference)
        except REFUSALS as error:
            return self._give_up(batch, f"{Reason.REFUSED.value}: {error}")
        except PariError as error:
            return await self._postpone(batch, error)
        seam("relayer.submit.after")
        self._pace[batch.lane].went_through()
        return self._take(replace(batch, state=BatchState.BUILT), outcome, anyway=True)

    async def _follow(self, batch: BatchRecord) -> bool:
        outcome = await self._ledger.outcome(batch.reference)
        if outcome.state is OutcomeState.FINAL and self._has_read(outcome):
            return self._finish(batch)
        return self._take(batch, outcome)

    def _take(self, batch: BatchRecord, outcome: Outcome, *, anyway: bool = False) -> bool:
        """Bring batch and messages to where the destination says its delivery is."""
        state = batch_after(batch.state, outcome.state)
        if state is BatchState.DEAD:
            return self._give_up(batch, f"{Reason.REFUSED.value}: {outcome.reason}")
        if state is batch.state and not anyway:
            return False
        message_state = MessageState(state.value)
        if batch.state is BatchState.INCLUDED and state is not BatchState.INCLUDED:
            message_state = MessageState.REORGED
        facts: dict[str, object] = {"transaction": outcome.transaction}
        if outcome.block is not None:
            facts["height"] = outcome.block.height
        self._change(batch, state, message_state, detail=facts)
        return True

    def _has_read(self, outcome: Outcome) -> bool:
        with self._store.read() as connection:
            cursor = cursors.get(connection, "relayer", self._ledger.id)
        return outcome.block is not None and cursor is not None and cursor.height >= outcome.block.height

    # ends of an attempt

    def _finish(self, batch: BatchRecord) -> bool:
        """The delivery is final and read; what it left out goes into another batch."""
        self._pace[batch.lane].finished()
        self._change(batch, BatchState.DONE, MessageState.RETRY, Reason.NOT_EXECUTED.value)
        return True

    def _give_up(self, batch: BatchRecord, reason: str) -> bool:
        """The batch will not do; its messages wait a little and go into a smaller one."""
        lane = batch.lane
        log.warning("batch given up", lane=str(lane), first=batch.first, last=batch.last, why=reason)
        self._pace[lane].given_up(batch.last - batch.first + 1, self._store.clock())
        self._change(batch, BatchState.DEAD, MessageState.RETRY, reason)
        return True

    async def _postpone(self, batch: BatchRecord, error: PariError) -> bool:
        """Not now: the same delivery again later, under the same reference.

        A batch that a node has no answer for, time after time, may be too much for it: where nothing
        was stored to be sent, it is given up for a smaller one.
        """
        pace = self._pace[batch.lane]
        reason = f"{Reason.DESTINATION_UNREACHABLE.value}: {error}"
        wait = pace.failed(self._store.clock())
        if pace.too_much and batch.last > batch.first:
            outcome = await self._ledger.outcome(batch.reference)
            if outcome.state is OutcomeState.UNKNOWN:
                return self._give_up(batch, reason)
        log.warning("delivery postponed", lane=str(batch.lane), seconds=wait, why=str(error))
        self._change(batch, BatchState.BUILT, MessageState.BUILT, reason, not_before=pace.not_before)
        return False

    def _annotate(self, batch: BatchRecord, reason: str) -> bool:
        if batch.reason != reason:
            with self._store.write() as connection:
                now = self._store.clock()
                change_batch(connection, now, batch, batch.state, reason=reason)
                ids = records.unsettled_ids(connection, batch.lane, batch.first, batch.last)
                records.annotate(connection, now, ids, reason)
        return False

    def _change(
        self,
        batch: BatchRecord,
        state: BatchState,
        message_state: MessageState,
        reason: str = "",
        *,
        detail: Mapping[str, object] | None = None,
        reference: str | None = None,
        not_before: float = 0.0,
    ) -> None:
        """Batch and messages in one transaction, fenced by the lease."""
        name = f"relayer.{state.value.lower()}"
        values: dict[str, object] = {"reason": reason, "not_before": not_before}
        if reference is not None:
            values["reference"] = reference
        with self._store.write() as connection:
            leases.check(connection, self._lease)
            now = self._store.clock()
            change_batch(connection, now, batch, state, **values)
            ids = records.unsettled_ids(connection, batch.lane, batch.first, batch.last)
            records.transition(connection, now, ids, message_state, reason, detail)
            seam(f"{name}.before_commit")
        seam(f"{name}.after_commit")
