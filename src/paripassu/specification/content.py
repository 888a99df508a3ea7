"""What a specification sheet says, from the security's file and the observed facts (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from paripassu.canonical import Json, canonical_json
from paripassu.identifiers import version_text
from paripassu.securities import Security
from paripassu.specification.facts import ActFacts, InstanceFacts, PlatformFacts
from paripassu.specification.sheet import Section, Sheet


def specification_of(
    security: Security, instances: Sequence[InstanceFacts], platforms: Sequence[PlatformFacts]
) -> Sheet:
    """The sheet of a security: what its file says, and what every ledger has."""
    return Sheet(
        title=f"Specification of {security.isin}, {security.name}",
        sections=(
            _identity(security),
            _instances(instances),
            _terms(security),
            _rules(instances),
            _documents(instances),
            _roles(platforms),
            _acts(platforms),
            *_contracts(platforms),
        ),
    )


def _identity(security: Security) -> Section:
    rows = (
        ("ISIN", str(security.isin)),
        ("LEI of the issuer", str(security.lei)),
        ("CFI", str(security.cfi)),
        ("FISN", str(security.fisn)),
        ("name", security.name),
        ("symbol", security.symbol),
        ("security id", security.security_id.text),
        ("hash of the terms", security.terms_hash.text),
        ("issue size", str(int(security.issue_size))),
        ("currency", str(security.currency)),
        ("market", f"{security.market}, {security.market_time_zone}, T+{security.settlement_cycle}"),
    )
    return Section("Identity", ("identifier", "value"), rows)


_INSTANCE_COLUMNS: tuple[tuple[str, Callable[[InstanceFacts], str]], ...] = (
    ("form", lambda one: "native" if one.native else "digital twin"),
    ("asset (CAIP-19)", lambda one: one.asset),
    ("DTI", lambda one: one.dti),
    ("name", lambda one: one.name),
    ("symbol", lambda one: one.symbol),
    ("ISIN", lambda one: one.isin),
    ("LEI", lambda one: one.lei),
    ("security id", lambda one: one.security_id),
    ("terms in force", lambda one: one.terms_hash),
    ("terms version", lambda one: str(one.terms_version)),
    ("issue limit", lambda one: str(one.issue_limit)),
)


def _instances(instances: Sequence[InstanceFacts]) -> Section:
    """One column a ledger, so that what must be equal stands side by side."""
    columns = ("what", *(str(one.ledger) for one in instances))
    rows = tuple((title, *(read(one) for one in instances)) for title, read in _INSTANCE_COLUMNS)
    return Section("Instances", columns, rows)


def _terms(security: Security) -> Section:
    return Section("Terms", ("term", "value"), tuple(_flat("", security.terms)))


def _flat(prefix: str, value: Json) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in sorted(value.items()):
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    else:
        yield prefix, value if isinstance(value, str) else canonical_json(value).decode("utf-8")


def _rules(instances: Sequence[InstanceFacts]) -> Section:
    return _side_by_side("Rules", "rule", instances, lambda one: one.rules)


def _documents(instances: Sequence[InstanceFacts]) -> Section:
    return _side_by_side("Documents", "document", instances, lambda one: one.documents)


def _roles(platforms: Sequence[PlatformFacts]) -> Section:
    shown = [{role: ", ".join(held) for role, held in one.roles.items()} for one in platforms]
    return _table("Roles", "role", [str(one.ledger) for one in platforms], shown)


def _acts(platforms: Sequence[PlatformFacts]) -> Section:
    shown = [{act: _act(facts) for act, facts in one.acts.items()} for one in platforms]
    return _table("Acts that need approvals", "act", [str(one.ledger) for one in platforms], shown)


def _act(facts: ActFacts) -> str:
    notices = ", ".join(f"{kind} {seconds} s" for kind, seconds in facts.notices.items())
    return (
        f"{facts.threshold} of {', '.join(facts.approvers)}; "
        f"proposed by {', '.join(facts.proposers)}; notice {notices}"
    )


def _contracts(platforms: Sequence[PlatformFacts]) -> Iterable[Section]:
    columns = ("contract", "address", "version", "code hash", "interface")
    for one in platforms:
        rows = tuple(
            (name, facts.address, version_text(facts.version), facts.code_hash, facts.interface)
            for name, facts in sorted(one.contracts.items())
        )
        if rows:
            yield Section(f"Contracts on {one.ledger}", columns, rows)


def _side_by_side(
    title: str,
    column: str,
    instances: Sequence[InstanceFacts],
    read: Callable[[InstanceFacts], Mapping[str, str]],
) -> Section:
    shown = [dict(read(one)) for one in instances]
    return _table(title, column, [str(one.ledger) for one in instances], shown)


def _table(title: str, column: str, ledgers: Sequence[str], values: Sequence[dict[str, str]]) -> Section:
    names = dict.fromkeys(name for one in values for name in one)
    rows = tuple((name, *(one.get(name, "") for one in values)) for name in names)
    return Section(title, (column, *ledgers), rows)
