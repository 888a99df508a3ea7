"""Asset records taken from a ledger, and brought to another one (edge)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paripassu.canonical import Json
from paripassu.commands import Announce, PublishEntitlements
from paripassu.config import NetworkConfig
from paripassu.errors import SpecificationDrift
from paripassu.identifiers import ROLES, Isin, Lei
from paripassu.jobs.session import Session
from paripassu.ledgers.port import KnownEvent
from paripassu.ledgers.signers import signer_from_spec
from paripassu.quantities import Units
from paripassu.securities import Security
from paripassu.specification.asset import AssetRecord
from paripassu.specification.observing import facts_of


async def exported(session: Session, ledger: str) -> AssetRecord:
    """The record of the network's first security as one of its ledgers has it.

    Raises:
        SpecificationDrift: the ledger's terms are not those of the security file, so that the record
            would not say what they are.
    """
    security = session.security
    instance, platform = await facts_of(session.network, session.workspace, security, ledger)
    if instance.terms_hash != security.terms_hash.text or instance.security_id != security.security_id.text:
        raise SpecificationDrift(
            f"The terms on {ledger} hash to {instance.terms_hash}, those of the security file to "
            f"{security.terms_hash}."
        )
    return AssetRecord(
        isin=Isin(instance.isin),
        lei=Lei(instance.lei),
        cfi=security.cfi,
        fisn=security.fisn,
        name=instance.name,
        symbol=instance.symbol,
        issue_limit=Units(instance.issue_limit),
        terms=security.terms,
        terms_version=instance.terms_version,
        market=market_of(security),
        roles=_by_address(session.network, platform.roles),
        events=await session.ledger(ledger).events(),
    )


def market_of(security: Security) -> dict[str, Json]:
    """The market as the security file has it."""
    return {
        "name": security.market,
        "mic": security.mic,
        "holidays": [day.isoformat() for day in sorted(security.holidays)],
    }


def _by_address(network: NetworkConfig, roles: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Holders of roles by address: book entry knows its signers by name."""
    signers = [
        signer_from_spec(spec, network.environment) for specs in network.roles.values() for spec in specs
    ]
    addresses = {signer.name: signer.address for signer in signers}
    return {
        role: tuple(sorted(addresses.get(one, one) for one in members))
        for role, members in roles.items()
        if role in ROLES
    }


async def register(session: Session, events: Sequence[KnownEvent]) -> int:
    """Announce on the home ledger what it does not know of an event history, as it became official
    elsewhere, and publish the entitlements; from there it goes to every ledger. Returns how many events
    were new.

    Raises:
        EventConflict: another record, or other entitlements, stand under an official id.
    """
    home, new = session.home, 0
    for known in events:
        record = known.record
        before = await home.event(record.official_event_id)
        new += before is None
        await home.execute(
            Announce(record),
            session.role("issuer_agent"),
            f"announce/{record.official_event_id}/{record.record_hash}",
        )
        root, total = known.entitlement_root, known.entitlement_total
        if root is not None and total is not None:
            publish = PublishEntitlements(record.official_event_id, root, total, known.entitlement_lines or 0)
            reference = f"entitlements/{record.official_event_id}/{root}"
            await home.execute(publish, session.role("paying_agent"), reference)
    return new
