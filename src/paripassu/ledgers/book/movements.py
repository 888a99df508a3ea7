"""Units that leave the book for another ledger, and units that arrive from one (MOV-1, MOV-10)."""

from __future__ import annotations

from dataclasses import replace

from paripassu.commands import Move
from paripassu.errors import CommandRefused
from paripassu.identifiers import ZERO32, Bytes32, LedgerId, account_from_bytes, account_to_bytes
from paripassu.ledgers.book import caps, encumbrances, gateway, register
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry, ledger_account
from paripassu.ledgers.book.ruling import require_allowed
from paripassu.messages import Message, MovementPayload, Purpose
from paripassu.rules import Kind, Lot


def dispatch(entry: Entry, configuration: BookConfiguration, command: Move) -> None:
    """Post units out to another ledger and send the message that brings them there."""
    if command.units == 0:
        raise CommandRefused("A movement of no units is not sent.")
    lots = _lifted(entry, configuration, command)
    require_allowed(entry, configuration, Kind.BRIDGE_OUT, command.source, "", command.units)
    payload = MovementPayload(
        configuration.security.security_id,
        account_to_bytes(configuration.ledger, command.source),
        account_to_bytes(command.destination, command.target),
        command.units,
        _holder(entry, command.source) if lots else ZERO32,
        lots,
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
    named = account_from_bytes(configuration.ledger, payload.to_account)
    lots = payload.passed_by(message.id)
    target = _land(entry, configuration, message, message.lane.source, named, replace(payload, lots=lots))
    entry.note(credited=str(int(payload.amount)), account=target, source=str(message.lane.source))


def take_back(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Post units that another ledger will never take to the account that they left (MOV-6).

    They count for it from when they left, as units in transit do (CA-5).
    """
    payload = MovementPayload.decode(message.payload)
    configuration = configuration.of_security(payload.security_id)
    named = account_from_bytes(configuration.ledger, payload.from_account)
    owner = _land(entry, configuration, message, message.lane.destination, named, payload)
    entry.note(taken_back=str(int(payload.amount)), account=owner, destination=str(message.lane.destination))


def _lifted(entry: Entry, configuration: BookConfiguration, command: Move) -> tuple[Lot, ...]:
    """The lock-ups that go with the units (MOV-8): for every other rule these are units like others."""
    if not command.locked:
        return ()
    if sum(int(lot.units) for lot in command.locked) > command.units:
        raise CommandRefused("More units are to be locked up than move.")
    return encumbrances.take_lots(entry, configuration.asset, command.source, command.locked)


def _land(
    entry: Entry,
    configuration: BookConfiguration,
    message: Message,
    facing: LedgerId,
    named: str,
    payload: MovementPayload,
) -> str:
    """Post units to the account that stands for the one named, whose key may have been changed while they
    were on their way, and lay their lock-ups on it (MOV-8). Returns that account.

    At the record times that they were in transit at they count for the account named: they are posted to
    it, and by it to its successor.
    """
    asset = configuration.asset
    target = register.current(entry.connection, named)
    require_allowed(entry, configuration, Kind.BRIDGE_IN, "", target, payload.amount)
    if payload.lots and _holder(entry, target) != payload.holder:
        raise CommandRefused(f"Units that are locked up stay with their holder, '{target}' is another's.")
    entry.move(asset, ledger_account(facing), named, payload.amount, dispatched=message.timestamp)
    if target != named:
        entry.move(asset, named, target, payload.amount)
        encumbrances.follow_freeze(entry, asset, named, target)
    if payload.lots:
        encumbrances.land_lots(entry, asset, target, payload.lots)
        lots = [[str(int(lot.units)), lot.until, lot.since, lot.path.text] for lot in payload.lots]
        entry.note(locked=lots, account=target)
    return target


def _holder(entry: Entry, account: str) -> Bytes32:
    record = register.holder(entry.connection, account)
    return ZERO32 if record is None else record.holder
