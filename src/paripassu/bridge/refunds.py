"""What never takes effect comes back: refunds at the source, and an end to what expired parked (MOV-6).

Nothing is believed of a message but what its two ledgers say in final blocks: that its destination refused
it is attested at its source, and only then does the source give back what it carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import structlog

from paripassu.bridge import records
from paripassu.bridge.former_keys import left_behind
from paripassu.bridge.queries import MessageView, list_messages
from paripassu.bridge.seams import seam
from paripassu.bridge.states import REFUNDABLE, REFUSALS, MessageState, Reason
from paripassu.commands import Refund, Refuse
from paripassu.errors import PariError, StoreError
from paripassu.ledgers.port import Ledger, Outcome, OutcomeState, Signer, Standing
from paripassu.messages import Lane
from paripassu.store import Store, cursors
from paripassu.store.claims import Claims
from paripassu.store.sharing import ACKNOWLEDGE, DELIVER

SECONDS_BETWEEN = 30.0
"""Between two attempts at what a ledger does not allow yet."""

ATTEMPTS_EVERY = 3_600
"""Seconds of the ledger's time after which a refusal that came to nothing is sent anew."""

log = structlog.get_logger("paripassu.bridge.refunds")


class _Returning:
    """What both have in common: some lanes of one ledger, and when each message is looked at next."""

    kind: ClassVar[str]

    def __init__(
        self, store: Store, ledger: Ledger, lanes: Sequence[Lane], signer: Signer, claims: Claims
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = frozenset(lanes)
        self._signer = signer
        self._claims = claims
        self._tenure = claims.tenure(self.kind)
        self._next: dict[str, float] = {}

    def _views(self, states: Sequence[MessageState]) -> list[MessageView]:
        self._tenure = self._claims.tenure(self.kind)
        found = list_messages(self._store, states=states, ledger=self._ledger.id)
        with self._store.read() as connection:
            halts = cursors.halted(connection).keys() if found else set()
        return [
            view
            for view in found
            if view.lane in self._lanes
            and str(view.lane) in self._tenure
            and not {view.lane.source, view.lane.destination} & halts
            and self._store.clock() >= self._next.get(view.id.text, 0.0)
        ]

    def _later(self, view: MessageView, seconds: float = SECONDS_BETWEEN) -> None:
        self._next[view.id.text] = self._store.clock() + min(seconds, SECONDS_BETWEEN)


class Refunds(_Returning):
    """Has one ledger give back what its messages carried; the lanes start there."""

    kind = ACKNOWLEDGE

    async def step(self) -> bool:
        """One look; True where a message moved on."""
        moved = False
        for view in self._views(sorted(REFUSALS)):
            if view.returned and view.lane.purpose in REFUNDABLE:
                moved |= await self._advance(view)
        return moved

    async def _advance(self, view: MessageView) -> bool:
        if await left_behind(self._ledger, self._reference(view), self._signer.address, self._claims):
            return self._waits(view, Reason.KEY_ROTATED.value)
        outcome = await self._ledger.outcome(self._reference(view))
        if outcome.state is OutcomeState.UNKNOWN:
            return await self._begin(view)
        if outcome.state is OutcomeState.FINAL:
            return self._refunded(view, outcome)
        if outcome.state is OutcomeState.REFUSED:
            return self._waits(view, outcome.reason)
        return False

    async def _begin(self, view: MessageView) -> bool:
        final = await self._ledger.final()
        standing = await self._ledger.standing(view.id, final.height)
        if standing is Standing.REFUNDED:  # somebody else was faster
            return self._refunded(view, None)
        if standing is not Standing.RETURNED:
            return False
        seam("relayer.refund.before")
        try:
            outcome = await self._ledger.submit(Refund(view.message), self._signer, self._reference(view))
        except StoreError:
            raise
        except PariError as error:
            return self._waits(view, str(error))
        seam("relayer.refund.after")
        return outcome.state is OutcomeState.FINAL and self._refunded(view, outcome)

    def _waits(self, view: MessageView, why: str) -> bool:
        """The ledger does not allow it now, as where the account is suspended: it is tried again."""
        self._later(view)
        log.warning("refund waits", message=view.id.text, why=why)
        self._change(view, view.state, f"{Reason.REFUND_WAITS.value}: {why}", {})
        return False

    def _refunded(self, view: MessageView, outcome: Outcome | None) -> bool:
        detail: dict[str, object] = {"ledger": str(view.lane.source)}
        if outcome is not None:
            detail["transaction"] = outcome.transaction
            if outcome.block is not None:
                detail |= {"height": outcome.block.height, "time": outcome.block.time}
        self._change(view, MessageState.REFUNDED, "", detail)
        return True

    def _reference(self, view: MessageView) -> str:
        """One for each reason that a refund had to wait for: under it the refund happens at most once."""
        with self._store.read() as connection:
            times = records.times_in(connection, view.id.text, view.state)
        return f"refund:{view.id.text}:{times}"

    def _change(self, view: MessageView, state: MessageState, reason: str, detail: dict[str, object]) -> None:
        with self._store.write() as connection:
            self._tenure.check(connection, str(view.lane))
            now = self._store.clock()
            records.transition(connection, now, [view.id.text], state, reason, detail)
            seam("relayer.refunded.before_commit")
        seam("relayer.refunded.after_commit")


class ExpiredParked(_Returning):
    """Has one ledger refuse what expired while it was parked there; the lanes end there."""

    kind = DELIVER

    async def step(self) -> bool:
        """One look. What the ledger's record says settles a message; nothing is changed here."""
        views = [view for view in self._views([MessageState.PARKED]) if view.message.expiry]
        if not views:
            return False
        now = (await self._ledger.head()).time
        for view in views:
            left = view.message.expiry - now
            self._later(view, left + 1 if left >= 0 else SECONDS_BETWEEN)
            if left < 0:
                await self._refuse(view, f"refuse:{view.id.text}:{now // ATTEMPTS_EVERY}")
        return False

    async def _refuse(self, view: MessageView, reference: str) -> None:
        with self._store.write() as connection:
            self._tenure.check(connection, str(view.lane))
        try:
            if (await self._ledger.outcome(reference)).state is OutcomeState.UNKNOWN:
                await self._ledger.submit(Refuse(view.message), self._signer, reference)
        except StoreError:
            raise
        except PariError as error:
            log.info("stays parked", message=view.id.text, why=str(error))
