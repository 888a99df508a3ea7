"""Which role may call which restricted function (pure data), equal to the contracts' NatSpec."""

from __future__ import annotations

from paripassu.identifiers import role_id
from paripassu.ledgers.evm.contracts import codec

ADMIN = 0
"""AccessManager's own role: may change roles, and nothing else of ours."""

FUNCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "HolderRegistry": {"registrar": ("onboard", "setStatus")},
    "InstanceRegistry": {"tokenizer": ("registerSecurity", "registerInstance", "revokeInstance")},
    "CustodyRegistry": {},
    "AttestorSet": {"bridge_operator": ("rotate",)},
    "Gateway": {"bridge_operator": ("setApp", "setPeer")},
    "TokenBridge": {"bridge_operator": ("setToken", "setPeerApp")},
    "CorporateActions": {
        "issuer_agent": ("setToken", "setCash", "announce"),
        "bridge_operator": ("setPeerApp",),
        "paying_agent": ("publishEntitlements", "pay"),
    },
    "SecurityToken": {
        "transfer_agent": ("issue", "redeem"),
        "freezer": ("freeze",),
        "pauser": ("pause",),
        "unpauser": ("unpause",),
    },
    "CashToken": {"cash_issuer": ("mint",)},
}


def function_roles(contract: str) -> dict[bytes, int]:
    """Role id by selector for every restricted function of a contract."""
    abi = codec(contract)
    rights = {**FUNCTIONS[contract], "upgrader": ("upgradeToAndCall",)}
    return {
        abi.selector(function): role_id(role) for role, functions in rights.items() for function in functions
    }
