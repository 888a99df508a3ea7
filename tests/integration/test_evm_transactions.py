"""One transaction for one reference on real nodes, whatever fails in between."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import encode

from paripassu.devnet.nodes import NodeSpec, RunningNode, running_nodes
from paripassu.errors import (
    ClaimLost,
    ContractRefused,
    FeesUnfunded,
    NodeUnreachable,
    NotFinalInTime,
    RuleError,
)
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.codec import Contract
from paripassu.ledgers.evm.fees import GWEI, Fee, FeePolicy
from paripassu.ledgers.evm.preparation import Call, Patience
from paripassu.ledgers.evm.raw import unsigned_fields
from paripassu.ledgers.evm.reverts import RevertDecoder
from paripassu.ledgers.evm.rpc import JsonRpc, RetryPolicy, _Reply, _TransportError
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.intents import Intent, MemoryIntentLog
from paripassu.ledgers.port import OutcomeState
from paripassu.ledgers.signers import KeySigner, dev_key

REORG_PERIOD = 2
COUNTER = "0x60198060093d393df336600e57600054600101600055005b366000600037366000fd"
"""A call without data counts up slot 0; a call with data reverts with that very data."""

ERRORS = Contract(
    "Probe",
    [
        {
            "type": "error",
            "name": "TransferRestricted",
            "inputs": [
                {"name": "code", "type": "uint8"},
                {"name": "from", "type": "address"},
                {"name": "to", "type": "address"},
                {"name": "amount", "type": "uint256"},
            ],
        },
        {"type": "error", "name": "Closed", "inputs": [{"name": "until", "type": "uint64"}]},
    ],
)
RESTRICTED = next(selector for selector, (name, _) in ERRORS.errors.items() if name == "TransferRestricted")
CLOSED = next(selector for selector, (name, _) in ERRORS.errors.items() if name == "Closed")


@pytest.fixture(scope="module")
def nodes() -> Iterator[dict[str, RunningNode]]:
    specs = [NodeSpec("anvil", "anvil", 31901), NodeSpec("ganache", "ganache", 31903)]
    with running_nodes(specs) as running:
        yield running


@dataclass
class Bed:
    """A node, a counter contract on it, and a funded sender; blocks come every 50 ms unless paused."""

    node: RunningNode
    rpc: JsonRpc
    counter: str
    paying_agent: KeySigner
    mining: bool = True

    def sender(self, log: Any, rpc: JsonRpc | None = None, **options: Any) -> TransactionSender:
        chosen = rpc or self.rpc
        options.setdefault("patience", Patience(poll=0.05, limit=20))
        return TransactionSender(
            ledger=f"eip155:{self.node.chain_id}",
            name=self.node.name,
            chain_id=self.node.chain_id,
            rpc=chosen,
            blocks=Blocks(chosen, REORG_PERIOD),
            log=log,
            refusal=RevertDecoder(self.node.name, [ERRORS]).error,
            **options,
        )

    @property
    def count_up(self) -> Call:
        return Call(self.counter, b"")

    async def count(self) -> int:
        stored = await self.rpc.call("eth_getStorageAt", self.counter, "0x0", "latest")
        return int(stored.removeprefix("0x") or "0", 16)  # Ganache answers 0x for zero

    async def fund(self, address: str) -> None:
        bank = (await self.rpc.call("eth_accounts"))[0]
        request = {"from": bank, "to": address, "value": hex(10**18)}
        await confirmed(self.rpc, await self.rpc.call("eth_sendTransaction", request))

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """No blocks inside: sent transactions stay in the pool."""
        self.mining = False
        anvil = self.node.client == "anvil"
        await self.rpc.call(*(("evm_setAutomine", False) if anvil else ("miner_stop",)))
        try:
            yield
        finally:
            await self.rpc.call(*(("evm_setAutomine", True) if anvil else ("miner_start",)))
            self.mining = True

    async def keep_mining(self) -> None:
        while True:
            if self.mining:
                await self.rpc.call("evm_mine")
            await asyncio.sleep(0.05)


async def confirmed(rpc: JsonRpc, transaction: str) -> dict[str, Any]:
    for _ in range(200):
        receipt = await rpc.call("eth_getTransactionReceipt", transaction)
        if receipt is not None:
            return dict(receipt)
        await asyncio.sleep(0.02)
    raise AssertionError("not mined")


async def made_bed(node: RunningNode, name: str) -> Bed:
    rpc = JsonRpc(node.name, [node.url])
    bank = (await rpc.call("eth_accounts"))[0]
    request = {"from": bank, "data": COUNTER, "gas": hex(200_000)}
    receipt = await confirmed(rpc, await rpc.call("eth_sendTransaction", request))
    bed = Bed(node, rpc, receipt["contractAddress"], KeySigner("paying_agent", dev_key(name)))
    await bed.fund(bed.paying_agent.address)
    return bed


@pytest.fixture(params=["anvil", "ganache"])
async def bed(nodes: dict[str, RunningNode], request: pytest.FixtureRequest) -> AsyncIterator[Bed]:
    made = await made_bed(nodes[request.param], request.node.name)
    miner = asyncio.create_task(made.keep_mining())
    yield made
    miner.cancel()
    await made.rpc.close()


@pytest.fixture
async def anvil_bed(nodes: dict[str, RunningNode], request: pytest.FixtureRequest) -> AsyncIterator[Bed]:
    made = await made_bed(nodes["anvil"], request.node.name)
    miner = asyncio.create_task(made.keep_mining())
    yield made
    miner.cancel()
    await made.rpc.close()


class LosingReplies(JsonRpc):
    """The node gets the transaction, the caller never hears of it."""

    lost = 0

    async def _post(self, requests: Any) -> list[_Reply]:
        replies = await super()._post(requests)
        if requests[0][0] == "eth_sendRawTransaction" and self.lost == 0:
            self.lost += 1
            raise _TransportError("reply lost")
        return replies


class DyingAfterStore(MemoryIntentLog):
    """The process dies between storing an intent and sending it."""

    class Died(BaseException):
        pass

    def record(self, intent: Intent) -> None:
        super().record(intent)
        raise self.Died


async def test_a_call_becomes_final_with_its_block_and_gas(bed: Bed) -> None:
    outcome = await bed.sender(MemoryIntentLog()).execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.state is OutcomeState.FINAL
    assert outcome.block is not None
    assert outcome.gas_used > 21_000
    head = await Blocks(bed.rpc, REORG_PERIOD).head()
    assert head.height - outcome.block.height >= REORG_PERIOD
    assert await bed.count() == 1


async def test_same_reference_again_sends_nothing(bed: Bed) -> None:
    log = MemoryIntentLog()
    first = await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    again = await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    assert again.transaction == first.transaction
    assert await bed.count() == 1


async def test_lost_reply_of_a_send_is_no_second_send(bed: Bed) -> None:
    async with LosingReplies(bed.node.name, [bed.node.url]) as rpc:
        log = MemoryIntentLog()
        outcome = await bed.sender(log, rpc).execute(bed.count_up, bed.paying_agent, "once")
        assert rpc.lost == 1
    assert outcome.state is OutcomeState.FINAL
    assert len(log.find("once")) == 1
    assert await bed.count() == 1


async def test_killed_between_store_and_broadcast_sends_the_stored_bytes(bed: Bed) -> None:
    log = DyingAfterStore()
    with pytest.raises(DyingAfterStore.Died):
        await bed.sender(log).submit(bed.count_up, bed.paying_agent, "once")
    (stored,) = log.find("once")
    assert await bed.rpc.call("eth_getTransactionByHash", stored.transaction) is None
    outcome = await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.transaction == stored.transaction
    assert await bed.count() == 1


async def test_a_later_command_sends_what_an_earlier_process_left_behind(bed: Bed) -> None:
    log = DyingAfterStore()
    with pytest.raises(DyingAfterStore.Died):
        await bed.sender(log).submit(bed.count_up, bed.paying_agent, "first")
    revived = MemoryIntentLog()
    revived.record(log.find("first")[0])
    sender = bed.sender(revived)
    await sender.execute(bed.count_up, bed.paying_agent, "second")
    assert (await sender.outcome("first")).state is OutcomeState.FINAL
    assert await bed.count() == 2


async def test_many_submits_in_a_row_need_no_waiting(bed: Bed) -> None:
    sender = bed.sender(MemoryIntentLog())
    references = [f"call {number}" for number in range(12)]
    await asyncio.gather(*(sender.submit(bed.count_up, bed.paying_agent, one) for one in references))
    outcomes = await asyncio.gather(
        *(sender.execute(bed.count_up, bed.paying_agent, one) for one in references)
    )
    assert len({outcome.transaction for outcome in outcomes}) == 12
    assert await bed.count() == 12


async def test_refusal_is_known_before_anything_is_stored_or_sent(bed: Bed) -> None:
    holder = bed.paying_agent.address
    data = RESTRICTED + encode(["uint8", "address", "address", "uint256"], [8, holder, holder, 25])
    log = MemoryIntentLog()
    with pytest.raises(RuleError) as refused:
        await bed.sender(log).submit(Call(bed.counter, data), bed.paying_agent, "transfer")
    assert refused.value.code == "PP-RUL-008"
    assert "25 units" in refused.value.sentence
    assert log.find("transfer") == ()


async def test_refusal_in_a_block_is_decoded_and_revived_after_restart(bed: Bed) -> None:
    data = CLOSED + encode(["uint64"], [1_803_888_000])
    call = Call(bed.counter, data, gas=100_000)  # gas given: no simulation
    log = MemoryIntentLog()
    with pytest.raises(ContractRefused, match=r"Closed\(until=1803888000\)"):
        await bed.sender(log).execute(call, bed.paying_agent, "closed")
    again = await bed.sender(log).submit(call, bed.paying_agent, "closed")
    assert again.state is OutcomeState.REFUSED
    with pytest.raises(ContractRefused, match=r"Closed\(until=1803888000\)"):
        await bed.sender(log).execute(call, bed.paying_agent, "closed")


async def test_nonce_taken_by_another_sender_is_proven_before_a_second_transaction(bed: Bed) -> None:
    log = DyingAfterStore()
    with pytest.raises(DyingAfterStore.Died):
        await bed.sender(log).submit(bed.count_up, bed.paying_agent, "once")
    other = bed.sender(MemoryIntentLog())
    await other.execute(Call(bed.paying_agent.address, b"", 1), bed.paying_agent, "other")
    revived = MemoryIntentLog()
    revived.record(log.find("once")[0])
    outcome = await bed.sender(revived).execute(bed.count_up, bed.paying_agent, "once")
    first, second = revived.find("once")
    assert outcome.transaction == second.transaction
    assert second.nonce == first.nonce + 1
    assert await bed.count() == 1


async def test_sender_without_coin_is_refused_with_the_figures(bed: Bed) -> None:
    poor = KeySigner("relayer", dev_key(f"poor {bed.node.name}"))
    log = MemoryIntentLog()
    with pytest.raises(FeesUnfunded, match="holds 0 wei"):
        await bed.sender(log).submit(bed.count_up, poor, "once")
    assert log.find("once") == ()


async def test_unreachable_node_keeps_the_intent_and_hides_its_address(bed: Bed) -> None:
    log = DyingAfterStore()
    with pytest.raises(DyingAfterStore.Died):
        await bed.sender(log).submit(bed.count_up, bed.paying_agent, "once")
    gone = JsonRpc(
        bed.node.name, ["http://user:secret@127.0.0.1:9/key"], RetryPolicy(attempts=2, first_wait=0.01)
    )
    with pytest.raises(NodeUnreachable) as silent:
        await bed.sender(log, gone).submit(bed.count_up, bed.paying_agent, "once")
    await gone.close()
    assert "127.0.0.1" not in str(silent.value)
    assert "secret" not in str(silent.value)
    outcome = await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.state is OutcomeState.FINAL
    assert await bed.count() == 1


async def test_waiting_ends_with_an_error_that_can_be_taken_up_again(bed: Bed) -> None:
    log = MemoryIntentLog()
    async with bed.paused():
        sender = bed.sender(log, patience=Patience(poll=0.05, limit=0.4))
        with pytest.raises(NotFinalInTime, match="PENDING"):
            await sender.execute(bed.count_up, bed.paying_agent, "once")
    await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    assert await bed.count() == 1


async def test_dropped_transaction_is_sent_again_as_the_same_bytes(anvil_bed: Bed) -> None:
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log)
    async with bed.paused():
        sent = await sender.submit(bed.count_up, bed.paying_agent, "once")
        await bed.rpc.call("anvil_dropTransaction", sent.transaction)
        assert await bed.rpc.call("eth_getTransactionByHash", sent.transaction) is None
        assert (await sender.outcome("once")).state is OutcomeState.PENDING
        assert await bed.rpc.call("eth_getTransactionByHash", sent.transaction) is not None
    outcome = await sender.execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.transaction == sent.transaction
    assert await bed.count() == 1


async def test_a_transaction_lost_below_others_is_sent_again_though_nobody_waits_for_it(
    anvil_bed: Bed,
) -> None:
    """The node forgets the lowest nonce and keeps the higher ones, as Anvil may at the edge of a block."""
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log, fees=FeePolicy(stalled_blocks=2))
    before = await bed.count()
    async with bed.paused():
        for reference in ("first", "second", "third"):
            await sender.submit(bed.count_up, bed.paying_agent, reference)
        await bed.rpc.call("anvil_dropAllTransactions")
        for reference in ("second", "third"):
            (intent,) = log.find(reference)
            await bed.rpc.call("eth_sendRawTransaction", "0x" + intent.raw.hex())
    assert (await sender.wait("third")).state is OutcomeState.FINAL
    assert await bed.count() == before + 3


async def test_reorganised_transaction_is_sent_again_and_counts_once(anvil_bed: Bed) -> None:
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log)
    bed.mining = False
    sent = await sender.submit(bed.count_up, bed.paying_agent, "once")
    await confirmed(bed.rpc, sent.transaction)
    included = await sender.outcome("once")
    assert included.state is OutcomeState.INCLUDED
    await bed.rpc.call("anvil_reorg", 1, [])
    assert await bed.count() == 0
    assert (await sender.outcome("once")).state is OutcomeState.PENDING
    bed.mining = True
    outcome = await sender.execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.transaction == sent.transaction
    assert await bed.count() == 1


async def test_stalled_transaction_is_replaced_at_a_higher_price_once_a_block(anvil_bed: Bed) -> None:
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log, fees=FeePolicy(stalled_blocks=2))
    bed.mining = False
    await bed.rpc.call("evm_setAutomine", False)
    await sender.submit(bed.count_up, bed.paying_agent, "once")
    await sender.outcome("once")
    await bed.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(400 * 10**9))
    for _ in range(2):  # blocks too dear for the price offered
        await bed.rpc.call("evm_mine")
        await bed.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(400 * 10**9))
    raised = await sender.outcome("once")
    assert (await sender.outcome("once")).transaction == raised.transaction
    first, second = log.find("once")
    assert (first.nonce, raised.transaction) == (second.nonce, second.transaction)
    await bed.rpc.call("evm_setAutomine", True)
    bed.mining = True
    outcome = await sender.execute(bed.count_up, bed.paying_agent, "once")
    assert outcome.transaction == second.transaction
    assert await bed.count() == 1


async def dear(bed: Bed, gwei: int, blocks: int) -> None:
    """Blocks whose base fee is so high."""
    for _ in range(blocks):
        await bed.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
        await bed.rpc.call("evm_mine")


async def test_fault_a_stalled_transaction_is_raised_once_a_block_however_often_it_is_looked_at(
    anvil_bed: Bed,
) -> None:
    """hyperlane 4108: forty rises within seconds, a hundredfold price."""
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log, fees=FeePolicy(stalled_blocks=1))
    async with bed.paused():
        await dear(bed, 1, 1)
        await sender.submit(bed.count_up, bed.paying_agent, "once")
        await dear(bed, 20, 1)
        await sender.outcome("once")
        for base_fee in (60, 180, 450):  # each too dear for the price before
            before = len(log.find("once"))
            await dear(bed, base_fee, 2)
            for _ in range(5):
                await sender.outcome("once")
            assert len(log.find("once")) == before + 1
        most = [unsigned_fields(intent.raw)[1].most for intent in log.find("once")]
        assert all(later * 8 >= earlier * 9 for earlier, later in itertools.pairwise(most))
        await dear(bed, 1, 1)
    assert (await sender.wait("once")).state is OutcomeState.FINAL
    assert await bed.count() == 1


async def test_fault_at_the_cap_an_evicted_transaction_that_cannot_be_paid_is_priced_from_the_market_down(
    anvil_bed: Bed,
) -> None:
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log, fees=FeePolicy(most=1_000 * GWEI))
    async with bed.paused():
        await dear(bed, 600, 1)
        dearly = await sender.submit(bed.count_up, bed.paying_agent, "once")
        (first,) = log.find("once")
        assert unsigned_fields(first.raw)[1].most == 1_000 * GWEI
        await bed.rpc.call("anvil_dropTransaction", dearly.transaction)
        await bed.rpc.call("anvil_setBalance", bed.paying_agent.address, hex(10**16))
        await dear(bed, 1, 12)
        cheaper = await sender.outcome("once")
        assert cheaper.transaction != dearly.transaction
        assert unsigned_fields(log.find("once")[-1].raw)[1].most < 100 * GWEI
    assert (await sender.wait("once")).transaction == cheaper.transaction
    assert await bed.count() == 1


async def test_fault_after_a_restart_a_stalled_transaction_is_raised_once_its_key_is_at_hand(
    anvil_bed: Bed,
) -> None:
    """Another key cannot raise it: told so after a while, its owner's successor need not wait for ever."""
    bed, log = anvil_bed, MemoryIntentLog()
    fees = FeePolicy(stalled_blocks=1, abandoned_blocks=4)
    async with bed.paused():
        await bed.sender(log).submit(bed.count_up, bed.paying_agent, "once")
        restarted = bed.sender(log, fees=fees)
        assert not (await restarted.outcome("once")).abandoned
        await dear(bed, 400, 5)
        assert (await restarted.outcome("once")).abandoned
        raised = await restarted.submit(bed.count_up, bed.paying_agent, "once")
        assert [intent.transaction for intent in log.find("once")][1:] == [raised.transaction]
        assert not (await restarted.outcome("once")).abandoned
        await dear(bed, 1, 1)
    assert (await restarted.wait("once")).state is OutcomeState.FINAL
    assert await bed.count() == 1


async def test_fault_nonce_too_low_because_an_earlier_hash_was_mined_is_found_by_that_hash(
    anvil_bed: Bed,
) -> None:
    """avalanche-cli 2560: the replacement is refused since the first one is in a block."""
    bed, log = anvil_bed, MemoryIntentLog()
    sender = bed.sender(log)
    sent = await sender.submit(bed.count_up, bed.paying_agent, "once")
    await confirmed(bed.rpc, sent.transaction)
    (first,) = log.find("once")
    fields, fee = unsigned_fields(first.raw)
    raw, transaction = bed.paying_agent.signed({**fields, **Fee(fee.most * 2, fee.tip).fields()})
    log.record(Intent("once", first.ledger, first.sender, first.nonce, transaction, raw))
    outcome = await bed.sender(log).execute(bed.count_up, bed.paying_agent, "once")
    assert (outcome.state, outcome.transaction) == (OutcomeState.FINAL, sent.transaction)
    assert await bed.count() == 1


async def test_fault_a_key_whose_nonces_went_elsewhere_sends_nothing(anvil_bed: Bed) -> None:
    class Elsewhere(MemoryIntentLog):
        """Lost after the nonce was chosen: the second look tells."""

        looks = 0

        def tenure(self, ledger: str, sender: str) -> str:
            self.looks += 1
            return "ours" if self.looks == 1 else "another tenure"

    log = Elsewhere()
    with pytest.raises(ClaimLost):
        await anvil_bed.sender(log).submit(anvil_bed.count_up, anvil_bed.paying_agent, "once")
    assert log.find("once") == ()
    assert await anvil_bed.count() == 0
