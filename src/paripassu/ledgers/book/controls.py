"""Controls in book entry: freezes, lock-ups, pledges, pauses, and the rules themselves (CTL-4, CTL-5)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from paripassu import controls
from paripassu.errors import CommandImpossible, CommandRefused
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.book import encumbrances, orders, quotas, register, ruling
from paripassu.ledgers.book.configuration import BookConfiguration, rules_from, rules_to
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.ruling import require_allowed
from paripassu.ledgers.book.schema import pledge, rule_change
from paripassu.quantities import Units
from paripassu.rules import MOST_WINDOWS, Kind, RuleSet

LONGEST_STOP = 7 * 86_400
"""Seconds: an emergency stop is bounded (CTL-6)."""


def carry_out(entry: Entry, configuration: BookConfiguration, command: controls.Control, signer: str) -> None:
    """Do what a control says. Raises CommandRefused, RuleError, CommandImpossible."""
    asset = configuration.asset
    match command:
        case controls.SetStatus():
            register.set_status(entry, command)
        case controls.Sanction():
            register.sanction(entry, command)
        case controls.Order():
            orders.order(entry, configuration, command)
        case controls.Rotate():
            register.rotate(entry, configuration, command)
        case controls.Succeed(lost, successor):
            _succeed(entry, configuration, lost, successor)
        case controls.Freeze():
            register.freeze(entry, asset, command)
        case controls.FreezeUnits(account, units, reason):
            encumbrances.set_blocked(entry, asset, account, units)
            entry.note(account=account, blocked=str(int(units)), reason=reason.text)
        case controls.Lock(account, units, until, reason):
            encumbrances.add_lot(entry, asset, account, units, until)
            entry.note(account=account, asset=asset, locked=str(int(units)), until=until, reason=reason.text)
        case controls.Pledge():
            _pledge(entry, configuration, command)
        case controls.EndPledge(id, enforced):
            _end_pledge(entry, configuration, id, enforced)
        case controls.BatchTransfer(source, transfers):
            for target, units in transfers:
                move(entry, configuration, source, target, units)
        case controls.OpenAccounts():
            raise CommandImpossible(f"Accounts of {configuration.ledger} need no opening beforehand.")
        case controls.Pause(paused, reason):
            ruling.set_setting(entry.connection, ruling.PAUSED, "1" if paused else "0", asset)
            if not paused:
                ruling.set_setting(entry.connection, ruling.STOPPED_UNTIL, "0", asset)
            entry.note(paused=paused, reason=reason.text)
        case controls.EmergencyStop(until, reason):
            if not entry.time <= until <= entry.time + LONGEST_STOP:
                raise CommandRefused(
                    f"An emergency stop lasts up to seven days: until {entry.time + LONGEST_STOP} at most, "
                    f"not {until}."
                )
            ruling.set_setting(entry.connection, ruling.STOPPED_UNTIL, str(until), asset)
            entry.note(stopped_until=until, reason=reason.text)
        case controls.PauseClasses(classes, paused, reason):
            before = ruling.paused_classes(entry.connection, asset)
            after = before | classes if paused else before - classes
            bits = str(sum(1 << number for number in after))
            ruling.set_setting(entry.connection, ruling.PAUSED_CLASSES, bits, asset)
            entry.note(paused_classes=sorted(after), reason=reason.text)
        case _:
            change_rules(entry, asset, _changed(configuration, command), command.reason.text)


def move(entry: Entry, configuration: BookConfiguration, source: str, target: str, units: Units) -> None:
    """One transfer under the rules."""
    require_allowed(entry, configuration, Kind.TRANSFER, source, target, units)
    if units:  # ERC-20 allows a transfer of nothing, so the book does too (I3)
        entry.move(configuration.asset, source, target, units)
    entry.note(moved=str(int(units)), source=source, target=target)


def change_rules(entry: Entry, asset: str, rules: RuleSet, reason: str) -> None:
    """Put other rules in force; they stay so whatever the book is configured with later."""
    document = json.dumps(rules_to(rules), sort_keys=True, separators=(",", ":"))
    values = {"height": entry.height, "asset": asset, "document": document}
    entry.connection.execute(insert(rule_change).values(**values))
    entry.note(asset=asset, rules=json.loads(document), reason=reason)


def in_force(connection: Connection, configuration: BookConfiguration) -> BookConfiguration:
    """The set-up with the rules of each security as they were last changed."""
    return configuration.with_rules(
        {one.asset: rules_in_force(connection, one.asset, one.rules) for one in configuration.securities}
    )


def rules_in_force(connection: Connection, asset: str, configured: RuleSet) -> RuleSet:
    """The rules by the last change, else as configured. The ledger's shares of cap and limit are the
    terms' and not the rule manager's: they stay as configured, but for places moved between ledgers."""
    limit = configured.holder_limit
    if limit is not None:
        limit = max(limit + quotas.places_moved(connection, asset), 0)
    query = select(rule_change.c.document).where(rule_change.c.asset == asset)
    document = connection.execute(query.order_by(rule_change.c.height.desc()).limit(1)).scalar()
    rules = configured if document is None else rules_from(json.loads(document))
    return replace(rules, holding_cap=configured.holding_cap, holder_limit=limit)


def count_rule_changes(connection: Connection, asset: str) -> int:
    """How often the rules of a security were changed."""
    counted = select(func.count()).select_from(rule_change).where(rule_change.c.asset == asset)
    return connection.execute(counted).scalar_one()


def pledges_of(connection: Connection, asset: str, account: str) -> list[Any]:
    """Rows of standing pledges of an account, given and taken."""
    either = (pledge.c.pledgor == account) | (pledge.c.pledgee == account)
    query = select(pledge).where(pledge.c.asset == asset, either).order_by(pledge.c.id)
    return list(connection.execute(query))


def pledgee_of(connection: Connection, id: Bytes32) -> str | None:
    """Who may end a pledge now; None where there is no such pledge."""
    found = connection.execute(select(pledge.c.pledgee).where(pledge.c.id == id.text)).scalar()
    return None if found is None else register.current(connection, found)


def _changed(configuration: BookConfiguration, command: controls.RuleControl) -> RuleSet:
    rules = configuration.rules
    match command:
        case controls.SetCountries(countries, deny_list, _):
            return replace(rules, countries=countries, deny_list=deny_list)
        case controls.SetClasses(classes, _):
            return replace(rules, classes=classes)
        case controls.SetMinimumLot(units, _):
            return replace(rules, minimum_lot=Units(max(int(units), 1)))
        case controls.SetBlackouts(windows, _):
            if len(windows) > MOST_WINDOWS:
                raise CommandRefused(f"A security has at most {MOST_WINDOWS} blackout windows.")
            return replace(rules, blackout=windows)
        case controls.SetModules():
            raise CommandImpossible(f"{configuration.ledger} runs no contracts, so none can be plugged in.")


def _succeed(entry: Entry, configuration: BookConfiguration, lost: str, successor: str) -> None:
    if lost == successor or register.current(entry.connection, lost) != successor:
        raise CommandRefused(f"'{successor}' did not take the place of '{lost}'.")
    units = encumbrances.hand_over(entry, configuration.asset, lost, successor)
    quotas.hand_over(entry, configuration, lost, successor)
    entry.note(recovered=str(int(units)), source=lost, target=successor)


def _pledge(entry: Entry, configuration: BookConfiguration, command: controls.Pledge) -> None:
    asset, pledgor, units = configuration.asset, command.account, command.units
    require_allowed(entry, configuration, Kind.PLEDGE, pledgor, command.pledgee, units)
    if not units:
        raise CommandRefused("A pledge of no units is none.")
    before = encumbrances.state(entry.connection, asset, pledgor, entry.time)
    encumbrances.set_pledged(entry, asset, pledgor, before.pledged + units)
    id = keccak256(f"pledge {configuration.ledger} {entry.height}".encode())
    parties = {"pledgor": pledgor, "pledgee": command.pledgee}
    entry.connection.execute(insert(pledge).values(id=id.text, asset=asset, units=int(units), **parties))
    entry.note(pledge=id.text, pledgor=pledgor, pledgee=command.pledgee, units=str(int(units)))


def _end_pledge(entry: Entry, configuration: BookConfiguration, id: Bytes32, enforced: bool) -> None:
    connection = entry.connection
    row = connection.execute(select(pledge).where(pledge.c.id == id.text)).one()
    connection.execute(delete(pledge).where(pledge.c.id == id.text))
    # units of a superseded account may have gone to its successor, and the law may have taken some
    configuration, pledgor = configuration.of_asset(row.asset), row.pledgor
    held = encumbrances.state(connection, row.asset, pledgor, entry.time)
    if held.pledged < row.units:
        pledgor = register.current(connection, pledgor)
        held = encumbrances.state(connection, row.asset, pledgor, entry.time)
    units = Units(min(int(row.units), int(held.pledged)))
    encumbrances.set_pledged(entry, row.asset, pledgor, held.pledged - units)
    entry.note(pledge=id.text, enforced=enforced, units=str(int(units)))
    if enforced:
        move(entry, configuration, pledgor, register.current(connection, row.pledgee), units)
