"""The relayer's way back: tells one source what became of its messages elsewhere, and has it give back what
never takes effect (MOV-3, MOV-6).

As with deliveries, what to do next is derived from the store and the ledger, each step is stored before
it is sent, and each thing is sent under a reference that lets it happen once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from paripassu.bridge import acknowledgements, attestations
from paripassu.bridge.acknowledgements import AcknowledgementRecord, due
from paripassu.bridge.former_keys import left_behind
from paripassu.bridge.pace import ASIDE_SECONDS, Every, Pace
from paripassu.bridge.refunds import Refunds
from paripassu.bridge.relayer import REFUSALS
from paripassu.bridge.seams import seam
from paripassu.bridge.states import BatchState, Reason, batch_after, choose_quorum
from paripassu.commands import Acknowledge
from paripassu.errors import PariError, StoreError
from paripassu.ledgers.port import Ledger, Outcome, OutcomeState, Signer
from paripassu.messages import Acknowledgement, Lane, acknowledgement_digest
from paripassu.store import Store, cursors
from paripassu.store.claims import Claims
from paripassu.store.sharing import ACKNOWLEDGE

log = structlog.get_logger("paripassu.bridge.acknowledger")


class SourceAcknowledger:
    """Acknowledges the lanes that start at one ledger.

    Args:
        every: messages after which the source is told.
        quiet: seconds without an arrival after which it is told of fewer.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        lanes: Sequence[Lane],
        signer: Signer,
        claims: Claims,
        *,
        every: int,
        quiet: float,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = frozenset(lanes)
        self._signer = signer
        self._claims = claims
        self._tenure = claims.tenure(ACKNOWLEDGE)
        self._every = every
        self._quiet = quiet
        self._pace = {lane: Pace() for lane in lanes}
        self._aside = Every(ASIDE_SECONDS)
        self._submitted: set[str] = set()
        self._refunds = Refunds(store, ledger, lanes, signer, claims)

    async def step(self) -> bool:
        """One look at every lane that is ours, now and then; True where something moved on."""
        self._tenure = self._claims.tenure(ACKNOWLEDGE)
        lanes = [lane for lane in self._lanes if str(lane) in self._tenure]
        if not lanes or not self._aside.due():
            return False
        with self._store.read() as connection:
            live = acknowledgements.live(connection, lanes)
            waiting = acknowledgements.waiting_lanes(connection, lanes)
            halts = cursors.halted(connection).keys()
        moved = False
        for record in live:
            if not {record.lane.source, record.lane.destination} & halts:
                moved |= await self._advance(record)
        for lane in sorted(waiting - {record.lane for record in live}):
            if not {lane.source, lane.destination} & halts:
                moved |= await self._plan(lane)
        return await self._refunds.step() or moved

    async def _plan(self, lane: Lane) -> bool:
        now = self._store.clock()
        with self._store.read() as connection:
            known = acknowledgements.arrivals(connection, now, lane)
            behind = acknowledgements.behind(connection, lane)
        settled = self._settle(lane) if behind else False
        if now < self._pace[lane].not_before or not due(known, self._every, self._quiet):
            return settled
        version = (await self._ledger.attestor_set()).version
        said = Acknowledgement(version, lane, known.arrived, tuple(known.refused))
        digest = acknowledgement_digest(said, self._ledger.domain)
        with self._store.write() as connection:
            self._tenure.check(connection, str(lane))
            acknowledgements.propose(connection, now, digest, said, known.refused)
            seam("relayer.ack_proposed.before_commit")
        seam("relayer.ack_proposed.after_commit")
        return True

    def _settle(self, lane: Lane) -> bool:
        """Messages that were parked when the source was told, and took effect since then."""
        with self._store.write() as connection:
            self._tenure.check(connection, str(lane))
            detail = {"ledger": str(lane.source)}
            return acknowledgements.settle(connection, self._store.clock(), lane, detail) > 0

    async def _advance(self, record: AcknowledgementRecord) -> bool:
        if record.state is BatchState.PROPOSED:
            return await self._gather(record)
        if self._store.clock() < self._pace[record.lane].not_before:
            return False
        if await left_behind(self._ledger, record.reference, self._signer.address, self._claims):
            return self._give_up(record, Reason.KEY_ROTATED.value)
        outcome = await self._ledger.outcome(record.reference)
        earlier = outcome.state is OutcomeState.PENDING and record.reference not in self._submitted
        if outcome.state is OutcomeState.UNKNOWN or earlier:
            return await self._submit(record)
        if outcome.abandoned:
            return self._give_up(record, Reason.ABANDONED.value)
        return self._take(record, outcome)

    async def _gather(self, record: AcknowledgementRecord) -> bool:
        if await self._signatures(record) is None:
            return False
        reference = f"acknowledge:{record.digest.text}:{record.attempt}"
        self._change(record, BatchState.BUILT, reference=reference)
        return await self._submit(replace(record, state=BatchState.BUILT, reference=reference))

    async def _signatures(self, record: AcknowledgementRecord) -> tuple[bytes, ...] | None:
        """A quorum's; None as long as there is none, or where there can be none any more."""
        attestors = await self._ledger.attestor_set()
        if attestors.version != record.said.attestor_set_version:
            self._give_up(record, Reason.ATTESTORS_ROTATED.value)
            return None
        with self._store.read() as connection:
            return choose_quorum(attestors, attestations.genuine_signatures(connection, record.digest))

    async def _submit(self, record: AcknowledgementRecord) -> bool:
        signatures = await self._signatures(record)
        if signatures is None:
            return False
        seam("relayer.ack_submit.before")
        try:
            command = Acknowledge(record.said, signatures)
            outcome = await self._ledger.submit(command, self._signer, record.reference)
        except REFUSALS as error:
            return self._give_up(record, str(error))
        except StoreError:
            raise
        except PariError as error:
            wait = self._pace[record.lane].failed(self._store.clock())
            log.warning("acknowledgement postponed", lane=str(record.lane), seconds=wait, why=str(error))
            return False
        seam("relayer.ack_submit.after")
        self._submitted.add(record.reference)
        self._pace[record.lane].went_through()
        self._take(record, outcome)
        return True

    def _take(self, record: AcknowledgementRecord, outcome: Outcome) -> bool:
        if outcome.state is OutcomeState.FINAL:
            return self._finish(record, outcome)
        state = batch_after(record.state, outcome.state)
        if state is BatchState.DEAD:
            return self._give_up(record, outcome.reason)
        if state is not record.state:
            self._change(record, state)
            return True
        return False

    def _finish(self, record: AcknowledgementRecord, outcome: Outcome) -> bool:
        """The source knows, in a final block."""
        detail: dict[str, object] = {"ledger": str(record.lane.source), "transaction": outcome.transaction}
        if outcome.block is not None:
            detail["height"] = outcome.block.height
        with self._store.write() as connection:
            self._tenure.check(connection, str(record.lane))
            now = self._store.clock()
            acknowledgements.change(connection, now, record, BatchState.DONE)
            acknowledgements.mark_returned(connection, record.said.refused)
            acknowledgements.settle(connection, now, record.lane, detail)
            seam("relayer.ack_done.before_commit")
        seam("relayer.ack_done.after_commit")
        return True

    def _give_up(self, record: AcknowledgementRecord, reason: str) -> bool:
        log.warning("acknowledgement given up", lane=str(record.lane), nonce=record.said.nonce, why=reason)
        self._pace[record.lane].failed(self._store.clock())
        self._change(record, BatchState.DEAD, reason=reason)
        return True

    def _change(self, record: AcknowledgementRecord, state: BatchState, **values: object) -> None:
        name = f"relayer.ack_{state.value.lower()}"
        with self._store.write() as connection:
            self._tenure.check(connection, str(record.lane))
            acknowledgements.change(connection, self._store.clock(), record, state, **values)
            seam(f"{name}.before_commit")
        seam(f"{name}.after_commit")
