"""Sending the steps of one stage on one chain, in a pipeline, and waiting until they are final."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from paripassu.deploy.chain import Chain
from paripassu.deploy.create3 import DETERMINISTIC_DEPLOYER
from paripassu.deploy.steps import Step
from paripassu.errors import LedgerInconsistent, NotFinalInTime, PariError, StepFailed
from paripassu.identifiers import keccak256
from paripassu.ledgers.evm.preparation import Call, Patience
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.intents import IntentLog, Settled
from paripassu.ledgers.port import OutcomeState, Signer


class Executor:
    """Carries out steps on one chain; every transaction is in the log before it is sent."""

    def __init__(self, chain: Chain, log: IntentLog, signers: Mapping[str, Signer]) -> None:
        self._chain = chain
        self._log = log
        self._signers = signers
        block_time = chain.config.blocks.estimate_block_time
        self._patience = Patience(poll=min(1.0, block_time / 4), limit=max(300.0, 60.0 * block_time))
        self._sender = TransactionSender(
            ledger=chain.desired.ledger,
            name=chain.desired.name,
            chain_id=chain.desired.ledger.chain_id,
            rpc=chain.rpc,
            blocks=chain.blocks,
            log=log,
            refusal=lambda data: chain.contracts.reverts.error(data),
            patience=self._patience,
        )

    async def finish_earlier(self) -> None:
        """Wait for everything that an earlier run sent or was about to send; lost bytes go out again."""
        for address in dict.fromkeys(signer.address for signer in self._signers.values()):
            intents = self._log.outstanding(self._chain.desired.ledger, address)
            if intents and await self._is_set_back(address, intents[0].nonce):
                for intent in intents:
                    self._log.settle(Settled(intent.reference, intent.transaction, "DEAD", 0))
                continue
            for intent in intents:
                await self._sender.wait(intent.reference)

    async def _is_set_back(self, address: str, nonce: int) -> bool:
        """Whether a local chain was started anew since the journal was written.

        Its genesis is the same again, but it lacks the transactions before the stored ones.

        Raises:
            LedgerInconsistent: the same on a chain that is not local, where its node lags behind.
        """
        count = int(await self._chain.rpc.call("eth_getTransactionCount", address, "pending"), 16)
        if count >= nonce:
            return False
        if self._chain.config.devnet is None:
            raise LedgerInconsistent(
                f"The node of {self._chain.desired.name} knows {count} transactions of {address}, "
                f"the journal {nonce}."
            )
        return True

    async def run_stage(self, steps: Sequence[Step]) -> AsyncIterator[tuple[Step, int]]:
        """Send all steps, then wait; yields each step with its gas once it is final.

        Raises:
            StepFailed: the chain refuses a step.
        """
        sent: list[tuple[Step, str]] = []
        for step in steps:
            reference = self._reference(step)
            call = Call(step.to, step.data, step.value, step.gas)
            try:
                await self._sender.submit(call, self._signer(step), reference)
            except PariError as error:
                raise _failed(step, error) from error
            sent.append((step, reference))
        # in order: a node may lose one from its pool, which whoever waits for it sends again, and those
        # behind it are stuck until then
        for step, reference in sent:
            yield step, await self._finished(step, reference)

    async def _finished(self, step: Step, reference: str) -> int:
        outcome = await self._sender.wait(reference)
        while outcome.state is OutcomeState.UNKNOWN:  # its nonce went to another transaction
            call = Call(step.to, step.data, step.value, step.gas)
            await self._sender.submit(call, self._signer(step), reference)
            outcome = await self._sender.wait(reference)
        if outcome.state is OutcomeState.REFUSED:
            raise StepFailed(f"{step.ledger} refused to {step.title}: {outcome.reason}")
        if step.published:
            await self._publish(step)
        return outcome.gas_used

    async def _publish(self, step: Step) -> None:
        """Broadcast somebody's published transaction and wait until its contract is final."""
        rpc, blocks = self._chain.rpc, self._chain.blocks
        if await rpc.call("eth_getCode", DETERMINISTIC_DEPLOYER, "latest") == "0x":
            await rpc.call("eth_sendRawTransaction", "0x" + step.published.hex())
        for _ in range(int(self._patience.limit / self._patience.poll)):
            final = (await blocks.tips()).final
            if await rpc.call("eth_getCode", DETERMINISTIC_DEPLOYER, hex(final)) != "0x":
                return
            await asyncio.sleep(self._patience.poll)
        raise NotFinalInTime(f"{step.ledger} did not make {DETERMINISTIC_DEPLOYER} final in time.")

    def _reference(self, step: Step) -> str:
        """One for this step with this content; a new one where the same was carried out before
        (and undone since, or it would not be planned)."""
        digest = keccak256(step.to.lower().encode() + step.data).hex()[:16]
        attempt = 1
        while True:
            reference = f"deploy/{step.ledger}/{step.key}/{digest}/{attempt}"
            ended = self._log.settled(reference)
            if ended is None or ended.status == "DEAD":
                return reference
            attempt += 1

    def _signer(self, step: Step) -> Signer:
        if step.signer not in self._signers:
            raise StepFailed(f"No signer holds the role {step.signer}, which has to {step.title}.")
        return self._signers[step.signer]


def _failed(step: Step, error: PariError) -> PariError:
    """A refusal, named by its step; what is no refusal (node, fees) stays what it is."""
    if error.code.startswith("PP-LED-00") and error.code != "PP-LED-007":
        return error
    return StepFailed(f"{step.ledger} refused to {step.title}: {error}")
