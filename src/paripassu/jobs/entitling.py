"""Strike positions at record time, compute entitlements, publish their root on the home ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paripassu.commands import PublishEntitlements
from paripassu.custody import Breakdown
from paripassu.entitlements import (
    EntitlementTable,
    Holding,
    Position,
    consolidate,
    entitle,
    merkle_root_of,
    strike,
)
from paripassu.errors import BreakdownRefused, LedgerInconsistent, TimeNotFinal
from paripassu.events import EventRecord
from paripassu.identifiers import AccountId, Bytes32, LedgerId
from paripassu.jobs.observe import Reading, read_at
from paripassu.ledgers.port import AttestedBreakdown, Ledger, Outcome, Signer


@dataclass(frozen=True, slots=True)
class Struck:
    """Record-time positions of all ledgers, consolidated, and the table that follows from them."""

    event: EventRecord
    reading: Reading
    holdings: tuple[Holding, ...]
    table: EntitlementTable
    root: Bytes32


async def await_record_time(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, *, patience: float
) -> None:
    """Wait until every ledger is final past the record time.

    Raises:
        TimeNotFinal: names the ledgers that are not, after `patience` seconds.
    """
    waiting = list(ledgers.values())
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        states = await asyncio.gather(*(ledger.final_at(event.record_time) for ledger in waiting))
        waiting = [ledger for ledger, state in zip(waiting, states, strict=True) if state is None]
        if not waiting:
            return
        if asyncio.get_running_loop().time() > deadline:
            names = ", ".join(ledger.name for ledger in waiting)
            raise TimeNotFinal(f"Record time {event.record_time} is not final on {names} yet.")
        await asyncio.sleep(0.2)


async def strike_event(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, breakdowns: Sequence[Breakdown]
) -> Struck:
    """Compute the entitlement table from the ledgers alone; nothing is written.

    Raises:
        LedgerError: record time is not final everywhere.
        TimeNotFinal: units in transit at record time may still expire, or arrive.
        LedgerInconsistent: a ledger's own armed record says other units than its history.
        BreakdownRefused: a breakdown is not what its servicer attested on the ledger by record time.
    """
    reading = await read_at(ledgers, event.record_time, event.security_id)
    _require_decided(reading)
    positions = [
        Position(AccountId(ledger, account), units)
        for ledger, struck in reading.positions.items()
        for account, units in struck.balances.items()
    ]
    final = strike(positions, reading.movements, event.record_time)
    await _check_against_ledgers(ledgers, event, final, reading)
    holders = await read_commitments(ledgers)
    holdings = consolidate(final, holders, breakdowns)
    await _check_attested(ledgers, event, breakdowns)
    table = entitle(event, holdings)
    return Struck(event, reading, holdings, table, merkle_root_of(table))


def _require_decided(reading: Reading) -> None:
    """Units in transit count for whom they reach: who that is must not depend on the time any more."""
    open_ones = [item for item in reading.in_transit if item.undecided]
    if open_ones:
        first = open_ones[0]
        raise TimeNotFinal(
            f"{len(open_ones)} movements in transit at record time may still expire, the first is "
            f"{first.message_id} of {int(first.units)} units, until {first.expiry}.",
            next_command="pari relay --with-attestors --drain",
        )


async def read_commitments(ledgers: Mapping[LedgerId, Ledger]) -> dict[AccountId, Bytes32]:
    """Holder commitment of every registered account of every ledger."""
    registers = await asyncio.gather(*(ledger.holders() for ledger in ledgers.values()))
    return {
        AccountId(ledger, account): record.holder
        for ledger, register in zip(ledgers, registers, strict=True)
        for account, record in register.items()
    }


async def _check_against_ledgers(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, positions: Sequence[Position], reading: Reading
) -> None:
    """Two witnesses: history replayed here, and what each ledger recorded itself where it was armed."""
    late = {item.owner for item in reading.in_transit if item.booked is None}

    async def one(position: Position) -> None:
        ledger = ledgers[position.account.ledger]
        said = await ledger.eligible_on_ledger(position.account.account, event.record_time)
        if said is not None and said != position.units and position.account not in late:
            raise LedgerInconsistent(
                f"Account '{position.account}' had {int(position.units)} units at record time by history, "
                f"{int(said)} by the ledger's own record."
            )

    await asyncio.gather(*(one(position) for position in positions))


async def _check_attested(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, breakdowns: Sequence[Breakdown]
) -> None:
    """A file of client lines counts only as far as the servicer stands behind it on the ledger (I8)."""
    for breakdown in breakdowns:
        if breakdown.as_of > event.record_time:
            raise BreakdownRefused(
                f"The breakdown of '{breakdown.account}' is as of {breakdown.as_of}, after the record time "
                f"{event.record_time}."
            )
        attested = await ledgers[breakdown.account.ledger].breakdowns(breakdown.account.account)
        statement = AttestedBreakdown(breakdown.as_of, breakdown.root, breakdown.total)
        if statement not in attested:
            raise BreakdownRefused(
                f"The breakdown of '{breakdown.account}' with root {breakdown.root} as of {breakdown.as_of} "
                f"was not attested by its servicer; the ledger knows {len(attested)} others.",
                next_command="pari holder breakdown --help",
            )


async def publish(home: Ledger, struck: Struck, paying_agent: Signer) -> Outcome:
    """Publish the table's root on the home ledger, which sends it to all others (CA-6). Idempotent."""
    event = struck.event.official_event_id
    command = PublishEntitlements(event, struck.root, struck.table.total, len(struck.table.lines))
    return await home.execute(command, paying_agent, f"entitlements/{event}/{struck.root}")
