"""What the bridge lives on: the relayer's coin on chains, and attestors that sign."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from paripassu.bridge import doubts as bridge_doubts
from paripassu.errors import PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger
from paripassu.store import Store
from paripassu.store.schema import batch, signature
from paripassu.watch.facts import DoubtFacts, SignerFacts, WalletFacts

DELIVERY_GAS = 150_000
"""Gas of a message delivered alone, with what its application does: what one delivery is counted as."""


async def wallets(ledgers: Mapping[LedgerId, Ledger], account: str) -> tuple[WalletFacts, ...]:
    """What an account's coin pays for on each chain that can be read; book entry takes no fees."""

    async def one(ledger: Ledger) -> WalletFacts | None:
        try:
            fee = await ledger.fee_coverage(account)
        except (PariError, OSError, TimeoutError):
            return None
        return None if fee is None else WalletFacts(ledger.id, fee.coin // (fee.price * DELIVERY_GAS))

    found = await asyncio.gather(*map(one, ledgers.values()))
    return tuple(one for one in found if one is not None)


def signers(store: Store, attestors: Sequence[str], batches: int) -> tuple[SignerFacts, ...]:
    """How many of the last `batches` batches with any signature each attestor signed."""
    with store.read() as connection:
        signed = select(signature.c.digest).distinct()
        query = select(batch.c.digest).where(batch.c.digest.in_(signed)).order_by(batch.c.at.desc())
        digests = set(connection.execute(query.limit(batches)).scalars())
        rows = connection.execute(
            select(signature.c.attestor, signature.c.digest).where(signature.c.digest.in_(digests))
        ).all()
    return tuple(
        SignerFacts(name, len(digests), sum(row.attestor == name for row in rows)) for name in attestors
    )


def doubts(store: Store, attestors: Sequence[str], ledgers: Iterable[LedgerId]) -> tuple[DoubtFacts, ...]:
    """What attestors hold against their endpoints now."""
    return tuple(
        DoubtFacts(one.attestor, one.ledger, one.fact, one.sentence)
        for one in bridge_doubts.doubts(store, attestors, ledgers)
    )
