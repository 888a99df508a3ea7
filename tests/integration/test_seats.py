"""Attestors' eyes and keys on real nodes: endpoints that lie, remote signers, rotations under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from paripassu import acts, artefacts
from paripassu.bridge import attestations, batches
from paripassu.bridge.doubts import doubts
from paripassu.bridge.node import run_bridge
from paripassu.bridge.queries import list_messages
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.commands import (
    Acknowledge,
    Command,
    Deliver,
    Issue,
    Move,
    Refund,
    ResumeLane,
    Retry,
    SetArrivalCap,
    StopLane,
)
from paripassu.config import NetworkConfig
from paripassu.config.types import AttestorMember
from paripassu.controls import Reason
from paripassu.deploy.attestors import rotation_to, same_set, wanted_set
from paripassu.deploy.rights import ADMIN, APPROVED, Right, rights_of
from paripassu.devnet import controls
from paripassu.devnet.rpc import call
from paripassu.errors import (
    BatchRefused,
    CommandRefused,
    LedgerInconsistent,
    NotAuthorised,
)
from paripassu.identifiers import ROLES, Bytes32, Lei
from paripassu.jobs import approving
from paripassu.jobs.bridging import RELAYER_VARIABLE, seat_of
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.ledgers.evm.contracts import View, abi_of, codec
from paripassu.ledgers.evm.faults import NodeFault
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.ledgers.port import DeliveryStatus, Ledger, SentMessage, Standing
from paripassu.ledgers.signers import dev_key
from paripassu.ledgers.web3signer import Web3Signer
from paripassu.messages import Batch, Lane, Message, MovementPayload, Purpose, batch_digest
from paripassu.messages.acknowledgement import Acknowledgement, acknowledgement_digest
from paripassu.quantities import Units
from paripassu.store import cursors
from paripassu.testing.abi import Arguments, selector, signature
from paripassu.testing.files import two_chains
from paripassu.testing.lying_node import LyingNode
from paripassu.testing.network import LocalNetwork, started
from paripassu.testing.remote_signer import RemoteSigner

FAST = BridgeSettings(poll=0.05, idle_poll=0.15, ack_every=5)
WHY = Reason("rotation of this year")
FORGED_UNITS = 77


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two Anvil chains and a book; a holder with 300 units on each."""
    folder = tmp_path_factory.mktemp("seats")
    for network in started(two_chains(folder), folder / "ws"):
        network.endow(("holder_fr",), 300)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


# running a bridge


@asynccontextmanager
async def bridge(
    pari: LocalNetwork,
    *,
    attesting: Sequence[NetworkConfig],
    relaying: NetworkConfig | None = None,
    names: Sequence[str] = (),
) -> AsyncIterator[None]:
    """A relayer, and the attestors of some network files beside it, for as long as the block lasts."""
    stop, place = asyncio.Event(), (pari.workspace, pari.session.store)
    async with AsyncExitStack() as stack:
        relayer = await seat_of(relaying or pari.network, *place, "relayer", stack)
        members = {member.name: file for file in attesting for member in file.attestors.members}
        chosen = names or tuple(members)
        attestors = [await seat_of(members[name], *place, name, stack) for name in chosen]
        task = asyncio.create_task(
            run_bridge(pari.session.store, relayer=relayer, attestors=attestors, stop=stop, settings=FAST)
        )
        try:
            yield
        finally:
            stop.set()
            await task


async def until(condition: Callable[[], bool], patience: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + patience
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.05)


def with_members(network: NetworkConfig, change: Callable[[AttestorMember], AttestorMember]) -> NetworkConfig:
    members = tuple(map(change, network.attestors.members))
    return replace(network, attestors=replace(network.attestors, members=members))


def reading(network: NetworkConfig, **urls: tuple[str, ...]) -> NetworkConfig:
    """The same network, its attestors with endpoints of their own."""
    return with_members(network, lambda member: replace(member, rpc_urls=urls))


def lane_of(pari: LocalNetwork, source: str = "alpha", destination: str = "bravo") -> Lane:
    return Lane(pari.ledger(source).id, pari.ledger(destination).id, Purpose.MOVEMENT)


def observed(pari: LocalNetwork, name: str) -> int:
    with pari.session.store.read() as connection:
        return attestations.observed_count(connection, name, lane_of(pari))


def cursor(pari: LocalNetwork, name: str) -> int:
    with pari.session.store.read() as connection:
        found = cursors.get(connection, name, pari.ledger("alpha").id)
        return -1 if found is None else found.height


def signed_batches(pari: LocalNetwork) -> int:
    """How many signatures the batches have that are under way."""
    with pari.session.store.read() as connection:
        live = batches.live_batches(connection, lane_of(pari))
        return sum(len(attestations.genuine_signatures(connection, batch.digest)) for batch in live)


def waiting(pari: LocalNetwork) -> list[str]:
    done = (MessageState.FINALISED, MessageState.ACKED)
    return [view.reason for view in list_messages(pari.session.store) if view.state not in done]


NAMES = ("attestor_csd", "attestor_custodian", "attestor_auditor")


# endpoints that lie


def forge(pari: LocalNetwork, liar: LyingNode) -> Message:
    """Let a node show one more message than its gateway sent, in its newest block: the header is honest."""
    alpha, url = pari.ledger("alpha"), pari.network.ledgers["alpha"].rpc_urls[0]
    assert isinstance(alpha, EvmLedger)
    lane, abi, gateway = lane_of(pari), codec("Gateway"), alpha.contracts.address("Gateway")
    sent = pari.run(alpha.sent_messages(0, pari.run(alpha.final()).height))
    template = next(one.message for one in reversed(sent) if one.message.lane == lane)
    payload = replace(MovementPayload.decode(template.payload), amount=Units(FORGED_UNITS)).encode()
    message = replace(template, nonce=template.nonce + 1, payload=payload)
    word = message.nonce << 8 | int(lane.purpose) | message.timestamp << 72 | message.version << 200
    true = call(
        url, "eth_getLogs", {"address": gateway, "fromBlock": "0x0", "topics": [abi.topic("MessageSent")]}
    )

    def attribute(data: bytes) -> bytes:
        return data[:4] + word.to_bytes(32, "big")

    decoded = abi.decode_log(true[-1])
    assert decoded is not None
    values = [message.sender, message.recipient, payload, 0, [attribute(decoded.args["attributes"][0])]]
    body = abi_encode(["bytes", "bytes", "bytes", "uint256", "bytes[]"], values)

    def logs(params: list[Any], answer: list[Any]) -> list[Any]:
        wanted = params[0]["topics"][0]
        if abi.topic("MessageSent") not in wanted:
            return answer
        at = call(url, "eth_getBlockByNumber", params[0]["toBlock"], False)
        topics = [abi.topic("MessageSent"), message.id.text, *true[-1]["topics"][2:]]
        place = {"blockNumber": at["number"], "blockHash": at["hash"], "topics": topics}
        return [*answer, {**true[-1], **place, "data": "0x" + body.hex(), "logIndex": "0x99"}]

    asked = abi.encode("outboundNonce", lane.destination.numeric, int(lane.purpose))

    def counters(params: list[Any], answer: str) -> str:
        is_lane = str(params[0]["data"]) == "0x" + asked.hex()
        return "0x" + message.nonce.to_bytes(32, "big").hex() if is_lane else answer

    liar.lies = {"eth_getLogs": logs, "eth_call": counters}
    return message


@pytest.fixture
def nodes(pari: LocalNetwork) -> Iterator[tuple[LyingNode, LyingNode]]:
    """Two ways to the node of alpha, to be made to lie."""
    url = pari.network.ledgers["alpha"].rpc_urls[0]
    with LyingNode(url) as one, LyingNode(url) as other:
        yield one, other


def knows(pari: LocalNetwork, message: Message) -> bool:
    return any(view.id == message.id for view in list_messages(pari.session.store))


def test_a2_a_forged_message_is_not_signed_while_the_honest_endpoint_is_down_nor_once_it_is_back(
    pari: LocalNetwork, nodes: tuple[LyingNode, LyingNode]
) -> None:
    liar, honest = nodes
    message, supply = forge(pari, liar), pari.run(pari.ledger("bravo").supply())
    seen = {name: (observed(pari, name), cursor(pari, name)) for name in NAMES}
    honest.down = True

    async def attack() -> None:
        lied_to = pari.network.with_rpc_urls({"alpha": liar.url})  # the relayer too is the attacker's
        watched = reading(pari.network, alpha=(liar.url, honest.url))
        async with bridge(pari, attesting=[watched], relaying=lied_to):
            await until(lambda: any(why.endswith("0 of 2") for why in waiting(pari)))
            assert knows(pari, message)
            await asyncio.sleep(1.0)
            assert signed_batches(pari) == 0
            assert {name: (observed(pari, name), cursor(pari, name)) for name in NAMES} == seen
            honest.down = False
            await until(lambda: len(found()) == len(NAMES))
            await asyncio.sleep(0.5)

    def found() -> set[str]:
        return {one.attestor for one in doubts(pari.session.store, NAMES, [pari.ledger("alpha").id])}

    pari.run(attack())
    assert signed_batches(pari) == 0
    assert {name: observed(pari, name) for name in NAMES} == {
        name: count for name, (count, _) in seen.items()
    }
    assert pari.run(pari.ledger("bravo").supply()) == supply
    sentences = [one.sentence for one in doubts(pari.session.store, NAMES, [pari.ledger("alpha").id])]
    assert all("messages sent up to block" in one and "http" not in one for one in sentences)


def test_a2_the_same_forgery_goes_through_where_attestors_believe_one_endpoint(
    pari: LocalNetwork, nodes: tuple[LyingNode, LyingNode]
) -> None:
    """What the test above is about: with one endpoint each, all attestors sign what never happened."""
    liar, _ = nodes
    forge(pari, liar)
    supply = pari.run(pari.ledger("bravo").supply())

    async def attack() -> None:
        lied_to = pari.network.with_rpc_urls({"alpha": liar.url})
        believing = reading(pari.network, alpha=(liar.url,))
        async with bridge(pari, attesting=[believing], relaying=lied_to):
            await until(lambda: not waiting(pari) and signed_batches(pari) == 0)
            for _ in range(100):
                if await pari.ledger("bravo").supply() != supply:
                    return
                await asyncio.sleep(0.1)

    pari.run(attack())
    assert pari.run(pari.ledger("bravo").supply()) == supply + FORGED_UNITS


@pytest.mark.parametrize("alone", [True, False], ids=["one endpoint", "one of two endpoints"])
def test_fault_a_node_that_hides_logs_moves_no_cursor_and_nothing_is_lost(
    pari: LocalNetwork, nodes: tuple[LyingNode, LyingNode], alone: bool
) -> None:
    liar, honest = nodes
    liar.lies = {"eth_getLogs": lambda params, answer: []}
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 5)
    sent, alpha = observed(pari, NAMES[0]) + 1, pari.ledger("alpha").id
    held = pari.position("holder_fr", "bravo")

    async def hidden() -> None:
        watched = reading(pari.network, alpha=(liar.url,) if alone else (liar.url, honest.url))
        async with bridge(pari, attesting=[watched]):
            await until(lambda: any(why.endswith("0 of 2") for why in waiting(pari)))
            before = {name: cursor(pari, name) for name in NAMES}
            await asyncio.sleep(1.0)
            assert {name: cursor(pari, name) for name in NAMES} == before
            doubted = doubts(pari.session.store, NAMES, [alpha])
            assert {one.fact for one in doubted} == (set() if alone else {"contents of messages"})
            liar.honest()
            await until(lambda: not waiting(pari))

    pari.run(hidden())
    assert [observed(pari, name) for name in NAMES] == [sent] * 3
    assert pari.position("holder_fr", "bravo") == held + 5
    assert doubts(pari.session.store, NAMES, [alpha]) == ()


# keys


def test_ops_3_attestors_and_senders_sign_with_remote_keys_and_wait_where_these_do_not_answer(
    pari: LocalNetwork,
) -> None:
    key = dev_key("attestor_csd")
    held = pari.position("holder_fr", "bravo")
    with RemoteSigner(key) as csd, RemoteSigner(dev_key("attestor_auditor")) as auditor:
        remote = {"attestor_csd": csd, "attestor_auditor": auditor}

        def change(member: AttestorMember) -> AttestorMember:
            server = remote.get(member.name)
            spec = member.signer if server is None else f"web3signer:{server.url}#{server.address}"
            return replace(member, signer=spec, address="" if server is None else server.address)

        async def run() -> None:
            auditor.status = 401
            csd.signs_with = dev_key("stranger")
            names = ("attestor_csd", "attestor_auditor")
            async with bridge(pari, attesting=[with_members(pari.network, change)], names=names):
                await until(lambda: any(why.endswith("0 of 2") for why in waiting(pari)))
                await until(lambda: len(csd.asked) > 1)
                csd.signs_with = None
                await until(lambda: any(why.endswith("1 of 2") for why in waiting(pari)))
                auditor.status = 200
                await until(lambda: not waiting(pari))

        with RemoteSigner(dev_key("holder_fr")) as holder:
            signer = Web3Signer("holder_fr", holder.url, holder.address)
            alpha, bravo = pari.ledger("alpha"), pari.ledger("bravo")
            command = Move(holder.address, bravo.id, holder.address, Units(5))
            pari.run(alpha.execute(command, signer, "by a remote key"))
            assert holder.asked == ["eth_signTransaction"]
        pari.run(run())
    assert pari.position("holder_fr", "bravo") == held + 5


NEW = (
    AttestorMember("attestor_csd", Lei("529900CSDATTEST00066"), "dev:attestor_csd"),
    AttestorMember("attestor_registrar", Lei("529900CUSTODIANATT47"), "dev:attestor_registrar"),
    AttestorMember("attestor_notary", Lei("549300AUDITORATTES67"), "dev:attestor_notary"),
)


async def rotate(pari: LocalNetwork, ledger: Ledger, wanted: NetworkConfig) -> None:
    """What people do: the bridge operator proposes, the csd approves, and it is carried out."""
    session, act = pari.session, rotation_to(wanted_set(wanted))
    role = acts.usual_role(act)
    _, made = await approving.propose(ledger, act, role, WHY, session.role(role))
    await approving.approve(ledger, made, "csd", session.role("csd"))
    found = await ledger.controls.act(made.id)
    assert found is not None
    await approving.execute(ledger, found, session.role("csd"))


class Load:
    """Moves one unit after the other between all ledgers until it is stopped, or at the end of its block."""

    def __init__(self, pari: LocalNetwork) -> None:
        self._pari = pari
        self._going = True
        self.sent = 0

    async def __aenter__(self) -> Load:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run(self) -> None:
        names = [("alpha", "bravo"), ("bravo", "register"), ("register", "alpha"), ("alpha", "register")]
        while self._going:
            source, target = (self._pari.ledger(name) for name in names[self.sent % len(names)])
            to = self._pari.account("holder_fr", target.name).account
            command = Move(self._pari.account("holder_fr", source.name).account, target.id, to, Units(1))
            self.sent += 1
            await source.submit(command, self._pari.signer("holder_fr"), f"load {self.sent}")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        self._going = False
        await self._task


async def each_message_arrived_once(pari: LocalNetwork) -> int:
    """Check it on the ledgers themselves; how many messages there are."""
    ledgers, number = pari.session.ledgers, 0
    for source in ledgers.values():
        height = (await source.head()).height
        sent = [one.message for one in await source.sent_messages(0, height)]
        for target in ledgers.values():
            lane = Lane(source.id, target.id, Purpose.MOVEMENT) if source is not target else None
            taken = await target.deliveries(0, (await target.head()).height)
            mine = [one for one in taken if one.lane == lane]
            assert [one.nonce for one in mine] == list(range(1, len(mine) + 1))
            assert all(one.status is DeliveryStatus.EXECUTED for one in mine)
            assert [one.message_id for one in mine] == [one.id for one in sent if one.lane == lane]
            number += len(mine)
    supplies = [int(await ledger.supply()) for ledger in ledgers.values()]
    assert sum(supplies) == int(await pari.session.home.issued())
    return number


def test_ops_3_acc_3_attestors_are_rotated_under_load_and_no_message_is_lost_or_doubled(
    pari: LocalNetwork,
) -> None:
    old = pari.network
    new = replace(old, attestors=replace(old.attestors, members=NEW))
    arrived: list[int] = []
    rotated = (pari.ledger("bravo"), pari.ledger("register"))

    def known() -> int:
        return len(list_messages(pari.session.store))

    async def under_load() -> None:
        before = await each_message_arrived_once(pari)
        async with Load(pari) as load, bridge(pari, attesting=[new, old]):
            await until(lambda: load.sent >= 6)
            for ledger in rotated:
                arrived.append(await each_message_number(pari))
                await rotate(pari, ledger, new)
            at_rotation = load.sent
            await until(lambda: load.sent >= at_rotation + 5)
            await load.stop()
            await until(lambda: known() == before + load.sent and not waiting(pari))
        assert await each_message_arrived_once(pari) == before + load.sent

    pari.run(under_load())
    assert arrived == sorted(set(arrived))  # something arrived while the chain rotated: no standstill
    for ledger in rotated:
        found = pari.run(ledger.attestor_set())
        assert found.version == 2
        assert same_set(found, wanted_set(new))

    # a removed attestor's signature counts for nothing, on a chain as in the book
    for name in ("bravo", "register"):
        for version, words in ((1, "attestor set 1, the current one is 2"), (2, "is not in attestor set")):
            with pytest.raises(BatchRefused, match=words):
                pari.run(deliver_by_old(pari, name, version))


async def each_message_number(pari: LocalNetwork) -> int:
    ledgers = pari.session.ledgers.values()
    return sum([len(await one.deliveries(0, (await one.head()).height)) for one in ledgers])


async def deliver_by_old(pari: LocalNetwork, name: str, version: int) -> None:
    ledger, alpha = pari.ledger(name), pari.ledger("alpha")
    sent = await alpha.sent_messages(0, (await alpha.final()).height)
    message = [one.message for one in sent if one.message.lane.destination == ledger.id][-1]
    digest = batch_digest(Batch(version, (message,)), ledger.domain)
    signers = sorted(
        (pari.signer(one) for one in ("attestor_csd", "attestor_custodian")),
        key=lambda one: int(one.address, 16),
    )
    signatures = tuple([await one.sign_typed(digest, dict) for one in signers])
    await ledger.submit(
        Deliver(Batch(version, (message,)), signatures), pari.signer("relayer"), f"old {version}"
    )


def test_a21_signatures_half_collected_before_a_rotation_count_for_nothing(pari: LocalNetwork) -> None:
    old = pari.network
    new = replace(old, attestors=replace(old.attestors, members=NEW))
    held = pari.position("holder_fr", "bravo")
    pari.move("holder_fr", "alpha", "holder_fr", "bravo", 5)

    async def run() -> None:
        async with bridge(pari, attesting=[old], names=["attestor_custodian"]):
            await until(lambda: any(why.endswith("1 of 2") for why in waiting(pari)))
            await rotate(pari, pari.ledger("bravo"), new)
            await until(lambda: any(why.endswith("0 of 2") for why in waiting(pari)))
        async with bridge(pari, attesting=[new], names=["attestor_notary"]):
            await until(lambda: any(why.endswith("1 of 2") for why in waiting(pari)))
            await asyncio.sleep(0.5)
            assert waiting(pari)  # one of the new set beside one of the old: no quorum
        async with bridge(pari, attesting=[new], names=["attestor_registrar"]):
            await until(lambda: not waiting(pari))

    pari.run(run())
    assert pari.position("holder_fr", "bravo") == held + 5


def test_ops_3_a_relayers_new_key_takes_over_under_load_what_the_former_one_left(
    pari: LocalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pari.network.ledgers["bravo"].rpc_urls[0]
    former, new = pari.signer("relayer").address, pari.signer("relayer_2").address
    controls.set_balance(url, new, 10**18)
    controls.set_balance(pari.network.ledgers["alpha"].rpc_urls[0], new, 10**18)
    count = int(call(url, "eth_getTransactionCount", former, "latest"), 16)

    def known() -> int:
        return len(list_messages(pari.session.store))

    def outstanding() -> list[str]:
        return [
            intent.transaction
            for intent in pari.session.store.intents.outstanding(pari.ledger("bravo").id, former)
        ]

    async def handing_over() -> None:
        before = await each_message_arrived_once(pari)
        async with Load(pari) as load:
            async with bridge(pari, attesting=[pari.network]):
                await until(lambda: load.sent >= 4)
                # from here on no block takes what the former key sends, as where it offers too little
                pari._heartbeat.stop()
                call(url, "evm_setAutomine", False)
                await until(lambda: bool(outstanding()))
            for transaction in outstanding():
                call(url, "anvil_dropTransaction", transaction)
            controls.set_balance(url, former, 0)
            call(url, "evm_setAutomine", True)
            pari._heartbeat.start()
            monkeypatch.setenv(RELAYER_VARIABLE, "dev:relayer_2")
            async with bridge(pari, attesting=[pari.network]):
                at_handover = load.sent
                await until(lambda: load.sent >= at_handover + 4)
                await load.stop()
                await until(lambda: known() == before + load.sent and not waiting(pari))
        assert await each_message_arrived_once(pari) == before + load.sent

    pari.run(handing_over())
    assert outstanding() != []  # what it left is still known, and was superseded
    assert int(call(url, "eth_getTransactionCount", new, "latest"), 16) > 0
    assert int(call(url, "eth_getTransactionCount", former, "latest"), 16) >= count


# a relayer's stolen key


def zeros(inputs: Sequence[dict[str, Any]]) -> list[Any]:
    """Arguments that decode, whatever they mean."""

    def zero(item: dict[str, Any]) -> Any:
        kind = str(item["type"])
        if kind.endswith("[]"):
            return []
        if kind == "tuple":
            return tuple(zero(part) for part in item["components"])
        if kind.startswith(("uint", "int")):
            return 0
        return {"bool": False, "address": "0x" + "00" * 20, "string": ""}.get(kind, b"")

    return [zero(item) for item in inputs]


def refusal(pari: LocalNetwork, ledger: EvmLedger, right: Right, sender: str) -> str:
    """Name of the error with which a chain refuses an account a function; empty where it does not."""
    entry = next(
        one
        for one in abi_of(right.contract)
        if one["type"] == "function" and signature(one) == right.function
    )
    data = selector(entry) + Arguments(entry["inputs"]).encoded(zeros(entry["inputs"]))
    target = ledger.contracts.address(right.contract)
    request = {"from": sender, "to": target, "data": "0x" + data.hex()}
    rpc = ledger.contracts._rpc
    (answer,) = pari.run(rpc.batch_with_faults([("eth_call", (request, "latest"))]))
    if not isinstance(answer, NodeFault):
        return ""
    error = ledger.contracts.reverts.custom_error(answer.data)
    return error.name if error else str(answer)


@pytest.mark.parametrize("name", ["alpha", "bravo"])
def test_a13_the_relayers_key_holds_no_role_and_calls_no_restricted_function(
    pari: LocalNetwork, name: str
) -> None:
    ledger, relayer = pari.ledger(name), pari.signer("relayer").address
    assert isinstance(ledger, EvmLedger)
    contracts = ledger.contracts
    numbers = [ADMIN, *ROLES.values()]
    held = pari.run(contracts.views([View("AccessManager", "hasRole", (one, relayer)) for one in numbers]))
    assert [number for number, (holds, _) in zip(numbers, held, strict=True) if holds] == []
    _, _, members = pari.run(contracts.view("Gateway", "attestors"))
    assert relayer not in {signer for signer, _ in members}, "nor a seat among the attestors"
    checked = 0
    for contract in sorted(one for one in artefacts.names() if contracts.has(one)):
        for right in rights_of(contract):
            if not right.is_role and right.who != APPROVED:
                continue  # for a contract or a party: it is neither
            expected = "Unauthorised" if right.is_role else "ApprovalNeeded"
            assert refusal(pari, ledger, right, relayer) == expected, right
            checked += 1
            if right.is_role:  # it is the caller that is refused, not the call
                holder = pari.session.role(right.who).address
                assert refusal(pari, ledger, right, holder) != "Unauthorised", right
    assert checked > 60


@pytest.mark.parametrize("name", ["bravo", "register"])
def test_a13_a_relayer_delivers_acknowledges_and_refunds_only_what_others_signed(
    pari: LocalNetwork, name: str
) -> None:
    thief, ledger = pari.signer("relayer"), pari.ledger(name)
    lane = lane_of(pari, destination=name)
    back = Lane(lane.destination, lane.source, lane.purpose)
    supply, arrived = pari.run(ledger.supply()), pari.run(ledger.inbound_nonce(lane))
    message = pari.run(_unsent(pari, lane))
    batch = Batch(pari.run(ledger.attestor_set()).version, (message,))
    digest = batch_digest(batch, ledger.domain)
    said = Acknowledgement(batch.attestor_set_version, back, 0, (message.id,))
    said_digest = acknowledgement_digest(said, ledger.domain)

    async def signed(digest: Bytes32, *names: str) -> tuple[bytes, ...]:
        signers = sorted(map(pari.signer, names), key=lambda one: int(one.address, 16))
        return tuple([await one.sign_typed(digest, dict) for one in signers])

    commands: list[Command] = [Retry(message), Refund(message)]
    for names in ((), ("relayer",), ("relayer", "attestor_csd"), ("relayer", "relayer_2")):
        commands.append(Deliver(batch, pari.run(signed(digest, *names))))
        commands.append(Acknowledge(said, pari.run(signed(said_digest, *names))))
    for number, command in enumerate(commands):
        with pytest.raises((BatchRefused, CommandRefused)):
            pari.run(ledger.execute(command, thief, f"thief {number}"))
    for command in (
        Issue(pari.account("holder_fr", name).account, Units(1)),
        SetArrivalCap(pari.session.security.security_id, lane.source, Units(1), 60),
        StopLane(lane.source, lane.purpose, WHY),
        ResumeLane(lane.source, lane.purpose, WHY),
    ):
        with pytest.raises(NotAuthorised):
            pari.run(ledger.execute(command, thief, f"thief {type(command).__name__}"))
    assert (pari.run(ledger.supply()), pari.run(ledger.inbound_nonce(lane))) == (supply, arrived)
    assert pari.run(ledger.standing(message.id)) is Standing.NONE
    # what two attestors signed it delivers: no more than anybody could
    pari.run(ledger.execute(Deliver(batch, pari.run(signed(digest, *NAMES[:2]))), thief, "signed"))
    assert pari.run(ledger.supply()) == supply + FORGED_UNITS


async def _unsent(pari: LocalNetwork, lane: Lane) -> Message:
    """The message that would be a lane's next, had it been sent."""
    alpha, target = pari.session.ledgers[lane.source], pari.session.ledgers[lane.destination]
    sent = await alpha.sent_messages(0, (await alpha.final()).height)
    last = [one.message for one in sent if one.message.lane == lane][-1]
    payload = replace(MovementPayload.decode(last.payload), amount=Units(FORGED_UNITS)).encode()
    return replace(last, nonce=await target.inbound_nonce(lane) + 1, payload=payload)


# logs of others, and several of one transaction


def put(target: str, data: bytes, at: int) -> bytes:
    """EVM code that calls a contract with data from its own code, `at` there, whatever comes of it."""
    size, place = len(data).to_bytes(2, "big"), at.to_bytes(2, "big")
    copied = b"\x61" + size + b"\x61" + place + bytes.fromhex("600039")
    return (
        copied
        + bytes.fromhex("6000600061")
        + size
        + bytes.fromhex("6000600073")
        + bytes.fromhex(target[2:])
        + bytes.fromhex("5af150")
    )


def program(calls: Sequence[tuple[str, bytes]], undone: tuple[str, bytes]) -> bytes:
    """EVM code that makes these calls; and, where it is called with data, the one that it then reverts."""
    length = len(put(calls[0][0], b"", 0))
    inner = 5 + length * len(calls) + 1
    tail = inner + 1 + length + 5
    parts, data = [bytes.fromhex("3661") + inner.to_bytes(2, "big") + b"\x57"], b""
    for target, one in calls:
        parts.append(put(target, one, tail + len(data)))
        data += one
    parts += [b"\x00\x5b", put(*undone, tail + len(data)), bytes.fromhex("60006000fd")]
    return b"".join(parts) + data + undone[1]


def test_a11_several_sends_of_one_transaction_are_read_and_no_log_of_another_contract_or_reverted_call(
    pari: LocalNetwork,
) -> None:
    alpha, bravo, url = pari.ledger("alpha"), pari.ledger("bravo"), pari.network.ledgers["alpha"].rpc_urls[0]
    assert isinstance(alpha, EvmLedger)
    contracts, holder = alpha.contracts, pari.account("holder_fr").account
    gateway, bridge_, token = map(contracts.address, ("Gateway", "TokenBridge", "SecurityToken"))
    topic = codec("Gateway").topic("MessageSent")
    template = call(url, "eth_getLogs", {"address": gateway, "fromBlock": "0x0", "topics": [topic]})[-1]
    before = pari.run(_sent(alpha))
    # another contract that says word for word what the gateway once said
    noisy, words = "0x" + "ab" * 20, bytes.fromhex(template["data"][2:])
    topics = [bytes.fromhex(one[2:]) for one in template["topics"]]
    size = len(words).to_bytes(2, "big")
    pushed = b"".join(b"\x7f" + one for one in reversed(topics))
    head = 3 + 3 + 3 + len(pushed) + 3 + 2 + 1 + 1
    code = (
        b"\x61" + size + b"\x61" + head.to_bytes(2, "big") + bytes.fromhex("600039")
        + pushed + b"\x61" + size + bytes.fromhex("6000") + bytes([0xA0 + len(topics)]) + b"\x00"
    )  # fmt: skip
    assert len(code) == head
    call(url, "anvil_setCode", noisy, "0x" + (code + words).hex())

    def send(units: int) -> tuple[str, bytes]:
        account = bytes.fromhex(pari.account("holder_fr", "bravo").account[2:])
        return bridge_, codec("TokenBridge").encode("move", token, bravo.id.numeric, account, units, 0)

    again = (holder, b"\x01")
    calls = [send(1), (noisy, b""), send(2), again, send(4), (noisy, b""), send(5), send(6)]
    call(url, "anvil_setCode", holder, "0x" + program(calls, undone=send(3)).hex())
    thirds = pari.signer("relayer").address
    call(url, "anvil_impersonateAccount", thirds)
    transaction = call(
        url, "eth_sendTransaction", {"from": thirds, "to": holder, "data": "0x", "gas": hex(3_000_000)}
    )
    controls.mine(url, 8)
    call(url, "anvil_setCode", holder, "0x")
    logs = call(url, "eth_getTransactionReceipt", transaction)["logs"]
    said = [log["address"] for log in logs if log["topics"][0] == topic]
    assert said.count(noisy) == 2
    assert said.count(gateway.lower()) == 5
    assert len(logs) > len(said), "with logs of other contracts in between"

    found = pari.run(_sent(alpha))
    assert found[: len(before)] == before
    new = found[len(before) :]
    assert [int(MovementPayload.decode(one.message.payload).amount) for one in new] == [1, 2, 4, 5, 6]
    assert {one.transaction for one in new} == {transaction}
    first = new[0].message.nonce
    assert [one.message.nonce for one in new] == list(range(first, first + 5))
    held = pari.position("holder_fr", "bravo")
    pari.deliver()
    assert pari.position("holder_fr", "bravo") == held + 18


async def _sent(ledger: Ledger) -> tuple[SentMessage, ...]:
    return await ledger.sent_messages(0, (await ledger.final()).height)


def test_a11_a_log_of_another_address_that_a_node_answers_is_a_fault_of_the_node(
    pari: LocalNetwork, nodes: tuple[LyingNode, LyingNode]
) -> None:
    liar, _ = nodes
    alpha = pari.ledger("alpha")
    assert isinstance(alpha, EvmLedger)

    def others(params: list[Any], answer: list[Any]) -> list[Any]:
        return [*answer[:-1], {**answer[-1], "address": "0x" + "ab" * 20}] if answer else answer

    async def read() -> None:
        rpc = JsonRpc("alpha", [liar.url])
        try:
            await Logs(rpc).read(
                alpha.contracts.address("Gateway"), codec("Gateway"), ("MessageSent",), 0, last
            )
        finally:
            await rpc.close()

    last = pari.run(alpha.final()).height
    pari.run(read())
    liar.lies = {"eth_getLogs": others}
    with pytest.raises(LedgerInconsistent, match="a log of Gateway that was not asked for"):
        pari.run(read())
