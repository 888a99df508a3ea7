"""Proof that the book is what was booked: hashes, sums, balances, counters."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, func, select

from paripassu.errors import BookTampered
from paripassu.identifiers import ZERO32, Bytes32
from paripassu.ledgers.book.journal import entry_hash, is_technical, posting_hash
from paripassu.ledgers.book.schema import counter, entry, inbox, outbox, outbox_return, position, posting
from paripassu.ledgers.port import Standing


def check_book(connection: Connection) -> int:
    """Check every hash and every sum; return the number of postings.

    Raises:
        BookTampered: names the first row, account or lane that does not fit.
    """
    balances = _check_postings(connection)
    _check_entries(connection)
    _check_positions(connection, balances)
    _check_lanes(connection)
    _check_returns(connection)
    return connection.execute(select(func.count()).select_from(posting)).scalar_one()


def _check_postings(connection: Connection) -> dict[tuple[str, str], int]:
    balances: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[int, str], int] = defaultdict(int)
    previous, expected = ZERO32, 1
    for row in connection.execute(select(posting).order_by(posting.c.id)):
        digest = posting_hash(previous, dict(row._mapping))
        if row.id != expected or row.previous != previous.text or row.hash != digest.text:
            raise BookTampered(f"Posting {row.id} does not match its hash or its place {expected}.")
        balances[row.asset, row.account] += row.amount
        sums[row.height, row.asset] += row.amount
        balance = balances[row.asset, row.account]
        if row.balance != balance or (balance < 0 and not is_technical(row.account)):
            raise BookTampered(
                f"Posting {row.id} leaves '{row.account}' with {balance}, it says {row.balance}."
            )
        previous, expected = digest, expected + 1
    for (height, asset), total in sums.items():
        if total:
            raise BookTampered(f"The postings of entry {height} in {asset} sum to {total}, not to zero.")
    return balances


def _check_entries(connection: Connection) -> None:
    last_posting = {
        row.height: row.hash
        for row in connection.execute(select(posting.c.height, posting.c.hash).order_by(posting.c.id))
    }
    previous, expected, posted, time = ZERO32, 0, ZERO32.text, 0
    for row in connection.execute(select(entry).order_by(entry.c.height)):
        digest = entry_hash(previous, dict(row._mapping))
        posted = last_posting.pop(row.height, posted)
        fits = row.height == expected and row.previous == previous.text and row.last_posting == posted
        if not fits or row.hash != digest.text or row.time < time:
            raise BookTampered(f"Entry {row.height} does not match its hash or its place {expected}.")
        previous, expected, time = digest, expected + 1, row.time
    if last_posting:
        raise BookTampered(f"Postings at height {min(last_posting)} belong to no entry.")


def _check_positions(connection: Connection, balances: dict[tuple[str, str], int]) -> None:
    held = {(row.asset, row.account): row.balance for row in connection.execute(select(position))}
    for key in held.keys() | balances.keys():
        if held.get(key, 0) != balances.get(key, 0):
            raise BookTampered(
                f"Account '{key[1]}' shows {held.get(key, 0)} {key[0]}, "
                f"its postings sum to {balances.get(key, 0)}."
            )


def _check_lanes(connection: Connection) -> None:
    """A lane's counter, and the messages behind it, must tell the same number."""
    sent = select(outbox.c.destination, outbox.c.purpose, func.count()).group_by(
        outbox.c.destination, outbox.c.purpose
    )
    taken = select(inbox.c.source, inbox.c.purpose, func.count(inbox.c.id.distinct())).group_by(
        inbox.c.source, inbox.c.purpose
    )
    for direction, query in (("out", sent), ("in", taken)):
        found = {(ledger, purpose): number for ledger, purpose, number in connection.execute(query)}
        counted = {
            (ledger, purpose): number
            for ledger, purpose, number in connection.execute(
                select(counter.c.ledger, counter.c.purpose, func.max(counter.c.count))
                .where(counter.c.direction == direction)
                .group_by(counter.c.ledger, counter.c.purpose)
            )
        }
        if found != counted:
            raise BookTampered(f"The book's {direction}bound counters say {counted}, its messages {found}.")


def _check_returns(connection: Connection) -> None:
    """What came back was sent from here and attested to come back, and no more arrivals are attested than
    messages were sent."""
    sent = set(connection.execute(select(outbox.c.id)).scalars())
    marks: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(outbox_return)):
        marks[row.standing].add(row.id)
    returned, refunded = marks[Standing.RETURNED.value], marks[Standing.REFUNDED.value]
    for odd in (returned - sent) | (refunded - returned):
        raise BookTampered(f"Message {odd} came back, but was not sent or not attested to.")
    highest = select(counter.c.ledger, counter.c.purpose, func.max(counter.c.count)).group_by(
        counter.c.ledger, counter.c.purpose
    )
    lanes = {
        direction: {
            (ledger, purpose): number
            for ledger, purpose, number in connection.execute(highest.where(counter.c.direction == direction))
        }
        for direction in ("out", "ack")
    }
    for lane, number in lanes["ack"].items():
        if number > lanes["out"].get(lane, 0):
            raise BookTampered(
                f"Arrivals of {number} messages are attested in lane {lane}, more than were sent."
            )


def last_hash(connection: Connection) -> Bytes32:
    """Hash of the last entry: stands for the whole book."""
    found = connection.execute(select(entry.c.hash).order_by(entry.c.height.desc()).limit(1)).scalar()
    return ZERO32 if found is None else Bytes32(found)
