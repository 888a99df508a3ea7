"""What the deploy engine tells the book-entry ledger: securities, rules, peers, attestors, roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from paripassu.errors import CommandRefused, InconsistentFile
from paripassu.identifiers import (
    Bytes32,
    Cfi,
    Country,
    CurrencyCode,
    InteropAddress,
    Isin,
    LedgerId,
    checksum_address,
    role_id,
)
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.messages import Purpose
from paripassu.quantities import Units
from paripassu.rules import RuleSet, Window

FORMER_ASSET = "UNITS"
"""Under what a book that could keep one security only has posted it, and goes on to post it."""

_APPLICATION_ACCOUNTS = {
    Purpose.MOVEMENT: "movement",
    Purpose.CORPORATE_ACTION: "corporate-action",
    Purpose.RECEIPT: "receipt",
    Purpose.QUOTA: "quota",
    Purpose.ORDER: "order",
}


def book_application(ledger: LedgerId, purpose: Purpose) -> bytes:
    """ERC-7930 address of a book-entry ledger's application, as its peers must know it."""
    return InteropAddress(ledger, _APPLICATION_ACCOUNTS[purpose]).encode()


@dataclass(frozen=True, slots=True)
class BookPeer:
    """Another ledger as the book knows it: its applications by purpose, as ERC-7930 bytes.

    A closed peer is sent nothing; what it sent before is still taken in.
    """

    applications: Mapping[Purpose, bytes]
    open: bool = True


@dataclass(frozen=True, slots=True)
class BookSecurity:
    """One security that a book keeps. `asset` is under what its units are posted: its ISIN, as a rule.
    By `cfi` events are refused that such an instrument cannot have (ID-8)."""

    isin: Isin
    security_id: Bytes32
    issue_limit: Units
    rules: RuleSet
    currency: CurrencyCode
    asset: str = ""
    cfi: Cfi | None = None

    def __post_init__(self) -> None:
        if not self.asset:
            object.__setattr__(self, "asset", str(self.isin))


@dataclass(frozen=True, slots=True)
class BookConfiguration:
    """The book-entry ledger's whole set-up; `configure` with an equal one changes nothing.

    `roles` maps role names of the closed list to the names of the signers that hold them.
    `home` says whether issues are booked and events announced here. `correction_threshold` is the
    number of roles that must approve a correction (CTL-7), `rotation_threshold` that of those which must
    approve another set of attestors, `rotation_notice` the seconds before that may take over (ACC-3).
    `isin` names the security at hand; the first one is where none is named.

    Raises:
        InconsistentFile: a quorum that one entity could meet, an unknown peer purpose, no security
            or one twice.
        UnknownRole: a role that is not in the closed list.
    """

    ledger: LedgerId
    home: bool
    securities: tuple[BookSecurity, ...]
    attestors: AttestorSet
    peers: Mapping[LedgerId, BookPeer] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    correction_threshold: int = 2
    rotation_threshold: int = 2
    rotation_notice: int = 0
    isin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for role in self.roles:
            role_id(role)
        for threshold, what in (
            (self.correction_threshold, "a correction"),
            (self.rotation_threshold, "another set of attestors"),
        ):
            if threshold < 2:
                raise InconsistentFile(f"At least two roles approve {what}, not {threshold}.")
        entities = {member.entity for member in self.attestors.members}
        if not 2 <= self.attestors.threshold <= len(entities):
            raise InconsistentFile(
                f"The attestor threshold {self.attestors.threshold} must be at least 2 and at most the "
                f"{len(entities)} distinct entities."
            )
        if len({member.signer for member in self.attestors.members}) != len(self.attestors.members):
            raise InconsistentFile("An attestor's key is listed twice.")
        if self.ledger in self.peers:
            raise InconsistentFile(f"The ledger {self.ledger} cannot be its own peer.")
        distinct = {one.isin for one in self.securities}, {one.asset for one in self.securities}
        if not self.securities or any(len(each) < len(self.securities) for each in distinct):
            raise InconsistentFile(f"The book {self.ledger} keeps no security, or one of them twice.")

    def holds(self, role: str, signer: str) -> bool:
        """Whether the named signer holds a role."""
        return signer in self.roles.get(role, ())

    @property
    def security(self) -> BookSecurity:
        """The security at hand. Raises CommandRefused where the book does not keep it."""
        found = next((one for one in self.securities if self.isin in ("", one.isin)), None)
        if found is None:
            raise CommandRefused(
                f"The security {self.isin} is not kept in the book {self.ledger}; it keeps "
                f"{', '.join(one.isin for one in self.securities)}."
            )
        return found

    @property
    def asset(self) -> str:
        return self.security.asset

    @property
    def rules(self) -> RuleSet:
        return self.security.rules

    @property
    def currency(self) -> CurrencyCode:
        return self.security.currency

    def stored(self, reference: str) -> str:
        """A caller's reference as the journal keeps it: one and the same may be used for each security."""
        plain = not self.isin or self.asset == FORMER_ASSET
        return reference if plain else f"{reference}@isin:{self.isin}"

    def of(self, isin: str) -> Self:
        """The same set-up with another security at hand."""
        return replace(self, isin=isin)

    def of_security(self, security_id: Bytes32) -> Self:
        """The same set-up with the security at hand that has this id. Raises CommandRefused."""
        for one in self.securities:
            if one.security_id == security_id:
                return self.of(one.isin)
        raise CommandRefused(f"The security {security_id} is not kept in the book {self.ledger}.")

    def of_asset(self, asset: str) -> Self:
        """The same set-up with the security at hand that is posted so."""
        return self.of(next(one.isin for one in self.securities if one.asset == asset))

    def with_rules(self, rules: Mapping[str, RuleSet]) -> Self:
        """The same set-up with other rules, by asset."""
        kept = tuple(replace(one, rules=rules.get(one.asset, one.rules)) for one in self.securities)
        return replace(self, securities=kept)


def to_json(value: BookConfiguration) -> str:
    """Canonical JSON, as it is kept in the book."""
    document: dict[str, Any] = {
        "ledger": str(value.ledger),
        "home": value.home,
        "securities": [_security_to(one) for one in value.securities],
        "attestors": {
            "version": value.attestors.version,
            "threshold": value.attestors.threshold,
            "members": [[member.signer, member.entity.text] for member in value.attestors.members],
        },
        "peers": {
            str(ledger): {
                "open": peer.open,
                "applications": {str(int(p)): bytes(a).hex() for p, a in peer.applications.items()},
            }
            for ledger, peer in value.peers.items()
        },
        "roles": {role: list(names) for role, names in value.roles.items()},
    }
    if value.correction_threshold != 2:
        document["correctionThreshold"] = value.correction_threshold
    if value.rotation_threshold != 2:
        document["rotationThreshold"] = value.rotation_threshold
    if value.rotation_notice:
        document["rotationNotice"] = value.rotation_notice
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> BookConfiguration:
    """Inverse of `to_json`. A document of one security, as books used to keep it, is read as well."""
    document: dict[str, Any] = json.loads(text)
    attestors = document["attestors"]
    members = tuple(
        Attestor(checksum_address(bytes.fromhex(signer[2:])), Bytes32(entity))
        for signer, entity in attestors["members"]
    )
    peers = {
        LedgerId(ledger): BookPeer(
            {Purpose(int(p)): bytes.fromhex(a) for p, a in peer["applications"].items()}, peer["open"]
        )
        for ledger, peer in document["peers"].items()
    }
    return BookConfiguration(
        ledger=LedgerId(document["ledger"]),
        home=document["home"],
        securities=tuple(
            _security_from(one) for one in document.get("securities", [{**document, "asset": FORMER_ASSET}])
        ),
        attestors=AttestorSet(attestors["version"], attestors["threshold"], members),
        peers=peers,
        roles={role: tuple(names) for role, names in document["roles"].items()},
        correction_threshold=document.get("correctionThreshold", 2),
        rotation_threshold=document.get("rotationThreshold", 2),
        rotation_notice=document.get("rotationNotice", 0),
    )


def _security_to(one: BookSecurity) -> dict[str, Any]:
    document: dict[str, Any] = {
        "isin": str(one.isin),
        "securityId": one.security_id.text,
        "issueLimit": str(int(one.issue_limit)),
        **rules_to(one.rules),
        "currency": str(one.currency),
    }
    if one.cfi is not None:
        document["cfi"] = str(one.cfi)
    return document if one.asset == one.isin else {**document, "asset": one.asset}


def _security_from(document: Mapping[str, Any]) -> BookSecurity:
    return BookSecurity(
        isin=Isin(document["isin"]),
        security_id=Bytes32(document["securityId"]),
        issue_limit=Units(int(document["issueLimit"])),
        rules=rules_from(document),
        currency=CurrencyCode(document["currency"]),
        asset=document.get("asset", ""),
        cfi=Cfi(document["cfi"]) if "cfi" in document else None,
    )


def rules_to(rules: RuleSet) -> dict[str, Any]:
    """Rules as JSON. What a security need not have, and has not, is left out as in the security file."""
    document: dict[str, Any] = {
        "countries": sorted(str(country) for country in rules.countries),
        "classes": sorted(rules.classes),
    }
    if rules.deny_list:
        document["denyList"] = True
    if rules.holding_cap is not None:
        document["holdingCap"] = str(int(rules.holding_cap))
    if rules.holder_limit is not None:
        document["holderLimit"] = rules.holder_limit
    if rules.minimum_lot > 1:
        document["minimumLot"] = str(int(rules.minimum_lot))
    if rules.blackout:
        document["blackout"] = [[window.start, window.end] for window in rules.blackout]
    return document


def rules_from(document: Mapping[str, Any]) -> RuleSet:
    """Inverse of `rules_to`; other keys are passed over."""
    cap = document.get("holdingCap")
    return RuleSet(
        frozenset(Country(code) for code in document["countries"]),
        frozenset(document["classes"]),
        deny_list=document.get("denyList", False),
        holding_cap=None if cap is None else Units(int(cap)),
        holder_limit=document.get("holderLimit"),
        minimum_lot=Units(int(document.get("minimumLot", 1))),
        blackout=tuple(Window(start, end) for start, end in document.get("blackout", ())),
    )
