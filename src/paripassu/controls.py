"""Commands that control a security: holders' status and keys, freezes, pauses, lock-ups, pledges, rules.

As those of `paripassu.commands`, whose accounts and amounts they share. Every privileged one
states a reason, which the ledger keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paripassu.errors import CommandImpossible, InvalidQuantity
from paripassu.identifiers import ZERO32, Bytes32, Country, is_commitment, keccak256
from paripassu.quantities import Units
from paripassu.rules import CLASS_LIMIT, Window

_LONGEST_TEXT = 31


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a privileged act is done. A chain has 32 bytes for it: the text itself, or its hash.

    Raises:
        CommandImpossible: no text, or more than 1,000 characters of it.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > 1_000:
            raise CommandImpossible("A reason is a text of 1 to 1,000 characters.")

    @property
    def fits(self) -> bool:
        """Whether a chain keeps the text: printable ASCII of at most 31 bytes."""
        return len(self.text) <= _LONGEST_TEXT and self.text.isascii() and self.text.isprintable()

    @property
    def word(self) -> Bytes32:
        """What a chain keeps: the text, zeros after it, or keccak-256 of the text in UTF-8."""
        if self.fits:
            return Bytes32(self.text.encode("ascii").ljust(32, b"\0"))
        return keccak256(self.text.encode("utf-8"))


def reason_text(word: bytes) -> str:
    """What a chain's 32 bytes say: the text where it is one, else the hash as 0x and hex."""
    text = word.rstrip(b"\0")
    if text and len(text) <= _LONGEST_TEXT and text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    return "0x" + word.hex()


def _check_classes(classes: frozenset[int]) -> None:
    wrong = [number for number in classes if not 0 <= number < CLASS_LIMIT]
    if wrong:
        raise InvalidQuantity(f"Rules name investor classes from 0 to {CLASS_LIMIT - 1}, not {wrong[0]}.")


# holders


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Suspend an account, or reinstate it: for all securities of the ledger (UBO-10)."""

    account: str
    active: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Sanction:
    """Sanction an account by order of the regulator, or lift that (CTL-4)."""

    account: str
    sanctioned: bool
    reason: Reason


SANCTION = ZERO32
SUSPENSION = Bytes32((1).to_bytes(32, "big"))
"""Scopes of an order that are no security."""


@dataclass(frozen=True, slots=True)
class Order:
    """Sanction, suspend or freeze a holder on all ledgers, or lift what was ordered on this one (CTL-8).

    `scope` is SANCTION, SUSPENSION, or the id of the security in which the holder is frozen. It holds
    for every account of the holder, onboarded before or after.

    Raises:
        CommandImpossible: `holder` is no commitment.
    """

    holder: Bytes32
    scope: Bytes32
    stands: bool
    reason: Reason

    def __post_init__(self) -> None:
        if not self.holder or not is_commitment(self.holder):
            raise CommandImpossible(f"An order names a holder by commitment, which {self.holder} is not.")

    @property
    def role(self) -> str:
        """The role of the closed list that may order it."""
        return order_role(self.scope)


def order_role(scope: Bytes32) -> str:
    """Who orders and lifts in a scope."""
    return {SANCTION: "regulator", SUSPENSION: "registrar"}.get(scope, "freezer")


def order_name(scope: Bytes32) -> str:
    """What an order of a scope is, in one word."""
    return {SANCTION: "sanction", SUSPENSION: "suspension"}.get(scope, "freeze")


@dataclass(frozen=True, slots=True)
class Rotate:
    """Let another account take an account's place, by agreement of both keys (UBO-10)."""

    source: str
    target: str
    reason: Reason
    proof_from: bytes = field(default=b"", repr=False)
    proof_to: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Succeed:
    """Move all that a superseded account has of the security to the account that took its place."""

    lost: str
    successor: str


# units


@dataclass(frozen=True, slots=True)
class Freeze:
    """Freeze or release an account in this security (C30-S)."""

    account: str
    frozen: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class FreezeUnits:
    """Set (not add to) how many units of an account are frozen: balance type BLOK (CTL-5)."""

    account: str
    units: Units
    reason: Reason


@dataclass(frozen=True, slots=True)
class Lock:
    """Lock units of an account up until a time in seconds; several lots make a vesting plan (CTL-4)."""

    account: str
    units: Units
    until: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Pledge:
    """Pledge units of the signer's account; they stay there and do not move (ID-6)."""

    account: str
    pledgee: str
    units: Units


@dataclass(frozen=True, slots=True)
class EndPledge:
    """The pledgee releases a pledge or, with `enforced`, takes the units."""

    pledge: Bytes32
    enforced: bool


@dataclass(frozen=True, slots=True)
class BatchTransfer:
    """Transfer from one account to many of its ledger: all or none."""

    source: str
    transfers: tuple[tuple[str, Units], ...]


@dataclass(frozen=True, slots=True)
class OpenAccounts:
    """Give accounts their place before their first receipt, which then costs less."""

    accounts: tuple[str, ...]


# the security


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop movements, or let them go on. Redemptions, payouts and acts of law are not stopped (CTL-6)."""

    paused: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class EmergencyStop:
    """Stop all but payouts and acts of law, up to and including the second `until` (CTL-6)."""

    until: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class PauseClasses:
    """Pause the inventory that holders of some investor classes have, or let it move (CTL-5)."""

    classes: frozenset[int]
    paused: bool
    reason: Reason

    def __post_init__(self) -> None:
        _check_classes(self.classes)


# rules


@dataclass(frozen=True, slots=True)
class SetCountries:
    """Set the countries whose holders alone may receive or, on a deny list, may not."""

    countries: frozenset[Country]
    deny_list: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetClasses:
    """Set the investor classes that may receive."""

    classes: frozenset[int]
    reason: Reason

    def __post_init__(self) -> None:
        _check_classes(self.classes)


@dataclass(frozen=True, slots=True)
class SetMinimumLot:
    """Set the least number of units of a transfer; 1 for any."""

    units: Units
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetBlackouts:
    """Set the time spans without trade, in place of those that were."""

    windows: tuple[Window, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetModules:
    """Plug rule contracts of a chain in, in place of those that were (CTL-9)."""

    modules: tuple[str, ...]
    reason: Reason


HolderControl = SetStatus | Sanction | Order | Rotate | Succeed
UnitControl = Freeze | FreezeUnits | Lock | Pledge | EndPledge | BatchTransfer | OpenAccounts
SecurityControl = Pause | EmergencyStop | PauseClasses
RuleControl = SetCountries | SetClasses | SetMinimumLot | SetBlackouts | SetModules
Control = HolderControl | UnitControl | SecurityControl | RuleControl
