"""Reads of the gateway: outbox, inbox and quorum. Messages are rebuilt from logs alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from paripassu.controls import reason_text
from paripassu.errors import LedgerInconsistent
from paripassu.identifiers import Bytes32, InteropAddress, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.turns import in_turns
from paripassu.ledgers.port import (
    EXPIRED,
    REFUSED_BY_OPERATOR,
    ArrivalCap,
    Attestor,
    AttestorSet,
    Delivery,
    DeliveryStatus,
    Refunded,
    SentMessage,
    Standing,
)
from paripassu.messages import Batch, Lane, Message, Purpose
from paripassu.quantities import Units

_ENVELOPE = (8, 64, 64, 64, 32)
"""Bits of purpose, nonce, source time, expiry and version in the word of a sent message's log."""

_BATCH = "BatchExecuted"
_STATUS = {
    "MessageExecuted": DeliveryStatus.EXECUTED,
    "MessageParked": DeliveryStatus.PARKED,
    "MessageRefused": DeliveryStatus.REFUSED,
}

_STANDINGS = (Standing.NONE, Standing.PARKED, Standing.RETURNED, Standing.REFUNDED)
"""In the contract's order."""


class GatewayReader:
    """What a chain's gateway sent, received and demands."""

    def __init__(
        self,
        ledger: LedgerId,
        known: Iterable[LedgerId],
        contracts: ContractReader,
        logs: Logs,
        blocks: Blocks,
    ) -> None:
        self._ledger = ledger
        self._known = tuple(known)
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks

    async def attestor_set(self) -> AttestorSet:
        version, threshold, members = await self._contracts.view("Gateway", "attestors")
        return AttestorSet(
            version, threshold, tuple(Attestor(signer, Bytes32(entity)) for signer, entity in members)
        )

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        """Counters of lanes in order, 0 of those that start elsewhere; one request for all."""
        own = [lane for lane in lanes if lane.source == self._ledger]
        views = [
            View("Gateway", "outboundNonce", (lane.destination.numeric, int(lane.purpose))) for lane in own
        ]
        counts = dict(zip(own, await self._contracts.views(views, height), strict=True)) if own else {}
        return tuple(int(counts.get(lane, 0)) for lane in lanes)

    async def inbound_nonce(self, lane: Lane, height: int | None) -> int:
        return int(
            await self._contracts.view(
                "Gateway", "inboundNonce", lane.source.numeric, int(lane.purpose), height=height
            )
        )

    async def arriving(self, lane: Lane) -> tuple[int, bool]:
        """What has arrived in a lane by the newest block, and whether it is stopped; one request."""
        asked = (lane.source.numeric, int(lane.purpose))
        inbound, (_, _, stopped) = await self._contracts.views(
            [View("Gateway", "inboundNonce", asked), View("Gateway", "laneOf", asked)]
        )
        return int(inbound), bool(stopped)

    async def acknowledged_nonce(self, lane: Lane, height: int | None) -> int:
        asked = (lane.destination.numeric, int(lane.purpose))
        return int(await self._contracts.view("Gateway", "acknowledgedNonce", *asked, height=height))

    async def standing(self, message_id: Bytes32, height: int | None) -> Standing:
        found = await self._contracts.view("Gateway", "standingOf", bytes(message_id), height=height)
        return _STANDINGS[int(found)]

    async def lane_stopped(self, peer: LedgerId, purpose: Purpose) -> bool:
        *_, stopped = await self._contracts.view("Gateway", "laneOf", peer.numeric, int(purpose))
        return bool(stopped)

    async def knows(self, batch: Batch) -> bool:
        """Whether the lane's applications are those that a batch's messages name, so that it need not."""
        lane, first = batch.lane, batch.messages[0]
        asked = (lane.source.numeric, int(lane.purpose))
        app, peer, _ = await self._contracts.view("Gateway", "laneOf", *asked)
        return bool(peer == first.sender and InteropAddress(self._ledger, app).encode() == first.recipient)

    async def arrival_cap(self, security_id: Bytes32, source: LedgerId) -> ArrivalCap:
        asked = (bytes(security_id), source.numeric)
        units, window, arrived, since = await self._contracts.view("TokenBridge", "arrivalCapOf", *asked)
        return ArrivalCap(Units(units), window, Units(arrived), since)

    async def refunds(self, first: int, last: int) -> tuple[Refunded, ...]:
        logs = await self._read(("MessageRefunded",), first, last)
        blocks = await self._block_refs(logs)
        return tuple(self._refunded(log, blocks[log.height]) for log in logs)

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        logs = await self._read(("MessageSent",), first, last)
        blocks = await self._block_refs(logs)
        messages = await in_turns(self._message, logs)
        return tuple(
            SentMessage(message, blocks[log.height], log.transaction)
            for message, log in zip(messages, logs, strict=True)
        )

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        logs = await self._read((*_STATUS, _BATCH), first, last)
        blocks = await self._block_refs(logs)
        found: list[Delivery] = []
        for _, group in groupby(logs, key=lambda log: log.transaction):
            apart: dict[Bytes32, Delivery] = {}  # what the transaction says of single messages
            for log in group:
                block = blocks[log.height]
                if log.event == _BATCH:
                    found += (apart.pop(one.message_id, one) for one in self._executed(log, block))
                else:
                    delivery = self._delivery(log, block)
                    apart[delivery.message_id] = delivery
            found += apart.values()
        return tuple(found)

    async def _read(self, events: tuple[str, ...], first: int, last: int) -> list[DecodedLog]:
        address = self._contracts.address("Gateway")
        return await self._logs.read(address, codec("Gateway"), events, first, last)

    async def _block_refs(self, logs: list[DecodedLog]) -> dict[int, BlockRef]:
        """The blocks of logs; each must still be the one that the log names."""
        heights = sorted({log.height for log in logs})
        blocks = dict(zip(heights, await self._blocks.at_heights(heights), strict=True))
        for log in logs:
            if blocks[log.height].hash.text != log.block_hash.lower():
                raise LedgerInconsistent(
                    f"Block {log.height} of {self._contracts.ledger} changed while it was read."
                )
        return blocks

    def _message(self, log: DecodedLog) -> Message:
        """The message of a MessageSent log; its hash must be the id that the gateway gave it."""
        purpose, nonce, timestamp, expiry, version = _envelope(log.args["attributes"][0])
        destination = InteropAddress.decode(log.args["recipient"]).ledger
        message = Message(
            lane=Lane(self._ledger, destination, Purpose(purpose)),
            nonce=nonce,
            timestamp=timestamp,
            expiry=expiry,
            version=version,
            sender=log.args["sender"],
            recipient=log.args["recipient"],
            payload=log.args["payload"],
        )
        if message.id != log.args["sendId"]:
            raise LedgerInconsistent(
                f"The message {nonce} in transaction {log.transaction} of {self._contracts.ledger} "
                f"does not hash to the id that its gateway gave it."
            )
        return message

    def _executed(self, log: DecodedLog, block: BlockRef) -> Iterator[Delivery]:
        """The messages that a batch names, as if none had been parked or refused in it."""
        lane = self._lane_of(log)
        for nonce, data in enumerate(log.args["messageIds"], start=log.args["first"]):
            yield Delivery(Bytes32(data), lane, nonce, DeliveryStatus.EXECUTED, "", block)

    def _lane_of(self, log: DecodedLog) -> Lane:
        source = LedgerId.from_numeric(log.args["source"], self._known)
        return Lane(source, self._ledger, Purpose(log.args["purpose"]))

    def _delivery(self, log: DecodedLog, block: BlockRef) -> Delivery:
        status = _STATUS[log.event]
        return Delivery(
            message_id=Bytes32(log.args["messageId"]),
            lane=self._lane_of(log),
            nonce=log.args["nonce"],
            status=status,
            reason=self._reason(log.args["reason"]) if "reason" in log.args else "",
            block=block,
        )

    def _reason(self, data: bytes) -> str:
        """Why a message took no effect; why it is refused, in the words of every ledger."""
        custom = self._contracts.reverts.custom_error(data)
        if custom is not None and custom.name == "MessageExpired":
            return EXPIRED
        if custom is not None and custom.name == "RefusedByOperator":
            return f"{REFUSED_BY_OPERATOR}: {reason_text(custom.args['reason'])}"
        return str(self._contracts.reverts.error(data))

    def _refunded(self, log: DecodedLog, block: BlockRef) -> Refunded:
        destination = LedgerId.from_numeric(log.args["destination"], self._known)
        lane = Lane(self._ledger, destination, Purpose(log.args["purpose"]))
        return Refunded(Bytes32(log.args["messageId"]), lane, block, log.transaction)


def _envelope(attribute: bytes) -> list[int]:
    """Purpose, nonce, source time, expiry and version, from the lowest bit of the attribute's one word on."""
    word = int.from_bytes(attribute[4:36], "big")
    values = []
    for bits in _ENVELOPE:
        values.append(word & ((1 << bits) - 1))
        word >>= bits
    return values
