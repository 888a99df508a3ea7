"""Units that leave the book for another ledger, and units that arrive from one (MOV-1, MOV-10)."""

from __future__ import annotations

from paripassu.commands import Move
from paripassu.errors import CommandRefused
from paripassu.identifiers import account_from_bytes, account_to_bytes
from paripassu.ledgers.book import caps, gateway
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry, ledger_account
from paripassu.ledgers.book.ruling import require_allowed
from paripassu.messages import Message, MovementPayload, Purpose
from paripassu.rules import Kind


def dispatch(entry: Entry, configuration: BookConfiguration, command: Move) -> None:
    """Post units out to another ledger and send the message that brings them there."""
    if command.units == 0:
        raise CommandRefused("A movement of no units is not sent.")
    require_allowed(entry, configuration, Kind.BRIDGE_OUT, command.source, "", command.units)
    payload = MovementPayload(
        configuration.security.security_id,
        account_to_bytes(configuration.ledger, command.source),
        account_to_bytes(command.destination, command.target),
        command.units,
    )
    gateway.send(
        entry, configuration, command.destination, Purpose.MOVEMENT, payload.encode(), command.expiry
    )
    entry.move(configuration.asset, command.source, ledger_account(command.destination), command.units)
    entry.note(
        dispatched=str(int(command.units)),
        source=command.source,
        destination=str(command.destination),
        target=command.target,
    )


def receive(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Post in units that another ledger sent, under this ledger's rules and within its cap (MOV-13)."""
    payload = MovementPayload.decode(message.payload)
    configuration = configuration.of_security(payload.security_id)
    caps.count_arrival(entry, configuration.asset, message, payload.amount)
    target = account_from_bytes(configuration.ledger, payload.to_account)
    require_allowed(entry, configuration, Kind.BRIDGE_IN, "", target, payload.amount)
    entry.move(
        configuration.asset,
        ledger_account(message.lane.source),
        target,
        payload.amount,
        dispatched=message.timestamp,
    )
    entry.note(credited=str(int(payload.amount)), account=target, source=str(message.lane.source))


def take_back(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Post units that another ledger will never take to the account that they left (MOV-6).

    They count for it from when they left, as units in transit do (CA-5).
    """
    payload = MovementPayload.decode(message.payload)
    configuration = configuration.of_security(payload.security_id)
    owner = account_from_bytes(configuration.ledger, payload.from_account)
    require_allowed(entry, configuration, Kind.BRIDGE_IN, "", owner, payload.amount)
    entry.move(
        configuration.asset,
        ledger_account(message.lane.destination),
        owner,
        payload.amount,
        dispatched=message.timestamp,
    )
    entry.note(taken_back=str(int(payload.amount)), account=owner, destination=str(message.lane.destination))
