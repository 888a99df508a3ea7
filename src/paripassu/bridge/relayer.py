"""The relayer of one destination: plans batches, gathers signatures, delivers, confirms.

It owns nothing but its transaction fees: what it carries is signed by
others, what it believes is read from the destination's own record. What to
do next is always derived from the store and the destination, never from
memory; a restart goes on where the store says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from paripassu.bridge import nudges, records
from paripassu.bridge.batches import BatchRecord, change_batch, live_batches, propose
from paripassu.bridge.former_keys import left_behind
from paripassu.bridge.pace import ASIDE_SECONDS, Every, Pace, Traffic
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
    next_nonce,
    of_one_route,
    plan,
    submit_obstacle,
)
from paripassu.bridge.transports import Transport, Transports
from paripassu.commands import Deliver
from paripassu.errors import (
    BatchRefused,
    CommandRefused,
    ContractRefused,
    NodeRefused,
    PariError,
    ReferenceConflict,
    StoreError,
)
from paripassu.ledgers.port import Arriving, AttestorSet, Ledger, Outcome, OutcomeState, Signer
from paripassu.messages import Batch, Lane, batch_digest
from paripassu.store import Store, cursors
from paripassu.store.claims import Claims
from paripassu.store.sharing import DELIVER

REFUSALS = (ContractRefused, BatchRefused, CommandRefused, NodeRefused, ReferenceConflict)
"""Errors that mean "not this batch"; all others mean "not now"."""

FOLLOWED_AT_ONCE = 20
"""Batches in blocks that are not final, of one lane in one look."""

SIGNING_SECONDS = 2.0
"""After which messages show that they wait for signatures."""

log = structlog.get_logger("paripassu.bridge.relayer")


@dataclass(frozen=True, slots=True)
class Look:
    """A lane at its destination: whether this bridge has halted it, what the ledger says of it, whose
    signatures count there, and what vouches for the lane's messages."""

    halted: bool
    arriving: Arriving
    attestors: AttestorSet
    transport: Transport

    @property
    def inbound(self) -> int:
        return self.arriving.inbound

    @property
    def version(self) -> int:
        """For which a batch is proposed now: of the attestor set, 0 where no attestor is asked."""
        return self.transport.version(self.attestors)


def _awaits_turn(batch: BatchRecord, others: Sequence[BatchRecord], look: Look) -> bool:
    """Whether an earlier batch of its lane, which is under way, has to be executed first."""
    return batch.first > look.inbound + 1 and any(other.first < batch.first for other in others)


def worth_a_look(batches: Sequence[BatchRecord], aside: bool) -> list[BatchRecord]:
    """Those of a lane that go on by our doing; and now and then the oldest of those that only have to become
    final. There are many of these where the reading of the ledger is behind."""
    included = [batch for batch in batches if batch.state is BatchState.INCLUDED]
    others = [batch for batch in batches if batch.state is not BatchState.INCLUDED]
    return [*(included[:FOLLOWED_AT_ONCE] if aside else ()), *others]


class DestinationRelayer:
    """Delivers to one ledger, in the lanes that this process has claimed."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        lanes: Sequence[Lane],
        signer: Signer,
        claims: Claims,
        up_to: Callable[[Lane], int | None] = lambda lane: None,
        traffic: Traffic | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = tuple(lanes)
        self._signer = signer
        self._claims = claims
        self._tenure = claims.tenure(DELIVER)
        self._transports = Transports(store, ledger)
        self._pace = {lane: Pace() for lane in self._lanes}
        self._submitted: set[str] = set()
        self._up_to = up_to
        self._traffic = traffic or Traffic()
        self._nudged: dict[Lane, float] = {}
        self._aside = Every(ASIDE_SECONDS)
        self._retries = VersionRetries(store, ledger, lanes, signer, claims)
        self._expired = ExpiredParked(store, ledger, lanes, signer, claims)

    async def step(self) -> bool:
        """One look at every lane that is ours; True where something moved on."""
        self._tenure = self._claims.tenure(DELIVER)
        if not any(str(lane) in self._tenure for lane in self._lanes):
            return False
        moved, aside = False, self._aside.due()
        if aside:
            moved = await self._retries.step()
            await self._expired.step()
        with self._store.read() as connection:
            live = live_batches(connection)
            busy = {batch.lane for batch in live} | records.unsettled_lanes(connection, self._lanes)
            halts = cursors.halted(connection).keys()
            nudged = nudges.given(connection)
        for lane in self._lanes:
            if nudged.get(lane) != self._nudged.get(lane):
                self._nudged[lane] = nudged[lane]
                self._pace[lane].hurry()
        for lane in self._lanes:
            if lane not in busy or str(lane) not in self._tenure:
                continue
            batches = [batch for batch in live if batch.lane == lane]
            halted = bool({lane.source, lane.destination} & halts)
            arriving, attestors, transport = await asyncio.gather(
                self._ledger.arriving(lane), self._ledger.attestor_set(), self._transports.of(lane)
            )
            if arriving.stopped:
                self._transports.forget(lane)
            look = Look(halted, arriving, attestors, transport)
            for batch in worth_a_look(batches, aside):
                awaits = _awaits_turn(batch, batches, look) or self._gives_way(batch)
                moved |= await self._advance(batch, look, awaits=awaits)
            moved |= await self._plan(lane, look)
        return moved

    # planning

    async def _plan(self, lane: Lane, look: Look) -> bool:
        if self._store.clock() < self._pace[lane].not_before:
            return False
        with self._store.read() as connection:
            under_way = tuple((batch.first, batch.last) for batch in live_batches(connection, lane))
            after = next_nonce(look.inbound, under_way) - 1
            waiting = records.unsettled(connection, lane, after=after, limit=BATCH_LIMIT)
        if (last := self._up_to(lane)) is not None:
            waiting = tuple(one for one in waiting if one[0] <= last)
        if not waiting:
            return False
        situation = LaneSituation(
            lane,
            look.halted,
            look.inbound,
            look.arriving.time,
            under_way,
            waiting,
            look.arriving.stopped,
        )
        chosen = plan(situation, self._pace[lane].limit)
        if isinstance(chosen, Reason):
            if chosen is not Reason.BATCH_UNDER_WAY:
                self._note(lane, situation.next, chosen)
            return False
        first, last = chosen
        version = look.version
        with self._store.read() as connection:
            messages = of_one_route(records.messages(connection, lane, first, last))
        messages = await look.transport.ready(messages)
        if not messages:
            self._note(lane, first, Reason.AWAITING_TRANSPORT)
            return False
        with self._store.write() as connection:
            self._tenure.check(connection, str(lane))
            digest = batch_digest(Batch(version, messages), self._ledger.domain)
            now = self._store.clock()
            propose(connection, now, digest, lane, first, messages[-1].nonce, version)
            seam("relayer.proposed.before_commit")
        seam("relayer.proposed.after_commit")
        return True

    def _note(self, lane: Lane, nonce: int, reason: Reason) -> None:
        """Let the next message of a lane show why it waits; its state stays what it is."""
        with self._store.write() as connection:
            self._tenure.check(connection, str(lane))
            ids = records.unsettled_ids(connection, lane, nonce, nonce)
            records.annotate(connection, self._store.clock(), ids, reason.value)

    # one batch

    def _gives_way(self, batch: BatchRecord) -> bool:
        """Whether a full batch lets lanes with little to carry go first."""
        full = batch.last - batch.first + 1 >= BATCH_LIMIT
        return full and self._traffic.gives_way(str(batch.lane))

    async def _advance(self, batch: BatchRecord, look: Look, *, awaits: bool) -> bool:
        """One step of a batch, or two where it has just been signed. `awaits`: not its turn yet."""
        state = batch.state
        if state is BatchState.PROPOSED:
            state = self._gather(batch, look)
        if state is BatchState.SIGNED and not awaits:
            return await self._deliver(replace(batch, state=state), look)
        if batch.state in (BatchState.PROPOSED, BatchState.SIGNED):
            return state is not batch.state
        if await left_behind(self._ledger, batch.reference, self._signer.address, self._claims):
            return self._give_up(batch, Reason.KEY_ROTATED.value)
        if batch.state is BatchState.BUILT:
            return await self._submit(batch, look)
        return await self._follow(batch, look)

    def _gather(self, batch: BatchRecord, look: Look) -> BatchState:
        """Where a proposed batch stands, by what speaks for it now."""
        evidence = look.transport.evidence(batch, look.attestors)
        if evidence.version != batch.set_version:
            self._give_up(batch, Reason.ATTESTORS_ROTATED.value)
            return BatchState.DEAD
        if evidence.signatures is None:
            if self._store.clock() >= batch.at + SIGNING_SECONDS:  # before there is nothing to tell of
                self._annotate(batch, evidence.lacks)
            return BatchState.PROPOSED
        facts = {"batch": batch.digest.text, **evidence.facts}
        self._change(batch, BatchState.SIGNED, MessageState.ATTESTED, detail=facts)
        return BatchState.SIGNED

    async def _deliver(self, batch: BatchRecord, look: Look) -> bool:
        with self._store.read() as connection:
            (first,) = records.messages(connection, batch.lane, batch.first, batch.first)
            left = records.unsettled_ids(connection, batch.lane, batch.first, batch.last)
        situation = BatchSituation(
            halted=look.halted,
            stopped=look.arriving.stopped,
            first=batch.first,
            last=batch.last,
            first_time=first.timestamp,
            set_version=batch.set_version,
            current_set_version=look.version,
            inbound=look.inbound,
            destination_time=look.arriving.time,
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
        return await self._submit(replace(batch, state=BatchState.BUILT, reference=reference), look)

    async def _submit(self, batch: BatchRecord, look: Look) -> bool:
        """Send, or after a restart send again: the reference lets it happen once."""
        if self._store.clock() < batch.not_before:
            return False
        command = self._command(batch, look)
        if command is None:
            return self._give_up(batch, Reason.ATTESTORS_ROTATED.value)
        seam("relayer.submit.before")
        try:
            outcome = await self._ledger.submit(command, self._signer, batch.reference)
        except REFUSALS as error:
            return self._give_up(batch, f"{Reason.REFUSED.value}: {error}")
        except StoreError:
            raise
        except PariError as error:
            return await self._postpone(batch, error)
        seam("relayer.submit.after")
        self._submitted.add(batch.reference)
        self._traffic.use(str(batch.lane))
        self._pace[batch.lane].went_through()
        return self._take(replace(batch, state=BatchState.BUILT), outcome, anyway=True)

    def _command(self, batch: BatchRecord, look: Look) -> Deliver | None:
        """The delivery of a batch; None where what speaks for it is not enough any more."""
        evidence = look.transport.evidence(batch, look.attestors)
        if evidence.signatures is None:
            return None
        with self._store.read() as connection:
            messages = records.messages(connection, batch.lane, batch.first, batch.last)
        return Deliver(Batch(batch.set_version, messages), evidence.signatures)

    async def _follow(self, batch: BatchRecord, look: Look) -> bool:
        outcome = await self._ledger.outcome(batch.reference)
        if outcome.state is OutcomeState.PENDING and batch.reference not in self._submitted:
            # an earlier process sent it: with the key at hand its price can be raised, should it stall
            outcome = await self._taken_up(batch, look) or outcome
        if outcome.state is OutcomeState.FINAL and self._has_read(outcome):
            return self._finish(batch)
        if outcome.abandoned:
            return self._give_up(batch, Reason.ABANDONED.value)
        return self._take(batch, outcome)

    async def _taken_up(self, batch: BatchRecord, look: Look) -> Outcome | None:
        """Hand what was sent to the ledger once more; the reference lets it happen once."""
        command = self._command(batch, look)
        if command is None:
            return None
        outcome = await self._ledger.submit(command, self._signer, batch.reference)
        self._submitted.add(batch.reference)
        return outcome

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
        self._submitted.discard(batch.reference)
        self._pace[batch.lane].finished()
        self._change(batch, BatchState.DONE, MessageState.RETRY, Reason.NOT_EXECUTED.value)
        return True

    def _give_up(self, batch: BatchRecord, reason: str) -> bool:
        """The batch will not do; its messages wait a little and go into a smaller one."""
        lane = batch.lane
        self._submitted.discard(batch.reference)
        log.warning("batch given up", lane=str(lane), first=batch.first, last=batch.last, why=reason)
        self._transports.forget(lane)
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
                self._tenure.check(connection, str(batch.lane))
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
        """Batch and messages in one transaction, fenced by the claim on the lane."""
        name = f"relayer.{state.value.lower()}"
        values: dict[str, object] = {"reason": reason, "not_before": not_before}
        if reference is not None:
            values["reference"] = reference
        with self._store.write() as connection:
            self._tenure.check(connection, str(batch.lane))
            now = self._store.clock()
            change_batch(connection, now, batch, state, **values)
            ids = records.unsettled_ids(connection, batch.lane, batch.first, batch.last)
            records.transition(connection, now, ids, message_state, reason, detail)
            seam(f"{name}.before_commit")
        seam(f"{name}.after_commit")
