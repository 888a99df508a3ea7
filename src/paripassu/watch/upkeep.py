"""What the bridge lives on: the relayer's coin on chains, and attestors that sign."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, exists, func, select

from paripassu.bridge import doubts as bridge_doubts
from paripassu.bridge.beats import beats
from paripassu.bridge.states import ENDS, BatchState, MessageState
from paripassu.errors import PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger
from paripassu.store import Store
from paripassu.store.schema import acknowledgement, audit, batch, message, signature
from paripassu.watch.facts import DoubtFacts, SignerFacts, TaskFacts, UnattestedFacts, WalletFacts

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
    """How many of the last `batches` batches with any signature each attestor signed, and how many of these
    and of what is proposed now it refused."""
    with store.read() as connection:
        signed = exists().where(signature.c.digest == batch.c.digest)
        query = select(batch.c.digest).where(signed).order_by(batch.c.at.desc())
        digests = set(connection.execute(query.limit(batches)).scalars())
        rows = connection.execute(
            select(signature.c.attestor, signature.c.digest).where(signature.c.digest.in_(digests))
        ).all()
        refusals = _refusals(connection, digests)
    return tuple(
        SignerFacts(name, len(digests), sum(row.attestor == name for row in rows), refusals[name])
        for name in attestors
    )


def doubts(store: Store, attestors: Sequence[str], ledgers: Iterable[LedgerId]) -> tuple[DoubtFacts, ...]:
    """What attestors hold against their endpoints now."""
    return tuple(
        DoubtFacts(one.attestor, one.ledger, one.fact, one.sentence)
        for one in bridge_doubts.doubts(store, attestors, ledgers)
    )


def _refusals(connection: Connection, digests: Collection[str]) -> Counter[str]:
    """How many batches and acknowledgements each attestor refused, of some and of those that are proposed."""
    subjects = set(digests)
    for table in (batch, acknowledgement):
        proposed = select(table.c.digest).where(table.c.state == BatchState.PROPOSED.value)
        subjects.update(connection.execute(proposed).scalars())
    kinds = ("batch.not_attested", "acknowledgement.not_attested")
    query = select(audit.c.subject, audit.c.detail)
    query = query.where(audit.c.subject.in_(subjects), audit.c.kind.in_(kinds))
    pairs = {(row.subject, json.loads(row.detail)["attestor"]) for row in connection.execute(query)}
    return Counter(attestor for _, attestor in pairs)


def unattested(store: Store) -> UnattestedFacts:
    """What of the messages that are under way waits for a quorum, as the bridge knows it."""
    without = [MessageState.FINAL.value, MessageState.RETRY.value]
    states = [state.value for state in MessageState if state not in ENDS]
    state, time = message.c.state, message.c.timestamp
    query = select(state, func.count(), func.min(time)).where(state.in_(states)).group_by(state)
    with store.read() as connection:
        rows = connection.execute(query).all()
    waiting = [row for row in rows if row.state in without]
    return UnattestedFacts(
        sum(row[1] for row in rows),
        sum(row[1] for row in waiting),
        min((int(row[2]) for row in waiting), default=None),
    )


def tasks(store: Store) -> tuple[TaskFacts, ...]:
    """Signs of life of whoever works on the store, or did when it died."""
    now = store.clock()
    with store.read() as connection:
        return tuple(TaskFacts(one.process, one.task, now - one.at) for one in beats(connection))
