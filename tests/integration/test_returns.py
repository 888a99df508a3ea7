"""What never arrives comes back, on real nodes of two clients and on a book: the same on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.acts import ApproveArrival
from paripassu.bridge.queries import message_history
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Move, Refund, Refuse, ResumeLane, Retry, SetArrivalCap, StopLane
from paripassu.controls import Reason
from paripassu.errors import LaneHalted, NotAuthorised, PariError
from paripassu.jobs import approving, controlling
from paripassu.ledgers.port import ArrivalCap, DeliveryStatus, Outcome, Standing
from paripassu.messages import Message, Purpose
from paripassu.quantities import Units
from paripassu.testing.bridge_process import run_network_bridge
from paripassu.testing.faults import run_until_crash
from paripassu.testing.network import LocalNetwork, started

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WHY = Reason("never onboarded")
HOLDER = "holder_fr"
WAYS = [("alpha", "bravo"), ("bravo", "register"), ("register", "alpha")]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book, deployed."""
    folder = tmp_path_factory.mktemp("returns")
    text = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    head, bravo = text.split("[ledgers.bravo]")
    text = head + "[ledgers.bravo]" + bravo.replace('client = "anvil"', 'client = "ganache"', 1)
    text = text.replace('"securities/', f'"{EXAMPLES}/securities/')
    path = folder / "network.toml"
    path.write_text(text, "utf-8")
    yield from started(path, folder / "ws")


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """A holder with 300 units on every ledger; all is undone after the test."""
    state = network.snapshot()
    network.onboard(HOLDER)
    network.issue(HOLDER, 900)
    for ledger in ("bravo", "register"):
        network.move(HOLDER, "alpha", HOLDER, ledger, 300)
    network.deliver()
    yield network
    network.revert(state)


def do(pari: LocalNetwork, on: str, command: Command, signer: str = "relayer") -> Outcome:
    return pari.run(controlling.carry_out(pari.ledger(on), command, pari.signer(signer))).outcome


def send(
    pari: LocalNetwork, source: str, target: str, units: int, to: str = HOLDER, expiry: int = 0
) -> Message:
    """Send units of the holder, without asking on the other ledger first."""
    ledger = pari.ledger(source)
    account = pari.account(to, target)
    command = Move(
        pari.account(HOLDER, source).account, account.ledger, account.account, Units(units), expiry
    )
    outcome = do(pari, source, command, HOLDER)
    assert outcome.block is not None
    sent = pari.run(ledger.sent_messages(outcome.block.height, outcome.block.height))
    return next(one.message for one in sent if one.message.lane.destination == account.ledger)


def now(pari: LocalNetwork) -> int:
    return max(pari.run(ledger.head()).time for ledger in pari.session.ledgers.values())


def state(pari: LocalNetwork, message: Message) -> MessageState:
    return message_history(pari.session.store, message.id.text).view.state


def reconciled(pari: LocalNetwork) -> bool:
    result = pari.reconcile()
    assert result.ok, [one for one in result.results if not one.ok]
    return True


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_mov_6_a_movement_that_expired_comes_back_and_a_late_delivery_is_harmless(
    pari: LocalNetwork, source: str, target: str
) -> None:
    expiry = now(pari) + 120
    late = send(pari, source, target, 100, expiry=expiry)
    assert pari.position(HOLDER, source) == 200
    assert reconciled(pari)  # in transit
    pari.travel_to(expiry + 5)
    pari.deliver()
    assert state(pari, late) is MessageState.REFUNDED
    assert pari.position(HOLDER, source) == pari.position(HOLDER, target) == 300
    assert pari.run(pari.ledger(source).standing(late.id)) is Standing.REFUNDED
    assert pari.run(pari.ledger(source).acknowledged_nonce(late.lane)) == late.nonce
    fate = pari.traffic().fate(late.id)
    assert fate is not None
    assert fate.status is DeliveryStatus.REFUSED
    for again, on in ((Retry(late), target), (Refund(late), source)):
        with pytest.raises(PariError):
            do(pari, on, again)
    assert pari.position(HOLDER, source) == pari.position(HOLDER, target) == 300
    assert reconciled(pari)


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_mov_6_what_the_operator_refused_comes_back(pari: LocalNetwork, source: str, target: str) -> None:
    message = send(pari, source, target, 100, to="nobody")
    pari.deliver()
    assert state(pari, message) is MessageState.PARKED
    assert pari.run(pari.ledger(target).standing(message.id)) is Standing.PARKED
    with pytest.raises(NotAuthorised):
        do(pari, target, Refuse(message, WHY))
    do(pari, target, Refuse(message, WHY), "bridge_operator")
    pari.deliver()
    assert state(pari, message) is MessageState.REFUNDED
    steps = message_history(pari.session.store, message.id.text).steps
    assert steps[-2].reason == f"REFUSED_BY_OPERATOR: {WHY.text}"
    assert pari.position(HOLDER, source) == 300
    refunds = pari.run(pari.ledger(source).refunds(0, pari.run(pari.ledger(source).final()).height))
    assert [(one.message_id, one.lane) for one in refunds] == [(message.id, message.lane)]
    assert reconciled(pari)


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_mov_9_one_lane_is_stopped_and_the_others_go_on(pari: LocalNetwork, source: str, target: str) -> None:
    peer = pari.ledger(source).id
    do(pari, target, StopLane(peer, Purpose.MOVEMENT, Reason("drift of 5")), "pauser")
    assert pari.run(pari.ledger(target).lane_stopped(peer, Purpose.MOVEMENT))
    assert not pari.run(pari.ledger(target).lane_stopped(peer, Purpose.CORPORATE_ACTION))
    waits = send(pari, source, target, 5)
    with pytest.raises(LaneHalted):  # nor does anything leave by it
        send(pari, target, source, 1)
    (third,) = {"alpha", "bravo", "register"} - {source, target}
    goes = send(pari, third, target, 6)
    with pytest.raises(LaneHalted, match="stopped lanes"):
        pari.deliver()
    assert state(pari, goes) is MessageState.FINALISED
    assert state(pari, waits) is MessageState.FINAL
    do(pari, target, ResumeLane(peer, Purpose.MOVEMENT, Reason("explained")), "unpauser")
    pari.deliver()
    assert pari.position(HOLDER, target) == 311
    assert reconciled(pari)


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_mov_13_one_unit_above_the_cap_waits_for_an_approval(
    pari: LocalNetwork, source: str, target: str
) -> None:
    ledger, peer = pari.ledger(target), pari.ledger(source).id
    security = pari.session.security.security_id
    cap = SetArrivalCap(security, peer, Units(100), 7 * 86_400)
    with pytest.raises(NotAuthorised):
        do(pari, target, cap)
    do(pari, target, cap, "bridge_operator")
    messages = [send(pari, source, target, units) for units in (60, 40, 1)]
    pari.deliver()
    assert [state(pari, one) for one in messages] == [
        MessageState.FINALISED,
        MessageState.FINALISED,
        MessageState.PARKED,
    ]
    assert pari.position(HOLDER, target) == 400
    above = messages[-1]
    with pytest.raises(PariError):
        do(pari, target, Retry(above))

    async def approved() -> None:
        role = pari.session.role
        _, made = await approving.propose(
            ledger, ApproveArrival(above.id), "registrar", WHY, role("registrar")
        )
        assert await approving.approve(ledger, made, "csd", role("csd"))
        assert await approving.execute(
            *await approving.find(pari.session.ledgers, made.id.text), role("registrar")
        )

    pari.run(approved())
    do(pari, target, Retry(above))
    assert pari.position(HOLDER, target) == 401
    held: ArrivalCap = pari.run(ledger.arrival_cap(security, peer))
    assert (held.units, held.arrived) == (100, 100)  # what was approved passed beside it
    pari.deliver()
    assert reconciled(pari)


def test_mov_6_killed_between_acknowledgement_and_refund_the_units_come_back_once(
    pari: LocalNetwork,
) -> None:
    message = send(pari, "alpha", "bravo", 100, to="nobody")
    pari.deliver()
    do(pari, "bravo", Refuse(message, WHY), "bridge_operator")
    urls = {name: config.rpc_urls[0] for name, config in pari.network.ledgers.items() if config.id.is_evm}
    arguments = (pari.network.path, urls, pari.workspace.root)
    for seam in ("relayer.ack_submit.after", "relayer.refund.before", "relayer.refund.after"):
        assert run_until_crash(run_network_bridge, arguments, seam)
    assert pari.run(pari.ledger("alpha").standing(message.id)) in (Standing.RETURNED, Standing.REFUNDED)
    pari.deliver()
    assert state(pari, message) is MessageState.REFUNDED
    assert pari.position(HOLDER, "alpha") == 300
    assert len(pari.traffic().refunds) == 1
    assert reconciled(pari)


def test_mov_3_the_source_learns_of_all_that_arrived_when_something_comes_back(pari: LocalNetwork) -> None:
    for source, target in WAYS:
        lands = send(pari, source, target, 1)
        expiry = now(pari) + 60
        send(pari, source, target, 2, expiry=expiry)
        pari.travel_to(expiry + 5)
        pari.deliver()
        assert state(pari, lands) is MessageState.ACKED
        assert pari.run(pari.ledger(source).acknowledged_nonce(lands.lane)) == lands.nonce + 1
    assert reconciled(pari)
