"""Reads of the security and of its holders on a chain.

Figures of the books (supply, positions, holders) are read at the final block unless a
height is named; a verdict, which is about what would happen next, at the head.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from paripassu.errors import LedgerInconsistent, TimeNotFinal
from paripassu.identifiers import Bytes32, Country, LedgerId
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.port import AttestedBreakdown, StruckPositions
from paripassu.quantities import Units
from paripassu.rules import HolderRecord, Lot, Restriction

ZERO_ADDRESS = "0x" + "00" * 20


def address_topic(address: str) -> str:
    """An address as the value of an indexed parameter."""
    return "0x" + address[2:].lower().rjust(64, "0")


class SecurityReader:
    """What a chain knows of the security and its accounts."""

    def __init__(
        self, ledger: LedgerId, contracts: ContractReader, logs: Logs, blocks: Blocks, first_block: int
    ) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def supply(self, height: int | None) -> Units:
        return Units(await self._at("SecurityToken", "totalSupply", height=height))

    async def issued(self, height: int | None) -> Units:
        return Units(await self._at("SecurityToken", "issuedTotal", height=height))

    async def position(self, account: str, height: int | None) -> Units:
        return Units(await self._at("SecurityToken", "balanceOf", account, height=height))

    async def positions_at(self, time: int) -> StruckPositions:
        """Balances after the last final block with timestamp <= `time`, summed from every transfer.

        Raises:
            TimeNotFinal: no final block is later than `time` yet.
            LedgerInconsistent: the balances do not add up to the supply at that block.
        """
        block = await self._blocks.final_at(time)
        if block is None:
            final = await self._blocks.final()
            raise TimeNotFinal(
                f"{self._contracts.ledger} is final up to {final.time} (block {final.height}), "
                f"which does not pass {time} yet."
            )
        balances = await self._balances(block.height)
        if block.height < self._first_block:
            return StruckPositions(self._ledger, time, block, {}, Units(0))
        supply = await self.supply(block.height)
        if sum(balances.values()) != supply:
            raise LedgerInconsistent(
                f"The transfers on {self._contracts.ledger} up to block {block.height} leave "
                f"{sum(balances.values())} units, its supply there is {supply}."
            )
        return StruckPositions(self._ledger, time, block, balances, supply)

    async def _balances(self, height: int) -> dict[str, Units]:
        token = self._contracts.address("SecurityToken")
        logs = await self._logs.read(token, codec("SecurityToken"), ("Transfer",), self._first_block, height)
        sums: dict[str, int] = defaultdict(int)
        for log in logs:
            source, target, amount = log.args.values()
            sums[source] -= amount
            sums[target] += amount
        sums.pop(ZERO_ADDRESS, None)
        negative = [account for account, units in sums.items() if units < 0]
        if negative:
            raise LedgerInconsistent(
                f"The transfers on {self._contracts.ledger} up to block {height} leave {negative[0]} "
                f"with {sums[negative[0]]} units."
            )
        return {account: Units(units) for account, units in sorted(sums.items()) if units}

    async def eligible(self, account: str, time: int) -> Units | None:
        height = (await self._blocks.tips()).final
        if not await self._contracts.view("SecurityToken", "isArmed", time, height=height):
            return None
        found = await self._contracts.view(
            "SecurityToken", "eligibleBalanceOfAt", account, time, height=height
        )
        return Units(found)

    async def holder(self, account: str) -> HolderRecord | None:
        return record_of(await self._at("HolderRegistry", "recordOf", account, height=None))

    async def holders(self) -> dict[str, HolderRecord]:
        height = (await self._blocks.tips()).final
        registry = self._contracts.address("HolderRegistry")
        events = ("HolderOnboarded", "HolderSuperseded")
        logs = await self._logs.read(registry, codec("HolderRegistry"), events, self._first_block, height)
        # a successor takes its record over and is never onboarded itself
        accounts = sorted({str(log.args["account" if "account" in log.args else "to"]) for log in logs})
        found = await self._contracts.views(
            [View("HolderRegistry", "recordOf", (account,)) for account in accounts], height
        )
        records = {account: record_of(values) for account, values in zip(accounts, found, strict=True)}
        return {account: record for account, record in records.items() if record is not None}

    async def breakdowns(self, account: str) -> tuple[AttestedBreakdown, ...]:
        height = (await self._blocks.tips()).final
        topics = tuple(
            address_topic(address) for address in (self._contracts.address("SecurityToken"), account)
        )
        logs = await self._logs.read(
            self._contracts.address("CustodyRegistry"),
            codec("CustodyRegistry"),
            ("BreakdownAttested",),
            self._first_block,
            height,
            topics,
        )
        return tuple(
            AttestedBreakdown(log.args["asOf"], Bytes32(log.args["root"]), Units(log.args["total"]))
            for log in logs
        )

    async def verdict(self, source: str, target: str, units: Units) -> Restriction:
        """The token's own prediction; an empty account stands for the issuer or another ledger."""
        accounts = (source or ZERO_ADDRESS, target or ZERO_ADDRESS)
        return Restriction(
            await self._contracts.view("SecurityToken", "detectTransferRestriction", *accounts, int(units))
        )

    async def _at(self, name: str, function: str, *args: Any, height: int | None) -> Any:
        at = (await self._blocks.tips()).final if height is None else height
        return await self._contracts.view(name, function, *args, height=at)


def lot_of(values: tuple[Any, ...]) -> Lot:
    """A lock-up as the token tells of it."""
    units, until, since, path = values
    return Lot(Units(units), until, since, Bytes32(path))


def record_of(values: tuple[Any, ...]) -> HolderRecord | None:
    holder, country, investor_class, active, expiry, servicer, sanctioned, additional, superseded = values
    if not any(holder):
        return None
    return HolderRecord(
        holder=Bytes32(holder),
        country=Country.from_numeric(country),
        investor_class=investor_class,
        active=active,
        expiry=expiry,
        servicer="" if servicer == ZERO_ADDRESS else servicer,
        sanctioned=sanctioned,
        additional=additional,
        superseded=superseded,
    )
