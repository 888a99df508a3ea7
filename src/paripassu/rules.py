"""The transfer rules: one verdict function, the same in the contract and here (invariant I3).

Codes are ERC-1404 restriction codes. Their order is their precedence: where several
rules refuse a movement, the lowest code is the verdict, on every ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from paripassu.errors import InvalidQuantity, RuleError
from paripassu.identifiers import Bytes32, Country
from paripassu.quantities import Units


class Restriction(IntEnum):
    """Why a movement is refused; equal to the contract's codes."""

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
}


@dataclass(frozen=True, slots=True)
class HolderRecord:
    """What a ledger's holder registry says of one account.

    `holder` is a salted commitment to the holder's identity, equal on every ledger.
    `expiry` is in seconds since the epoch, 0 for never: the record holds up to and
    including that second. `servicer` is the account servicer's own account, or empty.
    """

    holder: Bytes32
    country: Country
    investor_class: int
    active: bool
    expiry: int
    servicer: str

    def __post_init__(self) -> None:
        if not 0 <= self.investor_class <= 255:
            raise InvalidQuantity(f"An investor class must be 0 to 255, not {self.investor_class}.")
        if not 0 <= self.expiry < 1 << 40:
            raise InvalidQuantity(f"An expiry must be 0 to 2**40 - 1 seconds, not {self.expiry}.")

    def is_active(self, now: int) -> bool:
        """False when suspended, or later than `expiry`."""
        return self.active and (self.expiry == 0 or now <= self.expiry)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The security's own rules as data: who may receive it."""

    countries: frozenset[Country]
    classes: frozenset[int]


@dataclass(frozen=True, slots=True)
class AccountState:
    """One side of a movement; `record` is None for an account that is not registered."""

    record: HolderRecord | None
    frozen: bool
    available: Units


def verdict(
    rules: RuleSet,
    paused: bool,
    source: AccountState | None,
    target: AccountState | None,
    units: Units,
    now: int,
) -> Restriction:
    """The verdict on a movement of `units` at `now` (seconds since the epoch).

    `source` is None for an issue or an arrival over the bridge, `target` is None for a
    redemption or a departure: the checks of that side are then passed over.
    """
    if paused:
        return Restriction.TOKEN_PAUSED
    refusal = Restriction.NONE
    if source is not None:
        refusal = _sender_refusal(source, now)
    if refusal is Restriction.NONE and target is not None:
        refusal = _recipient_refusal(rules, target, now)
    if refusal is Restriction.NONE and source is not None and source.available < units:
        refusal = Restriction.INSUFFICIENT_BALANCE
    return refusal


def _sender_refusal(source: AccountState, now: int) -> Restriction:
    if source.record is None:
        return Restriction.SENDER_UNKNOWN
    if not source.record.is_active(now):
        return Restriction.SENDER_INACTIVE
    return Restriction.SENDER_FROZEN if source.frozen else Restriction.NONE


def _recipient_refusal(rules: RuleSet, target: AccountState, now: int) -> Restriction:
    if target.record is None:
        return Restriction.RECIPIENT_UNKNOWN
    if not target.record.is_active(now):
        return Restriction.RECIPIENT_INACTIVE
    if target.frozen:
        return Restriction.RECIPIENT_FROZEN
    if target.record.country not in rules.countries:
        return Restriction.RECIPIENT_COUNTRY
    if target.record.investor_class not in rules.classes:
        return Restriction.RECIPIENT_CLASS
    return Restriction.NONE


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
