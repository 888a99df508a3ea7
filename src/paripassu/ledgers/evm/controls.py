"""Reads of the controls of a chain: holdings by type, rules in force, pledges, keys, versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paripassu.controls import reason_text
from paripassu.identifiers import Bytes32, Country, LedgerId
from paripassu.identifiers.tables import COUNTRY_ALPHA
from paripassu.keycontrol import KeyRotation
from paripassu.ledgers.control import (
    ActRecord,
    Allowed,
    HolderOrder,
    Holding,
    PledgedUnits,
    RulesInForce,
    Running,
    Succession,
    VersionChange,
)
from paripassu.ledgers.evm.acts import ActsReader
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS, address_topic, lot_of
from paripassu.ledgers.evm.versions import VersionsReader
from paripassu.quantities import Units
from paripassu.rules import (
    UNLIMITED,
    BalanceType,
    Kind,
    Movement,
    Restriction,
    RuleSet,
    Standing,
    Window,
)

TOKEN = "SecurityToken"
_NO_COUNTRY = 999
"""ISO 3166-1 assigns no such number: whether it is allowed tells a deny list from an allow list."""


class EvmControls:
    """Implements `paripassu.ledgers.control.Controls` for one chain."""

    def __init__(
        self,
        ledger: LedgerId,
        known: Iterable[LedgerId],
        contracts: ContractReader,
        addresses: Mapping[str, str],
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
        self._acts = ActsReader(contracts, addresses, logs, blocks, first_block)
        self._versions = VersionsReader(contracts, addresses, logs, blocks, first_block)

    async def holding(self, account: str) -> Holding:
        """At the head: what the next movement would meet."""
        types = tuple(BalanceType)
        views = [View(TOKEN, "balanceOfType", (account, kind.encode("ascii"))) for kind in types]
        views += [
            View(TOKEN, function, (account,)) for function in ("balanceOf", "lotsOf", "isFrozen", "quotaOf")
        ]
        height = (await self._blocks.head()).height
        *held, balance, lots, frozen, quota = await self._contracts.views(views, height)
        return Holding(
            account=account,
            balance=Units(balance),
            balances={kind: Units(units) for kind, units in zip(types, held, strict=True)},
            lots=tuple(map(lot_of, lots)),
            frozen=frozen,
            quota=None if quota == UNLIMITED else Units(quota),
        )

    async def allowed(self, source: str, target: str) -> Allowed:
        units, code = await self._contracts.view(
            TOKEN, "allowedAmount", source or ZERO_ADDRESS, target or ZERO_ADDRESS
        )
        return Allowed(Units(units), Restriction(code))

    async def restriction(self, kind: Kind, source: str, target: str, units: Units) -> Restriction:
        accounts = (source or ZERO_ADDRESS, target or ZERO_ADDRESS)
        return Restriction(
            await self._contracts.view(TOKEN, "restrictionOf", int(kind), *accounts, int(units))
        )

    async def restriction_at(self, movement: Movement, height: int) -> Restriction:
        accounts = (movement.source or ZERO_ADDRESS, movement.target or ZERO_ADDRESS)
        asked = (int(movement.kind), *accounts, int(movement.units))
        return Restriction(await self._contracts.view(TOKEN, "restrictionOf", *asked, height=height))

    async def orders(self, holder: Bytes32) -> tuple[HolderOrder, ...]:
        head = (await self._blocks.head()).height
        logs = await self._logs.read(
            self._contracts.address("HolderRegistry"),
            codec("HolderRegistry"),
            ("HolderOrdered",),
            self._first_block,
            head,
            (holder.text,),
        )
        # the last of each scope and origin
        last = {(log.args["scope"], log.args["origin"]): log for log in logs}
        heights = sorted({log.height for log in last.values()})
        times = {block.height: block.time for block in await self._blocks.at_heights(heights)}
        return tuple(
            HolderOrder(
                Bytes32(scope),
                LedgerId.from_numeric(origin, self._known),
                log.args["count"] % 2 == 1,
                reason_text(log.args["reason"]),
                times[log.height],
            )
            for (scope, origin), log in last.items()
        )

    async def succession(self, account: str) -> Succession | None:
        successor, at = await self._contracts.view("HolderRegistry", "successorOf", account)
        return None if successor == ZERO_ADDRESS else Succession(successor, at)

    async def key_rotation(self, source: str, target: str) -> KeyRotation | None:
        return KeyRotation(self._ledger, self._contracts.address("HolderRegistry"), source, target)

    async def pledges(self, account: str) -> tuple[PledgedUnits, ...]:
        head = (await self._blocks.head()).height
        found: dict[bytes, None] = {}
        for topics in ((None, address_topic(account)), (None, None, address_topic(account))):
            logs = await self._logs.read(
                self._contracts.address(TOKEN), codec(TOKEN), ("Pledged",), self._first_block, head, topics
            )
            found |= dict.fromkeys(log.args["id"] for log in logs)
        standing = await self._contracts.views([View(TOKEN, "pledgeOf", (id,)) for id in found], head)
        return tuple(
            PledgedUnits(Bytes32(id), pledgor, pledgee, Units(units))
            for id, (pledgor, units, pledgee) in zip(found, standing, strict=True)
            if pledgee != ZERO_ADDRESS
        )

    async def rules(self) -> RulesInForce:
        """At the head."""
        height = (await self._blocks.head()).height
        names = ("policy", "policyCounter", "blackouts", "modules", "paused", "stoppedUntil", "limits")
        countries = sorted({*COUNTRY_ALPHA, _NO_COUNTRY})
        views = [View(TOKEN, name) for name in names]
        views += [View(TOKEN, "isCountryAllowed", (number,)) for number in countries]
        found = await self._contracts.views(views, height)
        policy, changes, blackouts, modules, paused, stopped, (capped, limited), *allowed = found
        cap, lot, classes, paused_classes, limit, count = policy
        may = dict(zip(countries, allowed, strict=True))
        denies = may.pop(_NO_COUNTRY)
        return RulesInForce(
            rules=RuleSet(
                frozenset(Country.from_numeric(number) for number, yes in may.items() if yes is not denies),
                classes_in(classes),
                deny_list=denies,
                holding_cap=Units(cap) if capped else None,
                holder_limit=limit if limited else None,
                minimum_lot=Units(max(lot, 1)),
                blackout=tuple(Window(start, end) for start, end in blackouts),
            ),
            standing=Standing(paused, stopped, classes_in(paused_classes)),
            changes=changes,
            modules=tuple(modules),
            holders=count if limited else None,
        )

    async def acts(self) -> tuple[ActRecord, ...]:
        return await self._acts.all()

    async def act(self, id: Bytes32) -> ActRecord | None:
        return await self._acts.one(id)

    async def versions(self) -> tuple[VersionChange, ...]:
        return await self._versions.changes()

    async def running(self, time: int | None = None) -> tuple[Running, ...]:
        return await self._versions.running(time)


def classes_in(bits: Any) -> frozenset[int]:
    """Investor classes of a chain's bits."""
    return frozenset(number for number in range(int(bits).bit_length()) if int(bits) >> number & 1)
