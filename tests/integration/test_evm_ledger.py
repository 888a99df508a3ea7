"""The EVM adapter through the ledger port, on Anvil and Ganache with the real contracts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from paripassu import deploy
from paripassu.commands import (
    Announce,
    AttestBreakdown,
    AuthoriseDebit,
    Deliver,
    FundCash,
    Issue,
    Move,
    Onboard,
    Pay,
    PaymentLine,
    PublishEntitlements,
    Transfer,
)
from paripassu.config import NetworkConfig, load_network, load_security
from paripassu.controls import Freeze, Reason
from paripassu.deploy.opening import open_ledgers
from paripassu.devnet import controls
from paripassu.devnet.nodes import NodeSpec, running_nodes
from paripassu.entitlements import EntitlementLine
from paripassu.errors import (
    BatchRefused,
    BreakdownRefused,
    CommandImpossible,
    ContractMissing,
    EventConflict,
    LedgerInconsistent,
    NodeUnreachable,
    NotAuthorised,
    PaymentRefused,
    RecordTampered,
    ReferenceConflict,
    RuleError,
    TimeNotFinal,
    Unfunded,
    WrongChain,
)
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, Bytes32, Country, CurrencyCode, LedgerId, commitment, keccak256
from paripassu.jobs import movements
from paripassu.jobs.local import give_coin, role_addresses
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.evm.codec import Contract, DecodedLog
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.rpc import JsonRpc, RetryPolicy
from paripassu.ledgers.intents import MemoryIntentLog
from paripassu.ledgers.port import DeliveryStatus, Ledger, OutcomeState, SentMessage
from paripassu.ledgers.signers import KeySigner, signer_from_spec
from paripassu.messages import Batch, Lane, Message, Purpose, batch_digest
from paripassu.quantities import Minor, Rate, Units
from paripassu.rules import Restriction
from paripassu.testing.heartbeat import Heartbeat
from paripassu.workspace import Workspace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOREVER = 0

WHY = Reason("court order 7")


@dataclass
class World:
    """The home chain alpha (Anvil) and charlie (Ganache), deployed."""

    network: NetworkConfig
    workspace: Workspace
    urls: dict[str, str]


def network_of(urls: dict[str, str]) -> NetworkConfig:
    network = load_network(EXAMPLES / "local.toml").with_rpc_urls(urls)
    ledgers = {
        name: replace(one, blocks=replace(one.blocks, estimate_block_time=1, reorg_period=2))
        for name, one in network.ledgers.items()
        if name != "bravo"
    }
    return replace(network, ledgers=ledgers)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    specs = [NodeSpec("alpha", "anvil", 31001), NodeSpec("charlie", "ganache", 31003)]
    with running_nodes(specs) as nodes:
        urls = {name: node.url for name, node in nodes.items()}
        network = network_of(urls)
        holders = [signer_from_spec(f"dev:{name}", "local").address for name in HOLDERS]
        give_coin(urls.values(), [*role_addresses(network).values(), *holders])
        heartbeat = Heartbeat(list(urls.values()))
        heartbeat.start()
        made = World(network, Workspace(tmp_path_factory.mktemp("workspace")), urls)
        asyncio.run(deploy.apply(made.network, made.workspace))
        yield made
        heartbeat.stop()


HOLDERS = ("holder_fr", "holder_de", "holder_jp", "custodian_de", "client_de", "nobody")


def key(name: str) -> KeySigner:
    return signer_from_spec(f"dev:{name}", "local")


def address(name: str) -> str:
    return key(name).address


@dataclass
class Pair:
    """Both chains, open, and what every test needs of them."""

    home: EvmLedger
    away: EvmLedger
    security_id: Bytes32
    away_url: str
    count: int = 0

    def once(self) -> str:
        self.count += 1
        return f"{id(self)} {self.count}"

    async def onboard(self, ledger: Ledger, name: str, country: str = "FR", servicer: str = "") -> None:
        holder = commitment(name.encode())
        command = Onboard(address(name), holder, Country(country), 1, FOREVER, servicer)
        command = await movements.proven(ledger, command, key(name))
        await ledger.execute(command, key("registrar"), self.once())

    async def issue(self, name: str, units: int) -> None:
        await self.home.execute(Issue(address(name), Units(units)), key("transfer_agent"), self.once())

    async def deliver(self, target: Ledger, messages: tuple[Message, ...]) -> None:
        await asyncio.to_thread(controls.travel_to, [self.away_url], messages[-1].timestamp)
        await target.execute(await self.signed(target, messages), key("relayer"), self.once())

    async def signed(self, target: Ledger, messages: tuple[Message, ...]) -> Deliver:
        batch = Batch((await target.attestor_set()).version, messages)
        digest = batch_digest(batch, target.domain)
        attestors = sorted(
            (key("attestor_csd"), key("attestor_auditor")), key=lambda one: int(one.address, 16)
        )
        return Deliver(batch, tuple(one.sign_digest(digest) for one in attestors))

    async def sent(self, ledger: Ledger, lane: Lane) -> tuple[SentMessage, ...]:
        found = await ledger.sent_messages(0, (await ledger.final()).height)
        return tuple(one for one in found if one.message.lane == lane)


@pytest.fixture
async def pair(world: World) -> AsyncIterator[Pair]:
    ledgers = await open_ledgers(world.network, world.workspace, MemoryIntentLog())
    home, away = (ledgers[LedgerId(f"eip155:{chain}")] for chain in (31001, 31003))
    assert isinstance(home, EvmLedger)
    assert isinstance(away, EvmLedger)
    security = load_security(world.network.security_path)
    yield Pair(home, away, security.security_id, world.urls["charlie"])
    for ledger in ledgers.values():
        await ledger.close()


async def pass_time(url: str, time: int) -> None:
    """Move a chain's clock on and wait until it is final there."""
    await asyncio.to_thread(controls.travel_to, [url], time)
    await asyncio.to_thread(controls.mine, url, 3)


OUT = Lane(LedgerId("eip155:31001"), LedgerId("eip155:31003"), Purpose.MOVEMENT)
ACTIONS = Lane(LedgerId("eip155:31001"), LedgerId("eip155:31003"), Purpose.CORPORATE_ACTION)


async def test_holder_record_is_what_was_onboarded(pair: Pair) -> None:
    for ledger in (pair.home, pair.away):
        await pair.onboard(ledger, "holder_de", "DE", address("custodian_de"))
        found = await ledger.holder(address("holder_de"))
        assert found is not None
        assert (found.holder, found.country, found.active) == (commitment(b"holder_de"), Country("DE"), True)
        assert found.servicer == address("custodian_de")
        assert (await ledger.holders())[address("holder_de")] == found
        assert await ledger.holder(address("nobody")) is None


async def test_refused_transfer_has_one_code_by_verdict_and_by_movement(pair: Pair) -> None:
    for ledger in (pair.home, pair.away):
        await pair.onboard(ledger, "holder_fr")
        await pair.onboard(ledger, "holder_jp", "JP")
    await pair.issue("holder_fr", 10)
    source = address("holder_fr")
    for target, restriction in (
        ("holder_jp", Restriction.RECIPIENT_COUNTRY),
        ("nobody", Restriction.RECIPIENT_UNKNOWN),
    ):
        command = Transfer(source, address(target), Units(5))
        reference = pair.once()
        assert await pair.home.verdict(source, address(target), Units(5)) is restriction
        with pytest.raises(RuleError) as refused:
            await pair.home.execute(command, key("holder_fr"), reference)
        assert refused.value.code == f"PP-RUL-{int(restriction):03d}"
        assert (await pair.home.outcome(reference)).state is OutcomeState.UNKNOWN


async def test_frozen_account_cannot_deliver(pair: Pair) -> None:
    await pair.onboard(pair.home, "client_de", "DE")
    await pair.onboard(pair.home, "holder_fr")
    await pair.issue("client_de", 3)
    await pair.home.execute(Freeze(address("client_de"), True, WHY), key("freezer"), pair.once())
    movement = Transfer(address("client_de"), address("holder_fr"), Units(1))
    with pytest.raises(RuleError) as refused:
        await pair.home.execute(movement, key("client_de"), pair.once())
    assert refused.value.restriction == Restriction.SENDER_FROZEN
    await pair.home.execute(Freeze(address("client_de"), False, WHY), key("freezer"), pair.once())
    await pair.home.execute(movement, key("client_de"), pair.once())


async def test_signer_without_role_is_named(pair: Pair) -> None:
    with pytest.raises(NotAuthorised, match=f"{address('holder_fr')} does not hold the role transfer_agent"):
        await pair.home.execute(Issue(address("holder_fr"), Units(1)), key("holder_fr"), pair.once())


async def test_units_move_between_chains_once_and_in_order(pair: Pair) -> None:
    for ledger in (pair.home, pair.away):
        await pair.onboard(ledger, "holder_fr")
    await pair.issue("holder_fr", 100)
    before = await pair.home.supply(), await pair.away.supply()
    (sent_before,) = await pair.home.sent_counts([OUT], (await pair.home.final()).height)
    for units in (30, 12):
        movement = Move(address("holder_fr"), pair.away.id, address("holder_fr"), Units(units))
        await pair.home.execute(movement, key("holder_fr"), pair.once())
    final = (await pair.home.final()).height
    sent = (await pair.sent(pair.home, OUT))[sent_before:]
    back = Lane(OUT.destination, OUT.source, OUT.purpose)
    assert await pair.home.sent_counts([back, OUT], final) == (0, sent_before + 2)
    assert sent[-1].message.nonce == sent_before + 2
    assert await pair.home.supply() == before[0] - Units(42)

    messages = tuple(one.message for one in sent)
    assert sent[0].block.time == messages[0].timestamp
    await pair.deliver(pair.away, messages)
    await pair.deliver(pair.away, messages)  # the same batch again has no effect
    assert await pair.away.supply() == before[1] + Units(42)
    assert await pair.away.inbound_nonce(OUT) == messages[-1].nonce
    found = await pair.away.deliveries(0, (await pair.away.final()).height)
    fates = [(one.message_id, one.status) for one in found if one.message_id in {m.id for m in messages}]
    assert fates == [(message.id, DeliveryStatus.EXECUTED) for message in messages]


async def test_message_for_an_unknown_account_is_parked_with_the_reason(pair: Pair) -> None:
    await pair.onboard(pair.home, "holder_fr")
    await pair.issue("holder_fr", 1)
    movement = Move(address("holder_fr"), pair.away.id, address("nobody"), Units(1))
    await pair.home.execute(movement, key("holder_fr"), pair.once())
    message = (await pair.sent(pair.home, OUT))[-1].message
    await pair.deliver(pair.away, (message,))
    found = await pair.away.deliveries(0, (await pair.away.final()).height)
    fate = next(one for one in found if one.message_id == message.id)
    assert fate.status is DeliveryStatus.PARKED
    assert fate.reason.startswith("PP-RUL-005")


async def test_batch_signed_by_too_few_or_out_of_order_is_refused(pair: Pair) -> None:
    await pair.onboard(pair.home, "holder_fr")
    await pair.issue("holder_fr", 2)
    movement = Move(address("holder_fr"), pair.away.id, address("holder_fr"), Units(1))
    for _ in range(2):
        await pair.home.execute(movement, key("holder_fr"), pair.once())
    first, second = (one.message for one in (await pair.sent(pair.home, OUT))[-2:])
    whole = await pair.signed(pair.away, (first,))
    alone = Deliver(whole.batch, whole.signatures[:1])
    with pytest.raises(BatchRefused, match="QuorumMissing"):
        await pair.away.submit(alone, key("relayer"), pair.once())
    gap = await pair.signed(pair.away, (second,))
    with pytest.raises(BatchRefused, match="NonceGap"):
        await pair.away.submit(gap, key("relayer"), pair.once())
    await pair.deliver(pair.away, (first, second))


async def test_positions_at_a_time_are_those_of_its_last_block(pair: Pair, world: World) -> None:
    await pair.onboard(pair.home, "holder_fr")
    await pair.onboard(pair.home, "holder_de", "DE")
    await pair.issue("holder_fr", 50)
    then = (await pair.home.head()).time
    earlier = await pair.home.position(address("holder_fr"))
    await pass_time(world.urls["alpha"], then + 5)
    await pair.home.execute(
        Transfer(address("holder_fr"), address("holder_de"), Units(20)), key("holder_fr"), pair.once()
    )
    struck = await pair.home.positions_at(then)
    assert struck.balances[address("holder_fr")] == earlier
    assert struck.block.time <= then < (await pair.home.block_at(struck.block.height + 1)).time
    assert sum(struck.balances.values()) == struck.supply
    assert await pair.home.position(address("holder_fr")) == earlier - Units(20)
    with pytest.raises(TimeNotFinal):
        await pair.home.positions_at((await pair.home.head()).time + 3600)


async def test_lost_transfer_log_is_noticed_by_the_supply(
    pair: Pair, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.onboard(pair.home, "holder_fr")
    await pair.issue("holder_fr", 7)
    time = (await pair.home.head()).time
    await pass_time(world.urls["alpha"], time + 5)
    whole = Logs.read

    async def forgetful(self: Logs, place: str, contract: Contract, *rest: object) -> list[DecodedLog]:
        return (await whole(self, place, contract, *rest))[:-1]  # type: ignore[arg-type]

    monkeypatch.setattr(Logs, "read", forgetful)
    with pytest.raises(LedgerInconsistent, match="its supply there"):
        await pair.home.positions_at(time)


async def test_lagging_node_is_no_evidence_of_no_logs(pair: Pair) -> None:
    head = (await pair.home.head()).height
    with pytest.raises(LedgerInconsistent, match="behind block"):
        await pair.home.sent_messages(0, head + 1000)


async def test_only_the_servicer_attests_and_never_above_the_balance(pair: Pair) -> None:
    await pair.onboard(pair.home, "custodian_de", "DE", address("custodian_de"))
    await pair.issue("custodian_de", 40)
    held = int(await pair.home.position(address("custodian_de")))
    now = (await pair.home.final()).time
    root = keccak256(b"breakdown")

    def statement(total: int) -> AttestBreakdown:
        return AttestBreakdown(address("custodian_de"), now, root, Units(total))

    with pytest.raises(BreakdownRefused, match=f"holds {held}"):
        await pair.home.execute(statement(held + 1), key("custodian_de"), pair.once())
    with pytest.raises(NotAuthorised):
        await pair.home.execute(statement(held), key("holder_fr"), pair.once())
    await pair.home.execute(statement(held), key("custodian_de"), pair.once())


async def test_move_of_another_accounts_units_is_refused_here(pair: Pair) -> None:
    movement = Move(address("holder_fr"), pair.away.id, address("holder_fr"), Units(1))
    with pytest.raises(CommandImpossible):
        await pair.home.submit(movement, key("holder_de"), pair.once())


def dividend(pair: Pair, event_id: str, day: date, record_time: int) -> EventRecord:
    return EventRecord(
        official_event_id=event_id,
        security_id=pair.security_id,
        event_type="DVCA",
        participation=Participation.MAND,
        announcement_date=day,
        ex_date=date(2027, 6, 2),
        record_date=date(2027, 6, 3),
        payment_date=date(2027, 6, 4),
        record_time=record_time,
        rate=Rate("0.37"),
        currency=CurrencyCode("EUR"),
        document_hash=keccak256(b"announcement"),
    )


async def test_event_has_one_hash_and_is_paid_once(pair: Pair, world: World) -> None:
    for ledger in (pair.home, pair.away):
        await pair.onboard(ledger, "holder_fr")
    await pair.issue("holder_fr", 25)
    record_time = int(datetime(2027, 6, 3, 21, 59, 59, tzinfo=UTC).timestamp())  # end of day in Paris
    event = dividend(pair, "EVMTEST1", date(2027, 5, 28), record_time)
    await pair.home.execute(Announce(event), key("issuer_agent"), pair.once())
    await pair.home.execute(Announce(event), key("issuer_agent"), pair.once())
    other = replace(event, rate=Rate("0.38"))
    with pytest.raises(EventConflict):
        await pair.home.execute(Announce(other), key("issuer_agent"), pair.once())
    await pair.deliver(pair.away, tuple(one.message for one in await pair.sent(pair.home, ACTIONS)))
    for ledger in (pair.home, pair.away):
        known = await ledger.event("EVMTEST1")
        assert known is not None
        assert (known.record, known.record_hash) == (event, event.record_hash)
        assert known.entitlement_root is None
    assert await pair.home.event("UNKNOWN1") is None

    await pass_time(world.urls["alpha"], record_time + 10)
    held = await pair.home.position(address("holder_fr"))
    assert await pair.home.eligible_on_ledger(address("holder_fr"), record_time) == held
    assert await pair.home.eligible_on_ledger(address("holder_fr"), record_time - 1) is None
    await pass_time(world.urls["alpha"], record_time + 86_400)

    amount = Minor(held * 37)
    root = EntitlementLine(event.key, AccountId(pair.home.id, address("holder_fr")), held, amount).leaf
    publication = PublishEntitlements("EVMTEST1", root, amount, 1)
    await pair.home.execute(publication, key("paying_agent"), pair.once())
    payment = Pay("EVMTEST1", (PaymentLine(address("holder_fr"), amount, ()),))
    wrong = Pay("EVMTEST1", (PaymentLine(address("holder_fr"), Minor(amount + 1), ()),))
    with pytest.raises(PaymentRefused, match="not among the entitlements"):
        await pair.home.execute(wrong, key("paying_agent"), pair.once())
    with pytest.raises(Unfunded, match=f"need {int(amount)}"):
        await pair.home.execute(payment, key("paying_agent"), pair.once())
    payer = address("paying_agent")
    await pair.home.execute(FundCash(payer, amount), key("cash_issuer"), pair.once())
    await pair.home.execute(AuthoriseDebit(amount), key("paying_agent"), pair.once())
    for _ in range(2):
        await pair.home.execute(payment, key("paying_agent"), pair.once())
    assert await pair.home.cash(address("holder_fr")) == amount
    assert await pair.home.cash(payer) == 0
    (booked,) = await pair.home.payments("EVMTEST1")
    assert (booked.account, booked.amount) == (address("holder_fr"), amount)


async def test_issue_under_one_reference_happens_once_whatever_is_forgotten(pair: Pair, world: World) -> None:
    await pair.onboard(pair.home, "holder_fr")
    before, reference = await pair.home.issued(), pair.once()
    command = Issue(address("holder_fr"), Units(9))
    await pair.home.execute(command, key("transfer_agent"), reference)
    forgetful = await open_ledgers(world.network, world.workspace, MemoryIntentLog())
    with pytest.raises(ReferenceConflict):
        await forgetful[pair.home.id].execute(command, key("transfer_agent"), reference)
    for ledger in forgetful.values():
        await ledger.close()
    assert await pair.home.issued() == before + Units(9)


async def test_record_of_another_chain_or_tampered_is_refused_at_opening(
    world: World, tmp_path: Path
) -> None:
    swapped = world.network.with_rpc_urls({"alpha": world.urls["charlie"]})
    with pytest.raises(WrongChain, match=r"31003.*31001"):
        await open_ledgers(swapped, world.workspace, MemoryIntentLog())
    record = world.workspace.deployments("local", world.network.path) / "31001-alpha.json"
    whole = record.read_text()
    try:
        record.write_text(whole.replace('"firstBlock": ', '"firstBlock": 1'))
        with pytest.raises(RecordTampered):
            await open_ledgers(world.network, world.workspace, MemoryIntentLog())
    finally:
        record.write_text(whole)


async def test_address_without_code_is_refused_at_opening(world: World) -> None:
    ledger = EvmLedger(
        LedgerId("eip155:31001"),
        "alpha",
        [world.urls["alpha"]],
        EvmSettings(reorg_period=2),
        {"Gateway": "0x" + "12" * 20},
        MemoryIntentLog(),
    )
    with pytest.raises(ContractMissing, match="no Gateway"):
        await ledger.open()
    await ledger.close()


async def test_unreachable_node_is_refused_at_opening_without_its_address() -> None:
    settings = EvmSettings(reorg_period=2, retry=RetryPolicy(attempts=2, first_wait=0.01))
    urls = ["http://127.0.0.1:9/secret"]
    ledger = EvmLedger(LedgerId("eip155:31001"), "alpha", urls, settings, {}, MemoryIntentLog())
    with pytest.raises(NodeUnreachable) as silent:
        await ledger.open()
    await ledger.close()
    assert "secret" not in str(silent.value)
    assert isinstance(ledger.rpc, JsonRpc)
