"""Restriction codes, their sentences, and the error of a refused movement."""

from __future__ import annotations

from enum import IntEnum

from paripassu.errors import RuleError


class Restriction(IntEnum):
    """Why a movement is refused: ERC-1404 codes, equal to the contract's.

    Their order is their precedence: where several rules refuse, the lowest code is the verdict.
    """

    NONE = 0
    TOKEN_PAUSED = 1
    SENDER_UNKNOWN = 2
    SENDER_INACTIVE = 3
    SENDER_FROZEN = 4
    RECIPIENT_UNKNOWN = 5
    RECIPIENT_INACTIVE = 6
    RECIPIENT_FROZEN = 7
    RECIPIENT_COUNTRY = 8
    RECIPIENT_CLASS = 9
    INSUFFICIENT_BALANCE = 10
    UNITS_BLOCKED = 11
    UNITS_LOCKED = 12
    SENDER_SANCTIONED = 13
    RECIPIENT_SANCTIONED = 14
    HOLDING_CAP = 15
    HOLDER_COUNT = 16
    MINIMUM_LOT = 17
    BLACKOUT = 18
    INVENTORY_PAUSED = 19
    MODULE_REFUSED = 20
    MODULE_UNAVAILABLE = 21

    @property
    def sentence(self) -> str:
        """The message that `messageForTransferRestriction` gives on chains."""
        return _SENTENCES[self]


_SENTENCES = {
    Restriction.NONE: "The movement is allowed.",
    Restriction.TOKEN_PAUSED: "The security is paused.",
    Restriction.SENDER_UNKNOWN: "The delivering account is not registered.",
    Restriction.SENDER_INACTIVE: "The delivering account is suspended or its registration has expired.",
    Restriction.SENDER_FROZEN: "The delivering account is frozen.",
    Restriction.RECIPIENT_UNKNOWN: "The receiving account is not registered.",
    Restriction.RECIPIENT_INACTIVE: "The receiving account is suspended or its registration has expired.",
    Restriction.RECIPIENT_FROZEN: "The receiving account is frozen.",
    Restriction.RECIPIENT_COUNTRY: "The receiving account's country is not allowed for this security.",
    Restriction.RECIPIENT_CLASS: "The receiving account's investor class is not allowed for this security.",
    Restriction.INSUFFICIENT_BALANCE: "The delivering account has too few available units.",
    Restriction.UNITS_BLOCKED: "The units are blocked or pledged.",
    Restriction.UNITS_LOCKED: "The units are locked up.",
    Restriction.SENDER_SANCTIONED: "The delivering account's holder is sanctioned.",
    Restriction.RECIPIENT_SANCTIONED: "The receiving account's holder is sanctioned.",
    Restriction.HOLDING_CAP: "The receiving account would hold more than its cap.",
    Restriction.HOLDER_COUNT: "The security would have more holders than it may have.",
    Restriction.MINIMUM_LOT: "The movement is below the minimum lot.",
    Restriction.BLACKOUT: "The security is in a blackout window.",
    Restriction.INVENTORY_PAUSED: "The inventory of this investor class is paused.",
    Restriction.MODULE_REFUSED: "A rule contract refuses the movement.",
    Restriction.MODULE_UNAVAILABLE: "A rule contract gives no answer.",
}


def refusal(
    restriction: Restriction, *, source: str = "", target: str = "", units: int = 0, ledger: str = ""
) -> RuleError:
    """The error for a refused movement: code `PP-RUL-` and the restriction code."""
    where = f" on {ledger}" if ledger else ""
    movement = f"{int(units)} units from '{source or 'issue'}' to '{target or 'redemption'}'{where}"
    verdict_text = f"code {int(restriction)} {restriction.name}: {restriction.sentence}"
    return RuleError(
        f"Moving {movement} is refused with {verdict_text}",
        restriction=int(restriction),
    )
