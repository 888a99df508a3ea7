"""Movements in the logs of a chain: what each was, by the events beside it, and what the rules said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from paripassu.errors import MalformedMessage, RuleError
from paripassu.identifiers import LedgerId, account_from_bytes
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import ContractReader, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.messages import MovementPayload, Purpose, decode_lineage, payloads_of
from paripassu.quantities import ZERO_UNITS, Units
from paripassu.rules import Kind, Lot, Movement, Restriction

TOKEN, ACTIONS, GATEWAY = "SecurityToken", "CorporateActions", "Gateway"
_MEANING = {
    "UnitsIssued": Kind.ISSUE,
    "UnitsRedeemed": Kind.REDEEM,
    "UnitsCancelled": Kind.FORCED,
    "ForcedTransfer": Kind.FORCED,
    "CrosschainMint": Kind.BRIDGE_IN,
    "CrosschainBurn": Kind.BRIDGE_OUT,
}
"""What a transfer was, by the event that follows it."""

_NOT_JUDGED = ("UnitsCancelled", "RecoverySuccess")
"""Units that the law destroys, and those that follow their owner's key: no rule has a say."""

_TOKEN_EVENTS = ("Transfer", "Pledged", "PledgeEnded", "RecoverySuccess", *_MEANING)


@dataclass(frozen=True, slots=True)
class Happened:
    """A movement that a block tells of. `enforced`: the units were pledged to the recipient. `lifted` are
    lock-ups that left with their units: what the rules judge is without them (MOV-8)."""

    height: int
    transaction: str
    position: int
    movement: Movement
    code: Restriction
    judged: bool = True
    enforced: bool = False
    lifted: tuple[Lot, ...] = ()

    @classmethod
    def of(cls, movement: Movement, lifted: tuple[Lot, ...] = ()) -> Self:
        return cls(0, "", 0, movement, Restriction.NONE, lifted=lifted)


class TraceReader:
    """Reads movements of one chain."""

    def __init__(self, ledger: LedgerId, contracts: ContractReader, logs: Logs) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._logs = logs

    async def read(self, first: int, last: int) -> list[Happened]:
        """Everything that the rules said in the blocks `first` to `last`, in chain order.

        `position` is that of the log in its block.
        """
        token = await self._events(TOKEN, _TOKEN_EVENTS, first, last)
        lots = await self._events("TokenBridge", ("LotsDispatched",), first, last)
        found = list(_with_lots(list(_movements(token)), lots))
        actions = await self._events(ACTIONS, ("EntitlementPaid", "EntitlementHeld"), first, last)
        found += [_payout(log) for log in actions]
        for log in await self._events(GATEWAY, ("MessageParked",), first, last):
            found += await self._parked(log)
        return sorted(found, key=lambda one: (one.height, one.position))

    async def _events(
        self, name: str, events: tuple[str, ...], first: int, last: int
    ) -> Sequence[DecodedLog]:
        return await self._logs.read(self._contracts.address(name), codec(name), events, first, last)

    async def _parked(self, log: DecodedLog) -> list[Happened]:
        """An arrival that the rules refused; its units are in the delivery's own call data."""
        reason = self._contracts.reverts.error(log.args["reason"])
        if log.args["purpose"] != Purpose.MOVEMENT or not isinstance(reason, RuleError):
            return []
        sent = await self._contracts.transaction(log.transaction)
        if (sent.get("to") or "").lower() != self._contracts.address(GATEWAY).lower():
            return []  # carried by another contract, in a call of its own
        name, arguments = codec(GATEWAY).decode_call(bytes.fromhex(sent["input"][2:]))
        if not name.startswith("execute"):
            return []
        _, head, _, messages, _ = arguments
        movement = self._arrival(head, messages, log.args["nonce"])
        if movement is None:
            return []
        code = Restriction(reason.restriction)
        return [Happened(log.height, log.transaction, log.index, movement, code)]

    def _arrival(self, head: int, messages: bytes, nonce: int) -> Movement | None:
        try:
            payload = payloads_of(head, messages).get(nonce)
            if payload is None:
                return None
            carried = MovementPayload.decode(payload)
        except MalformedMessage:
            return None
        target = account_from_bytes(self._ledger, carried.to_account)
        return Movement(Kind.BRIDGE_IN, "", target, carried.amount)


def _movements(logs: Sequence[DecodedLog]) -> Iterable[Happened]:
    """Transfers and pledges, each with its kind."""
    enforced = False
    for at, log in enumerate(logs):
        if log.event == "Pledged":
            pledgor, pledgee = log.args["pledgor"], log.args["pledgee"]
            units = Units(log.args["amount"])
            yield _happened(log, Movement(Kind.PLEDGE, pledgor, pledgee, units))
        elif log.event == "PledgeEnded":
            enforced = log.args["enforced"]
        elif log.event == "Transfer":
            says = _following(logs, at)
            source, target = (
                "" if log.args[side] == ZERO_ADDRESS else log.args[side] for side in ("from", "to")
            )
            kind = _MEANING.get(says, Kind.TRANSFER)
            movement = Movement(kind, source, target, Units(log.args["value"]))
            yield _happened(log, movement, judged=says not in _NOT_JUDGED, enforced=enforced)
            enforced = False


def _following(logs: Sequence[DecodedLog], at: int) -> str:
    """The event after a transfer that says what it was; empty where another movement comes first."""
    following = logs[at + 1] if at + 1 < len(logs) else None
    if following is None or following.transaction != logs[at].transaction:
        return ""
    return following.event if following.event not in ("Transfer", "Pledged", "PledgeEnded") else ""


def _payout(log: DecodedLog) -> Happened:
    movement = Movement(Kind.PAYOUT, "", log.args["account"], ZERO_UNITS)
    code = Restriction.NONE if log.event == "EntitlementPaid" else Restriction(log.args["code"])
    return Happened(log.height, log.transaction, log.index, movement, code)


def _happened(
    log: DecodedLog, movement: Movement, *, judged: bool = True, enforced: bool = False
) -> Happened:
    return Happened(log.height, log.transaction, log.index, movement, Restriction.NONE, judged, enforced)


def _with_lots(movements: list[Happened], logs: Sequence[DecodedLog]) -> list[Happened]:
    """Departures with the lock-ups that left with them: the bridge says which, behind the token's own log."""
    for log in logs:
        before = [
            at
            for at, one in enumerate(movements)
            if (one.transaction, one.movement.kind) == (log.transaction, Kind.BRIDGE_OUT)
            and one.position < log.index
        ]
        if before:
            _, lots = decode_lineage(log.args["lineage"])
            movements[before[-1]] = replace(movements[before[-1]], lifted=lots)
    return movements
