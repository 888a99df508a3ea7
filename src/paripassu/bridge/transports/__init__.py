"""What vouches for the messages of a lane (MOV-11): the attestors, or a transport over another network.

Which of them is each destination's own say, read from its gateway. Everything else (order, once, expiry,
parking, refusal, refund, versions) is the gateway's, so messages come to the same end by either.
"""

from __future__ import annotations

from paripassu.bridge.transports.attested import AttestedTransport
from paripassu.bridge.transports.carried import CarriedTransport
from paripassu.bridge.transports.port import Evidence, Transport
from paripassu.ledgers.port import Ledger
from paripassu.messages import Lane
from paripassu.store import Store

__all__ = ["AttestedTransport", "CarriedTransport", "Evidence", "Transport", "Transports"]


class Transports:
    """The transports of the lanes that end at one ledger, as its gateway names them.

    A lane's is read once, and anew after an attempt that failed: it changes by an approved act, and only in
    lanes that are stopped or new, and a batch with the wrong proof does nothing.
    """

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._ledger = ledger
        self._attested = AttestedTransport(store)
        self._known: dict[Lane, Transport] = {}

    async def of(self, lane: Lane) -> Transport:
        """What vouches for the messages of a lane. Raises LedgerError."""
        if lane not in self._known:
            kind = await self._ledger.carrier(lane.source, lane.purpose)
            self._known[lane] = CarriedTransport(self._ledger, kind) if kind else self._attested
        return self._known[lane]

    def forget(self, lane: Lane) -> None:
        """Read it anew next time."""
        self._known.pop(lane, None)
