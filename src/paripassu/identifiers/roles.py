"""The closed list of lifecycle roles (requirement ID-7): the same ids on every ledger."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from paripassu.errors import UnknownRole

_NAMES = (
    "issuer",
    "issuer_agent",
    "paying_agent",
    "registrar",
    "transfer_agent",
    "csd",
    "custodian",
    "regulator",
    "tokenizer",
    "bridge_operator",
    "attestor",
    "freezer",
    "pauser",
    "unpauser",
    "upgrader",
    "cash_issuer",
    "guarantor",
    "rule_manager",
)

ROLES: Final = MappingProxyType({name: number for number, name in enumerate(_NAMES, start=1)})
"""Role name → AccessManager role id. The numbers are part of the contracts: only ever append."""


def role_id(name: str) -> int:
    """AccessManager id of a role. Raises UnknownRole."""
    try:
        return ROLES[name]
    except KeyError:
        raise UnknownRole(f"'{name}' is no role; the roles are {', '.join(_NAMES)}.") from None
