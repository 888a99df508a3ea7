"""The book's gateway: outbox with its own counters, inbox in strict lane order, parking, retry.

It follows the contract's `Gateway` step by step: what was executed is passed
over, the next nonce must follow, nothing is executed before its source time,
a message that fails is parked with its reason and its lane goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, select, update

from paripassu.errors import BatchRefused, CommandRefused, PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.book.configuration import BookConfiguration, book_application
from paripassu.ledgers.book.journal import Entry, refusals
from paripassu.ledgers.book.schema import counter, inbox, outbox
from paripassu.ledgers.port import DeliveryStatus
from paripassu.ledgers.quorum import require_quorum
from paripassu.messages import PROTOCOL_VERSION, Batch, GatewayDomain, Lane, Message, Purpose, batch_digest

Receiver = Callable[[Entry, BookConfiguration, Message], None]

EXPIRED = "EXPIRED"
VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
RECEIVER_MISSING = "RECEIVER_MISSING"
SENDER_UNTRUSTED = "SENDER_UNTRUSTED"


def send(
    entry: Entry,
    configuration: BookConfiguration,
    destination: LedgerId,
    purpose: Purpose,
    payload: bytes,
    expiry: int = 0,
) -> Message:
    """Put one message into the outbox and count it. Raises CommandRefused for a peer that is not open."""
    peer = configuration.peers.get(destination)
    if peer is None or not peer.open or purpose not in peer.applications:
        raise CommandRefused(f"{configuration.ledger} has no open lane to {destination} for {purpose.name}.")
    lane = Lane(configuration.ledger, destination, purpose)
    message = Message(
        lane=lane,
        nonce=count(entry.connection, "out", destination, purpose) + 1,
        timestamp=entry.time,
        expiry=expiry,
        version=PROTOCOL_VERSION,
        sender=book_application(configuration.ledger, purpose),
        recipient=bytes(peer.applications[purpose]),
        payload=payload,
    )
    entry.connection.execute(
        insert(outbox).values(
            id=message.id.text,
            destination=destination,
            purpose=int(purpose),
            nonce=message.nonce,
            timestamp=message.timestamp,
            expiry=message.expiry,
            version=message.version,
            sender=message.sender,
            recipient=message.recipient,
            payload=message.payload,
            height=entry.height,
        )
    )
    _set_count(entry, "out", destination, purpose, message.nonce)
    entry.note(sent=message.id.text, lane=str(lane), nonce=message.nonce)
    return message


def deliver(
    entry: Entry,
    configuration: BookConfiguration,
    batch: Batch,
    signatures: Sequence[bytes],
    receivers: dict[Purpose, Receiver],
) -> None:
    """Execute an attested batch, message by message.

    Raises:
        BatchRefused: not for this ledger, below the quorum, a gap before it, or from the future.
    """
    if batch.lane.destination != configuration.ledger:
        raise BatchRefused(f"A batch of lane {batch.lane} is not for {configuration.ledger}.")
    digest = batch_digest(batch, GatewayDomain(configuration.ledger))
    require_quorum(configuration.attestors, batch.attestor_set_version, digest, signatures)
    source, purpose = batch.lane.source, batch.lane.purpose
    inbound = count(entry.connection, "in", source, purpose)
    todo = [message for message in batch.messages if message.nonce > inbound]
    if todo and todo[0].nonce != inbound + 1:
        raise BatchRefused(
            f"Lane {batch.lane} has executed {inbound} messages, the batch goes on with {todo[0].nonce}."
        )
    if todo and todo[0].timestamp > entry.time:
        raise BatchRefused(
            f"Message {todo[0].nonce} of lane {batch.lane} was sent at {todo[0].timestamp}, "
            f"by this ledger's clock it is {entry.time}."
        )
    for message in todo:
        if message.timestamp > entry.time:
            break
        reason = _execute(entry, configuration, message, receivers)
        status = DeliveryStatus.PARKED if reason else DeliveryStatus.EXECUTED
        _book_inbox(entry, message, status, reason)
        _set_count(entry, "in", source, purpose, message.nonce)


def retry(
    entry: Entry, configuration: BookConfiguration, message: Message, receivers: dict[Purpose, Receiver]
) -> None:
    """Execute a parked message now.

    Raises:
        CommandRefused: it is not parked, or an obstacle remains.
        PariError: what the receiving application raises.
    """
    status = entry.connection.execute(
        select(inbox.c.status).where(inbox.c.id == message.id.text).order_by(inbox.c.serial.desc()).limit(1)
    ).scalar()
    if status != DeliveryStatus.PARKED.value:
        raise CommandRefused(f"Message {message.id} is not parked on {configuration.ledger}.")
    obstacle = _obstacle(entry, configuration, message, receivers)
    if obstacle:
        raise CommandRefused(f"Message {message.id} stays parked: {obstacle}.")
    receivers[message.lane.purpose](entry, configuration, message)
    _book_inbox(entry, message, DeliveryStatus.EXECUTED, "")


def _execute(
    entry: Entry, configuration: BookConfiguration, message: Message, receivers: dict[Purpose, Receiver]
) -> str:
    """Why the message has to be parked; empty when it took effect. Its effects are all or none."""
    obstacle = _obstacle(entry, configuration, message, receivers)
    if obstacle:
        return obstacle
    noted, decided = len(entry.effects), len(entry.decisions)
    try:
        with entry.connection.begin_nested():
            receivers[message.lane.purpose](entry, configuration, message)
    except PariError as error:
        del entry.effects[noted:]
        entry.decisions[decided:] = refusals(entry.decisions[decided:])
        return str(error)
    return ""


def _obstacle(
    entry: Entry, configuration: BookConfiguration, message: Message, receivers: dict[Purpose, Receiver]
) -> str:
    purpose = message.lane.purpose
    peer = configuration.peers.get(message.lane.source)
    if message.expiry and entry.time > message.expiry:
        return EXPIRED
    if message.version >> 16 != PROTOCOL_VERSION >> 16:
        return VERSION_UNSUPPORTED
    if purpose not in receivers or message.recipient != book_application(configuration.ledger, purpose):
        return RECEIVER_MISSING
    if peer is None or peer.applications.get(purpose) != message.sender:
        return SENDER_UNTRUSTED
    return ""


def _book_inbox(entry: Entry, message: Message, status: DeliveryStatus, reason: str) -> None:
    entry.connection.execute(
        insert(inbox).values(
            id=message.id.text,
            source=message.lane.source,
            purpose=int(message.lane.purpose),
            nonce=message.nonce,
            status=status.value,
            reason=reason,
            height=entry.height,
        )
    )
    entry.note(received=message.id.text, status=status.value, reason=reason)


def count(
    connection: Connection, direction: str, ledger: LedgerId, purpose: Purpose, height: int | None = None
) -> int:
    """Messages counted `out` to or `in` from a ledger, up to a height."""
    query = select(func.max(counter.c.count)).where(
        counter.c.direction == direction, counter.c.ledger == ledger, counter.c.purpose == int(purpose)
    )
    if height is not None:
        query = query.where(counter.c.height <= height)
    return connection.execute(query).scalar() or 0


def _set_count(entry: Entry, direction: str, ledger: LedgerId, purpose: Purpose, number: int) -> None:
    key = {"direction": direction, "ledger": str(ledger), "purpose": int(purpose), "height": entry.height}
    changed = entry.connection.execute(
        update(counter).where(*(counter.c[name] == value for name, value in key.items())).values(count=number)
    )
    if changed.rowcount == 0:
        entry.connection.execute(insert(counter).values(**key, count=number))
