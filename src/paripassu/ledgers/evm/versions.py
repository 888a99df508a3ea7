"""Reads of versions: every change of code that the contracts of a chain announced (VER-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from paripassu.identifiers import Bytes32, version_text
from paripassu.ledgers.control import Running, VersionChange
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs

APPROVALS = "Approvals"
_EVENT = "VersionChanged"


class VersionsReader:
    """The code of a chain's contracts over time. What has no proxy has run one version ever since."""

    def __init__(
        self,
        contracts: ContractReader,
        addresses: Mapping[str, str],
        logs: Logs,
        blocks: Blocks,
        first_block: int,
    ) -> None:
        self._contracts = contracts
        self._addresses = dict(addresses)
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def changes(self) -> tuple[VersionChange, ...]:
        height = (await self._blocks.tips()).final
        found = await asyncio.gather(*(self._of(name, height) for name in self._versioned(_EVENT)))
        listed = [change for changes in found for change in changes]
        return tuple(sorted(listed, key=lambda change: (change.block.height, change.contract)))

    async def running(self, time: int | None) -> tuple[Running, ...]:
        """By `Approvals.versionAt`; contracts that were not there yet at `time` are left out."""
        final = await self._blocks.final()
        at = final.time if time is None else min(time, final.time)
        changes = await self.changes()
        first = await self._blocks.at(min(self._first_block, final.height))
        names = self._versioned("versionTag")
        since = {
            name: [
                change.block.time for change in changes if change.contract == name and change.block.time <= at
            ]
            for name in names
        }
        proxied = {change.contract for change in changes}
        there = [name for name in names if (since[name] if name in proxied else first.time <= at)]
        moving = [name for name in there if name in proxied]
        fixed = [name for name in there if name not in proxied]
        views = [View(APPROVALS, "versionAt", (self._addresses[name], at)) for name in moving]
        views += [View(name, function) for name in fixed for function in ("versionTag", "codeHash")]
        answers = await self._contracts.views(views, final.height)
        known = {name: (tag, hash) for name, (tag, hash, _) in zip(moving, answers, strict=False)}
        rest = answers[len(moving) :]
        known |= dict(zip(fixed, zip(rest[::2], rest[1::2], strict=True), strict=True))
        return tuple(
            Running(name, version_text(tag), Bytes32(hash), max(since[name], default=first.time))
            for name, (tag, hash) in sorted(known.items())
        )

    def _versioned(self, member: str) -> list[str]:
        """The contracts that have an event or a function, each address once."""
        names: dict[str, str] = {}
        for name in sorted(self._addresses, key=len):
            contract = codec(name)
            if contract.has(member) or contract.announces(member):
                names.setdefault(self._addresses[name], name)
        return sorted(names.values())

    async def _of(self, name: str, height: int) -> list[VersionChange]:
        logs = await self._logs.read(self._addresses[name], codec(name), (_EVENT,), self._first_block, height)
        blocks = await self._blocks.at_heights([log.height for log in logs])
        return [
            VersionChange(
                contract=name,
                before=version_text(log.args["from"]) if log.args["from"] else "",
                version=version_text(log.args["to"]),
                code_hash=Bytes32(log.args["codeHash"]),
                change_class=log.args["changeClass"],
                act=Bytes32(log.args["actId"]),
                block=block,
            )
            for log, block in zip(logs, blocks, strict=True)
        ]
