"""Messages that wait for a version: tried again by the relayer itself, applied once (VER-2, VER-4).

A destination parks what it cannot take, and anyone may have it tried again once what parked it is
mended. Of the reasons one mends itself: that a sender and a receiver do not know each other's version
yet. Nothing is sent, and no fee paid, before the destination's own simulation takes the message.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from paripassu.bridge import records
from paripassu.bridge.former_keys import own_reference
from paripassu.bridge.queries import MessageView, list_messages
from paripassu.bridge.states import MessageState, Reason
from paripassu.commands import Retry
from paripassu.errors import PariError, StoreError
from paripassu.ledgers.port import Ledger, OutcomeState, Signer
from paripassu.messages import Lane
from paripassu.store import Store, cursors
from paripassu.store.claims import Claims
from paripassu.store.sharing import DELIVER

VERSION_REASONS = ("UnsupportedVersion", "VersionsIncompatible", "VERSION_UNSUPPORTED")
"""Reasons, or parts of them, that name a version: of the gateways' protocol or of two instances."""

SECONDS_BETWEEN = 30.0

log = structlog.get_logger("paripassu.bridge.retries")


def waits_for_a_version(view: MessageView) -> bool:
    """Whether a message is parked for a reason that an upgrade mends."""
    return view.state is MessageState.PARKED and any(name in view.reason for name in VERSION_REASONS)


class VersionRetries:
    """Tries the parked messages of one destination again: when the relayer starts, and now and then."""

    def __init__(
        self, store: Store, ledger: Ledger, lanes: Sequence[Lane], signer: Signer, claims: Claims
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._lanes = frozenset(lanes)
        self._signer = signer
        self._claims = claims
        self._tenure = claims.tenure(DELIVER)
        self._next = 0.0

    async def step(self) -> bool:
        """One look; True where a message moved on."""
        moved = False
        for view in self._views(MessageState.RETRY):
            moved |= await self._follow(view)
        if self._store.clock() < self._next:
            return moved
        self._next = self._store.clock() + SECONDS_BETWEEN
        for view in self._views(MessageState.PARKED):
            if waits_for_a_version(view):
                moved |= await self._try(view)
        return moved

    def _views(self, state: MessageState) -> list[MessageView]:
        self._tenure = self._claims.tenure(DELIVER)
        found = list_messages(self._store, states=[state], ledger=self._ledger.id)
        with self._store.read() as connection:
            halts = cursors.halted(connection).keys() if found else set()
        return [
            view
            for view in found
            if view.lane in self._lanes
            and str(view.lane) in self._tenure
            and not {view.lane.source, view.lane.destination} & halts
            and (state is MessageState.PARKED or view.reason == Reason.VERSION_MENDED.value)
        ]

    async def _try(self, view: MessageView) -> bool:
        try:
            await self._ledger.submit(Retry(view.message), self._signer, self._reference(view))
        except StoreError:
            raise
        except PariError as error:
            log.info("still parked", message=view.id.text, why=str(error))
            return False
        self._change(view, MessageState.RETRY, Reason.VERSION_MENDED.value)
        return True

    async def _follow(self, view: MessageView) -> bool:
        """What the destination's record says settles the message; here only that nothing came of it."""
        ours = (self._signer.address, self._claims)
        reference = await own_reference(self._ledger, self._reference(view), *ours)
        outcome = await self._ledger.outcome(reference)
        if outcome.state is OutcomeState.UNKNOWN and reference != self._reference(view):
            await self._ledger.submit(Retry(view.message), self._signer, reference)
        if outcome.state is OutcomeState.REFUSED:
            self._change(view, MessageState.PARKED, outcome.reason)
            return True
        return False

    def _reference(self, view: MessageView) -> str:
        """One for each time that the message was parked: under it the retry happens at most once."""
        with self._store.read() as connection:
            times = records.times_in(connection, view.id.text, MessageState.PARKED)
        return f"retry:{view.id.text}:{times}"

    def _change(self, view: MessageView, state: MessageState, reason: str) -> None:
        detail = {"reference": self._reference(view)}
        with self._store.write() as connection:
            self._tenure.check(connection, str(view.lane))
            records.transition(connection, self._store.clock(), [view.id.text], state, reason, detail)
