"""Lifting a ledger's halt: what the store holds of the ledger, held against what the ledger shows now.

A halt is lifted only where everything stored of the ledger is still there, message for message and
delivery for delivery. Blocks may have other hashes by then: each party's cursor is set to a block of
the ledger as it is now, before everything that the party has not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from paripassu.bridge.columns import lane_of
from paripassu.bridge.observer import RelayerKeeper
from paripassu.errors import HistoryGone, NotHalted
from paripassu.identifiers import LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, DeliveryStatus, Ledger, SentMessage
from paripassu.messages import Lane
from paripassu.store import Store, cursors
from paripassu.store.schema import delivery as delivery_table
from paripassu.store.schema import message as message_table
from paripassu.store.schema import observation

Place = tuple[Lane, int]
"""One place in a lane: the lane, and the nonce in it."""


@dataclass(frozen=True, slots=True)
class PartyView:
    """What one party has read of a ledger: its cursor, ids of messages by their places, and by id
    what became there of messages of other ledgers, where the party reads that."""

    party: str
    cursor: BlockRef
    sent: Mapping[Place, str]
    delivered: Mapping[str, DeliveryStatus] | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    """A halt that was lifted, and the height that each party goes on from."""

    halt: cursors.Halt
    heights: Mapping[str, int]


def read_until(view: PartyView, sent: Sequence[SentMessage], deliveries: Sequence[Delivery]) -> int:
    """Height up to which a party has read all that its ledger shows now; never above its cursor.

    Args:
        sent: every message that the ledger shows in final blocks, of the lanes that the party reads.
        deliveries: every delivery that it shows there.

    Raises:
        HistoryGone: something that the party stored is not there any more.
    """
    shown = {(item.message.lane, item.message.nonce): item.message.id.text for item in sent}
    for (lane, nonce), id in view.sent.items():
        if shown.get((lane, nonce)) != id:
            there = shown.get((lane, nonce), "none")
            raise HistoryGone(
                f"{view.party} has stored message {id} as number {nonce} of lane {lane}; "
                f"the ledger shows {there} there."
            )
    unread = [
        item.block.height for item in sent if (item.message.lane, item.message.nonce) not in view.sent
    ]
    if view.delivered is not None:
        known = view.delivered
        ended = [item for item in deliveries if item.status is not DeliveryStatus.PENDING]
        found = {item.message_id.text: item.status for item in ended}
        for id, status in known.items():
            if status is DeliveryStatus.EXECUTED and found.get(id) is not status:
                raise HistoryGone(
                    f"{view.party} has stored that message {id} was executed; the ledger shows that no more."
                )
        # one that was parked first shows twice: what became of it last counts
        unread += [
            item.block.height
            for item in ended
            if known.get(item.message_id.text) is not found[item.message_id.text]
        ]
    return min([view.cursor.height, *(height - 1 for height in unread)])


async def resume(
    store: Store, ledger: Ledger, lanes: Iterable[Lane], *, operator: str, reason: str
) -> Resumed:
    """Let the lanes of a halted ledger run again.

    Args:
        lanes: those that start at the ledger and are read.
        operator: who lifts the halt, for the audit log.
        reason: why, for the audit log.

    Raises:
        NotHalted: nothing is halted there; nothing is changed.
        HistoryGone: something that is stored is not on the ledger any more; the halt stays.
        LedgerError: the ledger cannot be read.
    """
    with store.read() as connection:
        halt = _halt_of(connection, ledger)
        views = _views(connection, ledger.id)
    final, read = await ledger.final(), frozenset(lanes)
    sent = [item for item in await ledger.sent_messages(0, final.height) if item.message.lane in read]
    deliveries = await ledger.deliveries(0, final.height)
    blocks = {
        view.party: await ledger.block_at(min(final.height, read_until(view, sent, deliveries)))
        for view in views
    }
    with store.write() as connection:
        _halt_of(connection, ledger)
        for party, block in blocks.items():
            cursors.move(connection, party, ledger.id, block)
        cursors.clear_halt(connection, store.clock(), ledger.id, operator, reason)
    return Resumed(halt, {party: block.height for party, block in blocks.items()})


def _halt_of(connection: Connection, ledger: Ledger) -> cursors.Halt:
    found = cursors.halts(connection).get(ledger.id)
    if found is None:
        raise NotHalted(f"The lanes of {ledger.name} ({ledger.id}) are not halted.")
    return found


def _views(connection: Connection, ledger: LedgerId) -> list[PartyView]:
    relayer = RelayerKeeper.party
    sent: dict[str, dict[Place, str]] = {}
    for row in connection.execute(select(message_table).where(message_table.c.source == ledger)):
        sent.setdefault(relayer, {})[lane_of(row), row.nonce] = row.id
    for row in connection.execute(select(observation).where(observation.c.source == ledger)):
        sent.setdefault(row.attestor, {})[lane_of(row), row.nonce] = row.id
    arrived = connection.execute(select(delivery_table).where(delivery_table.c.destination == ledger))
    delivered = {row.id: DeliveryStatus(row.status) for row in arrived}
    return [
        PartyView(party, block, sent.get(party, {}), delivered if party == relayer else None)
        for party, block in cursors.all_of(connection, ledger).items()
    ]
