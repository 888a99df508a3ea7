"""Handing stored bytes to a node, and asking it what it has of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from paripassu.errors import FeesUnfunded, NodeUnreachable
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.ledgers.intents import Intent

_LOOKS = 3
_SECONDS_BETWEEN_LOOKS = 0.5
_OURS_OR_TAKEN = (Fault.ALREADY_KNOWN, Fault.NONCE_TOO_LOW, Fault.NONCE_TOO_HIGH, Fault.UNDERPRICED)


class Broadcaster:
    """Sends the transactions of intents on one chain; stores nothing."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    async def send(self, intent: Intent) -> bool:
        """Send stored bytes; False where the node finds them too cheap now.

        An answer that says "known" or "nonce taken" is left to `outcome`.

        After a lost reply the node is asked for the hash before the bytes go out again: chains
        refuse a second copy, but Ganache executes an account's first transaction twice.
        """
        try:
            try:
                await self._rpc.call_once("eth_sendRawTransaction", "0x" + intent.raw.hex())
            except NodeUnreachable:
                if await self._rpc.call("eth_getTransactionByHash", intent.transaction) is None:
                    await self._rpc.call("eth_sendRawTransaction", "0x" + intent.raw.hex())
        except NodeFault as fault:
            if fault.fault is Fault.INSUFFICIENT_FUNDS:
                raise FeesUnfunded(
                    f"{intent.sender} cannot pay the fees of {intent.reference} on {self._rpc.ledger}."
                ) from None
            if fault.fault not in _OURS_OR_TAKEN:
                raise
            return fault.fault is not Fault.UNDERPRICED
        return True

    async def send_lost(self, intents: Sequence[Intent]) -> set[str]:
        """Broadcast those that the node does not know, lowest nonce first; answers those refused for
        their price, which is too low now or more than their sender has.

        Of several for one nonce the last one counts: those before it were replaced. An intent without
        bytes, as a rebuilt store has them, is passed over.
        """
        intents = list({intent.nonce: intent for intent in intents}.values())
        known = await self._rpc.batch(
            [("eth_getTransactionByHash", (intent.transaction,)) for intent in intents]
        )
        refused = set()
        for intent, found in zip(intents, known, strict=True):
            try:
                if found is None and intent.raw and not await self.send(intent):
                    refused.add(intent.transaction)
            except FeesUnfunded:
                refused.add(intent.transaction)
        return refused

    async def gone(self, intents: Sequence[Intent]) -> bool:
        """Whether neither hash nor receipt of any of them shows up in several looks.

        A busy node may count a nonce some moments before it finds the transaction that used it; to
        call that one dead would send its command a second time.
        """
        for _ in range(_LOOKS):
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            hashes = await self._rpc.batch(
                [("eth_getTransactionByHash", (intent.transaction,)) for intent in intents]
            )
            if any(hashes) or any(await self.receipts(intents)):
                return False
        return True

    async def receipts(self, intents: Sequence[Intent]) -> list[dict[str, str] | None]:
        """Receipts, None for what is in no block."""
        return await self._rpc.batch(
            [("eth_getTransactionReceipt", (intent.transaction,)) for intent in intents]
        )
