"""Prove the invariants from the ledgers themselves, at one instant that is final on all of them."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paripassu.custody import Breakdown, CustodyNode, ShareholdingType, omnibus_node
from paripassu.entitlements import Holding
from paripassu.events import EventRecord
from paripassu.identifiers import AccountId, Bytes32, LedgerId, keccak256
from paripassu.invariants import (
    CustodyState,
    DeliveredEntry,
    InvariantResult,
    LaneState,
    LocationState,
    MovementState,
    ProceedsState,
    RecordState,
    SentEntry,
    SupplyState,
    VerdictState,
    conservation,
    location,
    once,
    same_outcome,
    same_record,
    same_verdict,
    sums,
)
from paripassu.jobs.entitling import read_commitments
from paripassu.jobs.observe import Reading, Traffic, read_at, settled_instant
from paripassu.jobs.paying import paid_per_account
from paripassu.ledgers.port import DeliveryStatus, Ledger, Payment
from paripassu.messages import Lane
from paripassu.quantities import ZERO_UNITS, Units


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Figures and verdicts of all invariants, and the reading that they rest on."""

    reading: Reading
    payments: Mapping[LedgerId, tuple[Payment, ...]]
    results: tuple[InvariantResult, ...]

    @property
    def ok(self) -> bool:
        return all(result.ok for result in self.results)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reconciled beside supply and messages: an event with its record-time holdings."""

    event: EventRecord
    holdings: tuple[Holding, ...]


async def reconcile(
    ledgers: Mapping[LedgerId, Ledger],
    home: LedgerId,
    security_id: Bytes32,
    *,
    subject: Subject | None,
    breakdowns: Sequence[Breakdown] = (),
    verdicts: Sequence[VerdictState] = (),
) -> Reconciliation:
    """Read every ledger of a security once and evaluate I1 to I7.

    Args:
        ledgers: opened for the security with this id.
        subject: the event whose record and payments are proved; None where there is none yet.
        verdicts: movements that were tried on every ledger, beside those probed here.
    """
    reading = await read_at(ledgers, await settled_instant(ledgers), security_id)
    # as of the reading: units are issued and cancelled after it, too
    issued = await ledgers[home].issued(reading.positions[home].block.height)
    payments: dict[LedgerId, tuple[Payment, ...]] = {}
    results = [
        conservation(SupplyState(issued, _supplies(reading), reading.units_in_transit)),
        location(
            LocationState(_supplies(reading), _held(reading), _movements(reading)),
        ),
        same_verdict((*await probe_verdicts(ledgers), *verdicts)),
    ]
    if subject is not None:
        known = await asyncio.gather(
            *(ledger.event(subject.event.official_event_id) for ledger in ledgers.values())
        )
        hashes = {
            ledger: event.record_hash if event else None for ledger, event in zip(ledgers, known, strict=True)
        }
        results.append(same_record((RecordState(subject.event.official_event_id, hashes),)))
        booked = await asyncio.gather(
            *(ledger.payments(subject.event.official_event_id) for ledger in ledgers.values())
        )
        payments = dict(zip(ledgers, booked, strict=True))
        results.append(
            same_outcome(ProceedsState(subject.event, subject.holdings, paid_per_account(ledgers, payments)))
        )
    results.append(once(lane_states(reading.traffic)))
    results.append(sums(custody_state(reading, issued, await read_commitments(ledgers), breakdowns)))
    return Reconciliation(reading, payments, tuple(results))


def _supplies(reading: Reading) -> dict[LedgerId, Units]:
    return {ledger: struck.supply for ledger, struck in reading.positions.items()}


def _held(reading: Reading) -> dict[LedgerId, Units]:
    return {ledger: sum(struck.balances.values(), ZERO_UNITS) for ledger, struck in reading.positions.items()}


def _movements(reading: Reading) -> tuple[MovementState, ...]:
    executed = Counter(
        delivery.message_id
        for delivery in reading.traffic.deliveries
        if delivery.status is DeliveryStatus.EXECUTED and delivery.block.time <= reading.time
    )
    refunded = Counter(
        refund.message_id for refund in reading.traffic.refunds if refund.block.time <= reading.time
    )
    sent = Counter(item.message.id for item in reading.traffic.sent)
    return tuple(
        MovementState(
            message_id=movement.message_id,
            source=movement.source,
            destination=movement.target.ledger,
            units=movement.units,
            since=movement.dispatched,
            sent=sent[movement.message_id],
            delivered=executed[movement.message_id],
            refunded=refunded[movement.message_id],
        )
        for movement in reading.movements
        if movement.dispatched <= reading.time
    )


def lane_states(traffic: Traffic) -> tuple[LaneState, ...]:
    """Sent and delivered messages per lane; a parked message that was retried or refused counts as such."""
    sent: dict[Lane, list[SentEntry]] = defaultdict(list)
    for item in sorted(traffic.sent, key=lambda item: item.message.nonce):
        sent[item.message.lane].append(SentEntry(item.message.nonce, item.message.id))
    taken: dict[Lane, dict[Bytes32, DeliveredEntry]] = defaultdict(dict)
    repeated: dict[Lane, list[DeliveredEntry]] = defaultdict(list)
    for delivery in traffic.deliveries:
        parked = delivery.status is DeliveryStatus.PARKED
        refused = delivery.status is DeliveryStatus.REFUSED
        entry = DeliveredEntry(delivery.nonce, delivery.message_id, parked, delivery.reason, refused)
        before = taken[delivery.lane].get(delivery.message_id)
        if before is not None and not (before.parked and not parked):
            repeated[delivery.lane].append(entry)
        else:
            taken[delivery.lane][delivery.message_id] = entry
    return tuple(
        LaneState(
            lane,
            tuple(sent[lane]),
            tuple(sorted([*taken[lane].values(), *repeated[lane]], key=lambda entry: entry.nonce)),
        )
        for lane in sorted(sent.keys() | taken.keys(), key=str)
    )


def custody_state(
    reading: Reading,
    issued: Units,
    holders: Mapping[AccountId, Bytes32],
    breakdowns: Sequence[Breakdown],
) -> CustodyState:
    """One tree per account: direct, omnibus with its attested clients, or unknown."""
    attested = {breakdown.account: breakdown for breakdown in breakdowns}
    balances: dict[str, Units] = {}
    trees: list[CustodyNode] = []
    for ledger, struck in reading.positions.items():
        for name, units in struck.balances.items():
            account = AccountId(ledger, name)
            balances[str(account)] = units
            breakdown = attested.get(account)
            if breakdown is not None and breakdown.total <= units:
                trees.append(omnibus_node(account, units, breakdown))
            elif account in holders and breakdown is None:
                trees.append(CustodyNode(str(account), units, ZERO_UNITS, holder=holders[account]))
            else:
                # A stale breakdown says nothing any more: what it covered is unknown until attested anew.
                trees.append(CustodyNode(str(account), units, ZERO_UNITS, kind=ShareholdingType.UKWN))
    return CustodyState(tuple(trees), balances, reading.units_in_transit, issued)


async def probe_verdicts(ledgers: Mapping[LedgerId, Ledger]) -> tuple[VerdictState, ...]:
    """Ask each ledger what it would say to a unit arriving for each holder on several ledgers, and for
    an account that nobody has registered (I3)."""
    registers = await asyncio.gather(*(ledger.holders() for ledger in ledgers.values()))
    accounts: dict[Bytes32, dict[LedgerId, str]] = defaultdict(dict)
    for ledger, register in zip(ledgers, registers, strict=True):
        for account, record in register.items():
            if not record.superseded:  # its holder has another account now
                accounts[record.holder].setdefault(ledger, account)
    states = [await _probe("one unit for nobody known", ledgers, {id: _nobody(id) for id in ledgers})]
    for holder, known in sorted(accounts.items()):
        if len(known) > 1:
            states.append(await _probe(f"one unit for holder {holder.text[:10]}", ledgers, known))
    return tuple(states)


async def _probe(
    movement: str, ledgers: Mapping[LedgerId, Ledger], accounts: Mapping[LedgerId, str]
) -> VerdictState:
    codes = await asyncio.gather(
        *(ledgers[ledger].verdict("", account, Units(1)) for ledger, account in accounts.items())
    )
    return VerdictState(movement, {ledger: int(code) for ledger, code in zip(accounts, codes, strict=True)})


def _nobody(ledger: LedgerId) -> str:
    """An account of the ledger that nobody has the key to, or the name of."""
    number = keccak256(b"pari passu: the account of nobody").hex()[-40:]
    return AccountId(ledger, f"0x{number}" if ledger.is_evm else f"nobody-{number}").account
