"""Fund the paying agent on each ledger with what an entitlement table needs there, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from paripassu.commands import FundCash
from paripassu.entitlements import EntitlementTable
from paripassu.events import EventRecord
from paripassu.identifiers import LedgerId
from paripassu.jobs.paying import ledger_account, unpaid
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
    payer = {ledger: ledger_account(ledger, paying_agent) for ledger in ledgers}
    missing = {
        due.ledger: due.needed - due.available
        for due in await unpaid(ledgers, event, table, paying_agent)
        if due.needed > due.available
    }
    await asyncio.gather(
        *(
            ledgers[ledger].execute(
                FundCash(payer[ledger], amount), cash_issuer, f"fund/{table.event_id}/{int(amount)}"
            )
            for ledger, amount in missing.items()
        )
    )
    return missing
