"""Who is owed what: positions at record time, consolidated per holder, in exact minor units.

The rule (design section 4; CA-5 to CA-8). Positions are struck at record time T on every
ledger. Units in transit at T count once, for the account that their message names on the
destination ledger, or for the one that they left where they go back to it. Omnibus
accounts are replaced by their attested client lines; an unattested rest is a holder of
its own, unknown. A holder's entitlement is the floor of units over all ledgers x rate
(RDDN), so it does not depend on how the units are split.
It is divided over the holder's accounts, in the order of their CAIP-10 ids, by
cumulative floors, so that the parts sum to it exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from eth_abi.abi import encode as _abi_encode

from paripassu.custody import Breakdown, ShareholdingType
from paripassu.errors import EntitlementRefused
from paripassu.events import EventRecord
from paripassu.identifiers import AccountId, Bytes32, LedgerId, keccak256
from paripassu.merkle import MerkleTree, leaf_hash
from paripassu.quantities import ZERO_MINOR, ZERO_UNITS, Minor, Rate, Units


@dataclass(frozen=True, slots=True)
class Position:
    """Units of one account of one ledger at record time."""

    account: AccountId
    units: Units


@dataclass(frozen=True, slots=True)
class InTransit:
    """Units on their way. `target` is the account that the message names on the destination ledger.

    Times are seconds since the epoch; `executed` is None until the destination has booked it. Where it
    refused to for good, `origin` is the account that the units left and go back to, and `refunded` when
    they did (MOV-6). `expiry` is the last second at which they may arrive, 0 for no end.
    """

    message_id: Bytes32
    source: LedgerId
    target: AccountId
    units: Units
    dispatched: int
    executed: int | None
    origin: AccountId | None = None
    refunded: int | None = None
    expiry: int = 0

    @property
    def booked(self) -> int | None:
        """When the units were on a ledger again, whether there or back here."""
        return self.refunded if self.executed is None else self.executed

    @property
    def owner(self) -> AccountId:
        """The account for which units in transit count."""
        return self.target if self.origin is None else self.origin

    @property
    def undecided(self) -> bool:
        """Whether time alone still decides whose the units are."""
        return self.expiry != 0 and self.booked is None and self.origin is None

    def at(self, time: int) -> bool:
        """True where the units are in transit at `time`: gone from the source, not yet booked."""
        return self.dispatched <= time and (self.booked is None or self.booked > time)


@dataclass(frozen=True, slots=True)
class Part:
    """Units of a holder that sit in one account (its own, or an omnibus account)."""

    account: AccountId
    units: Units


@dataclass(frozen=True, slots=True)
class Holding:
    """All units of one holder over all ledgers. An unattested rest is a holding of kind UKWN."""

    holder: Bytes32
    kind: ShareholdingType
    parts: tuple[Part, ...]

    @property
    def units(self) -> Units:
        return sum((part.units for part in self.parts), ZERO_UNITS)


@dataclass(frozen=True, slots=True)
class HolderEntitlement:
    """What one holder is owed; `parts` divide `amount` over accounts, `residue` is the fraction cut off."""

    holder: Bytes32
    kind: ShareholdingType
    units: Units
    amount: Minor
    residue: Fraction
    parts: tuple[EntitlementPart, ...]


@dataclass(frozen=True, slots=True)
class EntitlementPart:
    """A holder's units and amount in one account."""

    account: AccountId
    units: Units
    amount: Minor


@dataclass(frozen=True, slots=True)
class EntitlementLine:
    """What one account is paid for one event: the sum of the parts in it. Never zero."""

    event_key: Bytes32
    account: AccountId
    units: Units
    amount: Minor

    @property
    def leaf(self) -> Bytes32:
        """keccak(keccak(abi.encode(event key, ledger number, keccak(account bytes), amount)))."""
        encoded = _abi_encode(
            ["bytes32", "uint256", "bytes32", "uint256"],
            [
                bytes(self.event_key),
                self.account.ledger.numeric,
                bytes(self.account.raw_hash),
                int(self.amount),
            ],
        )
        return leaf_hash(encoded)


@dataclass(frozen=True, slots=True)
class EntitlementTable:
    """All entitlements of one event. total + residue = rate x eligible units, exactly (CA-8)."""

    event_id: str
    lines: tuple[EntitlementLine, ...]
    holders: tuple[HolderEntitlement, ...]
    units: Units
    total: Minor
    residue: Fraction

    def lines_on(self, ledger: LedgerId) -> tuple[EntitlementLine, ...]:
        """The lines that are paid on one ledger."""
        return tuple(line for line in self.lines if line.account.ledger == ledger)


def strike(positions: Iterable[Position], in_transit: Iterable[InTransit], time: int) -> tuple[Position, ...]:
    """Positions with the units in transit at `time` added to the accounts that they are for (CA-5).

    Raises:
        EntitlementRefused: an account or a message is given twice.
    """
    units: dict[AccountId, Units] = {}
    for position in positions:
        if position.account in units:
            raise EntitlementRefused(f"Account '{position.account}' is given with two positions.")
        units[position.account] = position.units
    seen: set[Bytes32] = set()
    for transit in in_transit:
        if transit.message_id in seen:
            raise EntitlementRefused(f"Message {transit.message_id} is given in transit twice.")
        seen.add(transit.message_id)
        if transit.at(time):
            units[transit.owner] = units.get(transit.owner, ZERO_UNITS) + transit.units
    return tuple(Position(account, units[account]) for account in sorted(units, key=str) if units[account])


def unknown_holder(account: AccountId) -> Bytes32:
    """Stand-in for the holders behind an account of whom nothing is attested; never shared by accounts."""
    return keccak256(b"UKWN" + str(account).encode("utf-8"))


def consolidate(
    positions: Iterable[Position],
    holders: Mapping[AccountId, Bytes32],
    breakdowns: Iterable[Breakdown] = (),
) -> tuple[Holding, ...]:
    """Holdings per holder over all ledgers (CA-7, UBO-2, UBO-8).

    Args:
        positions: what `strike` gives.
        holders: holder commitment of each registered account.
        breakdowns: attested client lines; the account's own holder then counts only by its own line.

    Raises:
        EntitlementRefused: two breakdowns of one account.
        BreakdownRefused: a breakdown attests more than the account holds (it is stale, UBO-7).
    """
    attested: dict[AccountId, Breakdown] = {}
    for breakdown in breakdowns:
        if breakdown.account in attested:
            raise EntitlementRefused(f"Account '{breakdown.account}' is given with two breakdowns.")
        attested[breakdown.account] = breakdown
    parts: dict[Bytes32, dict[AccountId, Units]] = defaultdict(dict)
    kinds: dict[Bytes32, ShareholdingType] = {}

    def add(holder: Bytes32, kind: ShareholdingType, account: AccountId, units: Units) -> None:
        parts[holder][account] = parts[holder].get(account, ZERO_UNITS) + units
        kinds[holder] = ShareholdingType.UKWN if kind is ShareholdingType.UKWN else ShareholdingType.BENE

    held: set[AccountId] = set()
    for position in positions:
        account, units = position.account, position.units
        held.add(account)
        rest = units
        if account in attested:
            attested[account].check_bound(units)
            for line in attested[account].lines:
                known = line.kind is not ShareholdingType.UKWN
                add(line.holder if known else unknown_holder(account), line.kind, account, line.units)
            rest = units - attested[account].total
        if rest:
            known = account not in attested and account in holders
            kind = ShareholdingType.BENE if known else ShareholdingType.UKWN
            add(holders[account] if known else unknown_holder(account), kind, account, rest)
    for account in attested.keys() - held:
        attested[account].check_bound(ZERO_UNITS)
    return tuple(
        Holding(
            holder,
            kinds[holder],
            tuple(Part(account, parts[holder][account]) for account in sorted(parts[holder], key=str)),
        )
        for holder in sorted(parts)
    )


def divide(parts: Iterable[Part], rate: Rate, exponent: int) -> tuple[EntitlementPart, ...]:
    """Divide a holder's entitlement over accounts by cumulative floors, in CAIP-10 order."""
    divided: list[EntitlementPart] = []
    cumulated, given = ZERO_UNITS, ZERO_MINOR
    for part in sorted(parts, key=lambda part: str(part.account)):
        cumulated += part.units
        due = rate.floor_minor(cumulated, exponent)
        divided.append(EntitlementPart(part.account, part.units, due - given))
        given = due
    return tuple(divided)


def entitle(event: EventRecord, holdings: Iterable[Holding]) -> EntitlementTable:
    """The entitlement table of an event. Order of the holdings does not matter.

    Raises:
        EntitlementRefused: the same holder is given twice.
    """
    exponent = event.currency.exponent
    holders: list[HolderEntitlement] = []
    for holding in sorted(holdings, key=lambda holding: holding.holder):
        if holders and holders[-1].holder == holding.holder:
            raise EntitlementRefused(f"Holder {holding.holder} is given twice.")
        amount = event.rate.floor_minor(holding.units, exponent)
        residue = event.rate.exact_minor(holding.units, exponent) - int(amount)
        parts = divide(holding.parts, event.rate, exponent)
        holders.append(HolderEntitlement(holding.holder, holding.kind, holding.units, amount, residue, parts))
    return EntitlementTable(
        event_id=event.official_event_id,
        lines=_lines(event.key, holders),
        holders=tuple(holders),
        units=sum((holder.units for holder in holders), ZERO_UNITS),
        total=sum((holder.amount for holder in holders), ZERO_MINOR),
        residue=sum((holder.residue for holder in holders), Fraction(0)),
    )


def _lines(event_key: Bytes32, holders: Iterable[HolderEntitlement]) -> tuple[EntitlementLine, ...]:
    units: dict[AccountId, Units] = {}
    amounts: dict[AccountId, Minor] = {}
    for holder in holders:
        for part in holder.parts:
            units[part.account] = units.get(part.account, ZERO_UNITS) + part.units
            amounts[part.account] = amounts.get(part.account, ZERO_MINOR) + part.amount
    return tuple(
        EntitlementLine(event_key, account, units[account], amounts[account])
        for account in sorted(amounts, key=str)
        if amounts[account]
    )


def merkle_tree_of(table: EntitlementTable) -> MerkleTree:
    """Tree over all lines of all ledgers; its proofs go with payments.

    Raises:
        EntitlementRefused: nobody is owed anything.
    """
    if not table.lines:
        raise EntitlementRefused(f"Event '{table.event_id}' owes nobody as much as one minor unit.")
    return MerkleTree(line.leaf for line in table.lines)


def merkle_root_of(table: EntitlementTable) -> Bytes32:
    """Root that the home ledger publishes."""
    return merkle_tree_of(table).root
