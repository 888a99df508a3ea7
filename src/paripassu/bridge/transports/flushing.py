"""Sending on what waits in the transports of one ledger, many identifiers in one message of their network.

A message of another network costs more than ours, so a little is waited for others to come along. The
decision is pure; where a flush stands is the ledger's own record. One that is sent twice does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from paripassu.bridge.pace import ASIDE_SECONDS, Every
from paripassu.commands import Flush
from paripassu.errors import PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.port import Ledger, OutcomeState, Signer
from paripassu.store import Store
from paripassu.store.claims import Claims
from paripassu.store.sharing import NONCES, nonces_of

MOST_AT_ONCE = 100
"""Identifiers that one message carries, by the contract."""

SECONDS_BETWEEN = 5.0
"""Between two attempts at what the ledger does not take."""

log = structlog.get_logger("paripassu.bridge.transports")

Queue = tuple[str, LedgerId]
"""Kind of a transport, and the ledger for which identifiers wait in it."""


def due(count: int, seconds: float, quiet: float) -> bool:
    """Whether to send on: a full message at once, less once the first has waited for `quiet` seconds."""
    return count >= MOST_AT_ONCE or (count > 0 and seconds >= quiet)


class Flushes:
    """Has the transports of one ledger send on what its gateway handed over."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        peers: Sequence[LedgerId],
        signer: Signer,
        claims: Claims,
        *,
        quiet: float,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._peers = [peer for peer in peers if peer != ledger.id]
        self._signer = signer
        self._claims = claims
        self._quiet = quiet
        self._aside = Every(ASIDE_SECONDS)
        self._since: dict[Queue, float] = {}
        self._under_way: dict[Queue, str] = {}
        self._not_before: dict[Queue, float] = {}

    async def step(self) -> bool:
        """One look at every queue, now and then, by whoever owns the key's nonces; True where something was
        sent on."""
        owned = nonces_of(self._ledger.id, self._signer.address) in self._claims.tenure(NONCES)
        if not owned or not self._aside.due():
            return False
        queued = await self._ledger.queued(self._peers)
        now = self._store.clock()
        self._since = {queue: self._since.get(queue, now) for queue in queued}
        moved = False
        for queue, count in queued.items():
            waited = now - self._since[queue]
            if now >= self._not_before.get(queue, 0.0) and due(count, waited, self._quiet):
                moved |= await self._flush(queue)
        return moved

    async def _flush(self, queue: Queue) -> bool:
        if queue in self._under_way:
            outcome = await self._ledger.outcome(self._under_way[queue])
            if outcome.state is OutcomeState.PENDING:
                return False
            del self._under_way[queue]
        kind, destination = queue
        head = await self._ledger.head()
        reference = f"flush:{kind}:{destination}:{head.height}"
        with self._store.write() as connection:
            name = nonces_of(self._ledger.id, self._signer.address)
            self._claims.tenure(NONCES).check(connection, name)
        try:
            await self._ledger.submit(Flush(kind, destination), self._signer, reference)
        except PariError as error:
            log.warning("identifiers wait", transport=kind, destination=str(destination), why=str(error))
            self._not_before[queue] = self._store.clock() + SECONDS_BETWEEN
            return False
        self._under_way[queue] = reference
        self._since.pop(queue, None)
        return True
