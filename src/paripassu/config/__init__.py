"""Configuration files (TOML): network, security, event, custodian's breakdown."""

from __future__ import annotations

from paripassu.config.breakdown import holder_salt, load_breakdown
from paripassu.config.event import EventFile, end_of_day, event_isin, load_event
from paripassu.config.network import load_network
from paripassu.config.security import load_securities, load_security, security_of
from paripassu.config.types import (
    CHANGE_CLASSES,
    COMPATIBILITY_LEVELS,
    ApprovalsConfig,
    AttestorMember,
    AttestorsConfig,
    Blocks,
    CashConfig,
    Compatibility,
    DevnetNode,
    LedgerConfig,
    NetworkConfig,
    TransportConfig,
)

__all__ = [
    "CHANGE_CLASSES",
    "COMPATIBILITY_LEVELS",
    "ApprovalsConfig",
    "AttestorMember",
    "AttestorsConfig",
    "Blocks",
    "CashConfig",
    "Compatibility",
    "DevnetNode",
    "EventFile",
    "LedgerConfig",
    "NetworkConfig",
    "TransportConfig",
    "end_of_day",
    "event_isin",
    "holder_salt",
    "load_breakdown",
    "load_event",
    "load_network",
    "load_securities",
    "load_security",
    "security_of",
]
