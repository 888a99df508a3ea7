"""One vector of movements, five ways to judge it: same verdict, same code (CTL-2, I3, C52-N).

Anvil and Ganache through the ledger port, the shipped bytecode in process, the book-entry ledger, and the
core's own function. All are brought into the same state by the same acts, and asked the same questions.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

pytest.importorskip("pyrevm", reason="has no build for this Python")

from paripassu import controls
from paripassu.controls import Reason
from paripassu.errors import PariError, RuleError
from paripassu.identifiers import Bytes32, Country
from paripassu.jobs import controlling
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    HolderRecord,
    Kind,
    Lot,
    Movement,
    Restriction,
    TokenState,
    apply,
    judge,
)
from paripassu.testing.evm import Reverted, address_of
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started
from paripassu.testing.platform import Platform, reference

WHY = Reason("court order 7")
LEDGERS = ("alpha", "bravo", "register")
LOCKED_UNTIL = 1_900_000_000
NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Actor:
    """A holder: country, class, and the units that it has on each ledger."""

    country: str
    investor_class: int
    units: int = 0


ACTORS = {
    "holder_fr": Actor("FR", 1, 300),  # 100 of its units frozen, 50 locked up
    "holder_de": Actor("DE", 2, 300),
    "holder_gb": Actor("GB", 1, 20),  # frozen
    "holder_lu": Actor("LU", 1, 20),  # sanctioned
    "holder_us": Actor("US", 3, 20),  # of a class whose inventory is paused
    "holder_jp": Actor("JP", 1),  # of a country that may not hold
    "holder_odd": Actor("DE", 9),  # of a class that may not hold
    "holder_gone": Actor("DE", 1),  # suspended
}
EVERYBODY = (*ACTORS, "stranger")
AMOUNTS = (0, 1, 4, 5, 20, 21, 150, 151, 200, 201, 300, 301)


def vector(number: int) -> list[Movement]:
    """Movements of every kind between all parties, the same at each run."""
    chance = random.Random(20_270_301)
    found = []
    for _ in range(number):
        kind = chance.choice(list(Kind))
        source = chance.choice(EVERYBODY) if kind.takes else ""
        target = chance.choice(EVERYBODY) if kind.gives else ""
        units = 0 if kind is Kind.PAYOUT else chance.choice(AMOUNTS)
        found.append(Movement(kind, source, target, Units(units)))
    return found


@pytest.fixture(scope="module")
def pari(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book, in the state that `ACTORS` describes."""
    folder = tmp_path_factory.mktemp("same-verdict")
    for network in started(two_chains(folder, clients={"bravo": "ganache"}), folder / "ws"):
        for name, actor in ACTORS.items():
            network.onboard(name, country=actor.country, investor_class=actor.investor_class)
            if actor.units:
                network.issue(name, 3 * actor.units)
                for ledger in LEDGERS[1:]:
                    network.move(name, "alpha", name, ledger, actor.units)
        network.deliver()
        for ledger in LEDGERS:
            for command, role in acts({name: network.account(name, ledger).account for name in ACTORS}):
                network.control(ledger, command, role)
        yield network


def acts(account: Mapping[str, str]) -> list[tuple[controls.Control, str]]:
    """What is done to the actors on each ledger, and who does it."""
    return [
        (controls.FreezeUnits(account["holder_fr"], Units(100), WHY), "freezer"),
        (controls.Lock(account["holder_fr"], Units(50), LOCKED_UNTIL, WHY), "transfer_agent"),
        (controls.Freeze(account["holder_gb"], True, WHY), "freezer"),
        (controls.Sanction(account["holder_lu"], True, WHY), "regulator"),
        (controls.SetStatus(account["holder_gone"], False, WHY), "registrar"),
        (controls.PauseClasses(frozenset({3}), True, WHY), "pauser"),
        (controls.SetMinimumLot(Units(5), WHY), "rule_manager"),
    ]


@pytest.fixture(scope="module")
def bytecode(pari: LocalNetwork) -> Platform:
    """The shipped bytecode in process, in the same state by the same acts."""
    rules = pari.session.security.rules
    platform = Platform(
        countries=sorted(country.numeric for country in rules.countries),
        classes=tuple(rules.classes),
        bridge="bridge",
        approvals="approvals",
    )
    token, why = platform.token, reference("order")
    for name, actor in ACTORS.items():
        platform.onboard(name, country=actor.country, investor_class=actor.investor_class)
        if actor.units:
            token.send("issue", name, actor.units, reference(name), sender="transfer_agent")
    token.send("freezeUnits", "holder_fr", 100, why, sender="freezer")
    token.send("lock", "holder_fr", 50, LOCKED_UNTIL, why, sender="transfer_agent")
    token.send("freeze", "holder_gb", True, why, sender="freezer")
    platform.holders.send("setSanctioned", "holder_lu", True, why, sender="regulator")
    platform.holders.send("setStatus", "holder_gone", False, why, sender="registrar")
    token.send("pauseClasses", 1 << 3, why, sender="pauser")
    token.send("setMinimumLot", 5, why, sender="rule_manager")
    return platform


@pytest.fixture(scope="module")
def core(pari: LocalNetwork) -> TokenState:
    """The same state as a value."""

    def state(name: str, actor: Actor) -> AccountState:
        record = HolderRecord(
            holder=Bytes32(Platform.commitment(name)),
            country=Country(actor.country),
            investor_class=actor.investor_class,
            active=name != "holder_gone",
            expiry=0,
            servicer="",
            sanctioned=name == "holder_lu",
        )
        return AccountState(record, frozen=name == "holder_gb", balance=Units(actor.units))

    accounts = {name: state(name, actor) for name, actor in ACTORS.items()}
    accounts["holder_fr"] = replace(
        accounts["holder_fr"], blocked=Units(100), lots=(Lot(Units(50), LOCKED_UNTIL),)
    )
    rules = replace(pari.session.security.rules, minimum_lot=Units(5))
    return TokenState(rules, accounts, paused_classes=frozenset({3}))


def test_ctl_2_a_vector_of_movements_has_equal_codes_on_every_ledger(
    pari: LocalNetwork, bytecode: Platform, core: TokenState
) -> None:
    asked = vector(400)
    now = bytecode.chain.now
    said = {movement: judge(core, movement, now) for movement in asked}
    for movement in asked:
        accounts = [address_of(one) if one else NOBODY for one in (movement.source, movement.target)]
        code = bytecode.token.call("restrictionOf", int(movement.kind), *accounts, int(movement.units))
        assert Restriction(code) is said[movement], f"shipped bytecode: {movement}"
    for ledger in LEDGERS:
        names = {name: pari.account(name, ledger).account for name in EVERYBODY} | {"": ""}

        async def answers(on: str = ledger, by: Mapping[str, str] = names) -> list[Restriction]:
            port = pari.ledger(on).controls
            return [
                await port.restriction(one.kind, by[one.source], by[one.target], one.units) for one in asked
            ]

        for movement, found in zip(asked, pari.run(answers()), strict=True):
            assert found is said[movement], f"{ledger}: {movement}"
    counted = Counter(said.values())
    assert counted[Restriction.NONE] >= 20
    assert set(counted) >= {
        Restriction.SENDER_UNKNOWN,
        Restriction.SENDER_FROZEN,
        Restriction.RECIPIENT_UNKNOWN,
        Restriction.RECIPIENT_INACTIVE,
        Restriction.RECIPIENT_FROZEN,
        Restriction.RECIPIENT_COUNTRY,
        Restriction.RECIPIENT_CLASS,
        Restriction.INSUFFICIENT_BALANCE,
        Restriction.UNITS_BLOCKED,
        Restriction.UNITS_LOCKED,
        Restriction.SENDER_SANCTIONED,
        Restriction.RECIPIENT_SANCTIONED,
        Restriction.MINIMUM_LOT,
        Restriction.INVENTORY_PAUSED,
    }, f"the vector is too tame: {counted}"


def test_ctl_2_what_is_tried_ends_with_the_same_code_everywhere(
    pari: LocalNetwork, bytecode: Platform, core: TokenState
) -> None:
    """Transfers carried out or refused in turn, on the state that each leaves."""
    tried = [one for one in vector(400) if one.kind is Kind.TRANSFER and one.source != "stranger"][:14]
    assert len({one.source for one in tried}) > 3
    outcomes: dict[str, list[int]] = {name: [] for name in (*LEDGERS, "bytecode", "core")}
    token = core
    for number, one in enumerate(tried):
        outcomes["core"].append(int(judge(token, one, bytecode.chain.now)))
        if not outcomes["core"][-1]:
            token = apply(token, one, bytecode.chain.now)
        outcomes["bytecode"].append(_on_bytecode(bytecode, one))
        for ledger in LEDGERS:
            outcomes[ledger].append(_on_ledger(pari, ledger, one, number))
    assert len({tuple(codes) for codes in outcomes.values()}) == 1, outcomes
    assert {0} < set(outcomes["core"])
    for name in ACTORS:
        held = {int(pari.position(name, ledger)) for ledger in LEDGERS}
        held |= {bytecode.token.call("balanceOf", name), int(token.account(name).balance)}
        assert len(held) == 1, f"{name}: {held}"


def _on_bytecode(platform: Platform, one: Movement) -> int:
    try:
        platform.token.send("transfer", one.target, int(one.units), sender=one.source)
    except Reverted as refused:
        return int(refused.arguments[0]) if refused.error == "TransferRestricted" else -1
    return 0


def _on_ledger(pari: LocalNetwork, ledger: str, one: Movement, number: int) -> int:
    giver, taker = (pari.account(name, ledger).account for name in (one.source, one.target))
    command = controls.BatchTransfer(giver, ((taker, one.units),))
    try:
        pari.run(
            controlling.carry_out(pari.ledger(ledger), command, pari.signer(one.source), f"try {number}")
        )
    except RuleError as refused:
        return refused.restriction
    except PariError as error:
        raise AssertionError(f"{ledger}, {one}: {error}") from error
    return 0
