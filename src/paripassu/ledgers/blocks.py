"""A block, or a posting height, as everybody above a ledger names it."""

from __future__ import annotations

from dataclasses import dataclass

from paripassu.identifiers import Bytes32


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block of a chain, or a posting height of the book-entry ledger.

    `time` is in seconds since the epoch, by the ledger's own clock.
    """

    height: int
    hash: Bytes32
    time: int
