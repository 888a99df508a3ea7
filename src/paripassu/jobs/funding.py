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
    """Create the missing cash on every ledger; returns what was created where. Safe to run again."""
    short = [
        due for due in await unpaid(ledgers, event, table, paying_agent) if due.needed > due.available
    ]

    async def one(due: Due) -> None:
        # A shortfall is named by both its sides: the same one is funded once, a later one anew.
        reference = f"fund/{table.event_id}/{int(due.needed)}-{int(due.available)}/{len(due.lines)}"
        command = FundCash(ledger_account(due.ledger, paying_agent), due.needed - due.available)
        await ledgers[due.ledger].execute(command, cash_issuer, reference)

    await asyncio.gather(*(one(due) for due in short))
    return {due.ledger: due.needed - due.available for due in short}
