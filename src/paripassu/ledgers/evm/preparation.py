"""Before a transaction is signed: simulation, gas limit, price; and why a call is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from paripassu.errors import ContractRefused, FeesUnfunded, PariError
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.fees import Fee, FeePolicy, market_fee
from paripassu.ledgers.evm.raw import unsigned_fields
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.ledgers.intents import Intent
from paripassu.ledgers.port import Signer


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a contract.

    With `gas` given it is sent without a simulation before, or, where `tried` is set, after one
    by eth_call: some clients search for the gas of a large call far longer than they run it.
    """

    to: str
    data: bytes
    value: int = 0
    gas: int | None = None
    tried: bool = False

    def as_request(self, sender: str) -> dict[str, str]:
        """The transaction object of eth_call and eth_estimateGas."""
        request = {"from": sender, "to": self.to, "data": "0x" + self.data.hex()}
        if self.gas is not None:
            request["gas"] = hex(self.gas)
        if self.value:
            request["value"] = hex(self.value)
        return request


@dataclass(frozen=True, slots=True)
class Patience:
    """How often an outcome is looked up and how long it is waited for, in seconds."""

    poll: float = 0.25
    limit: float = 300.0


class Preparation:
    """Fills in all that a transaction needs but its nonce, or says why the chain refuses it."""

    def __init__(
        self,
        rpc: JsonRpc,
        blocks: Blocks,
        chain_id: int,
        refusal: Callable[[bytes], PariError],
        fees: FeePolicy,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._chain_id = chain_id
        self._refusal = refusal
        self._fees = fees
        self._patience = patience
        self._clock = clock

    async def fields(
        self, call: Call, signer: Signer, under_way: Callable[[], Awaitable[bool]]
    ) -> dict[str, object]:
        """The transaction's fields but the nonce.

        Raises:
            PariError: the simulation refuses the call.
            FeesUnfunded: the signer cannot pay for it.
        """
        gas, fee, held = await asyncio.gather(
            self._gas(call, signer.address, under_way),
            self._fee(),
            self._rpc.call("eth_getBalance", signer.address, "latest"),
        )
        balance = int(held, 16)
        needed = gas * fee.most + call.value
        if balance < needed:
            raise FeesUnfunded(
                f"{signer.name} ({signer.address}) holds {balance} wei on {self._rpc.ledger}; "
                f"the transaction may cost {needed}."
            )
        return {
            "chainId": self._chain_id,
            "to": to_checksum_address(call.to),
            "data": "0x" + call.data.hex(),
            "value": call.value,
            "gas": gas,
            **fee.fields(),
        }

    async def _fee(self) -> Fee:
        return await market_fee(self._rpc, (await self._blocks.tips()).base_fee, self._fees)

    async def _gas(self, call: Call, sender: str, under_way: Callable[[], Awaitable[bool]]) -> int:
        """The call's own gas limit, or one from a simulation with headroom for state that changes meanwhile.

        A refusal by the newest block is asked again of the one to come: the call may build on
        transactions that are under way, or have to wait for a later time than the newest block's.
        It is not believed while transactions from here are under way, but when it is given after
        none was any more: one that was in no block when the node refused may be in one when its
        nonce is looked at.
        """
        if call.gas is not None and not call.tried:
            return call.gas
        started = self._clock()
        request, block = call.as_request(sender), "latest"
        method = "eth_estimateGas" if call.gas is None else "eth_call"
        settled = False
        while True:
            answers = await self._rpc.batch_with_faults([(method, (request, block))])
            answer = answers[0]
            if not isinstance(answer, NodeFault):
                return int(answer, 16) * 13 // 10 + 20_000 if call.gas is None else call.gas
            if answer.fault not in (Fault.REVERTED, Fault.OUT_OF_GAS, Fault.OTHER):
                raise answer
            if settled or self._clock() - started > self._patience.limit:
                raise await self._reason(request, block, answer) or answer
            if block == "latest":
                block = "pending"
                continue
            settled = not await under_way()
            block = "latest"
            if not settled:
                await asyncio.sleep(self._patience.poll)

    async def _reason(self, request: dict[str, str], block: str, fault: NodeFault | None) -> PariError | None:
        """Why a call is refused: the fault's revert data, else a replay's; None where that goes through."""
        if fault is not None and fault.data:
            return self._refusal(fault.data)
        replay = (await self._rpc.batch_with_faults([("eth_call", (request, block))]))[0]
        if isinstance(replay, NodeFault) and replay.fault is Fault.REVERTED:
            return self._refusal(replay.data)
        return None

    async def why_reverted(self, intent: Intent, height: int, gas_used: int) -> PariError:
        """Replay a reverted transaction on the state before its block, then on the state after it."""
        if not intent.raw:
            return ContractRefused(
                f"A contract on {self._rpc.ledger} refused a call that is not kept any more."
            )
        fields, _ = unsigned_fields(intent.raw)
        gas = int(str(fields["gas"]))
        request = {
            "from": intent.sender,
            "to": str(fields["to"]),
            "data": str(fields["data"]),
            "gas": hex(gas),
        }
        for at in (height - 1, height):
            error = await self._reason(request, hex(at), None)
            if error is not None:
                return error
        if gas_used == gas:
            return ContractRefused(f"The transaction used up its {gas} gas on {self._rpc.ledger}.")
        return ContractRefused(
            f"A contract on {self._rpc.ledger} refused the call for a reason that a replay does not show."
        )
