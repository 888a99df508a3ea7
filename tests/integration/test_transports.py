"""The transport is replaceable (MOV-11): one scenario over attestors and over Hyperlane, on real nodes with
Hyperlane's own contracts, comes to the same end on every ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from paripassu import deploy
from paripassu.bridge.node import drain, lanes_between
from paripassu.bridge.queries import list_messages, message_history
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Deliver, Flush, Move, ResumeLane, Retry, StopLane
from paripassu.config import load_network
from paripassu.controls import Reason
from paripassu.devnet.rpc import call
from paripassu.errors import DrainTimeout, PariError, StepFailed
from paripassu.hyperlane.places import created_by_owner, owner
from paripassu.hyperlane.relaying import LocalRelayer, chains_of, relaying
from paripassu.hyperlane.sending import send_all
from paripassu.identifiers import keccak256
from paripassu.jobs import controlling
from paripassu.jobs.bridging import seat_of
from paripassu.ledgers.port import DeliveryStatus, Outcome
from paripassu.messages import Batch, Message, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.testing.bridge_process import run_network_bridge
from paripassu.testing.faults import run_until_crash
from paripassu.testing.network import LocalNetwork, started

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HOLDER, OTHER, LATE = "holder_fr", "holder_de", "holder_late"
LEDGERS = ("alpha", "bravo", "register")
TRANSPORT = '\n[[transports]]\nkind = "hyperlane"\nledgers = ["alpha", "bravo"]\n'
PURPOSES = (Purpose.MOVEMENT, Purpose.CORPORATE_ACTION, Purpose.QUOTA, Purpose.ORDER)
TELLING = BridgeSettings(poll=0.05, idle_poll=0.2, ack_every=1, ack_quiet=0.2, flush_quiet=0.1)
WHY = Reason("change of transport")
FEE_NONCE = 4
"""Of the hook that asks for fees, among what Hyperlane's owner creates."""


def network_file(folder: Path, transports: str) -> Path:
    text = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    path = folder / "network.toml"
    path.write_text(text.replace('"securities/', f'"{EXAMPLES}/securities/') + transports, "utf-8")
    return path


@pytest.fixture(scope="module")
def over_hyperlane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two Anvil chains whose lanes go over Hyperlane, and a book."""
    folder = tmp_path_factory.mktemp("hyperlane")
    yield from started(network_file(folder, TRANSPORT), folder / "ws")


def do(pari: LocalNetwork, on: str, command: Command, signer: str = "relayer") -> Outcome:
    return pari.run(controlling.carry_out(pari.ledger(on), command, pari.signer(signer))).outcome


def send(pari: LocalNetwork, source: str, target: str, units: int, to: str, expiry: int = 0) -> Message:
    """Send units of the holder, without asking on the other ledger first."""
    account = pari.account(to, target)
    move = Move(pari.account(HOLDER, source).account, account.ledger, account.account, Units(units), expiry)
    outcome = do(pari, source, move, HOLDER)
    assert outcome.block is not None
    height = outcome.block.height
    sent = pari.run(pari.ledger(source).sent_messages(height, height))
    return next(one.message for one in sent if one.message.lane.destination == account.ledger)


def endow(pari: LocalNetwork) -> None:
    """Holders on every ledger; 300 units of the first on each."""
    for holder in (HOLDER, OTHER):
        pari.onboard(holder)
    pari.issue(HOLDER, 900)
    for ledger in LEDGERS[1:]:
        pari.move(HOLDER, "alpha", HOLDER, ledger, 300)
    pari.deliver()


def play(pari: LocalNetwork) -> None:
    """The scenario: units both ways, a dividend, a message parked and retried, one expired and given back,
    and a bridge that is killed in between."""
    endow(pari)
    ways = [("alpha", "bravo"), ("bravo", "alpha"), ("register", "bravo"), ("bravo", "register")]
    for source, target in ways:
        for units in (7, 11):
            pari.move(HOLDER, source, OTHER, target, units)
    parked = send(pari, "alpha", "bravo", 13, to=LATE)
    urls = {name: one.rpc_urls[0] for name, one in pari.network.ledgers.items() if one.id.is_evm}
    killed = (pari.network.path, urls, pari.workspace.root)
    for seam in ("relayer.proposed.after_commit", "relayer.submit.after"):
        assert run_until_crash(run_network_bridge, killed, seam), seam
    pari.deliver()
    assert state(pari, parked) is MessageState.PARKED
    pari.onboard(LATE, "bravo")
    do(pari, "bravo", Retry(parked))
    expiry = max(pari.run(one.head()).time for one in pari.session.ledgers.values()) + 90
    for source, target in (("alpha", "bravo"), ("bravo", "alpha")):
        send(pari, source, target, 17, to=OTHER, expiry=expiry)
    pari.travel_to(expiry + 5)
    event = pari.dividend("0.45")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    assert pari.pay(struck)
    tell(pari)
    result = pari.reconcile(struck)
    assert result.ok, [one for one in result.results if not one.ok]


def state(pari: LocalNetwork, message: Message) -> MessageState:
    return message_history(pari.session.store, message.id.text).view.state


def tell(pari: LocalNetwork) -> None:
    """Run the bridge until every source knows of all that arrived."""

    async def carry() -> None:
        place = (pari.network, pari.workspace, pari.session.store)
        deadline = time.monotonic() + 120
        async with AsyncExitStack() as stack:
            relayer = await seat_of(*place, "relayer", stack)
            names = [member.name for member in pari.network.attestors.members]
            attestors = [await seat_of(*place, name, stack) for name in names]
            while not await told(pari):
                assert time.monotonic() < deadline, "some source does not learn of what arrived"
                await drain(pari.session.store, relayer=relayer, attestors=attestors, settings=TELLING)

    pari.run(carry())


async def told(pari: LocalNetwork) -> bool:
    for lane in lanes_between(pari.session.ledgers):
        source, target = pari.session.ledgers[lane.source], pari.session.ledgers[lane.destination]
        if await source.acknowledged_nonce(lane) < await target.inbound_nonce(lane):
            return False
    return not list_messages(pari.session.store, states=[MessageState.FINALISED])


async def observed(pari: LocalNetwork) -> dict[str, Any]:
    """All that ledgers tell, but what depends on when and where: ids, times, blocks, transactions."""
    found: dict[str, Any] = {}
    for name in LEDGERS:
        ledger = pari.ledger(name)
        people = {holder: pari.account(holder, name).account for holder in (HOLDER, OTHER, LATE)}
        events = await ledger.events()
        found[name] = {
            "supply": int(await ledger.supply()),
            "issued": int(await ledger.issued()),
            "positions": {holder: int(await ledger.position(one)) for holder, one in people.items()},
            "cash": {holder: int(await ledger.cash(one)) for holder, one in people.items()},
            "events": [
                (one.record.official_event_id, one.record_hash.text, int(one.entitlement_total or 0))
                for one in events
            ],
            "paid": {
                one.record.official_event_id: sorted(
                    (payment.account, int(payment.amount))
                    for payment in await ledger.payments(one.record.official_event_id)
                )
                for one in events
            },
        }
    found["lanes"] = {
        str(lane): [
            *await pari.session.ledgers[lane.source].sent_counts(
                [lane], (await pari.session.ledgers[lane.source].head()).height
            ),
            await pari.session.ledgers[lane.destination].inbound_nonce(lane),
            await pari.session.ledgers[lane.source].acknowledged_nonce(lane),
        ]
        for lane in lanes_between(pari.session.ledgers)
    }
    found["messages"] = [
        (
            str(view.lane),
            view.message.nonce,
            view.state.value,
            (await pari.session.ledgers[view.lane.source].standing(view.id)).value,
            (await pari.session.ledgers[view.lane.destination].standing(view.id)).value,
        )
        for view in sorted(list_messages(pari.session.store), key=lambda one: (one.lane, one.message.nonce))
    ]
    return found


def fates(pari: LocalNetwork) -> list[tuple[str, int, str, str]]:
    """What became of each message on its destination, by the ledger's own record, in its order."""
    return sorted(
        (str(one.lane), one.nonce, one.status.value, one.reason) for one in pari.traffic().deliveries
    )


def digest(pari: LocalNetwork) -> tuple[str, dict[str, Any]]:
    found = {**pari.run(observed(pari)), "fates": fates(pari)}
    return keccak256(json.dumps(found, sort_keys=True).encode()).text, found


def whole_run(folder: Path, transports: str) -> tuple[str, dict[str, Any], list[str]]:
    """The scenario from nothing; its digest, what it is of, and who vouched for each batch."""
    folder.mkdir()
    for pari in started(network_file(folder, transports), folder / "ws"):
        with relaying(pari.network):
            play(pari)
        vouched = {
            str(step.detail.get("transport", "attestors"))
            for view in list_messages(pari.session.store)
            if {view.lane.source, view.lane.destination} <= {pari.ledger(one).id for one in LEDGERS[:2]}
            for step in message_history(pari.session.store, view.id.text).steps
            if step.state is MessageState.ATTESTED
        }
        return (*digest(pari), sorted(vouched))
    raise AssertionError


def test_mov_11_same_end_state_over_attestors_and_hyperlane(tmp_path: Path) -> None:
    places = (tmp_path / "attested", tmp_path / "carried")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        (first, attested, by_attestors), (second, carried, by_transport) = pool.map(
            whole_run, places, ("", TRANSPORT)
        )
    assert (by_attestors, by_transport) == (["attestors"], ["hyperlane"])
    statuses = {status for _, _, status, _ in attested["fates"]}
    assert statuses == {one.value for one in DeliveryStatus} - {"PENDING"}
    assert attested["bravo"]["paid"]["TEST2027DVCA0001"]
    assert carried == attested
    assert first == second


def test_mov_11_what_the_network_file_says_is_deployed_and_book_entry_stays_with_the_attestors(
    over_hyperlane: LocalNetwork,
) -> None:
    pari = over_hyperlane
    assert pari.run(deploy.plan(pari.network, pari.workspace)).is_empty
    assert pari.run(deploy.check(pari.network, pari.workspace)).findings == ()
    for name in LEDGERS[:2]:
        ledger = pari.ledger(name)
        kinds = {
            other: {pari.run(ledger.carrier(pari.ledger(other).id, purpose)) for purpose in PURPOSES}
            for other in LEDGERS
            if other != name
        }
        assert kinds == {"register": {""}, (LEDGERS[1] if name == "alpha" else "alpha"): {"hyperlane"}}
    assert pari.run(pari.ledger("register").carrier(pari.ledger("alpha").id, Purpose.MOVEMENT)) == ""


@pytest.fixture
def pari(over_hyperlane: LocalNetwork) -> Iterator[LocalNetwork]:
    """300 units of a holder on each ledger, arrived over Hyperlane; all is undone after the test."""
    state = over_hyperlane.snapshot()
    with relaying(over_hyperlane.network):
        endow(over_hyperlane)
    yield over_hyperlane
    over_hyperlane.revert(state)


def attempt(pari: LocalNetwork, patience: float = 3.0) -> None:
    """Run the bridge for a while, in which not everything arrives."""

    async def carry() -> None:
        place = (pari.network, pari.workspace, pari.session.store)
        async with AsyncExitStack() as stack:
            relayer = await seat_of(*place, "relayer", stack)
            names = [member.name for member in pari.network.attestors.members]
            attestors = [await seat_of(*place, name, stack) for name in names]
            with pytest.raises(DrainTimeout):
                await drain(
                    pari.session.store,
                    relayer=relayer,
                    attestors=attestors,
                    patience=patience,
                    settings=TELLING,
                )

    pari.run(carry())


def test_mov_11_attestors_alone_deliver_nothing_in_a_carried_lane(pari: LocalNetwork) -> None:
    message = send(pari, "alpha", "bravo", 5, to=OTHER)
    attempt(pari)
    bravo = pari.ledger("bravo")
    view = message_history(pari.session.store, message.id.text)
    assert (view.view.state, view.view.reason) == (MessageState.FINAL, "AWAITING_TRANSPORT")
    assert view.attestors == ()
    version = pari.run(bravo.attestor_set()).version
    batch = Batch(version, (message,))
    names = [member.name for member in pari.network.attestors.members]
    signers = sorted((pari.signer(name) for name in names), key=lambda one: int(one.address, 16))
    signatures = tuple(one.sign_digest(batch_digest(batch, bravo.domain)) for one in signers)
    with pytest.raises(PariError, match="NotAttested"):
        do(pari, "bravo", Deliver(batch, signatures))
    with pytest.raises(PariError, match="NotAuthentic"):
        do(pari, "bravo", Deliver(Batch(0, (message,)), ()))
    assert pari.position(OTHER, "bravo") == 0
    with relaying(pari.network):
        pari.deliver()
    assert pari.position(OTHER, "bravo") == 5


def test_mov_11_hyperlanes_own_module_refuses_too_few_and_strange_validators(pari: LocalNetwork) -> None:
    message = send(pari, "alpha", "bravo", 5, to=OTHER)
    url, hook = pari.network.ledgers["alpha"].rpc_urls[0], created_by_owner(FEE_NONCE)
    demand = bytes(keccak256(b"setProtocolFee(uint256)")[:4]) + (1_000).to_bytes(32, "big")
    send_all(url, owner(), [(hook, demand)], 100_000)
    do(pari, "alpha", Flush("hyperlane", pari.ledger("bravo").id))
    assert int(call(url, "eth_getBalance", hook, "latest"), 16) == 1_000, "Hyperlane's fee, exactly"
    with pytest.raises(PariError, match="NothingQueued"):
        do(pari, "alpha", Flush("hyperlane", pari.ledger("bravo").id))
    call(url, "anvil_mine", "0x3")
    relayer, lane = LocalRelayer(chains_of(pari.network)), message.lane
    honest = relayer.validators
    for forged in (honest[:1] * 2, [pari.signer("stranger"), pari.signer("other stranger")], honest[1::-1]):
        relayer.validators = forged
        assert relayer.step() == 0
        assert pari.run(pari.ledger("bravo").vouched("hyperlane", lane, [message.id])) == 0
    relayer.validators = honest
    assert relayer.step() == 1
    assert pari.run(pari.ledger("bravo").vouched("hyperlane", lane, [message.id])) == 1
    assert relayer.step() == LocalRelayer(chains_of(pari.network)).step() == 0, "delivered once"


def test_mov_11_lanes_change_their_transport_while_stopped_and_lose_nothing(
    pari: LocalNetwork, tmp_path: Path
) -> None:
    attested = load_network(network_file(tmp_path, "")).with_rpc_urls(
        {name: one.rpc_urls[0] for name, one in pari.network.ledgers.items() if one.rpc_urls}
    )
    plan = pari.run(deploy.plan(attested, pari.workspace))
    titles = [step.title for ledger in plan.ledgers.values() for step in ledger.steps]
    assert any("let attestors vouch for the lanes with eip155:31002" in title for title in titles)
    with pytest.raises(StepFailed, match="LaneNotStopped"):
        pari.run(deploy.apply(attested, pari.workspace))
    for here, there in (("alpha", "bravo"), ("bravo", "alpha")):
        for purpose in PURPOSES:
            do(pari, here, StopLane(pari.ledger(there).id, purpose, WHY), "pauser")
    pari.run(deploy.apply(attested, pari.workspace))
    assert pari.run(deploy.plan(attested, pari.workspace)).is_empty
    for here, there in (("alpha", "bravo"), ("bravo", "alpha")):
        for purpose in PURPOSES:
            do(pari, here, ResumeLane(pari.ledger(there).id, purpose, WHY), "unpauser")
    send(pari, "alpha", "bravo", 5, to=OTHER)
    pari.deliver()  # nothing of Hyperlane's runs
    assert pari.position(OTHER, "bravo") == 5
    assert pari.reconcile().ok
