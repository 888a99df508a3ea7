"""What the book tells of units of a security, from its postings, its outbox and its inbox (MOV-8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from paripassu.identifiers import AccountId, Bytes32, LedgerId, account_from_bytes
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import ISSUE_ACCOUNT, is_technical
from paripassu.ledgers.book.schema import entry, inbox, outbox, outbox_return, posting
from paripassu.ledgers.port import DeliveryStatus, Standing
from paripassu.lots import Dispatched, Ended, Issued, Landed, Locked, Record, Transferred
from paripassu.messages import MovementPayload, Purpose
from paripassu.quantities import Units

_ARRIVE = ("Deliver", "Retry", "Refund")
"""Entries by which units land; the other postings in them bring these on to a successor."""


def history(connection: Connection, configuration: BookConfiguration, last: int) -> tuple[Record, ...]:
    """All records up to an entry, in the book's order."""
    ledger, asset = configuration.ledger, configuration.asset
    found: list[Record] = []
    rows = connection.execute(select(entry).where(entry.c.height <= last).order_by(entry.c.height)).all()
    by_height: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(posting).where(posting.c.height <= last).order_by(posting.c.id)):
        by_height.setdefault(row.height, []).append(row)
    sent = _sent(connection, configuration, last)
    landed = _landed(connection, last)
    for row in rows:
        postings = by_height.get(row.height, [])
        if row.kind in _ARRIVE:
            found += _landings(ledger, asset, row, postings, landed.get(row.height, []))
        elif row.kind == "Lock":
            found += _locks(ledger, asset, row, connection)
        else:
            found += _postings(ledger, asset, row, postings)
        found += sent.get(row.height, [])
    return tuple(found)


def _postings(ledger: LedgerId, asset: str, row: Row[Any], postings: Sequence[Row[Any]]) -> Iterator[Record]:
    """Each two postings are one movement, out of the first account into the second."""
    for out, into in zip(postings[::2], postings[1::2], strict=True):
        if out.asset != asset:
            continue
        units, time = Units(into.amount), row.time
        by_law = row.kind == "ExecuteAct"
        if out.account == ISSUE_ACCOUNT:
            yield Issued(AccountId(ledger, into.account), time, units, Bytes32(row.hash).text)
        elif into.account == ISSUE_ACCOUNT:
            yield Ended(AccountId(ledger, out.account), time, units, by_law)
        elif not is_technical(out.account) and not is_technical(into.account):
            source, target = AccountId(ledger, out.account), AccountId(ledger, into.account)
            yield Transferred(source, time, units, target, by_law, row.kind == "Succeed")


def _landings(
    ledger: LedgerId, asset: str, row: Row[Any], postings: Sequence[Row[Any]], ids: Sequence[Bytes32]
) -> Iterator[Record]:
    """Units that land are posted with the time at which they left, movement by movement."""
    waiting, account, ours = list(ids), "", False
    for out, into in zip(postings[::2], postings[1::2], strict=True):
        if into.dispatched is None:
            account = into.account  # to the account that took the place of the one named
            continue
        if ours:
            yield Landed(AccountId(ledger, account), row.time, waiting.pop(0))
        elif account:
            waiting.pop(0)
        account, ours = into.account, out.asset == asset
    if ours:
        yield Landed(AccountId(ledger, account), row.time, waiting.pop(0))


def _locks(ledger: LedgerId, asset: str, row: Row[Any], connection: Connection) -> Iterator[Record]:
    for effect in json.loads(row.body):
        if "locked" in effect and effect.get("asset", asset) == asset:
            account, units = AccountId(ledger, effect["account"]), Units(int(effect["locked"]))
            yield Locked(account, row.time, units, effect["until"])


def _sent(connection: Connection, configuration: BookConfiguration, last: int) -> dict[int, list[Record]]:
    query = select(outbox).where(outbox.c.height <= last, outbox.c.purpose == int(Purpose.MOVEMENT))
    found: dict[int, list[Record]] = {}
    for row in connection.execute(query.order_by(outbox.c.height)):
        payload = MovementPayload.decode(bytes(row.payload))
        if payload.security_id != configuration.security.security_id:
            continue
        ledger, destination = configuration.ledger, LedgerId(row.destination)
        source = AccountId(ledger, account_from_bytes(ledger, payload.from_account))
        target = AccountId(destination, account_from_bytes(destination, payload.to_account))
        found.setdefault(row.height, []).append(
            Dispatched(source, row.timestamp, payload.amount, Bytes32(row.id), target, payload.lots)
        )
    return found


def _landed(connection: Connection, last: int) -> dict[int, list[Bytes32]]:
    """Movements that took effect or were given back, by height, in the order of their postings."""
    found: dict[int, list[Bytes32]] = {}
    arrived = select(inbox.c.height, inbox.c.id).where(
        inbox.c.height <= last,
        inbox.c.purpose == int(Purpose.MOVEMENT),
        inbox.c.status == DeliveryStatus.EXECUTED.value,
    )
    back = select(outbox_return.c.height, outbox_return.c.id).where(
        outbox_return.c.height <= last, outbox_return.c.standing == Standing.REFUNDED.value
    )
    for query in (arrived.order_by(inbox.c.serial), back):
        for row in connection.execute(query):
            found.setdefault(row.height, []).append(Bytes32(row.id))
    return found
