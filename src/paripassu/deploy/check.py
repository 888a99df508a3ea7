"""`check`: does everything still stand as the network file and the deployment records say?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from paripassu import artefacts
from paripassu.config import LedgerConfig, NetworkConfig, load_securities
from paripassu.deploy import records
from paripassu.deploy.attestors import same_set
from paripassu.deploy.books import adjusted, book_of
from paripassu.deploy.chain import chain_of
from paripassu.deploy.desired import BookDesired, Creation, Desired, EvmDesired
from paripassu.deploy.observe import EvmObserved, observe, versioned
from paripassu.deploy.rights import role_name
from paripassu.deploy.spec import desired_state
from paripassu.errors import CodeDrift, DeploymentDrift, DeploymentError
from paripassu.identifiers import version_text
from paripassu.ledgers.book.configuration import to_json
from paripassu.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `kind` is code, role, set-up, version or record."""

    ledger: str
    kind: str
    title: str
    expected: str
    found: str

    @property
    def code(self) -> str:
        return CodeDrift.code if self.kind == "code" else DeploymentDrift.code

    def as_json(self) -> dict[str, str]:
        return {
            "code": self.code,
            "ledger": self.ledger,
            "kind": self.kind,
            "title": self.title,
            "expected": self.expected,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was compared on how many ledgers, and every difference found."""

    environment: str
    ledgers: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "paripassu.check/1",
            "environment": self.environment,
            "ok": self.ok,
            "ledgers": list(self.ledgers),
            "findings": [finding.as_json() for finding in self.findings],
        }

    def raise_for_drift(self) -> None:
        """Raise CodeDrift or DeploymentDrift where anything differs; the first difference is named."""
        if self.ok:
            return
        first = next((one for one in self.findings if one.kind == "code"), self.findings[0])
        kind: type[DeploymentError] = CodeDrift if first.kind == "code" else DeploymentDrift
        raise kind(
            f"{len(self.findings)} differences; first on {first.ledger}: {first.title} "
            f"is {first.found}, expected {first.expected}."
        )


async def check(network: NetworkConfig, workspace: Workspace) -> CheckReport:
    """Compare every ledger with the network file and with its record.

    Raises:
        NotDeployed, RecordUnreadable, RecordTampered: a deployment record.
        LedgerError: a ledger that cannot be read.
    """
    desired = desired_state(network, list(load_securities(network).values()))
    found = await asyncio.gather(*(_check_one(network, workspace, one) for one in desired.values()))
    findings = tuple(finding for ledger in found for finding in ledger)
    return CheckReport(network.environment, tuple(desired), findings)


async def _check_one(network: NetworkConfig, workspace: Workspace, desired: Desired) -> list[Finding]:
    config = network.ledgers[desired.name]
    record = records.read(records.path_of(network, workspace, config))
    if isinstance(desired, BookDesired):
        return await _check_book(config, workspace, desired)
    async with chain_of(network, workspace, desired) as chain:
        observed = await observe(chain)
    checks = (_code, _record_of(record), _members, _settings, _versions)
    found = [finding for part in checks for finding in part(desired, observed)]
    return [*found, *_administrator(network, desired)]


def _administrator(network: NetworkConfig, desired: EvmDesired) -> list[Finding]:
    """Outside of local networks one key alone must not name the quorum, whatever the file says (CTL-12)."""
    if network.is_local or network.approvals.quorum_names_roles:
        return []
    title = "who says who holds a role (approvals.administrator)"
    return [Finding(desired.name, "role", title, "the Approvals contract", f"{desired.deployer} alone")]


async def _check_book(config: LedgerConfig, workspace: Workspace, desired: BookDesired) -> list[Finding]:
    book = book_of(config, workspace)
    await book.open()
    try:
        known = book.configuration()
    finally:
        await book.close()
    wanted = to_json(adjusted(desired, known))
    found = "none" if known is None else to_json(known)
    findings = []
    if found != wanted:
        findings.append(Finding(desired.name, "set-up", "the book's configuration", wanted, found))
    if known is not None and not same_set(known.attestors, desired.configuration.attestors):
        title, told = "attestors", str(known.attestors)
        findings.append(Finding(desired.name, "set-up", title, str(desired.configuration.attestors), told))
    return findings


def _code(desired: EvmDesired, observed: EvmObserved) -> Iterator[Finding]:
    for creation in desired.creations:
        found = observed.code_hash(creation.address)
        if found != creation.code_hash:
            yield from _other_code(desired, observed, creation)
        current = observed.implementations.get(creation.name, "")
        if current and current != creation.implementation.lower():
            yield Finding(
                desired.name, "code", f"the code behind {creation.name}", creation.implementation, current
            )


def _other_code(desired: EvmDesired, observed: EvmObserved, creation: Creation) -> Iterator[Finding]:
    """Where only immutables differ, each of them; else the hashes."""
    artefact = artefacts.load(creation.artefact)
    values = artefact.values_in(observed.codes[creation.address])
    place = f"{creation.name} at {creation.address}"
    if not values:
        found = str(observed.code_hash(creation.address) or "none")
        yield Finding(desired.name, "code", f"the code of {place}", creation.code_hash.text, found)
        return
    for name, value in values.items():
        expected = creation.immutables[name].rjust(len(value), b"\0")
        if value != expected:
            yield Finding(desired.name, "code", f"{name} in the code of {place}", _hex(expected), _hex(value))


def _record_of(record: records.Record) -> Any:
    def compared(desired: EvmDesired, observed: EvmObserved) -> Iterator[Finding]:
        pairs: list[tuple[str, str, str]] = [
            ("the chain's genesis", observed.genesis, str(record["genesis"])),
            ("the deployer", desired.deployer, str(record["deployer"])),
        ]
        for creation in desired.creations:
            entry = record["contracts"].get(creation.name, {})
            pairs.append(
                (f"the address of {creation.name}", creation.address, str(entry.get("address", "none")))
            )
        for title, expected, found in pairs:
            if expected != found:
                yield Finding(desired.name, "record", title, expected, found)

    return compared


def _members(desired: EvmDesired, observed: EvmObserved) -> Iterator[Finding]:
    for role in sorted({*desired.members, *observed.members}):
        expected = desired.members.get(role, frozenset())
        found = observed.members.get(role, frozenset())
        if expected != found:
            title = f"the holders of {role_name(role)}"
            yield Finding(desired.name, "role", title, _listed(sorted(expected)), _listed(sorted(found)))


def _settings(desired: EvmDesired, observed: EvmObserved) -> Iterator[Finding]:
    for setting, found in zip(desired.settings, observed.settings, strict=True):
        if setting.calls(found, observed.running):
            yield Finding(desired.name, "set-up", setting.title, "as the network file says", str(found))


def _versions(desired: EvmDesired, observed: EvmObserved) -> Iterator[Finding]:
    for name in versioned(desired):
        expected = artefacts.load(name.partition("/")[0]).version
        found = observed.versions.get(name)
        if expected is not None and found != expected:
            shown = "none" if found is None else version_text(found)
            title = f"the version tag of {name}"
            yield Finding(desired.name, "version", title, version_text(expected), shown)


def _hex(value: bytes) -> str:
    """A word's value, without the zeros on the left of an address."""
    return "0x" + (value[12:] if len(value) == 32 and not any(value[:12]) else value).hex()


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) or "nobody"
