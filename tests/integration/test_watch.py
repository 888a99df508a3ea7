"""The watcher on real nodes: planted faults raise their alarms, and drift stops its own lanes alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from paripassu.bridge import beats
from paripassu.bridge.node import drain, lanes_between
from paripassu.commands import Deliver, Retry, SetArrivalCap
from paripassu.devnet import controls
from paripassu.devnet.rpc import call
from paripassu.errors import DrainTimeout, LaneHalted, LedgerInconsistent
from paripassu.jobs import announcing, entitling
from paripassu.jobs.bridging import seat_of
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.port import Standing, StruckPositions
from paripassu.messages import Batch, Lane, Message, MovementPayload, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.store.schema import cursor, observation
from paripassu.testing.bridge_process import run_network_bridge
from paripassu.testing.faults import FaultyLedger, run_until_crash
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


def watcher(
    pari: LocalNetwork, *others: FaultyLedger, stops: bool = False, limits: Limits | None = None
) -> Watcher:
    session = pari.session
    ledgers = {**session.ledgers, **{other.ledger.id: other.port for other in others}}
    return Watcher(
        Watch(ledgers, session.home.id, session.security.security_id, lanes_between(ledgers)),
        ledgers,
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
        broken.final = _refuse  # type: ignore[method-assign, assignment]
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


# planted faults, one for each alarm that is not planted above


def test_ops_1_fault_a_node_whose_logs_lack_what_its_gateway_counts(pari: LocalNetwork) -> None:
    """Nothing is concluded from such a node, nor of what came from it; all is well once it has its logs."""
    alpha = FaultyLedger(pari.ledger("alpha"))
    watching = watcher(pari, alpha, stops=True)
    alpha.hide_messages = True
    facts, found = look(pari, watching)
    assert {kind for kind, _ in found} == {AlarmKind.HOLES}
    assert sum(lane.holes for lane in facts.lanes) == 4
    assert {str(book.ledger) for book in facts.books} == set(), "its units are on all others"
    assert not any(lane.stopped for lane in facts.lanes)
    alpha.hide_messages = False
    facts, found = look(pari, watching)
    assert found == []
    assert all(book.drift == 0 for book in facts.books)
    assert len(facts.books) == 3
    bravo = FaultyLedger(pari.ledger("bravo"))
    bravo.hide_deliveries = True
    watching = watcher(pari, bravo)
    facts, found = look(pari, watching)
    assert {kind for kind, _ in found} == {AlarmKind.HOLES}
    assert str(bravo.id) not in {str(book.ledger) for book in facts.books}
    bravo.hide_deliveries = False
    assert look(pari, watching)[1] == []


def test_a2_fault_arrivals_of_which_their_source_knows_nothing_stop_their_lanes(pari: LocalNetwork) -> None:
    """What a forged message looks like: taken, and neither in the source's log nor in its counter."""
    alpha = FaultyLedger(pari.ledger("alpha"))
    alpha.hide_messages = alpha.hide_counters = True
    facts, found = look(pari, watcher(pari, alpha, stops=True))
    forged = {Lane(alpha.id, pari.ledger(name).id, Purpose.MOVEMENT) for name in ("bravo", "register")}
    assert {subject for kind, subject in found if kind is AlarmKind.NEVER_SENT} == set(map(str, forged))
    facts, _ = look(pari, watcher(pari))
    assert {lane.lane for lane in facts.lanes if lane.stopped} >= forged


# valid signatures over what never happened


def forge(pari: LocalNetwork, units: int) -> Message:
    """Deliver a movement to bravo that alpha never sent, signed by a quorum whose keys are stolen."""
    alpha, bravo = pari.ledger("alpha"), pari.ledger("bravo")
    lane = Lane(alpha.id, bravo.id, Purpose.MOVEMENT)

    async def run() -> Message:
        sent = await alpha.sent_messages(0, (await alpha.final()).height)
        last = [one.message for one in sent if one.message.lane == lane][-1]
        payload = replace(MovementPayload.decode(last.payload), amount=Units(units)).encode()
        forged = replace(last, nonce=await bravo.inbound_nonce(lane) + 1, payload=payload)
        batch = Batch((await bravo.attestor_set()).version, (forged,))
        digest = batch_digest(batch, bravo.domain)
        stolen = [pari.signer(name) for name in ("attestor_csd", "attestor_auditor")]
        stolen.sort(key=lambda one: int(one.address, 16))
        signatures = tuple([await one.sign_typed(digest, dict) for one in stolen])
        await bravo.execute(Deliver(batch, signatures), pari.signer("relayer"), f"forged {units}")
        return forged

    message = pari.run(run())
    controls.mine(url_of(pari, "bravo"), 8)
    return message


def cap_arrivals(pari: LocalNetwork, units: int) -> None:
    """At most so many units a week from alpha on bravo (MOV-13)."""
    security = pari.session.security.security_id
    command = SetArrivalCap(security, pari.ledger("alpha").id, Units(units), 7 * 86_400)
    pari.run(pari.ledger("bravo").execute(command, pari.session.role("bridge_operator"), f"cap {units}"))


ABSURD = 10**15


@pytest.mark.parametrize("units", [ABSURD, 100], ids=["absurd", "within the cap"])
def test_a22_a_quorums_stolen_keys_mint_no_more_than_the_cap_and_the_lane_stops(
    pari: LocalNetwork, units: int
) -> None:
    cap_arrivals(pari, 100)
    watching = watcher(pari, stops=True)
    assert look(pari, watching)[1] == []
    alpha, bravo = pari.ledger("alpha").id, pari.ledger("bravo").id
    supply = pari.run(pari.ledger("bravo").supply())
    message = forge(pari, units)
    minted = units if units <= 100 else 0
    assert pari.run(pari.ledger("bravo").supply()) == supply + minted
    fate = Standing.NONE if minted else Standing.PARKED
    assert pari.run(pari.ledger("bravo").standing(message.id)) is fate
    _, found = look(pari, watching)
    assert (AlarmKind.NEVER_SENT, str(message.lane)) in found
    assert ((AlarmKind.SUPPLY_DRIFT, str(bravo)) in found) is bool(minted)
    assert pari.run(pari.ledger("bravo").lane_stopped(alpha, Purpose.MOVEMENT))
    # so that not even a second one within a cap gets in, nor what was parked
    with pytest.raises(LaneHalted):
        forge(pari, 1)
    if not minted:
        with pytest.raises(LaneHalted):
            pari.run(pari.ledger("bravo").execute(Retry(message), pari.signer("relayer"), "retry"))
    assert pari.run(pari.ledger("bravo").supply()) == supply + minted
    assert pari.run(pari.ledger("register").lane_stopped(alpha, Purpose.MOVEMENT)) is False


def test_a22_what_was_never_sent_earns_nothing_beyond_what_the_ledger_recorded(pari: LocalNetwork) -> None:
    cap_arrivals(pari, 100)
    event = pari.dividend("1")
    pari.announce(event)
    parked, minted = forge(pari, ABSURD), forge(pari, 100)
    pari.pass_record_time(event)
    ledgers = pari.session.ledgers
    struck = pari.run(entitling.strike_event(ledgers, event, ()))
    assert struck.table.units == 1_800 + 100, "600 a ledger, and what was minted; nothing for what is parked"
    assert {parked.id, minted.id}.isdisjoint(one.message_id for one in struck.reading.movements)
    for line in struck.table.lines:
        ledger = ledgers[line.account.ledger]
        recorded = pari.run(ledger.eligible_on_ledger(line.account.account, event.record_time))
        assert recorded == line.units, "a second witness on the ledger itself"
    # and that units were minted without a debit is told before anybody is paid
    assert "I1" in {one.id for one in pari.reconcile(struck).results if not one.ok}


def test_a22_a_node_whose_history_has_more_than_its_ledger_recorded_is_not_believed(
    pari: LocalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = pari.dividend("1")
    pari.announce(event)
    pari.move("holder_fr", "bravo", "holder_fr", "register", 1)  # the ledger has its record from now on
    pari.deliver()
    pari.pass_record_time(event)
    bravo, account = pari.ledger("bravo"), pari.account("holder_fr", "bravo").account
    honest = bravo.positions_at

    async def inflated(time: int) -> StruckPositions:
        struck = await honest(time)
        more = {**struck.balances, account: struck.balances[account] + Units(1)}
        return replace(struck, balances=more)

    monkeypatch.setattr(bravo, "positions_at", inflated)
    with pytest.raises(LedgerInconsistent, match="300 units at record time by history, 299 by"):
        pari.run(entitling.strike_event(pari.session.ledgers, event, ()))


def test_ops_1_fault_an_event_that_only_the_home_ledger_knows(pari: LocalNetwork) -> None:
    event = pari.dividend("1")
    session = pari.session
    agent = session.role("issuer_agent")
    pari.run(announcing.announce(session.home, event, session.security, agent))
    _, found = look(pari, watcher(pari, limits=Limits(clock=10**9, age=-1, quorum=10**9)))
    skewed = {subject for kind, subject in found if kind is AlarmKind.EVENT_SKEW}
    assert skewed == {str(pari.ledger(name).id) for name in ("bravo", "register")}
    pari.deliver()
    assert look(pari, watcher(pari, limits=Limits(clock=10**9, age=-1, quorum=10**9)))[1] == []


def test_ops_1_fault_a_clock_that_runs_ahead_and_a_wallet_that_is_empty(pari: LocalNetwork) -> None:
    relayer = pari.session.role("pauser").address
    call(url_of(pari, "bravo"), "anvil_setBalance", relayer, hex(10**12))
    controls.travel_to([url_of(pari, "bravo")], pari.run(pari.session.home.head()).time + 1_000)
    _, found = look(pari, watcher(pari, limits=Limits(clock=500)))
    assert (AlarmKind.WALLET_LOW, str(pari.ledger("bravo").id)) in found
    assert {s for kind, s in found if kind is AlarmKind.CLOCK_SKEW} >= {str(pari.ledger("alpha").id)}


def test_ops_1_fault_attestors_that_do_not_sign_and_one_that_sees_something_else(pari: LocalNetwork) -> None:
    """One attestor is away, one sees other messages than there are: no quorum, and both are named."""
    session = pari.session
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 1)
    alpha = FaultyLedger(pari.ledger("alpha"))
    alpha.rewrite = lambda item: replace(item, message=replace(item.message, payload=b"forged"))
    liar, honest, away = [member.name for member in session.network.attestors.members]

    async def try_without_a_quorum() -> None:
        with session.store.write() as connection:  # the liar has seen nothing true yet
            connection.execute(observation.delete().where(observation.c.attestor == liar))
            connection.execute(cursor.delete().where(cursor.c.observer == liar))
        async with AsyncExitStack() as stack:
            place = (session.network, session.workspace, session.store)
            relayer, lying, true = [await seat_of(*place, name, stack) for name in ("relayer", liar, honest)]
            lying = replace(lying, ledgers={**lying.ledgers, alpha.id: alpha.port})
            with pytest.raises(DrainTimeout):
                await drain(session.store, relayer=relayer, attestors=[lying, true], patience=4)

    pari.run(try_without_a_quorum())
    limits = Limits(clock=10**9, batches=1, quorum=-1)
    _, found = look(pari, watcher(pari, limits=limits))
    assert (AlarmKind.UNATTESTED, "attestors") in found
    assert (AlarmKind.ATTESTOR_DISAGREES, liar) in found
    assert (AlarmKind.ATTESTOR_SILENT, away) in found


def test_ops_1_fault_a_bridge_that_was_killed_falls_silent_and_one_that_ends_does_not(
    pari: LocalNetwork,
) -> None:
    store = pari.session.store
    pari.deliver()
    assert look(pari, watcher(pari))[0].tasks == ()
    urls = {ledger.name: ledger.rpc_urls[0] for ledger in pari.network.ledgers.values() if ledger.id.is_evm}
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 1)
    plan = (pari.network.path, urls, pari.workspace.root)
    assert run_until_crash(run_network_bridge, plan, "relayer.included.before_commit")
    _, found = look(pari, watcher(pari, limits=Limits(clock=10**9, silence=-1)))
    silent = {subject for kind, subject in found if kind is AlarmKind.TASK_SILENT}
    assert {"relayer.deliver.bravo", "relayer.observe.alpha"} <= silent
    with store.read() as connection:
        assert beats.beats(connection)
        assert beats.alive(connection, store.clock()) == (), "its process is gone"
    pari.deliver()
