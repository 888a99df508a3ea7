"""What the watcher sees at one look: plain figures of ledgers, lanes and wallets (OPS-1)."""

from __future__ import annotations

from dataclasses import dataclass

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.messages import Lane


@dataclass(frozen=True, slots=True)
class BookFacts:
    """One ledger's own book of a security, in units, as of its final block, as the ledger itself has it.

    `issued` less what left, plus what arrived and what came back, has to be its supply.
    """

    ledger: LedgerId
    supply: int
    issued: int
    left: int
    arrived: int
    returned: int

    @property
    def drift(self) -> int:
        """Units that the supply has more than the book explains; negative where it has fewer."""
        return self.supply - (self.issued - self.left + self.arrived + self.returned)


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """Where a ledger stands: heights, block times in seconds as the ledger counts them, and how many official
    events it knows. `problem` is why it could not be read."""

    ledger: LedgerId
    head: int = 0
    head_time: int = 0
    final: int = 0
    final_time: int = 0
    known_events: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """Both ends of a lane, in final blocks, `sent` and `taken` by the gateways' own counters. `waiting_since`
    is the source time of the first message that the destination has not taken, None where there is none;
    `unsent` are messages that the destination took and the source never sent; `holes` are messages and
    arrivals that the counters count and no log shows."""

    lane: Lane
    sent: int
    taken: int
    acknowledged: int
    parked: int
    waiting_since: int | None
    unsent: tuple[Bytes32, ...] = ()
    stopped: bool = False
    holes: int = 0

    @property
    def lag(self) -> int:
        """Messages sent and not taken."""
        return max(0, self.sent - self.taken)


@dataclass(frozen=True, slots=True)
class WalletFacts:
    """How many deliveries of one message the relayer's coin on a chain still pays for, at the price now."""

    ledger: LedgerId
    deliveries_left: int


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """Of the batches that were signed last, how many an attestor signed, and how many it refused to sign, for
    they were not what it saw."""

    attestor: str
    batches: int
    signed: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class UnattestedFacts:
    """Of the messages that are under way, how many no quorum has signed, and since when the first of these
    waits, in seconds by its source; None where there is none."""

    under_way: int = 0
    unattested: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """For how many seconds a task of a process has given no sign of life."""

    process: str
    task: str
    silent: float


@dataclass(frozen=True, slots=True)
class DoubtFacts:
    """An attestor whose endpoints of a ledger disagree about a fact, in a sentence; it signs none of it."""

    attestor: str
    ledger: LedgerId
    fact: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one look. `time` is the latest block time of any ledger, seconds since the epoch."""

    time: int
    home: LedgerId
    ledgers: tuple[LedgerFacts, ...]
    books: tuple[BookFacts, ...]
    lanes: tuple[LaneFacts, ...]
    wallets: tuple[WalletFacts, ...] = ()
    signers: tuple[SignerFacts, ...] = ()
    doubts: tuple[DoubtFacts, ...] = ()
    unattested: UnattestedFacts = UnattestedFacts()
    tasks: tuple[TaskFacts, ...] = ()
