"""Limits over all ledgers: what moves of them between ledgers, as by the contract `Quotas` (CTL-4).

What this ledger does not use is taken from it before the other one is told, so the parts of all
ledgers and what is on its way never add up to more than the terms allow.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paripassu.commands import MovePlaces, MoveQuota
from paripassu.errors import QuotaRefused
from paripassu.identifiers import Bytes32, account_from_bytes, account_to_bytes
from paripassu.ledgers.book import encumbrances, gateway, register, ruling
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.messages import Message, PlacesPayload, Purpose, QuotaPayload, decode_quota
from paripassu.quantities import Units
from paripassu.rules import AccountState, HolderRecord, quota

PLACES = "places"
"""Setting: places that came from other ledgers less those that went there."""


def move_quota(entry: Entry, configuration: BookConfiguration, command: MoveQuota) -> None:
    """Take unused cap from an account, for another account of its holder. Raises QuotaRefused."""
    state, record = _holding(entry, configuration, command.account)
    most = quota(configuration.rules, state)
    unused = int(most) - int(state.balance)
    if command.units > max(unused, 0):
        raise QuotaRefused(
            f"'{command.account}' does not use {max(unused, 0)} units of its quota, {int(command.units)} "
            f"cannot move."
        )
    _set(entry, configuration.asset, command.account, Units(int(most) - int(command.units)))
    entry.note(
        quota=str(int(command.units)),
        source=command.account,
        destination=str(command.destination),
        target=command.target,
    )
    if command.destination == configuration.ledger:
        account_to_bytes(configuration.ledger, command.target)
        _grant(entry, configuration, command.target, record.holder, command.units)
        return
    target = account_to_bytes(command.destination, command.target)
    payload = QuotaPayload(configuration.security.security_id, record.holder, target, command.units)
    gateway.send(entry, configuration, command.destination, Purpose.QUOTA, payload.encode())


def move_places(entry: Entry, configuration: BookConfiguration, command: MovePlaces) -> None:
    """Take free places of the limit of holders from this ledger. Raises QuotaRefused."""
    limit = _limit(configuration)
    free = max(limit - len(register.accounts_with_units(entry.connection, configuration.asset)), 0)
    if command.places > free:
        raise QuotaRefused(
            f"{configuration.ledger} has {free} free places of holders, {command.places} cannot move."
        )
    _add_places(entry, configuration.asset, -command.places)
    entry.note(places=command.places, destination=str(command.destination))
    payload = PlacesPayload(configuration.security.security_id, command.places)
    gateway.send(entry, configuration, command.destination, Purpose.QUOTA, payload.encode())


def receive(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Take in what another ledger gave up. Raises CommandRefused, QuotaRefused, MalformedMessage."""
    payload = decode_quota(message.payload)
    configuration = configuration.of_security(payload.security_id)
    if isinstance(payload, PlacesPayload):
        _limit(configuration)
        _add_places(entry, configuration.asset, payload.places)
        entry.note(places_received=payload.places, source=str(message.lane.source))
        return
    target = account_from_bytes(configuration.ledger, payload.to_account)
    _grant(entry, configuration, target, payload.holder, payload.amount)


def places_moved(connection: Connection, asset: str) -> int:
    """Places that came from other ledgers less those that went there."""
    return int(ruling.read_setting(connection, PLACES, asset) or 0)


def hand_over(entry: Entry, configuration: BookConfiguration, lost: str, successor: str) -> None:
    """Make one of the quotas of an account and its successor, which began with the share as well."""
    asset = configuration.asset
    former = encumbrances.state(entry.connection, asset, lost, entry.time)
    if former.quota is None:
        return
    later = encumbrances.state(entry.connection, asset, successor, entry.time)
    total = int(former.quota)
    if later.quota is not None:
        total += int(later.quota)
        if later.record is None or not later.record.additional:
            total -= int(configuration.rules.holding_cap or 0)
    register.hold(entry.connection, asset, lost, quota=None)
    _set(entry, configuration.asset, successor, Units(max(total, 0)))


def _grant(entry: Entry, configuration: BookConfiguration, named: str, holder: Bytes32, units: Units) -> None:
    """Add to the quota of the account that stands for the one named: keys change while quota travels."""
    account = register.current(entry.connection, named)
    state, record = _holding(entry, configuration, account)
    if record.holder != holder:
        raise QuotaRefused(f"The quota is for another holder than that of '{account}'.")
    _set(entry, configuration.asset, account, quota(configuration.rules, state) + units)
    entry.note(quota_granted=str(int(units)), account=account)


def _holding(
    entry: Entry, configuration: BookConfiguration, account: str
) -> tuple[AccountState, HolderRecord]:
    if configuration.rules.holding_cap is None:
        raise QuotaRefused(f"The security of {configuration.ledger} has no holding cap.")
    state = encumbrances.state(entry.connection, configuration.asset, account, entry.time)
    if state.record is None or state.record.superseded:
        raise QuotaRefused(f"Account '{account}' is not registered, or another took its place.")
    return state, state.record


def _limit(configuration: BookConfiguration) -> int:
    limit = configuration.rules.holder_limit
    if limit is None:
        raise QuotaRefused(f"The security of {configuration.ledger} has no limit of holders.")
    return limit


def _set(entry: Entry, asset: str, account: str, units: Units) -> None:
    register.hold(entry.connection, asset, account, quota=int(units))


def _add_places(entry: Entry, asset: str, places: int) -> None:
    moved = places_moved(entry.connection, asset) + places
    ruling.set_setting(entry.connection, PLACES, str(moved), asset)
