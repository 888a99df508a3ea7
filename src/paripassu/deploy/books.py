"""The deploy engine's side of book-entry ledgers: one configuration, set or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.acts import AFTER
from paripassu.deploy.attestors import rotation_command, same_set, wanted_set
from paripassu.deploy.desired import BookDesired
from paripassu.deploy.rights import APPROVED
from paripassu.deploy.settings import APPS
from paripassu.deploy.steps import LedgerPlan, Step
from paripassu.identifiers import InteropAddress
from paripassu.ledgers.book import BookConfiguration, BookLedger, BookPeer, BookSecurity
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.signers import signer_from_spec
from paripassu.rules import share
from paripassu.securities import Security
from paripassu.workspace import Workspace


def book_desired(
    network: NetworkConfig, securities: Sequence[Security], ledger: LedgerConfig, apps: Mapping[str, str]
) -> BookDesired:
    """The desired state of a book, which keeps every security of the network.

    Args:
        apps: addresses of the gateway's applications, equal on every chain.
    """
    peers = {
        other.id: BookPeer(
            {purpose: InteropAddress(other.id, apps[app]).encode() for purpose, app in APPS.items()}
        )
        for other in network.ledgers.values()
        if other.id.is_evm
    }
    roles = {
        role: tuple(signer_from_spec(spec, network.environment).name for spec in specs)
        for role, specs in network.roles.items()
    }
    home = ledger.name == network.home
    configuration = BookConfiguration(
        ledger=ledger.id,
        home=home,
        securities=tuple(
            BookSecurity(
                isin=security.isin,
                security_id=security.security_id,
                issue_limit=security.issue_size,
                rules=share(security.rules, len(network.ledgers), home=home),
                currency=security.currency,
                cfi=security.cfi,
            )
            for security in securities
        ),
        attestors=wanted_set(network),
        peers=peers,
        roles=roles,
        correction_threshold=network.approvals.correction_threshold,
        rotation_threshold=network.approvals.threshold,
        rotation_notice=network.approvals.notice["roles"],
    )
    return BookDesired(ledger.name, ledger.id, configuration)


def book_of(
    config: LedgerConfig, workspace: Workspace, isin: str = "", decisions: DecisionLog | None = None
) -> BookLedger:
    """The book of a network: its database stands in the workspace."""
    database = workspace.ensure().book_database
    return BookLedger(database, config.id, config.name, isin=isin, decisions=decisions)


def book_plan(desired: BookDesired, known: BookConfiguration | None) -> LedgerPlan:
    """One step where the book's configuration is not the desired one, and one that is only pointed out where
    its attestors are others."""
    steps = []
    if known is None or known != adjusted(desired, known):
        title = "configure the book" if known is None else "change the book's configuration"
        parts = (
            f"securities {', '.join(one.isin for one in desired.configuration.securities)}",
            f"peers {', '.join(desired.configuration.peers)}",
            f"attestors {desired.configuration.attestors.threshold} of "
            f"{len(desired.configuration.attestors.members)}",
        )
        steps.append(Step(desired.name, 1, "configure", title, "deployer", parts=parts))
    if known is not None and not same_set(known.attestors, desired.configuration.attestors):
        waits = rotation_command(desired.name)
        title = f"attestors: {desired.configuration.attestors.threshold} of the network file's"
        title += " (the ledger has other ones)"
        steps.append(Step(desired.name, AFTER, "agree/attestors", title, APPROVED, waits=waits))
    return LedgerPlan(desired.name, desired.ledger, tuple(steps))


def adjusted(desired: BookDesired, known: BookConfiguration | None) -> BookConfiguration:
    """The desired configuration with what only the book knows: the attestor set in force, which an act alone
    changes, and under what each security is posted."""
    if known is None:
        return desired.configuration
    posted = {one.isin: one.asset for one in known.securities}
    securities = tuple(
        replace(one, asset=posted.get(one.isin, one.asset)) for one in desired.configuration.securities
    )
    return replace(desired.configuration, attestors=known.attestors, securities=securities)
