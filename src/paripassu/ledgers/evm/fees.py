"""Transaction fees: EIP-1559 where the chain has a base fee, one gas price elsewhere (EIP-155)."""

from __future__ import annotations

from collections.abc import Sequence
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
    abandoned_blocks: int = 60  # one of another process's key that waits longer is given up


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
    """Price of a replacement: an eighth above another, at least the market's; the cap itself where that is
    a tenth above, which is what nodes ask for. None where the cap leaves no room for as much."""
    most = max(highest.most + highest.most // 8 + 1, market.most)
    if most > policy.most:
        most = policy.most
        if most * 10 < highest.most * 11:
            return None
    if highest.tip is None or market.tip is None:
        return Fee(most, None)
    return Fee(most, min(max(highest.tip + highest.tip // 8 + 1, market.tip), most))


def highest_of(fees: Sequence[Fee]) -> Fee:
    """The highest of each part of some prices."""
    tips = [fee.tip for fee in fees if fee.tip is not None]
    return Fee(max(fee.most for fee in fees), max(tips) if len(tips) == len(fees) else None)


def replacement_fee(sent: Sequence[Fee], held: Sequence[Fee], market: Fee, policy: FeePolicy) -> Fee | None:
    """Price of the next transaction for a nonce; None where nothing but waiting helps.

    A rise goes up from the highest price that was ever sent for the nonce, since any node may still hold
    that one. Where the cap leaves no room for it, what the node itself holds decides: with nothing held,
    as after an eviction, the price starts anew from the market, downwards too; with something cheaper
    held, it rises from there. So a cap that was reached once never ends a nonce.

    Args:
        sent: every price ever sent for the nonce.
        held: those of them that the node has now.
    """
    raised = raised_fee(highest_of(sent), market, policy)
    if raised is not None:
        return raised
    if not held:
        return market if market.most < highest_of(sent).most and market not in sent else None
    again = raised_fee(highest_of(held), market, policy)
    return None if again in sent else again
