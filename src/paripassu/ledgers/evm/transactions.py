"""Sending transactions so that a command happens at most once, whatever fails in between.

The rules, each paid for by somebody's outage:

* One owner of nonces for a key on a ledger, by a claim where several processes share the key; nonces
  are handed out under its lock. What it stores is fenced by the claim, and only what is stored is sent:
  bytes that a late owner sends are those that its successor sends as well.
* Hash and signed bytes are stored before the first broadcast. A repeated reference
  continues its stored intent and never builds a second transaction.
* "Nonce too low" and "already known" are no failures: our own hashes are looked up first.
* A price rises from the highest ever sent for the nonce, once per block at most, up to a cap; at the cap
  what the node threw out is priced anew, from the market down.
* A lost transaction is sent again as the same bytes, lower nonces first; so is one that others of its
  key are waiting behind, whether or not anybody asks for it.
* A new transaction under the same reference is built only when the old one is proven
  dead: its nonce is used up in a final block and none of its hashes is on the chain.
* A receipt counts only when its block is final and the chain still holds that block.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from paripassu.errors import ClaimLost, NodeRefused, NotFinalInTime, PariError
from paripassu.ledgers.evm.blocks import Blocks, Tips
from paripassu.ledgers.evm.broadcast import Broadcaster
from paripassu.ledgers.evm.fees import FeePolicy, market_fee, replacement_fee
from paripassu.ledgers.evm.preparation import Call, Patience, Preparation
from paripassu.ledgers.evm.raw import unsigned_fields
from paripassu.ledgers.evm.reverts import revived
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.ledgers.intents import Intent, IntentLog, Settled
from paripassu.ledgers.port import Outcome, OutcomeState, Signer


@dataclass(slots=True)
class _Key:
    """What this process knows of one sending key."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    signer: Signer | None = None
    tenure: str = ""
    recovered: bool = False
    next_nonce: int = 0
    raised_at: int = -1
    seen_at: dict[str, int] = field(default_factory=dict)


class TransactionSender:
    """Sends calls on one chain and says what became of them. See the module for its rules."""

    def __init__(
        self,
        *,
        ledger: str,
        name: str,
        chain_id: int,
        rpc: JsonRpc,
        blocks: Blocks,
        log: IntentLog,
        refusal: Callable[[bytes], PariError],
        fees: FeePolicy | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._name = name
        self._rpc = rpc
        self._blocks = blocks
        self._log = log
        self._fees = fees or FeePolicy()
        self._patience = patience or Patience()
        self._clock = clock
        self._preparation = Preparation(rpc, blocks, chain_id, refusal, self._fees, self._patience, clock)
        self._broadcaster = Broadcaster(rpc)
        self._keys: dict[str, _Key] = {}

    # -- the three operations ------------------------------------------------------------

    async def submit(self, call: Call, signer: Signer, reference: str) -> Outcome:
        """Store the intent, send it, return at once.

        Raises:
            PariError: the simulation refuses the call; nothing was stored or sent.
            NodeUnreachable: the intent may be stored; the same reference takes it up again.
        """
        key = self._keys.setdefault(signer.address, _Key())
        key.signer = signer
        async with key.lock:
            ended = self._log.settled(reference)
            if ended is not None and ended.status != "DEAD":
                return await self._ended(ended)
            alive = [] if ended is not None else self._alive(reference)
            if alive:
                return await self._look(reference, alive)
            self._take_over(key, signer.address)
            await self._recover(key, signer.address)
            fields = await self._preparation.fields(call, signer, self._under_way)
            nonce = await self._next_nonce(key, signer.address)
            raw, transaction = await signer.sign_transaction({**fields, "nonce": nonce})
            intent = Intent(reference, self._ledger, signer.address, nonce, transaction, raw)
            if self._log.tenure(self._ledger, signer.address) != key.tenure:
                raise ClaimLost(f"The nonces of {signer.address} on {self._name} were another's meanwhile.")
            key.recovered = False  # where the store's answer is lost, what is stored is looked up anew
            self._log.record(intent)
            key.recovered, key.next_nonce = True, nonce + 1
            await self._broadcaster.send(intent)
            return Outcome(reference, OutcomeState.PENDING, transaction)

    async def outcome(self, reference: str) -> Outcome:
        """Where the reference stands. Sends its stored bytes again where the node lost them.

        UNKNOWN means that a call may be submitted under the reference: it never was, or its
        nonce was used by another transaction (the reason then says so).
        """
        ended = self._log.settled(reference)
        if ended is not None and ended.status != "DEAD":
            return await self._ended(ended)
        if ended is not None:
            return Outcome(
                reference, OutcomeState.UNKNOWN, reason="its nonce was used by another transaction"
            )
        alive = self._alive(reference)
        if not alive:
            return Outcome(reference, OutcomeState.UNKNOWN)
        return await self._look(reference, alive)

    async def wait(self, reference: str) -> Outcome:
        """Look the reference up until it is FINAL, REFUSED or UNKNOWN.

        Raises:
            NotFinalInTime: none of these within the patience; it can be waited for again.
        """
        started = self._clock()
        while True:
            outcome = await self.outcome(reference)
            if outcome.state not in (OutcomeState.PENDING, OutcomeState.INCLUDED):
                return outcome
            if self._clock() - started > self._patience.limit:
                raise NotFinalInTime(
                    f"{self._name} did not make {reference} final within {self._patience.limit:g} s "
                    f"(it is {outcome.state.value})."
                )
            await asyncio.sleep(self._patience.poll)

    async def execute(self, call: Call, signer: Signer, reference: str) -> Outcome:
        """Submit and wait until final.

        Raises:
            PariError: the ledger refused, by simulation or in a final block.
            NotFinalInTime: not final within the patience; the reference can be taken up again.
        """
        while True:
            await self.submit(call, signer, reference)
            outcome = await self.wait(reference)
            if outcome.state is OutcomeState.REFUSED:
                raise revived(outcome.reason)
            if outcome.state is OutcomeState.FINAL:
                return outcome

    # -- sending -----------------------------------------------------------------------

    async def _under_way(self) -> bool:
        """Whether a transaction of any key of this process is not in a block yet."""
        senders = {address: key.next_nonce for address, key in self._keys.items() if key.next_nonce}
        counts = await self._rpc.batch(
            [("eth_getTransactionCount", (address, "latest")) for address in senders]
        )
        return any(
            int(count, 16) < following for count, following in zip(counts, senders.values(), strict=True)
        )

    async def _next_nonce(self, key: _Key, sender: str) -> int:
        """The lowest nonce that neither the chain nor a stored intent uses."""
        pending = int(await self._rpc.call("eth_getTransactionCount", sender, "pending"), 16)
        return max(pending, key.next_nonce)

    def _take_over(self, key: _Key, sender: str) -> None:
        """Forget what this process knew of a key whose nonces were another's meanwhile. Raises ClaimLost."""
        tenure = self._log.tenure(self._ledger, sender)
        if tenure != key.tenure:
            key.tenure, key.recovered, key.next_nonce = tenure, False, 0

    async def _recover(self, key: _Key, sender: str) -> None:
        """Once in a tenure: send again what an earlier one stored and may not have sent."""
        if not key.recovered:
            stored = self._log.outstanding(self._ledger, sender)
            await self._broadcaster.send_lost(stored)
            key.next_nonce = max([key.next_nonce, *(intent.nonce + 1 for intent in stored)])
            key.recovered = True

    # -- looking up --------------------------------------------------------------------

    def _alive(self, reference: str) -> list[Intent]:
        """The intents of a reference that has not ended, less those that are dead, oldest first."""
        found = [intent for intent in self._log.find(reference) if intent.ledger == self._ledger]
        if len(found) <= 1:
            return found
        senders = {intent.sender for intent in found}
        open_ones = {
            intent.transaction for sender in senders for intent in self._log.outstanding(self._ledger, sender)
        }
        return [intent for intent in found if intent.transaction in open_ones]

    async def _ended(self, ended: Settled) -> Outcome:
        state = OutcomeState.FINAL if ended.status == "FINAL" else OutcomeState.REFUSED
        block = await self._blocks.at(ended.height)
        return Outcome(ended.reference, state, ended.transaction, block, ended.reason, ended.gas_used)

    async def _look(self, reference: str, intents: Sequence[Intent]) -> Outcome:
        tips = await self._blocks.tips()
        for intent, receipt in zip(intents, await self._broadcaster.receipts(intents), strict=True):
            if receipt is not None and receipt.get("blockNumber") is not None:
                outcome = await self._included(intent, receipt, tips)
                if outcome is not None:
                    return outcome
        return await self._absent(reference, intents, tips)

    async def _included(self, intent: Intent, receipt: dict[str, str], tips: Tips) -> Outcome | None:
        """Outcome from a receipt; None where the chain no longer holds the receipt's block."""
        block = await self._blocks.at(int(receipt["blockNumber"], 16))
        if "0x" + bytes(block.hash).hex() != receipt["blockHash"].lower():
            return None
        gas_used = int(receipt["gasUsed"], 16)
        if block.height > tips.final:
            return Outcome(
                intent.reference, OutcomeState.INCLUDED, intent.transaction, block, gas_used=gas_used
            )
        status, reason = "FINAL", ""
        if int(receipt["status"], 16) != 1:
            status, reason = (
                "REFUSED",
                str(await self._preparation.why_reverted(intent, block.height, gas_used)),
            )
        ended = Settled(intent.reference, intent.transaction, status, block.height, reason, gas_used)
        self._log.settle(ended)
        state = OutcomeState.FINAL if status == "FINAL" else OutcomeState.REFUSED
        return Outcome(intent.reference, state, intent.transaction, block, reason, gas_used)

    async def _absent(self, reference: str, intents: Sequence[Intent], tips: Tips) -> Outcome:
        """No receipt: dead, lost (sent again), or still waiting (its price is raised when it stalls)."""
        sender, newest = intents[-1].sender, intents[-1]
        used = int(await self._rpc.call("eth_getTransactionCount", sender, hex(tips.final)), 16)
        known = await self._rpc.batch(
            [("eth_getTransactionByHash", (intent.transaction,)) for intent in intents]
        )
        pending = Outcome(reference, OutcomeState.PENDING, newest.transaction)
        if all(found is None for found in known):
            if not any(intent.raw for intent in intents):
                return self._lost(reference, intents, tips)
            if all(intent.nonce < used for intent in intents):
                if not await self._broadcaster.gone(intents):
                    return pending
                for intent in intents:
                    self._log.settle(Settled(reference, intent.transaction, "DEAD", tips.final))
                return Outcome(
                    reference, OutcomeState.UNKNOWN, reason="its nonce was used by another transaction"
                )
            refused = await self._broadcaster.send_lost(self._log.outstanding(self._ledger, sender))
            if newest.transaction not in refused:
                return pending
        if self._keys.setdefault(sender, _Key()).signer is None:
            return replace(pending, abandoned=self._waited(newest, tips) >= self._fees.abandoned_blocks)
        held = [intent for intent, found in zip(intents, known, strict=True) if found is not None]
        replaced = await self._raised(intents, held, tips)
        return pending if replaced is None else Outcome(reference, OutcomeState.PENDING, replaced.transaction)

    def _lost(self, reference: str, intents: Sequence[Intent], tips: Tips) -> Outcome:
        """Intents that a store was rebuilt with, which keeps no bytes, and that the node knows nothing of."""
        for intent in intents:
            self._log.settle(Settled(reference, intent.transaction, "DEAD", tips.final))
        return Outcome(reference, OutcomeState.UNKNOWN, reason="its bytes were lost with the store")

    def _waited(self, intent: Intent, tips: Tips) -> int:
        """Blocks since this process first saw that a transaction was in none."""
        seen_at = self._keys[intent.sender].seen_at
        return tips.head.height - seen_at.setdefault(intent.transaction, tips.head.height)

    async def _raised(self, intents: Sequence[Intent], held: Sequence[Intent], tips: Tips) -> Intent | None:
        """Replace a transaction that stalls, or at once one that the node threw out and refuses for its
        price; at most once per block and key. `held` are those that the node has."""
        newest = intents[-1]
        key = self._keys[newest.sender]
        stalled = not held or self._waited(newest, tips) >= self._fees.stalled_blocks
        if not stalled or not newest.raw or key.signer is None or tips.head.height <= key.raised_at:
            return None
        key.raised_at = tips.head.height
        count = int(await self._rpc.call("eth_getTransactionCount", newest.sender, "latest"), 16)
        if count != newest.nonce:
            # it waits for a lower nonce, not for a better price; nobody else may be waiting for that one
            stored = self._log.outstanding(self._ledger, newest.sender)
            await self._broadcaster.send_lost([intent for intent in stored if intent.nonce < newest.nonce])
            return None
        fields, _ = unsigned_fields(newest.raw)
        sent = [unsigned_fields(intent.raw)[1] for intent in intents if intent.raw]
        there = [unsigned_fields(intent.raw)[1] for intent in held if intent.raw]
        market = await market_fee(self._rpc, tips.base_fee, self._fees)
        fee = replacement_fee(sent, there, market, self._fees)
        if fee is None:
            return None
        self._take_over(key, newest.sender)
        raw, transaction = await key.signer.sign_transaction({**fields, **fee.fields()})
        replacement = Intent(newest.reference, self._ledger, newest.sender, newest.nonce, transaction, raw)
        self._log.record(replacement)
        try:
            await self._broadcaster.send(replacement)
        except NodeRefused:
            return None
        return replacement
