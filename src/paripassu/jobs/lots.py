"""Lots of a security over all ledgers of a network, from what these tell in final blocks (MOV-5, MOV-8)."""

from __future__ import annotations

from collections.abc import Mapping

from paripassu.identifiers import AccountId, Bytes32, LedgerId
from paripassu.ledgers.port import Ledger
from paripassu.lots import Record, UnitLot, consistent, trace


async def lots_of(ledgers: Mapping[LedgerId, Ledger]) -> tuple[UnitLot, ...]:
    """All lots that there are.

    Raises:
        LedgerInconsistent: the ledgers do not tell one story: more units leave than there are.
        LedgerError: a ledger cannot be read.
    """
    told: dict[LedgerId, tuple[Record, ...]] = {}
    holders: dict[AccountId, Bytes32] = {}
    for name, ledger in ledgers.items():
        told[name] = await ledger.history((await ledger.final()).height)
        for account, record in (await ledger.holders()).items():
            holders[AccountId(name, account)] = record.holder
    return trace(consistent(told), holders)
