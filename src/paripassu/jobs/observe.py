"""One reading of all ledgers at one instant: positions, and messages with their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.entitlements import InTransit
from paripassu.identifiers import AccountId, Bytes32, LedgerId, account_from_bytes
from paripassu.ledgers.port import (
    Delivery,
    DeliveryStatus,
    Ledger,
    Refunded,
    SentMessage,
    StruckPositions,
)
from paripassu.messages import MovementPayload, Purpose
from paripassu.quantities import ZERO_UNITS, Units


@dataclass(frozen=True, slots=True)
class Traffic:
    """All messages in final blocks of all ledgers, what became of each on its destination, and which were
    given back at their source."""

    sent: tuple[SentMessage, ...]
    deliveries: tuple[Delivery, ...]
    refunds: tuple[Refunded, ...] = ()

    def fate(self, message_id: Bytes32) -> Delivery | None:
        """The delivery of a message; of a parked message that was retried or refused, the later one."""
        found = [delivery for delivery in self.deliveries if delivery.message_id == message_id]
        return found[-1] if found else None

    def movements(self, security_id: Bytes32) -> tuple[InTransit, ...]:
        """Every movement of units of a security ever dispatched; parked ones count as not executed."""
        fates = {delivery.message_id: delivery for delivery in self.deliveries}
        refunds = {refund.message_id: refund for refund in self.refunds}
        carried = (
            (item, MovementPayload.decode(item.message.payload))
            for item in self.sent
            if item.message.lane.purpose is Purpose.MOVEMENT
        )
        return tuple(
            _movement(item, payload, fates.get(item.message.id), refunds.get(item.message.id))
            for item, payload in carried
            if payload.security_id == security_id
        )


def _movement(
    item: SentMessage, payload: MovementPayload, fate: Delivery | None, refund: Refunded | None
) -> InTransit:
    lane = item.message.lane
    target = account_from_bytes(lane.destination, payload.to_account)
    status = DeliveryStatus.PENDING if fate is None else fate.status
    executed = status is DeliveryStatus.EXECUTED
    origin = account_from_bytes(lane.source, payload.from_account)
    # the source may be read later than the destination
    returns = refund is not None or status is DeliveryStatus.REFUSED
    return InTransit(
        message_id=item.message.id,
        source=lane.source,
        target=AccountId(lane.destination, target),
        units=payload.amount,
        dispatched=item.message.timestamp,
        executed=fate.block.time if executed and fate is not None else None,
        origin=AccountId(lane.source, origin) if returns else None,
        refunded=None if refund is None else refund.block.time,
        expiry=item.message.expiry,
    )


async def read_traffic(ledgers: Mapping[LedgerId, Ledger]) -> Traffic:
    """Read every ledger's outbox, inbox and refunds up to its own final block."""

    async def one(
        ledger: Ledger,
    ) -> tuple[tuple[SentMessage, ...], tuple[Delivery, ...], tuple[Refunded, ...]]:
        last = (await ledger.final()).height
        sent, delivered = await ledger.sent_messages(0, last), await ledger.deliveries(0, last)
        return sent, delivered, await ledger.refunds(0, last)

    read = await asyncio.gather(*(one(ledger) for ledger in ledgers.values()))
    return Traffic(
        sent=tuple(item for sent, _, _ in read for item in sent),
        deliveries=tuple(item for _, delivered, _ in read for item in delivered),
        refunds=tuple(item for _, _, refunds in read for item in refunds),
    )


async def settled_instant(ledgers: Mapping[LedgerId, Ledger]) -> int:
    """The latest time, in seconds since the epoch, whose state is final on every ledger."""
    finals = await asyncio.gather(*(ledger.final() for ledger in ledgers.values()))
    # A block of the same second could still follow the final one, so the last whole second before it.
    return min(final.time for final in finals) - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything of one security at one instant `time` (seconds since the epoch), and all messages."""

    time: int
    positions: Mapping[LedgerId, StruckPositions]
    traffic: Traffic
    movements: tuple[InTransit, ...]

    @property
    def in_transit(self) -> tuple[InTransit, ...]:
        return tuple(movement for movement in self.movements if movement.at(self.time))

    @property
    def units_in_transit(self) -> Units:
        return sum((movement.units for movement in self.in_transit), ZERO_UNITS)

    @property
    def units_on_ledgers(self) -> Units:
        return sum((struck.supply for struck in self.positions.values()), ZERO_UNITS)


async def read_at(ledgers: Mapping[LedgerId, Ledger], time: int, security_id: Bytes32) -> Reading:
    """Strike all ledgers of a security at `time` and read the traffic around it (CA-5).

    Raises:
        LedgerError: a ledger is not final past `time` yet.
    """
    struck = await asyncio.gather(*(ledger.positions_at(time) for ledger in ledgers.values()))
    traffic = await read_traffic(ledgers)
    return Reading(time, dict(zip(ledgers, struck, strict=True)), traffic, traffic.movements(security_id))
