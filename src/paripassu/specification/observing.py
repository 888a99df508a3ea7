"""Reading what a specification sheet says from the ledgers themselves (edge)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from paripassu.config import ApprovalsConfig, LedgerConfig, NetworkConfig, load_securities
from paripassu.deploy import records
from paripassu.deploy.books import book_of
from paripassu.deploy.chain import Chain, chain_of
from paripassu.deploy.desired import APPROVALS, Desired, EvmDesired, SecurityPlace
from paripassu.deploy.observe import observe, versioned
from paripassu.deploy.policies import acts
from paripassu.deploy.rights import role_name
from paripassu.deploy.spec import desired_state
from paripassu.errors import NotDeployed
from paripassu.identifiers import ROLES, Country
from paripassu.identifiers.tables import COUNTRY_NUMERIC
from paripassu.ledgers.book import BookConfiguration
from paripassu.ledgers.control import RulesInForce
from paripassu.ledgers.evm.contracts import View
from paripassu.securities import Security
from paripassu.specification.content import specification_of
from paripassu.specification.facts import ActFacts, ContractFacts, InstanceFacts, PlatformFacts
from paripassu.specification.sheet import Sheet
from paripassu.workspace import Workspace

_NOTICES = ("otherwise", "regulatory", "corporate structure", "economic terms", "technical")
Facts = tuple[InstanceFacts, PlatformFacts]


async def observed_specification(network: NetworkConfig, workspace: Workspace, security: Security) -> Sheet:
    """The sheet of a security as its ledgers are now.

    Raises:
        NotDeployed, RecordUnreadable, RecordTampered: a deployment record.
        LedgerError: a ledger that cannot be read.
    """
    desired = desired_state(network, list(load_securities(network).values()))
    facts = await asyncio.gather(*(_ledger(network, workspace, one, security) for one in desired.values()))
    return specification_of(security, [one for one, _ in facts], [one for _, one in facts])


async def facts_of(network: NetworkConfig, workspace: Workspace, security: Security, name: str) -> Facts:
    """What one ledger has; as `observed_specification`."""
    desired = desired_state(network, list(load_securities(network).values()))
    return await _ledger(network, workspace, desired[name], security)


async def _ledger(
    network: NetworkConfig, workspace: Workspace, desired: Desired, security: Security
) -> Facts:
    config = network.ledgers[desired.name]
    records.read(records.path_of(network, workspace, config))
    if not isinstance(desired, EvmDesired):
        return await _book(config, workspace, security)
    place = next(one for one in desired.securities if one.isin == security.isin)
    async with chain_of(network, workspace, desired) as chain:
        height = (await chain.blocks.final()).height
        return await _instance(chain, place, height), await _platform(chain, height, network.approvals)


# ---------------------------------------------------------------------- a chain


async def _instance(chain: Chain, place: SecurityPlace, height: int) -> InstanceFacts:
    names = (
        "name", "symbol", "isin", "lei", "securityId", "termsHash", "termsVersion", "issueLimit",
        "isHome", "getAllDocuments",
    )  # fmt: skip
    reads = [View(place.token, name) for name in names]
    number = chain.config.id.numeric
    key = bytes(place.security_id)
    reads += [
        View("InstanceRegistry", "caip19", (key, number)),
        View("InstanceRegistry", "instances", (key,)),
    ]
    found = await chain.contracts.views(reads, height)
    values: dict[str, Any] = dict(zip(names, found[: len(names)], strict=True))
    asset, instances = found[len(names) :]
    own = next(one for one in instances if one[0] == number)
    return InstanceFacts(
        ledger=chain.config.id,
        native=values["isHome"],
        asset=asset,
        dti=_ascii(own[-1]),
        name=values["name"],
        symbol=values["symbol"],
        isin=_ascii(values["isin"]),
        lei=_ascii(values["lei"]),
        security_id=_hex(values["securityId"]),
        terms_hash=_hex(values["termsHash"]),
        terms_version=values["termsVersion"],
        issue_limit=values["issueLimit"],
        rules=await _rules(chain, place.token, height),
        documents=await _documents(chain, place.token, values["getAllDocuments"], height),
    )


async def _rules(chain: Chain, token: str, height: int) -> dict[str, str]:
    """The rules as the contract answers, country by country and class by class."""
    countries = [View(token, "isCountryAllowed", (number,)) for number in COUNTRY_NUMERIC.values()]
    classes = [View(token, "isClassAllowed", (number,)) for number in range(32)]
    others = [View(token, name) for name in ("limits", "policy", "blackouts", "modules")]
    found = await chain.contracts.views([*countries, *classes, *others], height)
    allowed = {code for code, yes in zip(COUNTRY_NUMERIC, found, strict=False) if yes}
    admitted = [number for number, yes in enumerate(found[len(countries) : -len(others)]) if yes]
    (capped, limited), policy, blackouts, modules = found[-len(others) :]
    cap, lot, _, paused, limit, _ = policy
    return _rule_rows(
        allowed=allowed,
        classes=admitted,
        paused=[number for number in range(32) if paused >> number & 1],
        cap=cap if capped else None,
        limit=limit if limited else None,
        lot=max(lot, 1),
        windows=[(start, end) for start, end in blackouts],
        modules=list(modules),
    )


async def _documents(chain: Chain, token: str, names: list[bytes], height: int) -> dict[str, str]:
    found = await chain.contracts.views([View(token, "getDocument", (name,)) for name in names], height)
    return {
        _ascii(name): f"{uri}, hash {_hex(content)}, {_moment(changed)}"
        for name, (uri, content, changed) in zip(names, found, strict=True)
    }


async def _platform(chain: Chain, height: int, approvals: ApprovalsConfig) -> PlatformFacts:
    observed = await observe(chain)
    tagged = set(versioned(chain.desired))
    names = [one.name for one in chain.desired.creations if one.name in tagged]
    answers = ("codeHash", "mainInterface")
    reads = [View(name, answer) for name in names for answer in answers]
    found = await chain.contracts.views(reads, height)
    places = chain.desired.addresses
    contracts = {
        name: ContractFacts(
            places[name], observed.versions[name], _hex(found[2 * at]), _hex(found[2 * at + 1])
        )
        for at, name in enumerate(names)
    }
    listed = acts(approvals)
    policies = await chain.contracts.views(
        [View(APPROVALS, "policyOf", (selector,)) for _, selector in listed], height
    )
    return PlatformFacts(
        ledger=chain.config.id,
        name=chain.config.name,
        contracts=contracts,
        roles={role_name(role): tuple(sorted(held)) for role, held in sorted(observed.members.items())},
        acts={act: _act(policy) for (act, _), policy in zip(listed, policies, strict=True)},
    )


def _act(policy: tuple[int, ...]) -> ActFacts:
    threshold, proposers, approvers, *notices = policy
    return ActFacts(
        threshold, _roles(proposers), _roles(approvers), dict(zip(_NOTICES, notices, strict=True))
    )


def _roles(bits: int) -> tuple[str, ...]:
    return tuple(name for name, number in ROLES.items() if bits >> number & 1)


# ---------------------------------------------------------------------- book entry


async def _book(config: LedgerConfig, workspace: Workspace, security: Security) -> Facts:
    book = book_of(config, workspace, security.isin)
    await book.open()
    try:
        known = book.configuration()
        if known is None or security.isin not in [one.isin for one in known.securities]:
            raise NotDeployed(f"The book-entry ledger {config.name} is not set up for {security.isin}.")
        in_force = await book.controls.rules()
    finally:
        await book.close()
    known = known.of(security.isin)
    return _book_instance(config, known, in_force, security), PlatformFacts(
        ledger=config.id, name=config.name, roles=dict(known.roles)
    )


def _book_instance(
    config: LedgerConfig, known: BookConfiguration, in_force: RulesInForce, security: Security
) -> InstanceFacts:
    return InstanceFacts(
        ledger=config.id,
        native=known.home,
        asset=f"{config.id}/isin:{known.security.isin}",
        dti="",
        name=security.name,
        symbol=security.symbol,
        isin=str(known.security.isin),
        lei=str(security.lei),
        security_id=known.security.security_id.text,
        terms_hash=security.terms_hash.text,
        terms_version=1,
        issue_limit=int(known.security.issue_limit),
        rules=_book_rules(in_force),
        documents={},
    )


def _book_rules(in_force: RulesInForce) -> dict[str, str]:
    """As they were last changed, whatever the book was set up with."""
    rules = in_force.rules
    return _rule_rows(
        allowed={
            code for code in COUNTRY_NUMERIC if (Country(code) in rules.countries) is not rules.deny_list
        },
        classes=sorted(rules.classes),
        paused=sorted(in_force.standing.paused_classes),
        cap=None if rules.holding_cap is None else int(rules.holding_cap),
        limit=rules.holder_limit,
        lot=int(rules.minimum_lot),
        windows=[(window.start, window.end) for window in rules.blackout],
        modules=[],
    )


# ---------------------------------------------------------------------- shown alike for every ledger


def _rule_rows(
    *,
    allowed: set[str],
    classes: list[int],
    paused: list[int],
    cap: int | None,
    limit: int | None,
    lot: int,
    windows: list[tuple[int, int]],
    modules: list[str],
) -> dict[str, str]:
    barred = set(COUNTRY_NUMERIC) - allowed
    countries = (
        ", ".join(sorted(allowed))
        if len(allowed) <= len(barred)
        else f"all but {', '.join(sorted(barred)) or 'none'}"
    )
    return {
        "countries that may receive": countries,
        "investor classes that may receive": ", ".join(map(str, classes)),
        "investor classes that are paused": ", ".join(map(str, paused)),
        "share of the holding cap": "no cap" if cap is None else str(cap),
        "share of the holder limit": "no limit" if limit is None else str(limit),
        "minimum lot": str(lot),
        "blackout windows": "; ".join(f"{_moment(start)} to {_moment(end)}" for start, end in windows),
        "rule contracts": ", ".join(modules),
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ascii(value: bytes) -> str:
    return value.rstrip(b"\0").decode("ascii", "backslashreplace")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
