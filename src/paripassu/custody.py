"""Chains of safekeeping accounts: own and client balances, attested breakdowns (UBO-1, UBO-4).

Words are those of seev.047: an account servicer keeps accounts for account owners; in
each, own balance + client balance = total, and the client balance is the sum of the
accounts below. An omnibus account's client lines are attested as a Merkle-sum root;
who the clients are stays off chain behind salted commitments (UBO-5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Self

from eth_abi.abi import encode as _abi_encode

from paripassu.errors import BreakdownRefused, TreeSumsBroken
from paripassu.identifiers import ZERO32, AccountId, Bytes32, commitment, keccak256
from paripassu.merkle import leaf_hash
from paripassu.quantities import ZERO_UNITS, Units


class ShareholdingType(Enum):
    """How a line is held: beneficial, nominee, own account of the servicer, unknown."""

    BENE = "BENE"
    NOMI = "NOMI"
    OOAC = "OOAC"
    UKWN = "UKWN"


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One client's position in an omnibus account; `holder` commits to who it is."""

    holder: Bytes32
    kind: ShareholdingType
    units: Units

    @property
    def leaf(self) -> Bytes32:
        """Leaf hash: keccak(keccak(abi.encode(holder, bytes4 kind, uint256 units)))."""
        encoded = _abi_encode(
            ["bytes32", "bytes4", "uint256"],
            [bytes(self.holder), self.kind.value.encode("ascii"), int(self.units)],
        )
        return leaf_hash(encoded)


def holder_commitment(salt: bytes, identity: str) -> Bytes32:
    """Commitment to a holder: 24 bytes of keccak256(salt || identity in UTF-8) (UBO-8).

    It is the same on every ledger. The 8 bytes after them are zero: a chain keeps a holder's record
    in one slot.

    Args:
        salt: at least 16 secret bytes, kept off chain.
        identity: LEI, or a national identifier that stays private.
    """
    if len(salt) < 16:
        raise BreakdownRefused(f"A holder salt needs at least 16 bytes, {len(salt)} were given.")
    if not identity:
        raise BreakdownRefused("A holder's identity cannot be empty.")
    return commitment(salt + identity.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A servicer's attested client lines of one omnibus account, as of a time (seconds since the epoch).

    Raises:
        BreakdownRefused: no lines, a line of no units, or two lines of one holder and kind.
    """

    account: AccountId
    as_of: int
    lines: tuple[ClientLine, ...]

    def __post_init__(self) -> None:
        if not self.lines:
            raise BreakdownRefused(f"The breakdown of '{self.account}' has no lines.")
        seen: set[tuple[Bytes32, ShareholdingType]] = set()
        for line in self.lines:
            if line.units == 0:
                raise BreakdownRefused(
                    f"The breakdown of '{self.account}' has a line of 0 units ({line.holder})."
                )
            if (line.holder, line.kind) in seen:
                raise BreakdownRefused(f"The breakdown of '{self.account}' names {line.holder} twice.")
            seen.add((line.holder, line.kind))

    @property
    def total(self) -> Units:
        return sum((line.units for line in self.lines), ZERO_UNITS)

    @property
    def root(self) -> Bytes32:
        """Merkle-sum root over the lines, whatever their order."""
        return self.tree().root

    def tree(self) -> MerkleSumTree:
        return MerkleSumTree.over(self.lines)

    def check_bound(self, balance: Units) -> None:
        """Raise BreakdownRefused, with the excess, where more is attested than the account holds (UBO-4)."""
        if self.total > balance:
            raise BreakdownRefused(
                f"The breakdown of '{self.account}' attests {int(self.total)} units, "
                f"{int(self.total) - int(balance)} more than the {int(balance)} that the account holds."
            )


@dataclass(frozen=True, slots=True)
class SumNode:
    """A node of a Merkle-sum tree: hash, and the units below it."""

    hash: Bytes32
    units: Units

    def join(self, other: Self) -> SumNode:
        """Parent: keccak(abi.encode(left hash, left units, right hash, right units)), smaller hash left.

        Units are hashed with each child, so a servicer cannot hide a position in the total.
        """
        left, right = sorted((self, other), key=lambda node: (node.hash, node.units))
        encoded = _abi_encode(
            ["bytes32", "uint256", "bytes32", "uint256"],
            [bytes(left.hash), int(left.units), bytes(right.hash), int(right.units)],
        )
        return SumNode(keccak256(encoded), left.units + right.units)


@dataclass(frozen=True, slots=True)
class MerkleSumTree:
    """Levels of a Merkle-sum tree from leaves to root; an odd last node moves up unchanged."""

    levels: tuple[tuple[SumNode, ...], ...]

    @classmethod
    def over(cls, lines: tuple[ClientLine, ...]) -> Self:
        nodes = sorted((SumNode(line.leaf, line.units) for line in lines), key=lambda node: node.hash)
        levels = [tuple(nodes)]
        while len(nodes) > 1:
            pairs = [nodes[index : index + 2] for index in range(0, len(nodes), 2)]
            nodes = [pair[0].join(pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
            levels.append(tuple(nodes))
        return cls(tuple(levels))

    @property
    def root(self) -> Bytes32:
        return self.levels[-1][0].hash

    def proof(self, line: ClientLine) -> tuple[SumNode, ...]:
        """Siblings from the line up: discloses one client's line and sums, no other holder (UBO-5)."""
        index = next((i for i, node in enumerate(self.levels[0]) if node.hash == line.leaf), None)
        if index is None:
            raise BreakdownRefused(f"The breakdown holds no line of {line.holder}.")
        siblings: list[SumNode] = []
        for level in self.levels[:-1]:
            if index ^ 1 < len(level):
                siblings.append(level[index ^ 1])
            index //= 2
        return tuple(siblings)


def verify_line(root: Bytes32, total: Units, line: ClientLine, proof: tuple[SumNode, ...]) -> bool:
    """True where the proof leads from one client's line to the attested root and total."""
    node = SumNode(line.leaf, line.units)
    for sibling in proof:
        node = node.join(sibling)
    return node.hash == root and node.units == total


@dataclass(frozen=True, slots=True)
class CustodyNode:
    """One safekeeping account: its own balance, its client balance, the accounts below it.

    `name` is the account's id; `holder` commits to a beneficial holder, or is zero.
    `kind` is how the account's own balance is held.
    """

    name: str
    own: Units
    client: Units
    children: tuple[CustodyNode, ...] = ()
    holder: Bytes32 = ZERO32
    kind: ShareholdingType = ShareholdingType.BENE

    @property
    def total(self) -> Units:
        return self.own + self.client

    def walk(self) -> Iterator[CustodyNode]:
        """This account and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def broken_sums(self) -> tuple[str, ...]:
        """One sentence for each account whose client balance is not the sum of the accounts below it."""
        return tuple(
            f"Account '{node.name}' states {int(node.client)} client units, "
            f"but the accounts below it hold {sum(int(child.total) for child in node.children)}."
            for node in self.walk()
            if sum(int(child.total) for child in node.children) != node.client
        )

    def check_sums(self) -> None:
        """Raise TreeSumsBroken where own + client = total fails at any account (UBO-1)."""
        broken = self.broken_sums()
        if broken:
            raise TreeSumsBroken(" ".join(broken))


def omnibus_node(account: AccountId, balance: Units, breakdown: Breakdown) -> CustodyNode:
    """The custody tree of an omnibus account: its clients, its own lines, and the unattested rest as UKWN.

    Raises:
        BreakdownRefused: the breakdown is of another account, or attests more than `balance`.
    """
    if breakdown.account != account:
        raise BreakdownRefused(f"A breakdown of '{breakdown.account}' was given for '{account}'.")
    breakdown.check_bound(balance)
    own = sum((line.units for line in breakdown.lines if line.kind is ShareholdingType.OOAC), ZERO_UNITS)
    clients = [
        CustodyNode(f"{account}/{line.holder}", line.units, ZERO_UNITS, (), line.holder, line.kind)
        for line in breakdown.lines
        if line.kind is not ShareholdingType.OOAC
    ]
    rest = balance - breakdown.total
    if rest:
        clients.append(CustodyNode(f"{account}/unknown", rest, ZERO_UNITS, kind=ShareholdingType.UKWN))
    return CustodyNode(str(account), own, balance - own, tuple(clients), kind=ShareholdingType.OOAC)
