"""Limits over all ledgers: what each ledger has of them, and moving what it does not use (CTL-4).

Each ledger's part is read at its head and what is on its way from final blocks: where the two are apart,
the parts do not add up to the terms' limit for that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.commands import MovePlaces, MoveQuota
from paripassu.errors import HolderUnknown, QuotaRefused
from paripassu.identifiers import AccountId, Bytes32, LedgerId, account_from_bytes
from paripassu.jobs.controlling import Done, carry_out
from paripassu.jobs.observe import Traffic, read_traffic
from paripassu.ledgers.control import RulesInForce
from paripassu.ledgers.port import DeliveryStatus, Ledger, SentMessage, Signer
from paripassu.messages import PlacesPayload, Purpose, QuotaPayload, decode_quota
from paripassu.quantities import Units
from paripassu.rules import HolderRecord


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """Most units that one account may hold on its ledger, and what it holds. An empty account is the
    share of a ledger on which the holder has no account yet."""

    ledger: LedgerId
    account: str
    quota: Units
    held: Units


@dataclass(frozen=True, slots=True)
class PlacesLine:
    """Most holders of one ledger, and how many there are."""

    ledger: LedgerId
    limit: int
    holders: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Quota that left a ledger and did not take effect on another yet; `parked` says why not, where it
    arrived. An empty account stands for places of holders."""

    message_id: Bytes32
    source: LedgerId
    destination: LedgerId
    account: str
    amount: int
    parked: str


@dataclass(frozen=True, slots=True)
class HolderQuota:
    """The holding cap of one holder over all ledgers: its parts add up to the terms' cap."""

    lines: tuple[QuotaLine, ...]
    under_way: tuple[UnderWay, ...]

    @property
    def total(self) -> int:
        return sum(int(line.quota) for line in self.lines) + sum(one.amount for one in self.under_way)


@dataclass(frozen=True, slots=True)
class Places:
    """The limit of holders over all ledgers: its parts add up to the terms' limit."""

    lines: tuple[PlacesLine, ...]
    under_way: tuple[UnderWay, ...]

    @property
    def total(self) -> int:
        return sum(line.limit for line in self.lines) + sum(one.amount for one in self.under_way)


async def move_quota(
    source: Ledger,
    account: str,
    destination: Ledger,
    target: AccountId,
    units: Units,
    signer: Signer,
    reference: str,
) -> Done:
    """Move unused holding cap of an account to another account of its holder.

    The destination is asked first whose account it is: quota for another's would wait there for ever.

    Raises:
        HolderUnknown: the receiving account is not registered.
        QuotaRefused: it is another holder's; or the account uses what is to leave.
    """
    giving, receiving = await asyncio.gather(source.holder(account), destination.holder(target.account))
    if receiving is None:
        raise HolderUnknown(f"Account '{target.account}' is not registered on {destination.name}.")
    if giving is not None and giving.holder != receiving.holder:
        raise QuotaRefused(
            f"'{account}' and '{target.account}' are of different holders: a quota stays its holder's."
        )
    command = MoveQuota(account, target.ledger, target.account, units)
    return await carry_out(source, command, signer, reference)


async def move_places(
    source: Ledger, destination: Ledger, places: int, transfer_agent: Signer, reference: str
) -> Done:
    """Move free places of the limit of holders. Raises QuotaRefused where there are too few."""
    if source.id == destination.id:
        raise QuotaRefused(f"Places of {source.name} count on {source.name} already.")
    return await carry_out(source, MovePlaces(destination.id, places), transfer_agent, reference)


async def places_over_all(ledgers: Mapping[LedgerId, Ledger], security: Bytes32) -> Places | None:
    """Every ledger's part of the limit of holders now; None where the security has none."""
    found = await asyncio.gather(*(ledger.controls.rules() for ledger in ledgers.values()))
    lines = tuple(
        PlacesLine(ledger, in_force.rules.holder_limit, in_force.holders or 0)
        for ledger, in_force in zip(ledgers, found, strict=True)
        if in_force.rules.holder_limit is not None
    )
    if not lines:
        return None
    return Places(lines, _under_way(await read_traffic(ledgers), security, None))


async def quota_of_holder(
    ledgers: Mapping[LedgerId, Ledger], security: Bytes32, holder: Bytes32
) -> HolderQuota | None:
    """Every ledger's part of a holder's cap now; None where the security has no cap."""
    parts = await asyncio.gather(*(_on_ledger(ledger, holder) for ledger in ledgers.values()))
    lines = tuple(line for part in parts for line in part)
    if not lines:
        return None
    return HolderQuota(lines, _under_way(await read_traffic(ledgers), security, holder))


async def _on_ledger(ledger: Ledger, holder: Bytes32) -> list[QuotaLine]:
    in_force, records = await asyncio.gather(ledger.controls.rules(), ledger.holders())
    if in_force.rules.holding_cap is None:
        return []
    own = {name: record for name, record in records.items() if _counts(record, holder)}
    held = await asyncio.gather(*(ledger.controls.holding(name) for name in own))
    lines = [QuotaLine(ledger.id, one.account, one.quota or Units(0), one.balance) for one in held]
    if all(record.additional for record in own.values()):
        lines.append(_dormant(ledger, in_force))
    return lines


def _counts(record: HolderRecord, holder: Bytes32) -> bool:
    return record.holder == holder and not record.superseded


def _dormant(ledger: Ledger, in_force: RulesInForce) -> QuotaLine:
    """What the holder's first account there would have."""
    return QuotaLine(ledger.id, "", in_force.rules.holding_cap or Units(0), Units(0))


def _under_way(traffic: Traffic, security: Bytes32, holder: Bytes32 | None) -> tuple[UnderWay, ...]:
    """Quota of a holder on its way, or places where none is named."""
    found = [_open(item, traffic, security, holder) for item in traffic.sent]
    return tuple(one for one in found if one is not None)


def _open(item: SentMessage, traffic: Traffic, security: Bytes32, holder: Bytes32 | None) -> UnderWay | None:
    message = item.message
    if message.lane.purpose is not Purpose.QUOTA:
        return None
    payload, fate = decode_quota(message.payload), traffic.fate(message.id)
    executed = fate is not None and fate.status is DeliveryStatus.EXECUTED
    if executed or payload.security_id != security:
        return None
    parked = fate.reason if fate is not None else ""
    ends = (message.lane.source, message.lane.destination)
    if isinstance(payload, QuotaPayload) and payload.holder == holder:
        target = account_from_bytes(message.lane.destination, payload.to_account)
        return UnderWay(message.id, *ends, target, int(payload.amount), parked)
    if isinstance(payload, PlacesPayload) and holder is None:
        return UnderWay(message.id, *ends, "", payload.places, parked)
    return None
