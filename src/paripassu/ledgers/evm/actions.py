"""Reads of corporate actions and cash on a chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paripassu.events import EventRecord, event_key
from paripassu.identifiers import Bytes32
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.ledgers.port import HeldEntitlement, KnownEvent, Payee, Payment
from paripassu.quantities import Minor
from paripassu.rules import Restriction

TOKEN = "SecurityToken"
_MOST_SUCCESSORS = 32


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
        found = await self._contracts.view(
            "CorporateActions", "eventOf", bytes(event_key(event_id)), height=height
        )
        return _known(*found)

    async def events(self) -> tuple[KnownEvent, ...]:
        """Every event of the security that the final block knows, by official id."""
        height = (await self._blocks.tips()).final
        security = await self._contracts.view(TOKEN, "securityId", height=height)
        contract = self._contracts.address("CorporateActions")
        topics = (None, "0x" + bytes(security).hex())
        announced = await self._logs.read(
            contract, codec("CorporateActions"), ("EventAnnounced",), self._first_block, height, topics
        )
        keys = sorted({bytes(log.args["eventKey"]) for log in announced})
        views = [View("CorporateActions", name, (key,)) for name in ("eventOf", "linesOf") for key in keys]
        found = await self._contracts.views(views, height)
        return tuple(
            replace(known, entitlement_lines=lines if known.entitlement_root else None)
            for one, lines in zip(found[: len(keys)], found[len(keys) :], strict=True)
            if (known := _known(*one)) is not None
        )

    async def payments(self, event_id: str) -> tuple[Payment, ...]:
        """Payments of the event in final blocks, in chain order."""
        return tuple(
            Payment(event_id, log.args["account"], Minor(log.args["amount"]), block, log.transaction)
            for log, block in await self._lines("EntitlementPaid", event_id)
        )

    async def held(self, event_id: str) -> tuple[HeldEntitlement, ...]:
        """Payments of the event that final blocks passed over, in chain order."""
        return tuple(
            HeldEntitlement(
                event_id,
                log.args["account"],
                Minor(log.args["amount"]),
                Restriction(log.args["code"]),
                block,
            )
            for log, block in await self._lines("EntitlementHeld", event_id)
        )

    async def payee(self, account: str) -> Payee:
        """As the contract finds it: a successor is paid, unless an account on the way to it is frozen."""
        restriction, payee = "payoutRestriction", account
        code = Restriction(await self._contracts.view(TOKEN, restriction, account))
        if code is not Restriction.RECIPIENT_UNKNOWN:
            return Payee(account, code)
        for _ in range(_MOST_SUCCESSORS):
            successor, _at = await self._contracts.view("HolderRegistry", "successorOf", payee)
            if successor == ZERO_ADDRESS:
                break
            if await self._contracts.view(TOKEN, "isFrozen", payee):
                return Payee(payee, Restriction.RECIPIENT_FROZEN)
            payee = successor
        return Payee(payee, Restriction(await self._contracts.view(TOKEN, restriction, payee)))

    async def _lines(self, name: str, event_id: str) -> list[tuple[DecodedLog, BlockRef]]:
        height = (await self._blocks.tips()).final
        logs = await self._logs.read(
            self._contracts.address("CorporateActions"),
            codec("CorporateActions"),
            (name,),
            self._first_block,
            height,
            (event_key(event_id).text,),
        )
        heights = sorted({log.height for log in logs})
        blocks = dict(zip(heights, await self._blocks.at_heights(heights), strict=True))
        return [(log, blocks[log.height]) for log in logs]

    async def cash(self, account: str) -> Minor:
        """Cash of an account at the head: what it can spend next."""
        return Minor(await self._contracts.view("CashToken", "balanceOf", account))


def _known(
    record: tuple[Any, ...], record_hash: bytes, root: bytes, total: int, armed: bool
) -> KnownEvent | None:
    """An event as the contract answers; None for one that it does not know."""
    if not any(record_hash):
        return None
    published = any(root)
    return KnownEvent(
        record=EventRecord.from_abi(record),
        record_hash=Bytes32(record_hash),
        entitlement_root=Bytes32(root) if published else None,
        entitlement_total=Minor(total) if published else None,
    )
