"""Sub-balances by ISO 20022 type, and what encumbers units (CTL-10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from paripassu.errors import InvalidQuantity, NegativeQuantity
from paripassu.quantities import Units
from paripassu.rules.state import MOST_LOTS, AccountState, Lot


class BalanceType(StrEnum):
    """ISO 20022 SecuritiesBalanceType codes that a token keeps; `balanceOfType` takes them on chains."""

    AVAILABLE = "AWAS"
    BLOCKED = "BLOK"
    BLOCKED_FOR_ACTION = "BLCA"
    PLEDGED = "PLED"
    RESTRICTED = "RSTR"


_FIELDS = {
    BalanceType.BLOCKED: "blocked",
    BalanceType.BLOCKED_FOR_ACTION: "blocked_for_action",
    BalanceType.PLEDGED: "pledged",
}


def sub_balances(account: AccountState, now: int) -> Mapping[BalanceType, Units]:
    """Units of each type at `now`; their sum is the account's balance."""
    return {
        BalanceType.AVAILABLE: account.available(now),
        BalanceType.BLOCKED: account.blocked,
        BalanceType.BLOCKED_FOR_ACTION: account.blocked_for_action,
        BalanceType.PLEDGED: account.pledged,
        BalanceType.RESTRICTED: account.locked(now),
    }


def release_lapsed(account: AccountState, now: int) -> AccountState:
    """Without the lots whose lock-up is over: their units are available either way."""
    standing = tuple(lot for lot in account.lots if now < lot.until)
    return account if standing == account.lots else replace(account, lots=standing)


def encumber(account: AccountState, kind: BalanceType, units: Units, now: int) -> AccountState:
    """Set (not add to) the units that are blocked, blocked for a corporate action, or pledged.

    Raises:
        InvalidQuantity: fewer units are available than that takes, or `kind` is none of the three.
    """
    name = _FIELDS.get(kind)
    if name is None:
        raise InvalidQuantity(f"Units of the balance type {kind} are not set, they follow.")
    account = release_lapsed(account, now)
    held: Units = getattr(account, name)
    _require_available(account, max(int(units) - int(held), 0), now)
    return replace(account, **{name: units})  # type: ignore[arg-type]


def lock(account: AccountState, units: Units, until: int, now: int) -> AccountState:
    """Lock available units up until a time; several lots make a vesting plan.

    Raises:
        InvalidQuantity: no units, a time that is not ahead, fewer units are available, or no
            further lock-up fits the account.
    """
    if units == 0 or until <= now:
        raise InvalidQuantity(f"A lock-up of {int(units)} units until {until} locks nothing at {now}.")
    account = release_lapsed(account, now)
    _require_available(account, int(units), now)
    if len(account.lots) == MOST_LOTS:
        raise InvalidQuantity(f"An account has at most {MOST_LOTS} lock-ups.")
    return replace(account, lots=(*account.lots, Lot(units, until)))


def free(account: AccountState, units: Units, now: int) -> AccountState:
    """The account with `units` free to be taken by law: available ones first, then locked-up ones,
    those that unlock last first, then blocked, blocked for a corporate action, and pledged ones.

    Raises:
        NegativeQuantity: more than the account holds.
    """
    if units > account.balance:
        raise NegativeQuantity(f"{int(units)} units cannot be freed of {int(account.balance)}.")
    account = release_lapsed(account, now)
    missing = max(int(units) - int(account.available(now)), 0)
    lots: list[Lot] = []
    for lot in sorted(account.lots, key=lambda lot: lot.until, reverse=True):
        taken = min(missing, int(lot.units))
        missing -= taken
        if taken < lot.units:
            lots.append(Lot(lot.units - taken, lot.until))
    changes: dict[str, Units] = {}
    for name in _FIELDS.values():
        held: Units = getattr(account, name)
        taken = min(missing, int(held))
        missing -= taken
        changes[name] = held - taken
    return replace(account, lots=tuple(reversed(lots)), **changes)  # type: ignore[arg-type]


def _require_available(account: AccountState, units: int, now: int) -> None:
    available = account.available(now)
    if units > available:
        raise InvalidQuantity(f"{units} units are to be encumbered, {int(available)} are available.")
