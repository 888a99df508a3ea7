"""What an operator asks of one message: deliver it again now, or relay its lane up to it and no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from paripassu.bridge import batches, nudges
from paripassu.bridge.node import Seat, run_bridge
from paripassu.bridge.queries import MessageView, halted_ledgers, message_history
from paripassu.bridge.remedies import Remedy, remedy
from paripassu.bridge.seats import AttestingSeat
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import ENDS, REFUNDABLE, REFUSALS, MessageState, Reason
from paripassu.errors import DrainTimeout, LaneHalted, NotReplayable
from paripassu.store import Store, audit

STEPPED_OVER = (Reason.LANE_STOPPED, Reason.LANE_HALTED)
"""Reasons for which no relayer goes on, however long one waits."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A message as it stood, and whether it is tried again: not where it has or never will have an effect."""

    view: MessageView
    asked: bool


def replay(store: Store, prefix: str) -> Replayed:
    """Have a message tried again at once, without the waiting that follows failures; twice is as once.

    Raises:
        UnknownMessage: none or several ids begin so.
        NotReplayable: it is parked, or not final yet.
    """
    view = message_history(store, prefix).view
    if view.state in ENDS - {MessageState.PARKED}:
        return Replayed(view, False)
    if view.state is MessageState.PARKED:
        raise NotReplayable(
            f"Message {view.id.text} is parked by its destination: {view.reason}.",
            next_command=f"pari message retry {view.id.text[:18]}",
        )
    with store.write() as connection:
        now = store.clock()
        for batch in batches.live_batches(connection, view.lane):
            if batch.first <= view.message.nonce <= batch.last and batch.not_before > now:
                batches.change_batch(connection, now, batch, batch.state, not_before=0.0)
        nudges.give(connection, now, view.lane)
        audit.append(connection, now, "operator.replay", view.id.text, {"lane": str(view.lane)})
    return Replayed(view, True)


def ended(view: MessageView) -> bool:
    """Whether nothing is left to be done for a message, its way back included."""
    if view.state in REFUSALS:
        return view.lane.purpose not in REFUNDABLE or view.reason.startswith(Reason.REFUND_WAITS.value)
    return view.state in ENDS


def stands_against(store: Store, view: MessageView) -> Remedy | None:
    """What keeps every relayer from going on with a message; None where nothing does."""
    halted = halted_ledgers(store)
    known = view.reason.partition(":")[0]
    if {view.lane.source, view.lane.destination} & halted.keys() or known in STEPPED_OVER:
        return remedy(view, halted)
    return None


async def relay_only(
    store: Store,
    prefix: str,
    *,
    relayer: Seat,
    attestors: Sequence[AttestingSeat],
    patience: float,
    settings: BridgeSettings | None = None,
) -> MessageView:
    """Relay one message, and those before it in its lane, for order holds there; nothing else.

    Raises:
        UnknownMessage: none or several ids begin so.
        LaneHalted: its lane is stopped, or halted.
        DrainTimeout: it had not ended after `patience` seconds.
    """
    view = message_history(store, prefix).view
    only = {view.lane: view.message.nonce}
    stop, deadline = asyncio.Event(), time.monotonic() + patience

    async def watch() -> MessageView:
        try:
            while not ended(now := message_history(store, view.id.text).view):
                obstacle = stands_against(store, now)
                if obstacle is not None:
                    raise LaneHalted(obstacle.sentence, next_command=obstacle.command)
                if time.monotonic() > deadline:
                    where = f"{now.state.value} {now.reason}".rstrip()
                    raise DrainTimeout(
                        f"After {patience:g} s message {now.id.text} was {where}.",
                        next_command=remedy(now).command or f"pari message show {now.id.text[:18]}",
                    )
                await asyncio.sleep(0.1)
            return now
        finally:
            stop.set()

    watcher = asyncio.create_task(watch())
    chosen = replace(settings or BridgeSettings(), only=only)
    try:
        await run_bridge(store, relayer=relayer, attestors=attestors, stop=stop, settings=chosen)
    finally:
        if not watcher.done():
            watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    return watcher.result()
