"""What a ledger tells of its controls: holdings by balance type, rules in force, acts, versions.

Like the port (`paripassu.ledgers.port`), of which this is a part: the same questions to a chain
and to the book-entry ledger. What only chains have is an empty answer from the book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.keycontrol import KeyRotation
from paripassu.ledgers.blocks import BlockRef
from paripassu.quantities import Units
from paripassu.rules import BalanceType, Kind, Lot, Movement, Restriction, RuleSet, Standing


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account has of the security. `quota` is the most that it may hold on this ledger,
    None where no cap says so; the balances by type add up to `balance` (CTL-10)."""

    account: str
    balance: Units
    balances: Mapping[BalanceType, Units]
    lots: tuple[Lot, ...]
    frozen: bool
    quota: Units | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The most that may move now, and why not one unit more."""

    units: Units
    code: Restriction


@dataclass(frozen=True, slots=True)
class Succession:
    """The account that took another one's place, and when (seconds)."""

    successor: str
    at: int


@dataclass(frozen=True, slots=True)
class HolderOrder:
    """What a ledger last said against a holder in one scope, as another or the same ledger knows it:
    ordered where it `stands`, else lifted. `since` is when it took effect here, in seconds."""

    scope: Bytes32
    origin: LedgerId
    stands: bool
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class PledgedUnits:
    """A pledge that stands."""

    id: Bytes32
    pledgor: str
    pledgee: str
    units: Units


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """A ledger's rules now. `changes` counts the changes so far; `modules` are rule contracts;
    `holders` is the number of holders with units here, None where nothing limits it."""

    rules: RuleSet
    standing: Standing
    changes: int
    modules: tuple[str, ...]
    holders: int | None


class ActState(Enum):
    """Where an act stands."""

    OPEN = "OPEN"
    EXECUTED = "EXECUTED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did something about an act, for which role, when, in which transaction."""

    role: str
    by: str
    block: BlockRef
    transaction: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What an act did to the balance of one account (CTL-7)."""

    account: str
    before: Units
    after: Units


@dataclass(frozen=True, slots=True)
class ActRecord:
    """An act with its lineage: what, why, who proposed and approved it, and what it changed.

    `target` and `call` are what `ExecuteAct` wants; `ready_at` is the first second at which it may
    be carried out, `last_second` the last. `effects` are the events of its execution, in words.
    """

    id: Bytes32
    contract: str
    function: str
    arguments: Mapping[str, str]
    change_class: int
    reason: str  # the text, or the hash of one that a chain has no room for
    state: ActState
    threshold: int
    ready_at: int
    last_second: int
    proposed: Deed
    approvals: tuple[Deed, ...]
    executed: Deed | None
    corrections: tuple[Correction, ...]
    effects: tuple[str, ...]
    target: str
    call: bytes


@dataclass(frozen=True, slots=True)
class Running:
    """The code that a contract runs at a time: version tag, its hash, version of the terms."""

    contract: str
    version: str
    code_hash: Bytes32
    since: int


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A change of a contract's code. `change_class` is 0 for the first version."""

    contract: str
    before: str
    version: str
    code_hash: Bytes32
    change_class: int
    act: Bytes32
    block: BlockRef


class Controls(Protocol):
    """The controls of one ledger's instance of the security."""

    async def holding(self, account: str) -> Holding: ...
    async def allowed(self, source: str, target: str) -> Allowed:
        """How much may move now; an empty account stands for another ledger."""
        ...

    async def restriction(self, kind: Kind, source: str, target: str, units: Units) -> Restriction:
        """The verdict on a movement of a kind; an empty account is the issuer or another ledger."""
        ...

    async def restriction_at(self, movement: Movement, height: int) -> Restriction:
        """The verdict on a movement by the state after a past block, at that block's time.

        Raises:
            NodeRefused: the node does not have that state any more.
            CommandImpossible: a book, which keeps its verdicts and no former states.
        """
        ...

    async def orders(self, holder: Bytes32) -> tuple[HolderOrder, ...]:
        """What was ordered against a holder, here or elsewhere, and lifted again (CTL-8)."""
        ...

    async def succession(self, account: str) -> Succession | None: ...
    async def key_rotation(self, source: str, target: str) -> KeyRotation | None:
        """What an account must sign before another takes its place; None where no proof is asked for."""
        ...

    async def pledges(self, account: str) -> tuple[PledgedUnits, ...]:
        """Standing pledges of an account, given and taken."""
        ...

    async def rules(self) -> RulesInForce: ...
    async def acts(self) -> tuple[ActRecord, ...]:
        """All acts ever proposed here, in final blocks, oldest first; corrections are left out."""
        ...

    async def act(self, id: Bytes32) -> ActRecord | None:
        """An act with all that its execution changed."""
        ...

    async def versions(self) -> tuple[VersionChange, ...]:
        """Every change of code of every contract here, oldest first (VER-5)."""
        ...

    async def running(self, time: int | None = None) -> tuple[Running, ...]:
        """The code of every contract at a time, now where none is given (VER-5)."""
        ...
