"""Reads of acts of consequence: who proposed, approved and carried them out, and what they changed.

Everything is told by events of final blocks (CTL-7): the balances before and after a correction
too, which are added up from the token's transfers up to the one that the act made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paripassu.controls import reason_text
from paripassu.identifiers import ROLES, Bytes32
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.control import ActRecord, ActState, Correction, Deed
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import Contract, DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS, address_topic
from paripassu.quantities import Units

APPROVALS = "Approvals"
_EVENTS = ("ActProposed", "ActApproved", "ApprovalWithdrawn", "ActWithdrawn", "ActExecuted")
_ROLE_NAMES = {number: name for name, number in ROLES.items()}
_WORDS = ("reason", "actId")


class ActsReader:
    """The acts of one chain."""

    def __init__(
        self,
        contracts: ContractReader,
        addresses: Mapping[str, str],
        logs: Logs,
        blocks: Blocks,
        first_block: int,
    ) -> None:
        self._contracts = contracts
        self._names: dict[str, str] = {}
        for name in sorted(addresses, key=len):  # the plain name of a security's token before its long one
            self._names.setdefault(addresses[name].lower(), name)
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def all(self) -> tuple[ActRecord, ...]:
        """All acts of final blocks, oldest first, without what they changed."""
        return await self._acts(())

    async def one(self, id: Bytes32) -> ActRecord | None:
        """An act of a final block, with what it changed; None for an unknown id."""
        found = await self._acts((id.text,))
        if not found:
            return None
        act = found[0]
        if act.executed is None:
            return act
        logs = await self._receipt(act.executed)
        return replace(
            act,
            corrections=await self._corrections(logs),
            effects=tuple(_words(log) for log in logs if log.event != "ActExecuted"),
        )

    async def _acts(self, topics: tuple[str, ...]) -> tuple[ActRecord, ...]:
        final = (await self._blocks.tips()).final
        logs = await self._logs.read(
            self._contracts.address(APPROVALS), codec(APPROVALS), _EVENTS, self._first_block, final, topics
        )
        heights = sorted({log.height for log in logs})
        blocks = dict(zip(heights, await self._blocks.at_heights(heights), strict=True))
        by_act: dict[bytes, list[DecodedLog]] = defaultdict(list)
        for log in logs:
            by_act[log.args["id"]].append(log)
        selectors = sorted({log.args["selector"] for log in logs if log.event == "ActProposed"})
        views = [View(APPROVALS, "policyOf", (selector,)) for selector in selectors]
        views.append(View(APPROVALS, "LIFETIME"))
        *policies, lifetime = await self._contracts.views(views, final)
        thresholds = {selector: policy[0] for selector, policy in zip(selectors, policies, strict=True)}
        return tuple(
            self._act(Bytes32(id), found, blocks, thresholds, lifetime) for id, found in by_act.items()
        )

    def _act(
        self,
        id: Bytes32,
        logs: list[DecodedLog],
        blocks: Mapping[int, BlockRef],
        thresholds: Mapping[bytes, int],
        lifetime: int,
    ) -> ActRecord:
        proposed, *later = logs
        args = proposed.args
        approvals: dict[int, Deed] = {}
        state, executed = ActState.OPEN, None
        for log in later:
            role = log.args.get("role", 0)
            deed = _deed(log, role, blocks)
            if log.event == "ActApproved":
                approvals[role] = deed
            elif log.event == "ApprovalWithdrawn":
                approvals.pop(role, None)
            elif log.event == "ActWithdrawn":
                state = ActState.WITHDRAWN
            else:
                state, executed = ActState.EXECUTED, deed
        contract, function, arguments = self._told(args["target"], args["data"])
        return ActRecord(
            id=id,
            contract=contract,
            function=function,
            arguments=arguments,
            change_class=args["changeClass"],
            reason=reason_text(args["reason"]),
            state=state,
            threshold=thresholds[args["selector"]],
            ready_at=args["readyAt"],
            last_second=args["readyAt"] + lifetime,
            proposed=_deed(proposed, args["role"], blocks),
            approvals=tuple(approvals.values()),
            executed=executed,
            corrections=(),
            effects=(),
            target=args["target"],
            call=args["data"],
        )

    def _told(self, target: str, data: bytes) -> tuple[str, str, dict[str, str]]:
        """Contract, function and arguments of a call, as far as our ABIs tell them."""
        name = self._names.get(target.lower(), "")
        try:
            chosen = codec(name or "SecurityToken")
            function, values = chosen.decode_call(data)
        except KeyError:
            return name or target, "0x" + data[:4].hex(), {}
        names = chosen.inputs(function).names
        arguments = {key: _shown(key, value) for key, value in zip(names, values, strict=True)}
        return name or target, function.partition("(")[0], arguments

    async def _receipt(self, deed: Deed) -> list[DecodedLog]:
        """Events of our contracts in a transaction, in order."""
        receipt = await self._contracts.receipt(deed.transaction)
        found = []
        for log in receipt["logs"]:
            name = self._names.get(str(log["address"]).lower())
            decoded = None if name is None else codec(name).decode_log(log)
            if decoded is not None:
                found.append(decoded)
        return found

    async def _corrections(self, logs: list[DecodedLog]) -> tuple[Correction, ...]:
        found: list[Correction] = []
        for log in logs:
            if log.event != "Transfer" or "value" not in log.args:
                continue
            units = log.args["value"]
            if log.args["from"] == log.args["to"]:
                units = 0
            for account, change in ((log.args["from"], -units), (log.args["to"], units)):
                if account != ZERO_ADDRESS:
                    before = await self._balance_before(log, account)
                    found.append(Correction(account, Units(before), Units(before + change)))
        return tuple(found)

    async def _balance_before(self, log: DecodedLog, account: str) -> int:
        """What the transfers of a token before a log leave an account."""
        total, token = 0, _token_codec()
        for sign, topics in ((-1, (address_topic(account),)), (1, (None, address_topic(account)))):
            found = await self._logs.read(
                log.address, token, ("Transfer",), self._first_block, log.height, topics
            )
            earlier = (one for one in found if (one.height, one.index) < (log.height, log.index))
            total += sign * sum(one.args["value"] for one in earlier)
        return total


def _token_codec() -> Contract:
    return codec("SecurityToken")


def _deed(log: DecodedLog, role: int, blocks: Mapping[int, BlockRef]) -> Deed:
    name = _ROLE_NAMES.get(role, str(role)) if role else ""
    return Deed(name, log.args["by"], blocks[log.height], log.transaction)


def _words(log: DecodedLog) -> str:
    shown = ", ".join(f"{key}={_shown(key, value)}" for key, value in log.args.items())
    return f"{log.event}({shown})"


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return reason_text(value) if name in _WORDS and len(value) == 32 else "0x" + value.hex()
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown("", part) for part in value) + "]"
    if name == "roleId":
        return _ROLE_NAMES.get(value, str(value))
    return str(value)
