"""Kinds of movement, and which rule applies to which: the denial matrix (CTL-1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from paripassu.rules.restrictions import Restriction


class Kind(IntEnum):
    """What a movement is, whatever function or command brings it about; equal to the contract's."""

    TRANSFER = 0
    ISSUE = 1
    REDEEM = 2
    BRIDGE_OUT = 3
    BRIDGE_IN = 4
    FORCED = 5
    PLEDGE = 6
    PAYOUT = 7

    @property
    def takes(self) -> bool:
        """Units of the source are moved or encumbered."""
        return self in _TAKES

    @property
    def gives(self) -> bool:
        """The target has a part in it: it receives, or is the pledgee."""
        return self in _GIVES


def _kinds(digits: str) -> frozenset[Kind]:
    return frozenset(Kind(int(digit)) for digit in digits)


_TAKES = _kinds("02356")
_GIVES = _kinds("014567")

APPLIES: Final[Mapping[Restriction, frozenset[Kind]]] = MappingProxyType(
    {
        Restriction.TOKEN_PAUSED: _kinds("012346"),
        Restriction.SENDER_UNKNOWN: _kinds("0236"),
        Restriction.SENDER_INACTIVE: _kinds("0236"),
        Restriction.SENDER_FROZEN: _kinds("0236"),
        Restriction.RECIPIENT_UNKNOWN: _kinds("014567"),
        Restriction.RECIPIENT_INACTIVE: _kinds("014567"),
        Restriction.RECIPIENT_FROZEN: _kinds("0167"),
        Restriction.RECIPIENT_COUNTRY: _kinds("01456"),
        Restriction.RECIPIENT_CLASS: _kinds("01456"),
        Restriction.INSUFFICIENT_BALANCE: _kinds("02356"),
        Restriction.UNITS_BLOCKED: _kinds("0236"),
        Restriction.UNITS_LOCKED: _kinds("0236"),
        Restriction.SENDER_SANCTIONED: _kinds("0236"),
        Restriction.RECIPIENT_SANCTIONED: _kinds("01567"),
        Restriction.HOLDING_CAP: _kinds("014"),
        Restriction.HOLDER_COUNT: _kinds("014"),
        Restriction.MINIMUM_LOT: _kinds("03"),
        Restriction.BLACKOUT: _kinds("036"),
        Restriction.INVENTORY_PAUSED: _kinds("012346"),
        Restriction.MODULE_REFUSED: _kinds("012346"),
        Restriction.MODULE_UNAVAILABLE: _kinds("012346"),
    }
)
"""Kinds that each rule applies to. A redemption is refused with TOKEN_PAUSED under an emergency stop
alone. To a forced movement the law applies: eligibility of the recipient, and that the units are there.
Units that arrive from another ledger land with a frozen or sanctioned holder, and do not move on (CTL-8)."""
