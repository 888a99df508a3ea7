"""What can be asked of any ledger, chain or book entry alike.

A command is a frozen value; an adapter turns it into one transaction on its
ledger. Both kinds of ledger take the same commands, which is what makes the
book-entry ledger an equal peer (principle 2 of the interoperability paper).
Amounts of securities are whole `Units`, amounts of cash are minor units of
the currency (integers). Accounts are the ledger's own account ids: a
checksummed address on an EVM chain, a safekeeping account id in book entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paripassu.acts import Decision
from paripassu.controls import Control, Reason
from paripassu.errors import InvalidQuantity
from paripassu.events import EventRecord
from paripassu.identifiers import COMMITMENT_BYTES, Bytes32, LedgerId, is_commitment
from paripassu.messages import Acknowledgement, Batch, Message, Purpose
from paripassu.quantities import Minor, Units
from paripassu.rules import Lot


@dataclass(frozen=True, slots=True)
class Onboard:
    """Register an account for all securities of the ledger (UBO-10, CTL-4)."""

    account: str
    holder: Bytes32  # commitment to the holder's identity, equal on every ledger
    country: str  # ISO 3166-1 alpha-2
    investor_class: int
    expiry: int  # seconds since the epoch; 0 for never
    servicer: str = ""  # account servicer's own account; empty where the holder serves itself
    additional: bool = False  # another account of a holder that has one: no holding cap of its own
    proof: bytes = field(default=b"", repr=False)  # the account's signature, for a first onboarding on chains

    def __post_init__(self) -> None:
        """Refuse what no ledger can store, alike for all of them. Raises InvalidQuantity."""
        if not 0 <= self.investor_class <= 255:
            raise InvalidQuantity(f"An investor class is a number from 0 to 255, not {self.investor_class}.")
        if not 0 <= self.expiry < 1 << 32:
            raise InvalidQuantity(f"An expiry is a time in seconds, or 0 for none, not {self.expiry}.")
        if not is_commitment(self.holder):
            raise InvalidQuantity(
                f"A holder commitment is {COMMITMENT_BYTES} bytes and 8 zero bytes, not {self.holder}."
            )


@dataclass(frozen=True, slots=True)
class Issue:
    """Mark up: create units on the home ledger, within the issued limit (ISS-1)."""

    account: str
    units: Units


@dataclass(frozen=True, slots=True)
class AllowUnits:
    """Let another account take up to so many units of the signer's (ERC-20 approval)."""

    spender: str
    units: Units


@dataclass(frozen=True, slots=True)
class Redeem:
    """Mark down: destroy units on the home ledger, as their owner allowed the transfer agent (ISS-1)."""

    account: str
    units: Units


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move units between two accounts of one ledger."""

    source: str
    target: str
    units: Units


@dataclass(frozen=True, slots=True)
class Move:
    """Move units from an account of this ledger to an account of another (MOV-1).

    What has not arrived by `expiry`, seconds since the epoch, never arrives and comes back (MOV-6); 0 for
    no end. `locked` are lock-ups that go with their units, each by units and end; they end there when they
    would have ended here, and the account there is of the same holder (MOV-8).
    """

    source: str
    destination: LedgerId
    target: str
    units: Units
    expiry: int = 0
    locked: tuple[Lot, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveQuota:
    """Let holding cap that an account does not use count for another account of its holder, on another
    ledger or on this one (CTL-4)."""

    account: str
    destination: LedgerId
    target: str
    units: Units

    def __post_init__(self) -> None:
        """Raises InvalidQuantity."""
        if not 0 < self.units < 1 << 64:
            raise InvalidQuantity(f"From 1 to 2**64 - 1 units of quota move, not {int(self.units)}.")


@dataclass(frozen=True, slots=True)
class MovePlaces:
    """Let free places of the limit of holders count on another ledger (CTL-4)."""

    destination: LedgerId
    places: int

    def __post_init__(self) -> None:
        """Raises InvalidQuantity."""
        if not 0 < self.places < 1 << 32:
            raise InvalidQuantity(f"From 1 to 2**32 - 1 places move, not {self.places}.")


@dataclass(frozen=True, slots=True)
class AttestBreakdown:
    """A servicer's statement of the client positions in an omnibus account (UBO-3, UBO-4)."""

    account: str
    as_of: int
    root: Bytes32  # Merkle-sum root over the client positions
    total: Units


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce an official event on the home ledger, which sends it to all others (CA-1)."""

    record: EventRecord


@dataclass(frozen=True, slots=True)
class PublishEntitlements:
    """Publish the root of the entitlement table on the home ledger, which sends it on (CA-6)."""

    event_id: str
    root: Bytes32
    total: Minor
    lines: int


@dataclass(frozen=True, slots=True)
class FundCash:
    """Create cash tokens (or post a cash balance) for an account."""

    account: str
    amount: Minor


@dataclass(frozen=True, slots=True)
class AuthoriseDebit:
    """The paying agent lets the corporate-actions contract debit its cash up to `amount`.

    On a chain this is the ERC-20 approval that `Pay` draws on; in book entry the standing
    debit authority of the paying agent's cash account.
    """

    amount: Minor


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """One payment: an account of this ledger, its amount, and the proof that the table holds it."""

    account: str
    amount: Minor
    proof: tuple[Bytes32, ...]


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay accounts of this ledger; lines already paid are passed over (CA-11)."""

    event_id: str
    lines: tuple[PaymentLine, ...]


@dataclass(frozen=True, slots=True)
class Deliver:
    """Execute an attested batch; what is already executed is passed over (MOV-3)."""

    batch: Batch
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Try a parked message again."""

    message: Message


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse a parked message for good, so that its sender gets back what it carried (MOV-6).

    The bridge operator may; once the message has expired, anybody, and no reason is needed.
    """

    message: Message
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Take in, at a lane's source, what attestors say of its messages at its destination (MOV-3)."""

    acknowledgement: Acknowledgement
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Refund:
    """Give back what a message of this ledger carried, once it is attested never to take effect (MOV-6)."""

    message: Message


@dataclass(frozen=True, slots=True)
class StopLane:
    """Stop both lanes of a purpose with another ledger: nothing is sent, executed or refunded (MOV-9)."""

    ledger: LedgerId
    purpose: Purpose
    reason: Reason


@dataclass(frozen=True, slots=True)
class ResumeLane:
    """Let stopped lanes go on (MOV-9)."""

    ledger: LedgerId
    purpose: Purpose
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetArrivalCap:
    """Bound what may arrive of a security from a ledger in a window of `window` seconds, 0 for no cap; what
    is above it is parked, for several roles to approve (MOV-13)."""

    security_id: Bytes32
    source: LedgerId
    units: Units
    window: int

    def __post_init__(self) -> None:
        """Raises InvalidQuantity."""
        if not 0 <= self.units < 1 << 64:
            raise InvalidQuantity(f"A cap is of 0 to 2**64 - 1 units, not {int(self.units)}.")
        if not 0 <= self.window < 1 << 32:
            raise InvalidQuantity(f"A window has from 0 to 2**32 - 1 seconds, not {self.window}.")


@dataclass(frozen=True, slots=True)
class Flush:
    """Send on the identifiers that wait in a transport for a ledger, for its network's fee (MOV-11)."""

    transport: str  # its kind
    destination: LedgerId


Command = (
    Onboard
    | Issue
    | AllowUnits
    | Redeem
    | Transfer
    | Move
    | MoveQuota
    | MovePlaces
    | AttestBreakdown
    | Announce
    | PublishEntitlements
    | FundCash
    | AuthoriseDebit
    | Pay
    | Deliver
    | Retry
    | Refuse
    | Acknowledge
    | Refund
    | Flush
    | StopLane
    | ResumeLane
    | SetArrivalCap
    | Control
    | Decision
)
