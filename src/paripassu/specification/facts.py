"""What is observed of a deployed security, ledger by ledger (pure values)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paripassu.identifiers import LedgerId


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """One contract: address, packed version tag, hash of the code that runs, main interface id."""

    address: str
    version: int
    code_hash: str
    interface: str


@dataclass(frozen=True, slots=True)
class ActFacts:
    """An act that needs approvals: how many roles, which, and the notice in seconds by change class."""

    threshold: int
    proposers: tuple[str, ...]
    approvers: tuple[str, ...]
    notices: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What all securities of a ledger share."""

    ledger: LedgerId
    name: str
    contracts: Mapping[str, ContractFacts] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    acts: Mapping[str, ActFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """One instance of the security.

    `rules` and `documents` are shown as they are: name -> text. `terms_hash` is of the terms
    in force, `security_id` of the first ones.
    """

    ledger: LedgerId
    native: bool
    asset: str
    dti: str
    name: str
    symbol: str
    isin: str
    lei: str
    security_id: str
    terms_hash: str
    terms_version: int
    issue_limit: int
    rules: Mapping[str, str]
    documents: Mapping[str, str]
