"""The port through which everything else sees a ledger.

Reads name the block they were made at; nothing above the ledger's own
finality is ever given out as final. Writes are commands with a `reference`
chosen by the caller: the same reference is carried out at most once, whatever
is retried or restarted, because the intent is stored before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from paripassu.commands import Command
from paripassu.events import EventRecord
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.keycontrol import KeyControl
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.control import Controls
from paripassu.lots import Record
from paripassu.messages import GatewayDomain, Lane, Message, Purpose
from paripassu.quantities import Minor, Units
from paripassu.rules import DecisionRecord, HolderRecord, Movement, Restriction


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message in the source ledger's outbox, at the block that holds it."""

    message: Message
    block: BlockRef
    transaction: str


class DeliveryStatus(Enum):
    """What became of a message on its destination ledger."""

    PENDING = "PENDING"
    EXECUTED = "EXECUTED"
    PARKED = "PARKED"
    REFUSED = "REFUSED"  # it expired or was refused, and never takes effect


EXPIRED = "EXPIRED"
REFUSED_BY_OPERATOR = "REFUSED_BY_OPERATOR"
"""Why a message is refused: it came too late, or what the operator states after a colon."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message's fate on its destination: status, reason when it took no effect, block when it happened."""

    message_id: Bytes32
    lane: Lane
    nonce: int
    status: DeliveryStatus
    reason: str
    block: BlockRef


class Standing(Enum):
    """What a ledger's gateway knows of a message that did not simply take effect."""

    NONE = "NONE"
    PARKED = "PARKED"  # it arrived here and waits for a retry or a refusal
    RETURNED = "RETURNED"  # it left here and is attested never to take effect; it waits for its refund
    REFUNDED = "REFUNDED"  # it left here, and what it carried was given back


@dataclass(frozen=True, slots=True)
class FeeCoverage:
    """An account's coin and the price of a unit of gas now, both in wei."""

    coin: int
    price: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """A message whose sender took back what it carried, at the block where it did."""

    message_id: Bytes32
    lane: Lane
    block: BlockRef
    transaction: str


@dataclass(frozen=True, slots=True)
class Arriving:
    """A lane at its destination now.

    `inbound` is the number of the last message that was executed, parked or refused; `time` what the next
    block, or an entry made now, is expected to carry at least.
    """

    inbound: int
    stopped: bool
    time: int


@dataclass(frozen=True, slots=True)
class ArrivalCap:
    """What may arrive of a security from a ledger: `units` in each window of `window` seconds, 0 for no cap;
    `arrived` are those of the window that began last, `since` when it began."""

    units: Units
    window: int
    arrived: Units
    since: int


@dataclass(frozen=True, slots=True)
class StruckPositions:
    """Balances of all accounts after the last final block with time <= T (design section 4, CA-5)."""

    ledger: LedgerId
    time: int
    block: BlockRef
    balances: dict[str, Units]
    supply: Units


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An official event as one ledger knows it; `record_hash` is computed by that ledger. The number of
    lines of its entitlements is told by `Ledger.events` alone."""

    record: EventRecord
    record_hash: Bytes32
    entitlement_root: Bytes32 | None
    entitlement_total: Minor | None
    entitlement_lines: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment as booked on a ledger."""

    event_id: str
    account: str
    amount: Minor
    block: BlockRef
    transaction: str


@dataclass(frozen=True, slots=True)
class HeldEntitlement:
    """A payment that was passed over because the rules let its payee receive nothing then (CA-23)."""

    event_id: str
    account: str
    amount: Minor
    code: Restriction
    block: BlockRef


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid what is due to an account, its successor where there is one, and what speaks
    against it now."""

    account: str
    code: Restriction


@dataclass(frozen=True, slots=True)
class Attestor:
    """A member of the attestor set: the checksummed address of its key and its legal entity."""

    signer: str
    entity: Bytes32


@dataclass(frozen=True, slots=True)
class AttestorSet:
    """The quorum that a ledger's gateway asks for: `threshold` signatures of distinct entities."""

    version: int
    threshold: int
    members: tuple[Attestor, ...]


@dataclass(frozen=True, slots=True)
class AttestedBreakdown:
    """A servicer's statement as a ledger keeps it: root and total over client lines, as of a time (UBO-4)."""

    as_of: int
    root: Bytes32
    total: Units


class OutcomeState(Enum):
    """Where a submitted command stands."""

    UNKNOWN = "UNKNOWN"  # no such reference
    PENDING = "PENDING"  # sent, not in a block yet
    INCLUDED = "INCLUDED"  # in a block that is not final yet
    FINAL = "FINAL"  # in a final block, successful
    REFUSED = "REFUSED"  # in a final block, reverted; `reason` says why


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a submitted command.

    `abandoned` says of one that is PENDING for long that only another process, which has its key, could
    still raise its price. Who must not wait for that may send the same by a key of its own, where the
    ledger lets it have one effect.
    """

    reference: str
    state: OutcomeState
    transaction: str = ""
    block: BlockRef | None = None
    reason: str = ""
    gas_used: int = 0
    abandoned: bool = False


TypedData = Callable[[], dict[str, Any]]


class Signer(Protocol):
    """Holds one key. `address` is what EVM chains know it by, `name` what book entry does."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    async def sign_typed(self, digest: Bytes32, typed: TypedData) -> bytes:
        """Return the 65-byte signature r || s || v of a typed statement (EIP-712): low s, v in {27, 28}.

        Args:
            digest: what the statement hashes to.
            typed: makes the statement as JSON for `eth_signTypedData_v4`, for keys that are not here.

        Raises:
            SignerUnreachable, SignerRefused: of a remote signer; it may be asked again.
        """
        ...

    async def sign_transaction(self, transaction: dict[str, object]) -> tuple[bytes, str]:
        """Return the raw signed transaction and its hash (0x…). Raises as `sign_typed`."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record: its block, the transaction (the entry's hash in book entry), the log's place in its block."""

    block: BlockRef
    transaction: str
    index: int = 0


class Evidence(Protocol):
    """Where a ledger records what became of messages: what settlement proofs are made of, and held against
    (MOV-7). None where there is no such record."""

    async def sent(self, message_id: Bytes32, height: int) -> Recorded | None:
        """By which a message left, at a height."""
        ...

    async def delivered(self, message_id: Bytes32, height: int) -> tuple[DeliveryStatus, Recorded] | None:
        """What became of a message that arrived, at a height."""
        ...

    async def acknowledged(self, lane: Lane, nonce: int) -> Recorded | None:
        """The first by which arrivals of a lane are attested here up to a nonce."""
        ...

    async def returned(self, message_id: Bytes32) -> Recorded | None:
        """By which it is attested here that a message of this ledger never takes effect."""
        ...

    async def refunded(self, message_id: Bytes32) -> Recorded | None:
        """By which what a message carried was given back."""
        ...

    async def seated(self, version: int) -> tuple[AttestorSet, Recorded] | None:
        """Who the attestors of a version of the set are, and by which record they became it."""
        ...

    async def finality(self, block: BlockRef) -> tuple[str, BlockRef] | None:
        """The ledger's rule, and the first block with which `block` was final by it; None before that."""
        ...


class Ledger(Protocol):
    """One ledger with its instance of the security."""

    @property
    def id(self) -> LedgerId: ...
    @property
    def name(self) -> str: ...
    @property
    def domain(self) -> GatewayDomain:
        """EIP-712 domain of the ledger's gateway."""
        ...

    async def open(self) -> None:
        """Connect and verify identity (chain id, schema). Raises LedgerError."""
        ...

    async def close(self) -> None: ...

    # blocks
    @property
    def first_block(self) -> int:
        """Where its record begins: no message is in an earlier block."""
        ...

    async def head(self) -> BlockRef: ...
    async def final(self) -> BlockRef: ...
    async def final_at(self, time: int) -> BlockRef | None:
        """Last final block with timestamp <= `time`; None until a final block is later than `time`."""
        ...

    async def block_at(self, height: int) -> BlockRef:
        """The block that the ledger holds at `height` now (shows a reorganisation of what was final)."""
        ...

    # messages
    async def attestor_set(self) -> AttestorSet:
        """The attestor set that the gateway checks batches against now."""
        ...

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        """The gateway's own outbound counter of each lane at `height`, in order, by one look."""
        ...

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]: ...
    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int: ...
    async def arriving(self, lane: Lane) -> Arriving:
        """What counts for the next delivery in a lane that ends here, by one look at the newest block."""
        ...

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]: ...
    async def acknowledged_nonce(self, lane: Lane, height: int | None = None) -> int:
        """Up to which message of a lane that starts here its arrivals are attested here."""
        ...

    async def standing(self, message_id: Bytes32, height: int | None = None) -> Standing: ...
    async def refunds(self, first: int, last: int) -> tuple[Refunded, ...]: ...
    async def fee_coverage(self, account: str) -> FeeCoverage | None:
        """What an account has to pay fees with; None on a ledger that takes none."""
        ...

    async def lane_stopped(self, peer: LedgerId, purpose: Purpose) -> bool:
        """Whether the two lanes of a purpose with another ledger are stopped here now (MOV-9)."""
        ...

    async def carrier(self, peer: LedgerId, purpose: Purpose) -> str:
        """Kind of the transport that vouches here for the messages of the lanes of a purpose with another
        ledger (MOV-11); empty where attestors do, an address where it is unknown."""
        ...

    async def vouched(self, kind: str, lane: Lane, ids: Sequence[Bytes32]) -> int:
        """How many of some messages, from the first on, a transport vouches for here."""
        ...

    async def queued(self, peers: Sequence[LedgerId]) -> dict[tuple[str, LedgerId], int]:
        """How many identifiers wait here to be sent on, by kind of transport and ledger; no zeros."""
        ...

    async def arrival_cap(self, security_id: Bytes32, source: LedgerId) -> ArrivalCap:
        """What may arrive of a security from another ledger (MOV-13)."""
        ...

    # the security
    async def issued(self, height: int | None = None) -> Units:
        """Units marked up less units marked down here; zero on every ledger but the home ledger."""
        ...

    async def supply(self, height: int | None = None) -> Units: ...
    async def position(self, account: str, height: int | None = None) -> Units: ...
    async def positions_at(self, time: int) -> StruckPositions:
        """Raises LedgerError where `time` is not final yet."""
        ...

    async def eligible_on_ledger(self, account: str, time: int) -> Units | None:
        """What the ledger itself says was held at an armed record time, units in transit included;
        None where that record time was never armed there."""
        ...

    async def holder(self, account: str) -> HolderRecord | None: ...
    async def holders(self) -> dict[str, HolderRecord]: ...
    async def breakdowns(self, account: str) -> tuple[AttestedBreakdown, ...]:
        """Every breakdown ever attested for an account here, oldest first."""
        ...

    async def verdict(self, source: str, target: str, units: Units) -> Restriction:
        """What the ledger would say now; an empty account stands for the issuer or another ledger."""
        ...

    async def key_control(self, account: str, holder: Bytes32) -> KeyControl | None:
        """What an account must sign before it is onboarded first; None where no proof is asked for."""
        ...

    # corporate actions and cash
    async def event(self, event_id: str) -> KnownEvent | None: ...
    async def events(self) -> tuple[KnownEvent, ...]:
        """All official events of the security that the ledger knows, by official id."""
        ...

    async def payments(self, event_id: str) -> tuple[Payment, ...]: ...
    async def held(self, event_id: str) -> tuple[HeldEntitlement, ...]:
        """Payments ever passed over, in the ledger's order; some may have been paid since."""
        ...

    async def payee(self, account: str) -> Payee: ...
    async def cash(self, account: str) -> Minor: ...

    async def history(self, last: int) -> tuple[Record, ...]:
        """What the ledger tells of units of the security up to a final height, in its own order: what lots
        are traced by (MOV-8)."""
        ...

    @property
    def evidence(self) -> Evidence:
        """Where the ledger records what became of messages."""
        ...

    # controls
    @property
    def controls(self) -> Controls:
        """What the ledger tells of freezes, rules, acts and versions."""
        ...

    # writes
    async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """Store the intent, send it, return at once. Idempotent by `reference`."""
        ...

    async def outcome(self, reference: str) -> Outcome:
        """Where a submitted command stands now; sends the stored bytes again where the node lost them."""
        ...

    async def sender_of(self, reference: str) -> str:
        """The address whose key signed what was last sent under a reference; empty where nothing was sent,
        and in book entry, where all is carried out at once."""
        ...

    async def decisions(self, first: int, last: int) -> Sequence[DecisionRecord]:
        """Verdicts of the rules that the ledger itself tells of, block by block (CTL-11): none in book
        entry, which keeps each of its verdicts as it gives it."""
        ...

    async def keep_refusal(self, movement: Movement, reference: str) -> None:
        """Keep the refusal of a movement that was not even sent, since this ledger said beforehand
        that it would refuse it (CTL-11). What it allows now is not kept."""
        ...

    async def execute(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """Submit and wait until final. Raises RuleError or LedgerError where the ledger refuses."""
        ...
