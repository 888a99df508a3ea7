"""Orders against a holder, given on one ledger and in force on all within a bound (CTL-8)."""

from __future__ import annotations

from dataclasses import dataclass

from paripassu.bridge.settings import BridgeSettings
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.controls import SANCTION, SUSPENSION, Order, Reason, order_name
from paripassu.errors import HolderUnknown, OrderUnknown
from paripassu.identifiers import Bytes32
from paripassu.jobs.controlling import Done, carry_out
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Ledger
from paripassu.messages import OrderPayload, Purpose

LOOKS = 4
"""Looks of the bridge between a final block and a delivery: the attestors' at the source, their
signatures' by the relayer, the source's by the relayer, the destination's clock."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What became of an order: done here, on its way to others, and not sent where a lane is closed.

    `within` is the bound for each ledger that it was sent to, in seconds from the order's block.
    """

    done: Done
    order: Order
    within: dict[str, float]
    not_sent: tuple[str, ...]


def seconds_to_final(ledger: LedgerConfig) -> float:
    """From a block of the ledger until it is final by the network file; 0 in book entry."""
    if not ledger.id.is_evm:
        return 0.0
    return float((ledger.blocks.reorg_period + 1) * ledger.blocks.estimate_block_time)


def bound(origin: LedgerConfig, target: LedgerConfig, settings: BridgeSettings | None = None) -> float:
    """Seconds from the block of an order on `origin` until it is in force on `target`.

    The block is final, attestors sign, the relayer delivers: with a bridge that runs and has no backlog.
    """
    polls = LOOKS * (settings or BridgeSettings()).idle_poll
    # the delivery is in the next block, or in the one after where that is about to be made
    delivery = 2 * target.blocks.estimate_block_time if target.id.is_evm else 0
    return seconds_to_final(origin) + polls + delivery


def bounds(network: NetworkConfig, origin: str) -> dict[str, float]:
    """The bound for every ledger but the one that orders, by name."""
    source = network.ledgers[origin]
    return {name: bound(source, one) for name, one in network.ledgers.items() if name != origin}


async def order(
    session: Session, ledger: Ledger, account: str, scope: Bytes32, stands: bool, reason: Reason
) -> Reach:
    """Order something against the holder of an account on all ledgers, or lift what `ledger` ordered.

    Raises:
        HolderUnknown: the account is not registered.
        OrderUnknown: `ledger` ordered nothing of the kind; says which ledgers did.
    """
    record = await ledger.holder(account)
    if record is None:
        raise HolderUnknown(f"Account '{account}' is not registered on {ledger.name}.")
    command = Order(record.holder, scope, stands, reason)
    if not stands:
        await _require_ordered(session, ledger, account, command)
    done = await carry_out(ledger, command, session.role(command.role))
    assert done.outcome.block is not None
    height = done.outcome.block.height
    sent = {
        one.message.lane.destination
        for one in await ledger.sent_messages(height, height)
        if one.message.lane.purpose is Purpose.ORDER and _is_of(command, one.message.payload)
    }
    within = bounds(session.network, ledger.name)
    missing = tuple(name for name in within if session.ledger(name).id not in sent)
    return Reach(done, command, {name: within[name] for name in within if name not in missing}, missing)


async def _require_ordered(session: Session, ledger: Ledger, account: str, command: Order) -> None:
    known = [one for one in await ledger.controls.orders(command.holder) if one.scope == command.scope]
    if any(one.origin == ledger.id for one in known):
        return
    names = {one.id: name for name, one in session.network.ledgers.items()}
    others = [names.get(one.origin, str(one.origin)) for one in known if one.stands]
    hint = (
        f"it stands by order of {', '.join(others)}, and is lifted there."
        if others
        else "what was done to this account alone is lifted with --here."
    )
    what = order_name(command.scope)
    raise OrderUnknown(f"{ledger.name} never ordered a {what} against the holder of '{account}': {hint}")


def _is_of(command: Order, payload: bytes) -> bool:
    found = OrderPayload.decode(payload)
    return (found.holder, found.scope) == (command.holder, command.scope)


__all__ = ["SANCTION", "SUSPENSION", "Reach", "bound", "bounds", "order", "seconds_to_final"]
