"""What travels with units over two chains of different clients and a book, and the proof of each leg."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from paripassu.bridge.queries import list_messages
from paripassu.canonical import document_hash
from paripassu.controls import Freeze, Lock, Reason
from paripassu.errors import CommandRefused, ProofRefused, RuleError
from paripassu.identifiers import ZERO32
from paripassu.jobs import movements
from paripassu.jobs.lots import lots_of
from paripassu.jobs.proving import prove, verify
from paripassu.lots import InTransit, OnLedger, UnitLot, location_of
from paripassu.messages import next_path
from paripassu.quantities import Units
from paripassu.rules import BalanceType, Lot, Restriction
from paripassu.settlement import from_json, to_json
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

WHY = Reason("vesting")
HOLDER = "holder_fr"
RING = ("alpha", "bravo", "register", "alpha")
YEAR = 365 * 86_400


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book; a holder has 1,000 units on the first."""
    folder = tmp_path_factory.mktemp("lineage")
    for network in started(two_chains(folder, clients={"bravo": "ganache"}), folder / "ws"):
        for holder in (HOLDER, "holder_de"):
            network.onboard(holder)
        network.issue(HOLDER, 1_000)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    with network.undone():
        yield network


def at(pari: LocalNetwork, on: str, holder: str = HOLDER) -> str:
    return pari.account(holder, on).account


def send(pari: LocalNetwork, source: str, target: str, units: int, locked: int = 0, to: str = HOLDER) -> None:
    """To an account on another ledger, some of the units with their lock-ups."""

    async def job() -> None:
        ledger, other = pari.ledger(source), pari.ledger(target)
        receiving = pari.account(to, target)
        reference = f"{source} {target} {units} {locked} {await ledger.position(at(pari, source))}"
        owner = pari.signer(HOLDER)
        given = (ledger, at(pari, source), other, receiving, Units(units), owner, reference)
        await movements.move(*given, locked=Units(locked))

    pari.run(job())


def locked_on(pari: LocalNetwork, on: str) -> tuple[Lot, ...]:
    return pari.run(pari.ledger(on).controls.holding(at(pari, on))).lots


def lots(pari: LocalNetwork) -> tuple[UnitLot, ...]:
    return pari.run(lots_of(pari.session.ledgers))


def lock(pari: LocalNetwork, units: int) -> Lot:
    """Lock units up on the first chain for a year."""
    until = pari.run(pari.ledger("alpha").head()).time + YEAR
    pari.control("alpha", Lock(at(pari, "alpha"), Units(units), until, WHY), "transfer_agent")
    (made,) = locked_on(pari, "alpha")
    return made


def test_mov_8_lock_up_and_holding_period_survive_a_to_b_to_c_to_a(pari: LocalNetwork) -> None:
    made = lock(pari, 300)
    acquired = {lot.acquired for lot in lots(pari)}
    path = ZERO32
    for source, target in pairwise(RING):
        known = {view.id for view in list_messages(pari.session.store)}
        send(pari, source, target, 350, locked=200)
        # in transit: one answer, and no ledger says that it has them (MOV-5)
        on_way = [lot for lot in lots(pari) if isinstance(location_of(lot), InTransit)]
        assert sum(int(lot.units) for lot in on_way) == 350
        assert sum(int(lot.units) for lot in on_way if lot.lock is not None) == 200
        assert pari.reconcile().ok
        pari.deliver()
        (message,) = {view.id for view in list_messages(pari.session.store)} - known
        path = next_path(path, message)
        held = [lot for lot in locked_on(pari, target) if lot.path == path]
        assert held == [Lot(Units(200), made.until, made.since, path)]
        assert pari.reconcile().ok
    assert sorted((int(lot.units), lot.until, lot.since) for lot in locked_on(pari, "alpha")) == [
        (100, made.until, made.since),
        (200, made.until, made.since),
    ]
    found = [lot for lot in lots(pari) if lot.path]
    assert sum(int(lot.units) for lot in found) == 350
    ids = [pari.ledger(name).id for name in RING]
    for lot in found:
        assert [(one.source, one.destination) for one in lot.path] == list(pairwise(ids))
        assert (lot.home, lot.acquired in acquired) == (ids[0], True)
        assert lot.path_hash == path  # what the ledgers keep of it
    with pytest.raises(RuleError) as refused:
        pari.move(HOLDER, "alpha", "holder_de", "alpha", 701)
    assert refused.value.code == "PP-RUL-012"


def test_ctl_11_departures_with_lock_ups_are_judged_without_them(pari: LocalNetwork) -> None:
    lock(pari, 300)
    first = pari.run(pari.ledger("alpha").head()).height + 1
    send(pari, "alpha", "bravo", 800, locked=200)  # more than is available
    kept = pari.run(pari.ledger("alpha").decisions(first, pari.run(pari.ledger("alpha").head()).height))
    assert [(one.inputs["kind"], one.verdict, one.replayed()) for one in kept] == [
        ("BRIDGE_OUT", Restriction.NONE, Restriction.NONE)
    ]


def test_mov_8_locked_units_stay_with_their_holder(pari: LocalNetwork) -> None:
    lock(pari, 300)
    with pytest.raises(CommandRefused, match="another's"):
        send(pari, "alpha", "bravo", 300, locked=200, to="holder_de")
    with pytest.raises(CommandRefused, match="300 units are locked up"):
        send(pari, "alpha", "bravo", 400, locked=301)
    with pytest.raises(CommandRefused, match="within one"):
        send(pari, "alpha", "alpha", 10, locked=1)


def test_mov_8_lots_follow_what_each_ledger_tells(pari: LocalNetwork) -> None:
    """Transfers, locks, redemption and units that came back, on each of the ledgers."""
    send(pari, "alpha", "bravo", 400)
    send(pari, "alpha", "register", 300)
    pari.deliver()
    pari.move(HOLDER, "bravo", "holder_de", "bravo", 150)
    pari.move(HOLDER, "register", "holder_de", "register", 70)
    register = pari.ledger("register")
    until = pari.run(register.head()).time + YEAR
    pari.control("register", Lock(at(pari, "register"), Units(50), until, WHY), "transfer_agent")
    by_account: dict[str, int] = {}
    for lot in lots(pari):
        place = location_of(lot)
        assert isinstance(place, OnLedger)
        by_account[str(place.account)] = by_account.get(str(place.account), 0) + int(lot.units)
    for on in ("alpha", "bravo", "register"):
        for holder in (HOLDER, "holder_de"):
            held = int(pari.position(holder, on))
            assert by_account.get(str(pari.account(holder, on)), 0) == held
    found = [lot for lot in lots(pari) if lot.lock is not None]
    assert [(int(lot.units), lot.lock.until) for lot in found if lot.lock] == [(50, until)]


def test_ctl_8_locked_units_in_transit_land_frozen(pari: LocalNetwork) -> None:
    lock(pari, 300)
    for source, target in (("alpha", "bravo"), ("bravo", "register")):
        send(pari, source, target, 200, locked=200)
        pari.control(target, Freeze(at(pari, target), True, WHY), "freezer")
        pari.deliver()
        held = pari.run(pari.ledger(target).controls.holding(at(pari, target)))
        assert (held.frozen, held.balances[BalanceType.RESTRICTED]) == (True, Units(200))
        with pytest.raises(RuleError):
            send(pari, target, "alpha", 200, locked=200)
        pari.control(target, Freeze(at(pari, target), False, WHY), "freezer")


# ---------------------------------------------------------------- proofs


def proofs(pari: LocalNetwork) -> list[dict[str, Any]]:
    session = pari.session
    views = list_messages(session.store)
    return [to_json(pari.run(prove(session.store, session.ledgers, view.id.text))) for view in views]


def test_mov_7_each_leg_between_chains_and_with_the_book_leaves_a_proof(
    pari: LocalNetwork, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source, target in pairwise(RING):
        send(pari, source, target, 100)
        pari.deliver()
    made = [one for one in proofs(pari) if one["message"]["purpose"] == "MOVEMENT"][-3:]
    kinds = {tuple(leg["ledger"].split(":")[0] for leg in one["legs"][:2]) for one in made}
    assert kinds == {("eip155", "eip155"), ("eip155", "book"), ("book", "eip155")}
    for document in made:
        pari.run(verify(from_json(document), pari.session.ledgers))
        # a changed record with a hash that fits is not that of the ledger
        for place in ("sent", "arrived"):
            wrong = json.loads(json.dumps(document))
            leg = wrong["legs"][0 if place == "sent" else 1]
            for field, value in (
                ("transaction", "0x" + "11" * 32),
                ("logIndex", leg["logIndex"] + 1),
                ("block", {**leg["block"], "hash": "0x" + "22" * 32}),
            ):
                changed = json.loads(json.dumps(wrong))
                changed["legs"][0 if place == "sent" else 1][field] = value
                rest = {name: part for name, part in changed.items() if name != "hash"}
                changed["hash"] = document_hash(rest).text
                with pytest.raises(ProofRefused):
                    pari.run(verify(from_json(changed), pari.session.ledgers))


def test_mov_7_a_proof_of_a_block_that_is_no_more_is_refused(pari: LocalNetwork) -> None:
    with pari.undone():
        send(pari, "alpha", "bravo", 10)
        pari.deliver()
        document = [one for one in proofs(pari) if one["message"]["purpose"] == "MOVEMENT"][-1]
        pari.run(verify(from_json(document), pari.session.ledgers))
    with pytest.raises(ProofRefused, match=r"has no record|another way"):
        pari.run(verify(from_json(document), pari.session.ledgers))
