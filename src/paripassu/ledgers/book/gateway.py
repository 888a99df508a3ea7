"""The book's gateway: outbox with its own counters, inbox in strict lane order, parking, retry.

It follows the contract's `Gateway` step by step: what was executed is passed
over, the next nonce must follow, nothing is executed before its source time,
a message that fails is parked with its reason, one that has expired is refused
for good, and the lane goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, select

from paripassu.errors import BatchRefused, CommandRefused, PariError
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.book import lanes
from paripassu.ledgers.book.configuration import BookConfiguration, book_application
from paripassu.ledgers.book.journal import Entry, refusals
from paripassu.ledgers.book.schema import inbox, outbox
from paripassu.ledgers.port import EXPIRED, DeliveryStatus
from paripassu.ledgers.quorum import require_quorum
from paripassu.messages import PROTOCOL_VERSION, Batch, GatewayDomain, Lane, Message, Purpose, batch_digest

Receiver = Callable[[Entry, BookConfiguration, Message], None]

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
    """Put one message into the outbox and count it.

    Raises:
        CommandRefused: a peer that is not open, or an expiry that is over.
        LaneHalted: the lane is stopped.
    """
    peer = configuration.peers.get(destination)
    if peer is None or not peer.open or purpose not in peer.applications:
        raise CommandRefused(f"{configuration.ledger} has no open lane to {destination} for {purpose.name}.")
    lanes.require_going(entry.connection, configuration.ledger, destination, purpose)
    if expiry and expiry < entry.time:
        raise CommandRefused(f"A message that expires at {expiry} is not sent: it is {entry.time} already.")
    lane = Lane(configuration.ledger, destination, purpose)
    message = Message(
        lane=lane,
        nonce=lanes.count(entry.connection, lanes.OUT, destination, purpose) + 1,
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
    lanes.set_count(entry, lanes.OUT, destination, purpose, message.nonce)
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
        LaneHalted: the lane is stopped.
    """
    if batch.lane.destination != configuration.ledger:
        raise BatchRefused(f"A batch of lane {batch.lane} is not for {configuration.ledger}.")
    digest = batch_digest(batch, GatewayDomain(configuration.ledger))
    require_quorum(configuration.attestors, batch.attestor_set_version, digest, signatures)
    source, purpose = batch.lane.source, batch.lane.purpose
    lanes.require_going(entry.connection, configuration.ledger, source, purpose)
    inbound = lanes.count(entry.connection, lanes.IN, source, purpose)
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
        if is_expired(entry, message):
            book_inbox(entry, message, DeliveryStatus.REFUSED, EXPIRED)
        else:
            reason = _execute(entry, configuration, message, receivers)
            status = DeliveryStatus.PARKED if reason else DeliveryStatus.EXECUTED
            book_inbox(entry, message, status, reason)
        lanes.set_count(entry, lanes.IN, source, purpose, message.nonce)


def retry(
    entry: Entry, configuration: BookConfiguration, message: Message, receivers: dict[Purpose, Receiver]
) -> None:
    """Execute a parked message now.

    Raises:
        CommandRefused: it is not parked, it has expired, or an obstacle remains.
        LaneHalted: the lane is stopped.
        PariError: what the receiving application raises.
    """
    if last_status(entry.connection, message.id) is not DeliveryStatus.PARKED:
        raise CommandRefused(f"Message {message.id} is not parked on {configuration.ledger}.")
    lanes.require_going(entry.connection, configuration.ledger, message.lane.source, message.lane.purpose)
    if is_expired(entry, message):
        raise CommandRefused(f"Message {message.id} expired at {message.expiry}; it can only be refused.")
    obstacle = _obstacle(entry, configuration, message, receivers)
    if obstacle:
        raise CommandRefused(f"Message {message.id} stays parked: {obstacle}.")
    receivers[message.lane.purpose](entry, configuration, message)
    book_inbox(entry, message, DeliveryStatus.EXECUTED, "")


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
    if message.version >> 16 != PROTOCOL_VERSION >> 16:
        return VERSION_UNSUPPORTED
    if purpose not in receivers or message.recipient != book_application(configuration.ledger, purpose):
        return RECEIVER_MISSING
    if peer is None or peer.applications.get(purpose) != message.sender:
        return SENDER_UNTRUSTED
    return ""


def is_expired(entry: Entry, message: Message) -> bool:
    """Whether the last second at which the message could take effect is over."""
    return message.expiry != 0 and entry.time > message.expiry


def last_status(connection: Connection, id: Bytes32, height: int | None = None) -> DeliveryStatus:
    """What became of a message that was to arrive here."""
    query = select(inbox.c.status).where(inbox.c.id == id.text)
    if height is not None:
        query = query.where(inbox.c.height <= height)
    found = connection.execute(query.order_by(inbox.c.serial.desc()).limit(1)).scalar()
    return DeliveryStatus.PENDING if found is None else DeliveryStatus(found)


def book_inbox(entry: Entry, message: Message, status: DeliveryStatus, reason: str) -> None:
    """Keep what became of a message."""
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
