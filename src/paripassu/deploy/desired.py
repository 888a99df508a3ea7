"""What a ledger shall look like (pure values): contracts at their addresses, role holders, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.book import BookConfiguration
from paripassu.ledgers.evm.contracts import View

FACTORY = "Create3Factory"
MANAGER = "AccessManager"
APPROVALS = "Approvals"
TOKEN = "SecurityToken"
CASH = "CashToken"
IMPLEMENTATION = ".implementation"
"""Ending of the name of code behind proxies."""


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to be deployed.

    Args:
        name: what it is called in the record; `SecurityToken.implementation` for code behind proxies,
            `SecurityToken/FR0014ZZPPS9` for one of several of a kind.
        artefact: whose code it has.
        init_code: creation code with its arguments, equal on every chain but for a proxy's.
        immutables: values of the immutables in its code, by name.
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
    immutables: Mapping[str, bytes]
    implementation: str = ""
    arguments: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Name of the contract that answers here: `SecurityToken` for each security's."""
        return self.name.removesuffix(IMPLEMENTATION).partition("/")[0]


Calls = tuple[tuple[str, bytes], ...]
"""Calls of one contract, each with what it does in words."""


@dataclass(frozen=True, slots=True)
class TokenCode:
    """The code that a token runs: its packed version, major << 16 | minor << 8 | patch, and its hash."""

    version: int
    code_hash: Bytes32


Running = Mapping[tuple[LedgerId, str], TokenCode | None]
"""What each token runs, by its chain and its name there; None where the chain does not tell now.
A token that is not listed is not there yet: it will run what this package ships."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One piece of set-up.

    Args:
        role: who may make it.
        contract: name of the contract that is called.
        read: how it is read.
        calls: from what was read (None where the contract is not there yet), and what the tokens
            of all chains run, to the calls that make it right; none where it is.
        after: kind of contract that must run its desired code first; empty where none must.
        command: with what people propose it where an act makes it that no deployment proposes.
    """

    title: str
    role: str
    contract: str
    read: View
    calls: Callable[[Any, Running], Calls]
    after: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class SecurityPlace:
    """A security of a network, by the names of its contracts."""

    isin: str
    security_id: Bytes32
    token: str
    cash: str


@dataclass(frozen=True, slots=True)
class Upgrades:
    """How code is changed: class of the change, and the roles that approve it, enough of them."""

    change_class: int
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvmDesired:
    """The desired state of one chain. `members` has the exact holders of every role."""

    name: str
    ledger: LedgerId
    deployer: str
    creations: tuple[Creation, ...]
    settings: tuple[Setting, ...]
    members: Mapping[int, frozenset[str]]
    securities: tuple[SecurityPlace, ...]
    upgrades: Upgrades

    @property
    def addresses(self) -> dict[str, str]:
        """Contract name to address, code behind proxies left out.

        `SecurityToken` and `CashToken` are those of the first security.
        """
        found = {
            creation.name: creation.address
            for creation in self.creations
            if not creation.name.endswith(IMPLEMENTATION)
        }
        first = self.securities[0]
        return {**found, TOKEN: found[first.token], CASH: found[first.cash]}


@dataclass(frozen=True, slots=True)
class BookDesired:
    """The desired state of a book-entry ledger."""

    name: str
    ledger: LedgerId
    configuration: BookConfiguration


Desired = EvmDesired | BookDesired
