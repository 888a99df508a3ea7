"""What the rules read: holder records, a security's rules as data, accounts, a token's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from paripassu.errors import InvalidQuantity
from paripassu.identifiers import COMMITMENT_BYTES, ZERO32, Bytes32, Country, is_commitment
from paripassu.quantities import ZERO_UNITS, Units
from paripassu.rules.kinds import Kind

EXPIRY_LIMIT: Final = 1 << 32
CLASS_LIMIT: Final = 32
"""Rules name investor classes below this; an account of another class never may receive."""

MOST_LOTS: Final = 16
"""Lock-ups that one account can have at a time."""

MOST_TRAVELLING: Final = 8
"""Lock-ups that one movement can carry: so many land within the gas that a message is given."""

MOST_WINDOWS: Final = 8
"""Blackout windows that one security can have at a time."""

UNLIMITED: Final = Units((1 << 64) - 1)
"""The most that an account can hold where no cap says less: the width of a balance in the token."""


_ANY_LOT: Final = Units(1)


@dataclass(frozen=True, slots=True)
class HolderRecord:
    """What a ledger's holder registry says of one account.

    `holder` is a salted commitment to the holder's identity, equal on every ledger.
    `expiry` is in seconds since the epoch, 0 for never: the record holds up to and
    including that second. `servicer` is the account servicer's own account, or empty.
    `additional` is another account of a holder that has one: it has no holding cap of its own.
    `superseded` was rotated away: readable, and for every rule as if it were not there.

    Raises:
        InvalidQuantity: a figure, or a commitment, that no contract can hold.
    """

    holder: Bytes32
    country: Country
    investor_class: int
    active: bool
    expiry: int
    servicer: str
    sanctioned: bool = False
    additional: bool = False
    superseded: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.investor_class <= 255:
            raise InvalidQuantity(f"An investor class must be 0 to 255, not {self.investor_class}.")
        if not 0 <= self.expiry < EXPIRY_LIMIT:
            raise InvalidQuantity(f"An expiry must be 0 to 2**32 - 1 seconds, not {self.expiry}.")
        if not is_commitment(self.holder):
            raise InvalidQuantity(
                f"A holder commitment is {COMMITMENT_BYTES} bytes and 8 zero bytes, not {self.holder}."
            )

    def is_active(self, now: int) -> bool:
        """False when suspended, or later than `expiry`."""
        return self.active and (self.expiry == 0 or now <= self.expiry)


@dataclass(frozen=True, slots=True)
class Window:
    """A time span without trade: from the second `start` up to and not including `end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end < 1 << 64:
            raise InvalidQuantity(f"A window from {self.start} to {self.end} has no second in it.")

    def includes(self, now: int) -> bool:
        return self.start <= now < self.end


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The security's own rules as data.

    `countries` are those whose holders alone may receive; with `deny_list` those that may not.
    Cap and limit are a ledger's share where a ledger applies them, which may be 0; None for no such
    rule.
    Transfers are of `minimum_lot` units at least, or of all that the sender has.
    """

    countries: frozenset[Country]
    classes: frozenset[int]
    deny_list: bool = False
    holding_cap: Units | None = None
    holder_limit: int | None = None
    minimum_lot: Units = _ANY_LOT
    blackout: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that cannot be delivered before the second `until`, and what they keep from ledger to ledger
    (MOV-8): since when they are locked up, on whichever ledger that was, and the ledgers that they passed,
    as keccak256(path before, id of the movement), zero for none. No rule reads the last two.
    """

    units: Units
    until: int
    since: int = 0
    path: Bytes32 = ZERO32

    def is_like(self, other: Lot) -> bool:
        """Whether both are one lot but for their units."""
        return (self.until, self.since, self.path) == (other.until, other.since, other.path)


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account of a token; `record` is None for an account that is not registered.

    Of `balance`, `blocked` (BLOK), `blocked_for_action` (BLCA), `pledged` (PLED) and the lots are
    encumbered. `quota` is the account's own share of the
    holding cap, which counts where there is a cap.

    Raises:
        InvalidQuantity: more is encumbered than is held.
    """

    record: HolderRecord | None
    frozen: bool = False
    balance: Units = ZERO_UNITS
    blocked: Units = ZERO_UNITS
    blocked_for_action: Units = ZERO_UNITS
    pledged: Units = ZERO_UNITS
    lots: tuple[Lot, ...] = ()
    quota: Units | None = None

    def __post_init__(self) -> None:
        encumbered = int(self.immovable) + sum(int(lot.units) for lot in self.lots)
        if encumbered > self.balance:
            raise InvalidQuantity(f"{encumbered} units are encumbered of {int(self.balance)} that are held.")

    @property
    def immovable(self) -> Units:
        """Units that are blocked or pledged, whatever the time."""
        return self.blocked + self.blocked_for_action + self.pledged

    def locked(self, now: int) -> Units:
        """Units whose lock-up is not over (ISO balance type RSTR)."""
        return Units(sum(int(lot.units) for lot in self.lots if now < lot.until))

    def available(self, now: int) -> Units:
        """Units that can be delivered (ISO balance type AWAS)."""
        return self.balance - self.immovable - self.locked(now)


@dataclass(frozen=True, slots=True)
class Movement:
    """Units of one kind from one account to another; an empty account is the issuer or another ledger."""

    kind: Kind
    source: str
    target: str
    units: Units


class RuleModule(Protocol):
    """A plugged-in rule: True allows, False refuses, None is no clear answer."""

    def __call__(self, movement: Movement, /) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What the token as a whole says at one moment.

    `stopped_until` is the last second of an emergency stop. `holders` counts, by commitment, the
    accounts that have units here; where the security has no holder limit it may be left empty.
    """

    paused: bool = False
    stopped_until: int = 0
    paused_classes: frozenset[int] = frozenset()
    holders: Mapping[Bytes32, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenState:
    """One instance of a security: its rules, pauses, rule modules and accounts."""

    rules: RuleSet
    accounts: Mapping[str, AccountState] = field(default_factory=dict)
    paused: bool = False
    stopped_until: int = 0
    paused_classes: frozenset[int] = frozenset()
    modules: tuple[RuleModule, ...] = ()

    @property
    def supply(self) -> Units:
        return Units(sum(int(account.balance) for account in self.accounts.values()))

    @property
    def holders(self) -> Mapping[Bytes32, int]:
        """Accounts that have units here, by the commitment of their holder."""
        return Counter(
            account.record.holder for account in self.accounts.values() if account.record and account.balance
        )

    @property
    def standing(self) -> Standing:
        return Standing(self.paused, self.stopped_until, self.paused_classes, self.holders)

    def account(self, name: str) -> AccountState:
        """An account by its name; one that was never heard of is not registered and holds nothing."""
        return self.accounts.get(name) or AccountState(None)

    def with_account(self, name: str, account: AccountState) -> TokenState:
        return replace(self, accounts={**self.accounts, name: account})
