"""Reading logs completely: in chunks that the node accepts, and never from a node that lags behind.

A lagging node answers "no logs" instead of an error, so each answer comes together with
the node's own height and counts only when that covers the range asked for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from paripassu.errors import LedgerInconsistent
from paripassu.ledgers.evm.codec import Contract, DecodedLog
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.rpc import JsonRpc
from paripassu.ledgers.evm.turns import in_turns

WIDEST_RANGE = 5_000


class Logs:
    """Logs of one ledger."""

    def __init__(self, rpc: JsonRpc, widest: int = WIDEST_RANGE) -> None:
        self._rpc = rpc
        self._widest = widest

    async def read(
        self,
        address: str,
        contract: Contract,
        events: tuple[str, ...],
        first: int,
        last: int,
        topics: tuple[str | None, ...] = (),
    ) -> list[DecodedLog]:
        """All logs of `events` by `address` in blocks `first` to `last`, both included, in chain order.

        Args:
            topics: values of the indexed parameters, None for any.

        Raises:
            LedgerInconsistent: the node lags behind `last`, or answers logs that were not asked for.
        """
        chosen = [[contract.topic(event) for event in events], *topics]
        found: list[DecodedLog] = []
        start, width = first, self._widest
        while start <= last:
            end = min(start + width - 1, last)
            answer = await self._range(address, chosen, start, end)
            if answer is None:
                width = max(1, (end - start + 1) // 2)
                continue
            found += await in_turns(partial(self._checked, contract, address, start, end), answer)
            start, width = end + 1, min(width * 2, self._widest)
        return sorted(found, key=lambda log: (log.height, log.index))

    async def _range(self, address: str, topics: list[Any], start: int, end: int) -> Any:
        """The raw logs of one range; None where the node finds it too large."""
        wanted = {"address": address, "topics": topics, "fromBlock": hex(start), "toBlock": hex(end)}
        height, answer = await self._rpc.batch_with_faults(
            [("eth_blockNumber", ()), ("eth_getLogs", (wanted,))]
        )
        for part in (height, answer):
            if isinstance(part, NodeFault):
                if part.fault is Fault.RANGE_TOO_LARGE and end > start:
                    return None
                raise part
        if int(height, 16) < end:
            raise LedgerInconsistent(
                f"The node of {self._rpc.ledger} is at block {int(height, 16)}, behind block {end}."
            )
        return answer

    def _checked(
        self, contract: Contract, address: str, start: int, end: int, entry: dict[str, Any]
    ) -> DecodedLog:
        log = contract.decode_log(entry)
        fits = log is not None and log.address.lower() == address.lower() and start <= log.height <= end
        if log is None or not fits or entry.get("removed"):
            raise LedgerInconsistent(
                f"The node of {self._rpc.ledger} answered a log of {contract.name} that was not asked for."
            )
        return log
