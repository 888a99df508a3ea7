"""Messages that will never take effect, at both ends, as by the contract `Gateway` (MOV-3, MOV-6).

Here a parked message is refused for good; what another ledger refused is attested here, and what it
carried goes back to whom it left, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from paripassu.commands import Refuse
from paripassu.errors import BatchRefused, CommandRefused, NotAuthorised
from paripassu.identifiers import Bytes32
from paripassu.ledgers.book import lanes
from paripassu.ledgers.book.configuration import BookConfiguration, book_application
from paripassu.ledgers.book.gateway import Receiver, book_inbox, is_expired, last_status
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import outbox, outbox_return
from paripassu.ledgers.port import EXPIRED, REFUSED_BY_OPERATOR, DeliveryStatus, Standing
from paripassu.ledgers.quorum import require_quorum
from paripassu.messages import Acknowledgement, GatewayDomain, Message, Purpose, acknowledgement_digest


def refuse(entry: Entry, configuration: BookConfiguration, command: Refuse, signer: str) -> None:
    """Refuse a parked message for good: the bridge operator, and anybody once it has expired.

    Raises:
        CommandRefused: it is not parked, or the operator states no reason.
        LaneHalted: its lane is stopped.
        NotAuthorised: it has not expired, and the signer is not the bridge operator.
    """
    message = command.message
    if last_status(entry.connection, message.id) is not DeliveryStatus.PARKED:
        raise CommandRefused(f"Message {message.id} is not parked on {configuration.ledger}.")
    lanes.require_going(entry.connection, configuration.ledger, message.lane.source, message.lane.purpose)
    reason = EXPIRED
    if not is_expired(entry, message):
        if not configuration.holds("bridge_operator", signer):
            raise NotAuthorised(
                f"'{signer}' does not hold the role bridge_operator on {configuration.ledger}, and message "
                f"{message.id} has not expired."
            )
        if command.reason is None:
            raise CommandRefused("A message that has not expired is refused for a reason.")
        reason = f"{REFUSED_BY_OPERATOR}: {command.reason.text}"
    book_inbox(entry, message, DeliveryStatus.REFUSED, reason)


def acknowledge(
    entry: Entry, configuration: BookConfiguration, said: Acknowledgement, signatures: Sequence[bytes]
) -> None:
    """Take in what attestors say of this ledger's messages on another one; said again, it changes nothing.

    Raises:
        BatchRefused: not of a lane from here, below the quorum, or of more or other than was sent.
    """
    lane, connection = said.lane, entry.connection
    if lane.source != configuration.ledger:
        raise BatchRefused(f"An acknowledgement of lane {lane} is not for {configuration.ledger}.")
    digest = acknowledgement_digest(said, GatewayDomain(configuration.ledger))
    require_quorum(configuration.attestors, said.attestor_set_version, digest, signatures)
    sent = lanes.count(connection, lanes.OUT, lane.destination, lane.purpose)
    if said.nonce > sent:
        raise BatchRefused(
            f"Arrivals of {said.nonce} messages of lane {lane} are attested, {sent} were sent."
        )
    if said.nonce > lanes.count(connection, lanes.ACKNOWLEDGED, lane.destination, lane.purpose):
        lanes.set_count(entry, lanes.ACKNOWLEDGED, lane.destination, lane.purpose, said.nonce)
        entry.note(acknowledged=said.nonce, lane=str(lane))
    for id in said.refused:
        _require_sent(connection, said, id)
        if returned(connection, id) is Standing.NONE:
            _mark(entry, id, Standing.RETURNED)
            entry.note(returned=id.text, lane=str(lane))


def refund(
    entry: Entry, configuration: BookConfiguration, message: Message, takers: dict[Purpose, Receiver]
) -> None:
    """Give back what a message carried, once it is attested never to take effect.

    Raises:
        BatchRefused: that is not attested, it was given back before, or it was not sent from here.
        LaneHalted: its lane is stopped.
        CommandRefused: it carried nothing that could be given back.
        PariError: what the application that sent it raises.
    """
    lane, connection = message.lane, entry.connection
    known = connection.execute(select(outbox.c.id).where(outbox.c.id == message.id.text)).first()
    if known is None or returned(connection, message.id) is not Standing.RETURNED:
        raise BatchRefused(f"Message {message.id} is not one that waits for a refund.")
    lanes.require_going(connection, configuration.ledger, lane.destination, lane.purpose)
    if message.sender != book_application(configuration.ledger, lane.purpose) or lane.purpose not in takers:
        raise CommandRefused(f"A message of purpose {lane.purpose.name} carries nothing to be given back.")
    takers[lane.purpose](entry, configuration, message)
    _mark(entry, message.id, Standing.REFUNDED)
    entry.note(refunded=message.id.text, lane=str(lane))


def _require_sent(connection: Connection, said: Acknowledgement, id: Bytes32) -> None:
    """The book has its outbox: it need not take an attestor's word for what it sent."""
    lane = said.lane
    known = select(outbox.c.id).where(
        outbox.c.id == id.text,
        outbox.c.destination == lane.destination,
        outbox.c.purpose == int(lane.purpose),
        outbox.c.nonce <= said.nonce,
    )
    if connection.execute(known).first() is None:
        raise BatchRefused(f"Message {id} is none of the first {said.nonce} that were sent in lane {lane}.")


def standing(connection: Connection, id: Bytes32, height: int | None = None) -> Standing:
    """What the book knows of a message that did not simply take effect."""
    if last_status(connection, id, height) is DeliveryStatus.PARKED:
        return Standing.PARKED
    return returned(connection, id, height)


def returned(connection: Connection, id: Bytes32, height: int | None = None) -> Standing:
    """Whether a message of this ledger is attested never to take effect, and given back."""
    query = select(outbox_return.c.standing).where(outbox_return.c.id == id.text)
    if height is not None:
        query = query.where(outbox_return.c.height <= height)
    found = {Standing(text) for text in connection.execute(query).scalars()}
    both = (Standing.REFUNDED, Standing.RETURNED)
    return next((one for one in both if one in found), Standing.NONE)


def _mark(entry: Entry, id: Bytes32, reached: Standing) -> None:
    values = {"id": id.text, "standing": reached.value, "height": entry.height}
    entry.connection.execute(insert(outbox_return).values(**values))
