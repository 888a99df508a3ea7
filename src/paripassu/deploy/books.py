"""The deploy engine's side of book-entry ledgers: one configuration, set or not."""

from __future__ import annotations

from dataclasses import replace

from paripassu.config import LedgerConfig
from paripassu.deploy.desired import BookDesired
from paripassu.deploy.steps import LedgerPlan, Step
from paripassu.ledgers.book import BookConfiguration, BookLedger
from paripassu.ledgers.port import AttestorSet
from paripassu.workspace import Workspace


def book_of(config: LedgerConfig, workspace: Workspace) -> BookLedger:
    """The book of a network: its database stands in the workspace."""
    return BookLedger(workspace.ensure().book_database, config.id, config.name)


def book_plan(desired: BookDesired, known: BookConfiguration | None) -> LedgerPlan:
    """One step where the book's configuration is not the desired one."""
    if known is not None and known == adjusted(desired, known):
        return LedgerPlan(desired.name, desired.ledger)
    title = "configure the book" if known is None else "change the book's configuration"
    parts = (
        f"security {desired.configuration.isin}",
        f"peers {', '.join(desired.configuration.peers)}",
        f"attestors {desired.configuration.attestors.threshold} of "
        f"{len(desired.configuration.attestors.members)}",
    )
    step = Step(desired.name, 1, "configure", title, "deployer", parts=parts)
    return LedgerPlan(desired.name, desired.ledger, (step,))


def adjusted(desired: BookDesired, known: BookConfiguration | None) -> BookConfiguration:
    """The desired configuration with the attestor set's version: one more wherever the set changes."""
    if known is None:
        return desired.configuration
    wanted, current = desired.configuration.attestors, known.attestors
    same = wanted.threshold == current.threshold and set(wanted.members) == set(current.members)
    attestors = current if same else AttestorSet(current.version + 1, wanted.threshold, wanted.members)
    return replace(desired.configuration, attestors=attestors)
