"""Sub-balances by ISO 20022 type, and what encumbers units (CTL-10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from paripassu.errors import InvalidQuantity, NegativeQuantity
from paripassu.identifiers import Bytes32
from paripassu.quantities import Units
from paripassu.rules.state import MOST_LOTS, MOST_TRAVELLING, AccountState, Lot


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
    return replace(account, lots=_added(account.lots, Lot(units, until, now)))


def take_lots(account: AccountState, wanted: Sequence[Lot], now: int) -> tuple[AccountState, tuple[Lot, ...]]:
    """Lift the lock-ups that leave a ledger with their units (MOV-8), each named by its units and its end;
    of several with one end the oldest go first.

    Returns:
        The account, whose units are available for the movement, and what was lifted, lot by lot.

    Raises:
        InvalidQuantity: not so many units are locked up until then, or they are parts of too many lots.
    """
    standing = list(release_lapsed(account, now).lots)
    taken: list[Lot] = []
    for one in wanted:
        missing = int(one.units)
        for lot in sorted((lot for lot in standing if lot.until == one.until), key=_age):
            if not missing:
                break
            units = min(missing, int(lot.units))
            missing -= units
            taken.append(replace(lot, units=Units(units)))
            at = standing.index(lot)
            standing[at : at + 1] = [replace(lot, units=lot.units - units)] if units < lot.units else []
        if missing or not one.units:
            raise InvalidQuantity(f"{missing} units more would have to be locked up until {one.until}.")
    if len(taken) > MOST_TRAVELLING:
        raise InvalidQuantity(f"A movement carries at most {MOST_TRAVELLING} lock-ups.")
    return replace(account, lots=tuple(standing)), tuple(taken)


def land_lots(account: AccountState, lots: Sequence[Lot], now: int) -> AccountState:
    """Lay lock-ups that arrived with their units on the account that has these; what has ended on the way
    is over (MOV-8).

    Raises:
        InvalidQuantity: fewer units are available, or no further lock-up fits the account.
    """
    account = release_lapsed(account, now)
    for lot in lots:
        if now < lot.until:
            _require_available(account, int(lot.units), now)
            account = replace(account, lots=_joined(account.lots, lot))
    return account


def _age(lot: Lot) -> tuple[int, Bytes32]:
    return lot.since, lot.path


def _joined(lots: tuple[Lot, ...], landed: Lot) -> tuple[Lot, ...]:
    """With a lot that landed; a part that comes back joins what stayed, and takes no room of its own."""
    for at, lot in enumerate(lots):
        if lot.is_like(landed):
            return (*lots[:at], replace(lot, units=lot.units + landed.units), *lots[at + 1 :])
    return _added(lots, landed)


def _added(lots: tuple[Lot, ...], added: Lot) -> tuple[Lot, ...]:
    if len(lots) == MOST_LOTS:
        raise InvalidQuantity(f"An account has at most {MOST_LOTS} lock-ups.")
    return (*lots, added)


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
            lots.append(replace(lot, units=lot.units - taken))
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
