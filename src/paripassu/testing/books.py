"""Book-entry ledgers for tests: a network of them that is ready to use, without a node.

clock = SettableClock(1_800_000_000)
north, south = await book_network(tmp_path, ("north", "south"), clock)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paripassu.commands import Acknowledge, Deliver, Issue, Onboard
from paripassu.identifiers import (
    Bytes32,
    Country,
    CurrencyCode,
    Isin,
    LedgerId,
    commitment,
    keccak256,
    security_id,
)
from paripassu.ledgers.book import (
    BookConfiguration,
    BookLedger,
    BookPeer,
    BookSecurity,
    Clock,
    book_application,
)
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.messages import (
    Acknowledgement,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    acknowledgement_digest,
    batch_digest,
)
from paripassu.quantities import Units
from paripassu.rules import RuleSet, share

TEST_ISIN = Isin("US0378331005")
TEST_SECURITY = security_id(TEST_ISIN, keccak256(b"terms"))
TEST_RULES = RuleSet(frozenset({Country("DE"), Country("FR")}), frozenset({1}))
ATTESTOR_NAMES = ("attestor_csd", "attestor_issuer", "attestor_custodian")
ROLE_HOLDERS = (
    "registrar",
    "transfer_agent",
    "freezer",
    "issuer_agent",
    "paying_agent",
    "cash_issuer",
    "pauser",
    "unpauser",
    "csd",
    "regulator",
    "rule_manager",
    "bridge_operator",
)
"""In a test network each of these roles is held by the signer of the same name."""


@dataclass(slots=True)
class SettableClock:
    """A clock that stands still until it is told to move."""

    time: int

    def now(self) -> int:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += seconds


@dataclass(frozen=True, slots=True)
class Desk:
    """Development signers by name, made when first asked for."""

    _signers: dict[str, KeySigner] = field(default_factory=dict)

    def __getitem__(self, name: str) -> KeySigner:
        if name not in self._signers:
            self._signers[name] = KeySigner(name, dev_key(name))
        return self._signers[name]


def entity_of(name: str) -> Bytes32:
    """A stand-in for the legal entity behind a signer."""
    return keccak256(f"entity {name}".encode())


def attestor_set(names: Sequence[str] = ATTESTOR_NAMES, threshold: int = 2, version: int = 1) -> AttestorSet:
    """An attestor set of development signers, each of an entity of its own."""
    desk = Desk()
    return AttestorSet(version, threshold, tuple(Attestor(desk[n].address, entity_of(n)) for n in names))


def book_security(isin: Isin = TEST_ISIN, currency: str = "EUR", rules: RuleSet = TEST_RULES) -> BookSecurity:
    """A security as a book keeps it, up to a million units."""
    id = security_id(isin, keccak256(b"terms"))
    return BookSecurity(isin, id, Units(1_000_000), rules, CurrencyCode(currency))


def book_configuration(
    ledger: LedgerId,
    peers: Sequence[LedgerId],
    *,
    home: bool,
    attestors: AttestorSet | None = None,
    rules: RuleSet = TEST_RULES,
    others: Sequence[BookSecurity] = (),
) -> BookConfiguration:
    """The set-up of one book of a test network whose other ledgers are books too.

    Args:
        others: securities that the book keeps beside that of `TEST_ISIN`.
    """
    purposes = (Purpose.MOVEMENT, Purpose.CORPORATE_ACTION, Purpose.QUOTA, Purpose.ORDER)
    return BookConfiguration(
        ledger=ledger,
        home=home,
        securities=(book_security(rules=rules), *others),
        attestors=attestors or attestor_set(),
        peers={
            peer: BookPeer({purpose: book_application(peer, purpose) for purpose in purposes})
            for peer in peers
            if peer != ledger
        },
        roles={role: (role,) for role in ROLE_HOLDERS},
    )


async def book_network(
    folder: Path,
    names: Sequence[str],
    clock: Clock | None = None,
    *,
    attestors: AttestorSet | None = None,
    rules: RuleSet = TEST_RULES,
) -> tuple[BookLedger, ...]:
    """Open and set up one book per name, all peers of each other; the first is the home ledger. Each
    applies its share of the rules."""
    ids = [LedgerId(f"book:{name}") for name in names]
    ledgers = []
    for ledger_id in ids:
        ledger = BookLedger(folder / f"{ledger_id.reference}.db", ledger_id, clock=clock)
        await ledger.open()
        home = ledger_id == ids[0]
        own = share(rules, len(ids), home=home)
        ledger.configure(book_configuration(ledger_id, ids, home=home, attestors=attestors, rules=own))
        ledgers.append(ledger)
    return tuple(ledgers)


async def onboard(ledger: BookLedger, account: str, *, country: str = "DE", servicer: str = "") -> None:
    """Register an account whose holder is named like it."""
    command = Onboard(account, commitment(f"holder {account}".encode()), country, 1, 0, servicer)
    await ledger.execute(command, Desk()["registrar"], f"onboard:{account}")


async def issue(ledger: BookLedger, account: str, units: int) -> None:
    """Issue units to an account of the home ledger."""
    await ledger.execute(Issue(account, Units(units)), Desk()["transfer_agent"], f"issue:{account}:{units}")


def delivery(*messages: Message) -> Deliver:
    """Messages of one lane, signed by a quorum of the test network's attestors."""
    batch = Batch(1, messages)
    return Deliver(batch, signed(batch_digest(batch, GatewayDomain(batch.lane.destination))))


def acknowledging(lane: Lane, nonce: int, *refused: Message) -> Acknowledge:
    """What a quorum of the test network's attestors says at the source of a lane."""
    said = Acknowledgement(1, lane, nonce, tuple(message.id for message in refused))
    return Acknowledge(said, signed(acknowledgement_digest(said, GatewayDomain(lane.source))))


def signed(digest: Bytes32, names: Sequence[str] = ATTESTOR_NAMES[:2]) -> tuple[bytes, ...]:
    """Signatures of development signers, in the order of their addresses."""
    desk = Desk()
    signers = sorted((desk[name] for name in names), key=lambda signer: int(signer.address, 16))
    return tuple(signer.sign_digest(digest) for signer in signers)
