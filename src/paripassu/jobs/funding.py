"""Fund the paying agent on each ledger with what an entitlement table needs there, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from paripassu.commands import FundCash
from paripassu.entitlements import EntitlementTable
from paripassu.events import EventRecord
from paripassu.identifiers import LedgerId
from paripassu.jobs.paying import Due, ledger_account, unpaid
from paripassu.ledgers.port import Ledger, Signer
from paripassu.quantities import Minor


async def fund(
    ledgers: Mapping[LedgerId, Ledger],
    event: EventRecord,
    table: EntitlementTable,
    paying_agent: Signer,
    cash_issuer: Signer,
) -> dict[LedgerId, Minor]:
    """Create the missing cash on every ledger, that of held entitlements too; returns what was created
    where. Safe to run again."""
    dues = await unpaid(ledgers, event, table, paying_agent)
    short = [due for due in dues if due.needed + due.set_aside > due.available]

    async def one(due: Due) -> Minor:
        # A shortfall is named by both its sides: the same one is funded once, a later one anew.
        needed, lines = due.needed + due.set_aside, len(due.lines) + len(due.held)
        reference = f"fund/{table.event_id}/{int(needed)}-{int(due.available)}/{lines}"
        command = FundCash(ledger_account(due.ledger, paying_agent), needed - due.available)
        await ledgers[due.ledger].execute(command, cash_issuer, reference)
        return needed - due.available

    created = await asyncio.gather(*(one(due) for due in short))
    return {due.ledger: amount for due, amount in zip(short, created, strict=True)}
