"""Transaction fees: EIP-1559 where the chain has a base fee, one gas price elsewhere (EIP-155)."""

from __future__ import annotations

from dataclasses import dataclass

from paripassu.ledgers.evm.faults import NodeFault
from paripassu.ledgers.evm.rpc import JsonRpc

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """Bounds of what is paid, in wei per unit of gas."""

    least_tip: int = GWEI
    most: int = 1_000 * GWEI
    stalled_blocks: int = 6  # a transaction that waits longer is replaced at a higher price


@dataclass(frozen=True, slots=True)
class Fee:
    """Price of one transaction. `tip` is None on a chain without base fee, `most` is then the gas price."""

    most: int
    tip: int | None

    def fields(self) -> dict[str, object]:
        """The transaction fields that carry the price."""
        if self.tip is None:
            return {"gasPrice": self.most}
        return {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}


async def market_fee(rpc: JsonRpc, base_fee: int | None, policy: FeePolicy) -> Fee:
    """What the chain asks for now, with room for the base fee to double."""
    if base_fee is None:
        price = int(await rpc.call("eth_gasPrice"), 16)
        return Fee(min(price + price // 4, policy.most), None)
    suggested = (await rpc.batch_with_faults([("eth_maxPriorityFeePerGas", ())]))[0]
    tip = policy.least_tip if isinstance(suggested, NodeFault) else int(suggested, 16)
    tip = min(max(tip, policy.least_tip), policy.most)
    return Fee(min(2 * base_fee + tip, policy.most), tip)


def raised_fee(highest: Fee, market: Fee, policy: FeePolicy) -> Fee | None:
    """Price of a replacement: an eighth above the highest ever sent for the nonce, at least the
    market's. None where the cap leaves no room for the rise that nodes ask of a replacement."""
    most = max(highest.most + highest.most // 8 + 1, market.most)
    if most > policy.most:
        return None
    if highest.tip is None or market.tip is None:
        return Fee(most, None)
    return Fee(most, min(max(highest.tip + highest.tip // 8 + 1, market.tip), most))
