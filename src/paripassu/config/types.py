"""A network as the rest of the program sees it: validated, typed, without keys or secrets of signers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from paripassu.errors import InconsistentFile
from paripassu.identifiers import Bytes32, CurrencyCode, LedgerId, Lei

LOCAL_ENVIRONMENT = "local"

CHANGE_CLASSES = ("regulatory", "corporateStructure", "economicTerms", "technical")
"""Classes of a change of code, as the contracts number them from 1 (VER-6)."""

COMPATIBILITY_LEVELS = ("none", "read", "exchange")
"""What versions may do with each other, as the contracts number it from 0: with `read` events are
delivered, with `exchange` units move too (VER-4)."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a chain makes blocks final: depth of reorganisations to allow for, seconds between blocks."""

    confirmations: int
    reorg_period: int
    estimate_block_time: int


@dataclass(frozen=True, slots=True)
class DevnetNode:
    """Which client stands for the ledger in a local network."""

    client: Literal["anvil", "ganache"]
    hardfork: str | None


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """One ledger of the network. `rpc_urls` and `blocks` say something for EVM chains only."""

    name: str
    id: LedgerId
    protocol: Literal["evm", "book"]
    display_name: str
    rpc_urls: tuple[str, ...]
    blocks: Blocks
    devnet: DevnetNode | None


@dataclass(frozen=True, slots=True)
class AttestorMember:
    """One attestor: its name, its legal entity, the key it signs with.

    Args:
        signer: how it signs; the key is at hand where it runs, and nowhere else.
        address: of its key, checksummed; empty where the file does not state it.
        rpc_urls: its own endpoints by ledger name; of a ledger that is not named those of the network.
        agree: how many endpoints of a ledger must answer alike before it believes them; 0 for all of them. Of
            a ledger that has fewer all must.
    """

    name: str
    entity: Lei
    signer: str
    address: str = ""
    rpc_urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    agree: int = 0

    @property
    def entity_id(self) -> Bytes32:
        """The entity as contracts know it: the LEI in ASCII, left-aligned."""
        return Bytes32(self.entity.encode("ascii").ljust(32, b"\0"))


@dataclass(frozen=True, slots=True)
class AttestorsConfig:
    """k of n attestors; k counts distinct legal entities (ACC-3)."""

    threshold: int
    members: tuple[AttestorMember, ...]


@dataclass(frozen=True, slots=True)
class CashConfig:
    """The cash token of one currency."""

    currency: CurrencyCode
    name: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ApprovalsConfig:
    """How many roles must agree to an act of consequence, and how long it is announced before (VER-6).

    Args:
        threshold: distinct roles, with distinct holders, that approve a change of code.
        correction_threshold: the same for a correction: forced transfer, recovery, cancellation, burn.
        change_class: class that the changes of code are of which the next deployment makes.
        notice: seconds from proposal to execution at least, by class of change, and for `roles`.
        administrator: who says who holds a role: "approvals", so that a quorum does, or "deployer".
    """

    threshold: int
    correction_threshold: int
    change_class: str
    notice: Mapping[str, int]
    administrator: str

    @property
    def quorum_names_roles(self) -> bool:
        """Whether granting a role is an act of consequence (CTL-12)."""
        return self.administrator == "approvals"


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What instances of two versions may do with each other, in either direction (VER-4).

    Args:
        versions: packed tags, the lower one first.
        level: place in COMPATIBILITY_LEVELS.
    """

    versions: tuple[int, int]
    level: int


@dataclass(frozen=True, slots=True)
class TransportConfig:
    """A transport that vouches for lanes in place of the attestors: those between two of `ledgers` (MOV-11).

    Args:
        mailbox: the network's own contract by ledger name; where none is given, on local networks alone,
            the one that `pari up` puts there.
        module: what verifies arriving messages, by ledger name; the mailbox's choice where none is given.
        domain: the network's own number of each ledger.
    """

    kind: Literal["hyperlane"]
    ledgers: tuple[str, ...]
    mailbox: Mapping[str, str]
    module: Mapping[str, str]
    domain: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """A whole network. Signers are kept as written (`dev:…`, `${…}`, `keystore:…`, `web3signer:…`), never as
    keys.

    `security_paths` has a file for each security; the first one is meant where none is named.
    `store` is the path or URL of the bridge's store; empty for a file in the workspace.
    """

    path: Path
    environment: str
    home: str
    security_paths: tuple[Path, ...]
    ledgers: Mapping[str, LedgerConfig]
    attestors: AttestorsConfig
    roles: Mapping[str, tuple[str, ...]]
    cash: Mapping[CurrencyCode, CashConfig]
    approvals: ApprovalsConfig
    compatibility: tuple[Compatibility, ...] = ()
    store: str = field(default="", repr=False)  # may hold a password
    transports: tuple[TransportConfig, ...] = ()

    @property
    def security_path(self) -> Path:
        """The file of the security that is meant where none is named."""
        return self.security_paths[0]

    @property
    def is_local(self) -> bool:
        return self.environment == LOCAL_ENVIRONMENT

    @property
    def home_ledger(self) -> LedgerConfig:
        return self.ledgers[self.home]

    @property
    def ledger_ids(self) -> tuple[LedgerId, ...]:
        return tuple(ledger.id for ledger in self.ledgers.values())

    def ledger_named(self, id: LedgerId) -> LedgerConfig:
        """The ledger with a CAIP-2 id. Raises InconsistentFile where the network has none."""
        for ledger in self.ledgers.values():
            if ledger.id == id:
                return ledger
        raise InconsistentFile(f"{self.path}: the network has no ledger '{id}'.")

    def with_rpc_urls(self, urls: Mapping[str, str]) -> NetworkConfig:
        """The same network with RPC URLs by ledger name, as local nodes report them."""
        ledgers = {
            name: replace(ledger, rpc_urls=(urls[name],)) if name in urls else ledger
            for name, ledger in self.ledgers.items()
        }
        return replace(self, ledgers=ledgers)
