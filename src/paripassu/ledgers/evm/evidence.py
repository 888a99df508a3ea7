"""Records of messages on a chain, by the gateway's logs (MOV-7)."""

from __future__ import annotations

from collections.abc import Callable

from paripassu.identifiers import Bytes32
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.port import Attestor, AttestorSet, DeliveryStatus, Recorded
from paripassu.messages import Lane

_APART = {
    "MessageExecuted": DeliveryStatus.EXECUTED,
    "MessageParked": DeliveryStatus.PARKED,
    "MessageRefused": DeliveryStatus.REFUSED,
}


class EvmEvidence:
    """Implements `paripassu.ledgers.port.Evidence`. `first_block`: no log of ours is older."""

    def __init__(self, contracts: ContractReader, logs: Logs, blocks: Blocks, first_block: int) -> None:
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def sent(self, message_id: Bytes32, height: int) -> Recorded | None:
        return await self._found(
            ("MessageSent",), height, height, lambda log: bytes(log.args["sendId"]) == message_id
        )

    async def delivered(self, message_id: Bytes32, height: int) -> tuple[DeliveryStatus, Recorded] | None:
        # what a block says last of a message counts: it may have been parked and tried again in it
        for log in reversed(await self._read((*_APART, "BatchExecuted"), height, height)):
            if log.event in _APART and bytes(log.args["messageId"]) == message_id:
                return _APART[log.event], await self._recorded(log)
        batch = await self._found(
            ("BatchExecuted",), height, height, lambda log: bytes(message_id) in log.args["messageIds"]
        )
        return None if batch is None else (DeliveryStatus.EXECUTED, batch)

    async def acknowledged(self, lane: Lane, nonce: int) -> Recorded | None:
        wanted = (lane.destination.numeric, int(lane.purpose))

        def tells(log: DecodedLog) -> bool:
            return (log.args["destination"], log.args["purpose"]) == wanted and log.args["nonce"] >= nonce

        return await self._found(("LaneAcknowledged",), self._first_block, await self._final(), tells)

    async def returned(self, message_id: Bytes32) -> Recorded | None:
        return await self._of("MessageReturned", message_id)

    async def refunded(self, message_id: Bytes32) -> Recorded | None:
        return await self._of("MessageRefunded", message_id)

    async def seated(self, version: int) -> tuple[AttestorSet, Recorded] | None:
        for log in await self._read(("AttestorsRotated",), self._first_block, await self._final()):
            if log.args["version"] == version:
                members = tuple(Attestor(signer, Bytes32(entity)) for signer, entity in log.args["members"])
                found = AttestorSet(version, log.args["threshold"], members)
                return found, await self._recorded(log)
        return None

    async def finality(self, block: BlockRef) -> tuple[str, BlockRef] | None:
        if block.height > await self._final():
            return None
        depth = self._blocks.reorg_period
        return f"reorgPeriod {depth}", await self._blocks.at(block.height + depth)

    async def _of(self, event: str, message_id: Bytes32) -> Recorded | None:
        last = await self._final()
        return await self._found(
            (event,), self._first_block, last, lambda log: bytes(log.args["messageId"]) == message_id
        )

    async def _final(self) -> int:
        return (await self._blocks.tips()).final

    async def _read(self, events: tuple[str, ...], first: int, last: int) -> list[DecodedLog]:
        address = self._contracts.address("Gateway")
        return await self._logs.read(address, codec("Gateway"), events, first, last)

    async def _found(
        self, events: tuple[str, ...], first: int, last: int, tells: Callable[[DecodedLog], bool]
    ) -> Recorded | None:
        logs = await self._read(events, first, last)
        log = next((log for log in logs if tells(log)), None)
        return None if log is None else await self._recorded(log)

    async def _recorded(self, log: DecodedLog) -> Recorded:
        return Recorded(await self._blocks.at(log.height), log.transaction, log.index)
