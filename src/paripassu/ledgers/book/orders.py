"""Orders against holders in book entry, given here or on another ledger (CTL-8).

It follows the contract's `HolderRegistry`: each ledger numbers what it orders and lifts, an odd number
stands, a later one counts whatever the order of arrival, and nobody lifts another ledger's order.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from paripassu.controls import SANCTION, SUSPENSION, Order, reason_text
from paripassu.errors import OrderUnknown
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.book import gateway
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import holder_order
from paripassu.ledgers.control import HolderOrder
from paripassu.messages import Message, OrderPayload, Purpose


def order(entry: Entry, configuration: BookConfiguration, command: Order) -> None:
    """Put an order or a release in force here and send it to every other ledger; said again, sent again.

    Raises:
        OrderUnknown: nothing of this was ever ordered here.
        CommandRefused: a security that the book does not keep.
    """
    count = _count(entry.connection, command.holder, command.scope, configuration.ledger)
    if (count % 2 == 1) is not command.stands:
        count += 1
    if count == 0:
        raise OrderUnknown(
            f"Nothing of this was ever ordered on {configuration.ledger} against the holder {command.holder}."
        )
    payload = OrderPayload(command.holder, command.scope, count, command.reason.word)
    _take(entry, configuration, payload, configuration.ledger, command.reason.text)
    for ledger in sorted(configuration.peers):
        peer = configuration.peers[ledger]
        if peer.open and Purpose.ORDER in peer.applications:
            gateway.send(entry, configuration, ledger, Purpose.ORDER, payload.encode())
        else:
            # a closed lane keeps no order from the other ledgers
            entry.note(order_not_sent=str(ledger), holder=command.holder.text)


def receive(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Put in force what another ledger ordered or lifted."""
    payload = OrderPayload.decode(message.payload)
    _take(entry, configuration, payload, message.lane.source, reason_text(payload.reason))


def orders(connection: Connection, holder: Bytes32) -> tuple[HolderOrder, ...]:
    """What each ledger last ordered or lifted, as far as it is known here."""
    table = holder_order.c
    rows = connection.execute(
        select(table.scope, table.origin, table["count"], table.reason, table.time)
        .where(holder_order.c.holder == holder.text)
        .order_by(holder_order.c.time, holder_order.c.scope, holder_order.c.origin)
    )
    return tuple(
        HolderOrder(Bytes32(scope), LedgerId(origin), count % 2 == 1, reason, time)
        for scope, origin, count, reason, time in rows
    )


def in_force(connection: Connection) -> frozenset[tuple[str, str]]:
    """Holder and scope of everything that stands, as text."""
    columns = select(holder_order.c.holder, holder_order.c.scope).where(holder_order.c["count"] % 2 == 1)
    return frozenset((holder, scope) for holder, scope in connection.execute(columns))


def freezes(connection: Connection, asset: str, holder: Bytes32) -> bool:
    """Whether the holder is frozen in a security by an order."""
    query = select(holder_order.c.origin).where(
        holder_order.c.holder == holder.text, holder_order.c.asset == asset, holder_order.c["count"] % 2 == 1
    )
    return connection.execute(query.limit(1)).first() is not None


def _take(
    entry: Entry, configuration: BookConfiguration, payload: OrderPayload, origin: LedgerId, reason: str
) -> None:
    of_registry = payload.scope in (SANCTION, SUSPENSION)
    asset = "" if of_registry else configuration.of_security(payload.scope).asset
    connection = entry.connection
    known = _count(connection, payload.holder, payload.scope, origin)
    if payload.count <= known:
        return
    key = {"holder": payload.holder.text, "scope": payload.scope.text, "origin": str(origin)}
    values = {"asset": asset, "count": payload.count, "reason": reason, "time": entry.time}
    if known:
        where = (holder_order.c[name] == value for name, value in key.items())
        connection.execute(update(holder_order).where(*where).values(**values))
    else:
        connection.execute(insert(holder_order).values(**key, **values))
    entry.note(ordered=payload.holder.text, **{name: key[name] for name in ("scope", "origin")}, **values)


def _count(connection: Connection, holder: Bytes32, scope: Bytes32, origin: LedgerId) -> int:
    query = select(holder_order.c["count"]).where(
        holder_order.c.holder == holder.text,
        holder_order.c.scope == scope.text,
        holder_order.c.origin == str(origin),
    )
    return connection.execute(query).scalar() or 0
