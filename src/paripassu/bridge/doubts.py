"""What an attestor holds against a ledger's endpoints, kept so that watchers see it.

Kept in the audit log when a doubt begins and when it ends, under `attestor@ledger`; one that comes and goes
is written once a minute at most, so that a node that lies at random fills no disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from paripassu.identifiers import LedgerId
from paripassu.store import Store
from paripassu.store import audit as audit_log
from paripassu.store.schema import audit

log = structlog.get_logger("paripassu.bridge.attestor")

BEGAN, ENDED = "endpoints.disagree", "endpoints.agree"
_SECONDS_BETWEEN = 60.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing on which endpoints disagree: whose they are, of which ledger, what, in a sentence, since when
    in seconds since the epoch."""

    attestor: str
    ledger: LedgerId
    fact: str
    sentence: str
    since: float


class Doubts:
    """One attestor's doubts; takes over those that a process before it left."""

    def __init__(self, store: Store, attestor: str, ledgers: Iterable[LedgerId]) -> None:
        self._store = store
        self._attestor = attestor
        self._open = {(one.ledger, one.fact) for one in doubts(store, [attestor], ledgers)}
        self._written: dict[tuple[LedgerId, str], float] = {}

    def tell(self, ledger: LedgerId, fact: str, sentence: str) -> None:
        """Hear what a comparison of one kind of fact came to; empty where the endpoints agreed."""
        key, now = (ledger, fact), self._store.clock()
        if bool(sentence) == (key in self._open):
            return
        if sentence:
            if now - self._written.get(key, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
                return
            self._open.add(key)
            self._written[key] = now
            log.error("endpoints disagree", attestor=self._attestor, ledger=ledger, why=sentence)
        else:
            self._open.discard(key)
            log.warning("endpoints agree again", attestor=self._attestor, ledger=ledger, fact=fact)
        with self._store.write() as connection:
            facts = {"fact": fact, "sentence": sentence}
            audit_log.append(
                connection, now, BEGAN if sentence else ENDED, _subject(self._attestor, ledger), facts
            )


def doubts(store: Store, attestors: Iterable[str], ledgers: Iterable[LedgerId]) -> tuple[Doubt, ...]:
    """Doubts that have not ended, by attestor, ledger and fact."""
    known, found = tuple(ledgers), list[Doubt]()
    with store.read() as connection:
        for attestor in attestors:
            for ledger in known:
                query = select(audit.c.at, audit.c.kind, audit.c.detail).where(
                    audit.c.subject == _subject(attestor, ledger), audit.c.kind.in_((BEGAN, ENDED))
                )
                newest: dict[str, Doubt] = {}
                for row in connection.execute(query.order_by(audit.c.seq)):
                    detail = json.loads(row.detail)
                    if row.kind == ENDED:
                        newest.pop(detail["fact"], None)
                    else:
                        doubt = Doubt(attestor, ledger, detail["fact"], detail["sentence"], row.at)
                        newest[doubt.fact] = doubt
                found += newest.values()
    return tuple(found)


def _subject(attestor: str, ledger: LedgerId) -> str:
    return f"{attestor}@{ledger}"
