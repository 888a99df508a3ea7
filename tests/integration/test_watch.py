"""The watcher on real nodes: planted faults raise their alarms, and drift stops its own lanes alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from paripassu.bridge.node import lanes_between
from paripassu.devnet import controls
from paripassu.devnet.rpc import call
from paripassu.errors import LaneHalted
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.ledgers.evm.contracts import codec
from paripassu.messages import Lane, Purpose
from paripassu.quantities import Units
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started
from paripassu.watch.alarms import Alarm, AlarmKind, Limits
from paripassu.watch.facts import Facts
from paripassu.watch.reading import Watch
from paripassu.watch.watcher import Watcher


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two Anvil chains and a book; a holder with 300 units on each."""
    folder = tmp_path_factory.mktemp("watch")
    for network in started(two_chains(folder), folder / "ws"):
        network.endow(("holder_fr", "holder_de"), 300)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


def watcher(pari: LocalNetwork, *, stops: bool = False, limits: Limits | None = None) -> Watcher:
    session = pari.session
    return Watcher(
        Watch(session.ledgers, session.home.id, session.security.security_id, lanes_between(session.ledgers)),
        session.ledgers,
        session.store,
        attestors=[member.name for member in session.network.attestors.members],
        relayer=session.role("pauser").address,
        pauser=session.role("pauser") if stops else None,
        limits=limits or Limits(clock=10**9),
        clock=time.time,
    )


def look(pari: LocalNetwork, watching: Watcher) -> tuple[Facts, list[tuple[AlarmKind, str]]]:
    facts, found = pari.run(watching.step())
    return facts, [_brief(alarm) for alarm in found]


def _brief(alarm: Alarm) -> tuple[AlarmKind, str]:
    return alarm.kind, alarm.subject


def url_of(pari: LocalNetwork, on: str) -> str:
    return pari.network.ledgers[on].rpc_urls[0]


def mint_unbacked(pari: LocalNetwork, on: str, units: int) -> None:
    """What no one can do but who breaks a node: the bridge contract creates units that nobody sent."""
    ledger = pari.ledger(on)
    assert isinstance(ledger, EvmLedger)
    bridge, token = ledger.contracts.address("TokenBridge"), ledger.contracts.address("SecurityToken")
    url = url_of(pari, on)
    call(url, "anvil_impersonateAccount", bridge)
    call(url, "anvil_setBalance", bridge, hex(10**18))
    data = codec("SecurityToken").encode("crosschainMint", pari.account("holder_fr", on).account, units)
    call(
        url,
        "eth_sendTransaction",
        {"from": bridge, "to": token, "data": "0x" + data.hex(), "gas": hex(500_000)},
    )
    controls.mine(url, 8)


def test_ops_1_quiet_books_raise_no_alarm_and_every_figure_is_the_ledgers_own(pari: LocalNetwork) -> None:
    facts, found = look(pari, watcher(pari))
    assert found == []
    assert {str(book.ledger): (book.supply, book.drift) for book in facts.books} == {
        str(pari.ledger(name).id): (600, 0) for name in ("alpha", "bravo", "register")
    }
    out = {lane.lane: lane for lane in facts.lanes}
    moved = out[Lane(pari.ledger("alpha").id, pari.ledger("bravo").id, Purpose.MOVEMENT)]
    assert (moved.sent, moved.taken, moved.parked, moved.waiting_since) == (2, 2, 0, None)
    assert all(wallet.deliveries_left > 20 for wallet in facts.wallets)
    assert {str(wallet.ledger) for wallet in facts.wallets} == {
        str(pari.ledger(name).id) for name in ("alpha", "bravo")
    }
    assert all(signer.signed for signer in facts.signers)


def test_mov_9_an_unbacked_mint_stops_the_lanes_of_its_ledger_and_the_others_run(pari: LocalNetwork) -> None:
    watching = watcher(pari, stops=True)
    assert look(pari, watching)[1] == []
    mint_unbacked(pari, "bravo", 5)
    bravo = pari.ledger("bravo").id
    facts, found = look(pari, watching)
    assert found == [(AlarmKind.SUPPLY_DRIFT, str(bravo))]
    assert [book.drift for book in facts.books if book.ledger == bravo] == [5]
    facts, found = look(pari, watching)
    stopped = {lane.lane for lane in facts.lanes if lane.stopped}
    assert stopped == {
        lane
        for lane in lanes_between(pari.session.ledgers)
        if lane.purpose is Purpose.MOVEMENT and bravo in (lane.source, lane.destination)
    }
    with pytest.raises(LaneHalted):
        pari.move("holder_fr", "bravo", "holder_fr", "alpha", 1)
    pari.move("holder_fr", "alpha", "holder_fr", "register", 10)
    pari.deliver()
    assert pari.position("holder_fr", "register") == Units(310)


def test_mov_9_a_drift_in_the_book_is_told_with_its_amount(pari: LocalNetwork) -> None:
    mint_unbacked(pari, "alpha", 7)
    watching = watcher(pari)
    facts, found = look(pari, watching)
    assert (AlarmKind.SUPPLY_DRIFT, str(pari.ledger("alpha").id)) in found
    assert not any(lane.stopped for lane in facts.lanes), "without a key it only tells"


def test_ops_1_what_waits_is_told_by_number_and_age(pari: LocalNetwork) -> None:
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 1)
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 1)
    controls.mine(url_of(pari, "alpha"), 8)
    facts, found = look(pari, watcher(pari, limits=Limits(lag=1, age=-1, clock=10**9)))
    lane = str(Lane(pari.ledger("alpha").id, pari.ledger("bravo").id, Purpose.MOVEMENT))
    assert (AlarmKind.LANE_LAG, lane) in found
    assert (AlarmKind.IN_TRANSIT_AGE, lane) in found
    assert all(book.drift == 0 for book in facts.books), "units in transit are no drift"


def test_rec_3_a_chain_that_is_gone_is_told_and_the_others_are_compared(pari: LocalNetwork) -> None:
    broken = pari.ledger("bravo")
    assert isinstance(broken, EvmLedger)
    watching = watcher(pari)

    async def without_bravo() -> tuple[Facts, tuple[Alarm, ...]]:
        real = broken.final
        broken.final = _refuse  # type: ignore[method-assign]
        try:
            return await watching.step()
        finally:
            broken.final = real  # type: ignore[method-assign]

    facts, found = pari.run(without_bravo())
    assert [_brief(alarm) for alarm in found] == [(AlarmKind.LEDGER_UNREADABLE, str(broken.id))]
    assert {str(book.ledger) for book in facts.books} == {
        str(pari.ledger(name).id) for name in ("alpha", "register")
    }
    assert look(pari, watching)[1] == []


async def _refuse() -> None:
    raise TimeoutError("bravo did not answer.")


def test_a_watch_goes_on_where_the_last_look_ended(pari: LocalNetwork) -> None:
    watching = watcher(pari)
    first, _ = look(pari, watching)
    pari.move("holder_fr", "alpha", "holder_de", "register", 20)
    pari.deliver()
    second, found = look(pari, watching)
    assert found == []
    supplies = [{book.ledger.reference: book.supply for book in facts.books} for facts in (first, second)]
    assert supplies[1] == {**supplies[0], "31001": 580, "register": 620}
