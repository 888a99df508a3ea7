"""Announce an official event on the home ledger and wait until every ledger knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from paripassu.commands import Announce
from paripassu.errors import NotFinalInTime
from paripassu.events import EventRecord, require_legal, validate_dates
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import KnownEvent, Ledger, Outcome, Signer
from paripassu.securities import Security


def check_dates(event: EventRecord, security: Security, now: int) -> None:
    """Hold the event's dates against market practice, announced at `now` (CA-4).

    Raises:
        EventDatesRefused: one sentence for each rule that is broken.
    """
    validate_dates(
        event,
        calendar=security.calendar,
        settlement_cycle=security.settlement_cycle,
        in_nominal=security.cfi.in_nominal,
        announced_on=datetime.fromtimestamp(now, UTC).date(),
    )


async def announce(home: Ledger, event: EventRecord, security: Security, issuer_agent: Signer) -> Outcome:
    """Announce once; an announcement of the same record again changes nothing (CA-2).

    Dates are held against the clock of the home ledger only where the event is not known there yet:
    a repeated announcement is no new notice.

    Raises:
        EventNotLegal: the security's classification has no such event (ID-8).
        EventDatesRefused: the dates break market practice.
        EventConflict: another record stands under the same official id.
    """
    require_legal(event.event_type, security.cfi)
    if await home.event(event.official_event_id) is None:
        check_dates(event, security, (await home.head()).time)
    return await home.execute(
        Announce(event), issuer_agent, f"announce/{event.official_event_id}/{event.record_hash}"
    )


async def await_known(
    ledgers: Mapping[LedgerId, Ledger], event_id: str, *, patience: float, with_root: bool = False
) -> dict[LedgerId, KnownEvent]:
    """Wait until every ledger knows the event (and its entitlement root), as its final state.

    Raises:
        NotFinalInTime: names the ledgers that do not, after `patience` seconds.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        read = await asyncio.gather(*(ledger.event(event_id) for ledger in ledgers.values()))
        known = {
            ledger: event
            for ledger, event in zip(ledgers, read, strict=True)
            if event is not None and (event.entitlement_root is not None or not with_root)
        }
        if len(known) == len(ledgers):
            return known
        if asyncio.get_running_loop().time() > deadline:
            missing = ", ".join(ledger.name for key, ledger in ledgers.items() if key not in known)
            what = "the entitlement root of event" if with_root else "event"
            raise NotFinalInTime(
                f"After {patience:g} s {missing} does not know {what} {event_id}.",
                next_command="pari message list --waiting",
            )
        await asyncio.sleep(0.2)
