"""The verdict: one function, the same in the contract and here (CTL-1, CTL-2).

Each rule is a predicate of one movement and of nothing else; the first in the order of the
codes that applies to the movement's kind and refuses it gives the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paripassu.quantities import Units
from paripassu.rules.kinds import APPLIES, Kind
from paripassu.rules.restrictions import Restriction
from paripassu.rules.state import (
    CLASS_LIMIT,
    UNLIMITED,
    AccountState,
    HolderRecord,
    Movement,
    RuleModule,
    RuleSet,
    Standing,
    TokenState,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One movement with all that its rules need to know.

    `source` and `target` are None where that side is the issuer or another ledger; `modules` are
    asked about `movement`.
    """

    rules: RuleSet
    standing: Standing
    movement: Movement
    source: AccountState | None
    target: AccountState | None
    now: int
    modules: tuple[RuleModule, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.movement.kind

    @property
    def units(self) -> Units:
        return self.movement.units

    @property
    def moves_nothing(self) -> bool:
        """No balance changes: nothing moves, or it goes where it is."""
        return self.units == 0 or (self.kind.takes and self.movement.source == self.movement.target)

    @property
    def sender(self) -> HolderRecord | None:
        """The source's record, where it counts."""
        return _counting(self.source) if self.kind.takes else None

    @property
    def recipient(self) -> HolderRecord | None:
        """The target's record, where it counts."""
        return _counting(self.target) if self.kind.gives else None


def verdict(case: Case) -> Restriction:
    """NONE, or the lowest code of the rules that refuse the movement."""
    for restriction, refuses in _RULES:
        if case.kind in APPLIES[restriction] and refuses(case):
            return restriction
    return Restriction.NONE


def judge(token: TokenState, movement: Movement, now: int) -> Restriction:
    """The verdict of a token's rules on a movement at `now`, in seconds since the epoch."""
    return verdict(
        Case(
            token.rules,
            token.standing,
            movement,
            token.account(movement.source) if movement.source else None,
            token.account(movement.target) if movement.target else None,
            now,
            token.modules,
        )
    )


def _counting(account: AccountState | None) -> HolderRecord | None:
    record = None if account is None else account.record
    return None if record is None or record.superseded else record


def _token_paused(case: Case) -> bool:
    stopped = case.now <= case.standing.stopped_until
    return stopped or (case.standing.paused and case.kind is not Kind.REDEEM)


def _inactive(record: HolderRecord | None, now: int) -> bool:
    return record is not None and not record.is_active(now)


def _country(case: Case) -> bool:
    record = case.recipient
    return record is not None and (record.country in case.rules.countries) is case.rules.deny_list


def _class(case: Case) -> bool:
    record = case.recipient
    return record is not None and not _in_classes(record, case.rules.classes)


def _in_classes(record: HolderRecord | None, classes: frozenset[int]) -> bool:
    return record is not None and record.investor_class < CLASS_LIMIT and record.investor_class in classes


def _insufficient(case: Case) -> bool:
    return case.source is None or case.units > case.source.balance


def _blocked(case: Case) -> bool:
    source = case.source
    return source is not None and int(case.units) + int(source.immovable) > source.balance


def _locked(case: Case) -> bool:
    source = case.source
    if source is None:
        return False
    return int(case.units) + int(source.immovable) + int(source.locked(case.now)) > source.balance


def quota(rules: RuleSet, account: AccountState) -> Units:
    """The most units that an account may hold on this ledger."""
    if rules.holding_cap is None:
        return UNLIMITED
    if account.quota is not None:
        return account.quota
    additional = account.record is not None and account.record.additional
    return Units(0) if additional else rules.holding_cap


def _above_cap(case: Case) -> bool:
    if case.target is None or case.moves_nothing:
        return False
    return int(case.target.balance) + int(case.units) > quota(case.rules, case.target)


def _too_many_holders(case: Case) -> bool:
    limit, holders, record = case.rules.holder_limit, case.standing.holders, case.recipient
    if limit is None or record is None or case.moves_nothing or holders.get(record.holder, 0):
        return False
    leaves = (
        case.source is not None
        and case.sender is not None
        and case.units == case.source.balance
        and holders.get(case.sender.holder, 0) == 1
    )
    return len(holders) - leaves >= limit


def _below_lot(case: Case) -> bool:
    whole = case.source is not None and case.units == case.source.balance
    return 0 < case.units < case.rules.minimum_lot and not whole


def _in_blackout(case: Case) -> bool:
    return any(window.includes(case.now) for window in case.rules.blackout)


def _inventory_paused(case: Case) -> bool:
    paused = case.standing.paused_classes
    return _in_classes(case.sender, paused) or _in_classes(case.recipient, paused)


_RULES: tuple[tuple[Restriction, Callable[[Case], bool]], ...] = (
    (Restriction.TOKEN_PAUSED, _token_paused),
    (Restriction.SENDER_UNKNOWN, lambda case: case.sender is None),
    (Restriction.SENDER_INACTIVE, lambda case: _inactive(case.sender, case.now)),
    (Restriction.SENDER_FROZEN, lambda case: case.source is not None and case.source.frozen),
    (Restriction.RECIPIENT_UNKNOWN, lambda case: case.recipient is None),
    (Restriction.RECIPIENT_INACTIVE, lambda case: _inactive(case.recipient, case.now)),
    (Restriction.RECIPIENT_FROZEN, lambda case: case.target is not None and case.target.frozen),
    (Restriction.RECIPIENT_COUNTRY, _country),
    (Restriction.RECIPIENT_CLASS, _class),
    (Restriction.INSUFFICIENT_BALANCE, _insufficient),
    (Restriction.UNITS_BLOCKED, _blocked),
    (Restriction.UNITS_LOCKED, _locked),
    (Restriction.SENDER_SANCTIONED, lambda case: case.sender is not None and case.sender.sanctioned),
    (Restriction.RECIPIENT_SANCTIONED, lambda case: case.recipient is not None and case.recipient.sanctioned),
    (Restriction.HOLDING_CAP, _above_cap),
    (Restriction.HOLDER_COUNT, _too_many_holders),
    (Restriction.MINIMUM_LOT, _below_lot),
    (Restriction.BLACKOUT, _in_blackout),
    (Restriction.INVENTORY_PAUSED, _inventory_paused),
    (Restriction.MODULE_REFUSED, lambda case: any(ask(case.movement) is False for ask in case.modules)),
    (Restriction.MODULE_UNAVAILABLE, lambda case: any(ask(case.movement) is None for ask in case.modules)),
)
