"""What a chain tells of units of a security, from the logs of its token and its bridge (MOV-8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from paripassu.identifiers import AccountId, Bytes32, LedgerId, account_from_bytes
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.lots import Dispatched, Ended, Issued, Landed, Locked, Record, Transferred
from paripassu.messages import decode_lineage
from paripassu.quantities import Units
from paripassu.rules import Lot

TOKEN, BRIDGE = "SecurityToken", "TokenBridge"
_TOKEN_EVENTS = (
    "Transfer",
    "UnitsIssued",
    "UnitsRedeemed",
    "UnitsCancelled",
    "ForcedTransfer",
    "RecoverySuccess",
    "LockedUp",
)
_BRIDGE_EVENTS = ("UnitsDispatched", "LotsDispatched", "UnitsReceived", "UnitsReturned")
_BY_LAW, _SUCCEEDED = "ForcedTransfer", "RecoverySuccess"


class HistoryReader:
    """Reads records of one chain. `first_block`: no log of ours is older."""

    def __init__(
        self,
        ledger: LedgerId,
        known: Sequence[LedgerId],
        contracts: ContractReader,
        logs: Logs,
        blocks: Blocks,
        first_block: int,
    ) -> None:
        self._ledger = ledger
        self._known = (ledger, *known)
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def read(self, last: int) -> tuple[Record, ...]:
        """All records up to a block, in chain order."""
        security_id = await self._contracts.view(TOKEN, "securityId")
        logs = await self._read(TOKEN, _TOKEN_EVENTS, last)
        logs += [
            log
            for log in await self._read(BRIDGE, _BRIDGE_EVENTS, last)
            if log.args.get("securityId", security_id) == security_id
        ]
        logs.sort(key=lambda log: (log.height, log.index))
        heights = sorted({log.height for log in logs})
        times = (
            {block.height: block.time for block in await self._blocks.at_heights(heights)} if heights else {}
        )
        found: list[Record] = []
        for _, group in groupby(logs, key=lambda log: (log.height, log.transaction)):
            found += self._of_transaction(list(group), times)
        return tuple(found)

    async def _read(self, name: str, events: tuple[str, ...], last: int) -> list[DecodedLog]:
        return await self._logs.read(
            self._contracts.address(name), codec(name), events, self._first_block, last
        )

    def _of_transaction(self, logs: list[DecodedLog], times: dict[int, int]) -> Iterator[Record]:
        lots = {
            bytes(log.args["messageId"]): decode_lineage(log.args["lineage"])[1]
            for log in logs
            if log.event == "LotsDispatched"
        }
        for at, log in enumerate(logs):
            args, now = log.args, times[log.height]
            match log.event:
                case "UnitsIssued":
                    yield Issued(self._at(args["to"]), now, Units(args["amount"]), log.transaction)
                case "UnitsRedeemed" | "UnitsCancelled":
                    law = log.event == "UnitsCancelled"
                    yield Ended(self._at(args["from"]), now, Units(args["amount"]), law)
                case "Transfer":
                    following = logs[at + 1] if at + 1 < len(logs) else None
                    yield from self._transfer(log, following, now)
                case "LockedUp":
                    # those of before, or from elsewhere, come with units that land here
                    if args["since"] == now and not any(args["path"]):
                        yield Locked(self._at(args["account"]), now, Units(args["amount"]), args["until"])
                case "UnitsDispatched":
                    yield self._dispatched(args, lots.get(bytes(args["messageId"]), ()), now)
                case "UnitsReceived" | "UnitsReturned":
                    yield Landed(self._at(args["to"]), now, Bytes32(args["messageId"]))

    def _transfer(self, log: DecodedLog, following: DecodedLog | None, now: int) -> Iterator[Record]:
        args = log.args
        if ZERO_ADDRESS in (args["from"], args["to"]) or not args["value"]:
            return  # issued, ended, or on its way: other logs say which
        beside = following.event if following is not None and following.index == log.index + 1 else ""
        source, target = self._at(args["from"]), self._at(args["to"])
        units = Units(args["value"])
        yield Transferred(source, now, units, target, beside == _BY_LAW, beside == _SUCCEEDED)

    def _dispatched(self, args: dict[str, Any], lots: tuple[Lot, ...], now: int) -> Dispatched:
        destination = LedgerId.from_numeric(args["destination"], self._known)
        target = AccountId(destination, account_from_bytes(destination, args["to"]))
        return Dispatched(
            self._at(args["from"]),
            now,
            Units(args["amount"]),
            Bytes32(args["messageId"]),
            target,
            lots,
        )

    def _at(self, account: str) -> AccountId:
        return AccountId(self._ledger, account)
