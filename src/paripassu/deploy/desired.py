"""What a ledger shall look like (pure values): contracts at their addresses, rights, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.book import BookConfiguration
from paripassu.ledgers.evm.contracts import View

FACTORY = "Create3Factory"
MANAGER = "AccessManager"


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to be deployed.

    Args:
        name: what it is called in the record; `SecurityToken.implementation` for code behind a proxy.
        artefact: whose code it has.
        init_code: creation code with its arguments, the same call on every chain but for its arguments.
        implementation: for a proxy, the address that it must point to.
        arguments: constructor or initialiser arguments, for the record.
        gas: limit for its transaction.
    """

    name: str
    artefact: str
    address: str
    salt: bytes
    init_code: bytes
    code_hash: Bytes32
    gas: int
    implementation: str = ""
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One piece of set-up: how it is read, when it is right, and the call that makes it so."""

    title: str
    role: str
    contract: str
    call: bytes
    read: View
    matches: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class EvmDesired:
    """The desired state of one chain.

    `members` has the exact holders of every role, `functions` the exact role of every
    restricted function by (address, selector).
    """

    name: str
    ledger: LedgerId
    deployer: str
    creations: tuple[Creation, ...]
    settings: tuple[Setting, ...]
    members: Mapping[int, frozenset[str]]
    functions: Mapping[tuple[str, bytes], int]

    @property
    def addresses(self) -> dict[str, str]:
        """Contract name to address; implementations left out."""
        return {
            creation.name: creation.address
            for creation in self.creations
            if not creation.name.endswith(".implementation")
        }


@dataclass(frozen=True, slots=True)
class BookDesired:
    """The desired state of a book-entry ledger."""

    name: str
    ledger: LedgerId
    configuration: BookConfiguration


Desired = EvmDesired | BookDesired
