"""Reads of corporate actions and cash on a chain."""

from __future__ import annotations

from paripassu.events import EventRecord, event_key
from paripassu.identifiers import Bytes32
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.port import KnownEvent, Payment
from paripassu.quantities import Minor


class ActionsReader:
    """What a chain knows of official events, their payments, and cash."""

    def __init__(self, contracts: ContractReader, logs: Logs, blocks: Blocks, first_block: int) -> None:
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def event(self, event_id: str) -> KnownEvent | None:
        """The event as the final block knows it; None where it is unknown there."""
        height = (await self._blocks.tips()).final
        record, record_hash, root, total, _ = await self._contracts.view(
            "CorporateActions", "eventOf", bytes(event_key(event_id)), height=height
        )
        if not any(record_hash):
            return None
        published = any(root)
        return KnownEvent(
            record=EventRecord.from_abi(record),
            record_hash=Bytes32(record_hash),
            entitlement_root=Bytes32(root) if published else None,
            entitlement_total=Minor(total) if published else None,
        )

    async def payments(self, event_id: str) -> tuple[Payment, ...]:
        """Payments of the event in final blocks, in chain order."""
        height = (await self._blocks.tips()).final
        logs = await self._logs.read(
            self._contracts.address("CorporateActions"),
            codec("CorporateActions"),
            ("EntitlementPaid",),
            self._first_block,
            height,
            (event_key(event_id).text,),
        )
        heights = sorted({log.height for log in logs})
        blocks = dict(zip(heights, await self._blocks.at_heights(heights), strict=True))
        return tuple(
            Payment(
                event_id,
                log.args["account"],
                Minor(log.args["amount"]),
                blocks[log.height],
                log.transaction,
            )
            for log in logs
        )

    async def cash(self, account: str) -> Minor:
        """Cash of an account at the head: what it can spend next."""
        return Minor(await self._contracts.view("CashToken", "balanceOf", account))
