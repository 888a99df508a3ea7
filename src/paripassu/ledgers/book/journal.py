"""The journal: entries (the book's blocks) and double-entry postings, both hash-chained.

One command is one entry is one database transaction. Postings of an entry sum
to zero per asset: accounts of holders face technical accounts (their names
begin with `~`, which no account id can), one for the issue, one for each
other ledger, one for cash. Only technical accounts may go below zero. An
asset is a security's, as the configuration names it, or a currency.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from paripassu.errors import CommandRefused
from paripassu.identifiers import ZERO32, Bytes32, LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book.schema import entry, position, posting
from paripassu.rules import Case, Restriction

ISSUE_ACCOUNT = "~issue"
CASH_ACCOUNT = "~cash"


def ledger_account(ledger: LedgerId) -> str:
    """The technical account that faces another ledger."""
    return f"~ledger:{ledger}"


def is_technical(account: str) -> bool:
    return account.startswith("~")


@dataclass(slots=True)
class Entry:
    """An entry being written. `effects` says what it did; it becomes the entry's body. `decisions` are
    the verdicts that were asked for on the way, each with what it was made from."""

    connection: Connection
    height: int
    time: int
    reference: str
    kind: str
    signer: str
    command: Bytes32
    previous: Bytes32
    effects: list[dict[str, object]] = field(default_factory=list)
    decisions: list[tuple[Case, Restriction]] = field(default_factory=list)

    def note(self, **effect: object) -> None:
        self.effects.append(effect)

    def move(
        self, asset: str, source: str, target: str, amount: int, *, dispatched: int | None = None
    ) -> None:
        """Post `amount` from one account to another.

        `dispatched` is the source time of units that arrive from another ledger.
        Raises CommandRefused where a holder's balance would go below zero.
        """
        amount = int(amount)  # quantities print their kind, and hashes are over what is printed
        if amount <= 0:
            raise CommandRefused(f"A posting of {amount} is not possible; amounts are above zero.")
        self._post(asset, source, -amount, None)
        self._post(asset, target, amount, dispatched)

    def _post(self, asset: str, account: str, amount: int, dispatched: int | None) -> None:
        key = (position.c.asset == asset, position.c.account == account)
        held = self.connection.execute(select(position.c.balance).where(*key)).scalar()
        balance = (held or 0) + amount
        if balance < 0 and not is_technical(account):
            raise CommandRefused(f"Account '{account}' holds {held or 0} {asset}, {-amount} are needed.")
        if held is None:
            self.connection.execute(insert(position).values(asset=asset, account=account, balance=balance))
        else:
            self.connection.execute(update(position).where(*key).values(balance=balance))
        last = last_posting(self.connection)
        serial, previous = (last.id + 1, Bytes32(last.hash)) if last is not None else (1, ZERO32)
        values = {
            "id": serial,
            "height": self.height,
            "time": self.time,
            "asset": asset,
            "account": account,
            "amount": amount,
            "balance": balance,
            "dispatched": dispatched,
            "previous": previous.text,
        }
        digest = posting_hash(previous, values)
        self.connection.execute(insert(posting).values(**values, hash=digest.text))

    def close(self) -> BlockRef:
        """Write the entry itself, over all that it did."""
        last = last_posting(self.connection)
        values = {
            "height": self.height,
            "time": self.time,
            "reference": self.reference,
            "kind": self.kind,
            "signer": self.signer,
            "command": self.command.text,
            "body": json.dumps(self.effects, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            "last_posting": last.hash if last is not None else ZERO32.text,
            "previous": self.previous.text,
        }
        digest = entry_hash(self.previous, values)
        self.connection.execute(insert(entry).values(**values, hash=digest.text))
        return BlockRef(self.height, digest, self.time)


def refusals(decisions: list[tuple[Case, Restriction]]) -> list[tuple[Case, Restriction]]:
    """Those of the decisions that stand where nothing was carried out: all or none of it is."""
    return [(case, code) for case, code in decisions if code is not Restriction.NONE]


def begin(
    connection: Connection, now: int, reference: str, kind: str, signer: str, command: Bytes32
) -> Entry:
    """Start the next entry. Its time is `now`, or the last entry's where the clock went back."""
    last = last_entry(connection)
    if last is None:
        return Entry(connection, 0, now, reference, kind, signer, command, ZERO32)
    return Entry(
        connection, last.height + 1, max(now, last.time), reference, kind, signer, command, Bytes32(last.hash)
    )


def last_entry(connection: Connection) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(entry).order_by(entry.c.height.desc()).limit(1)).first()


def block_of(row: Row[Any]) -> BlockRef:
    """The entry of a row that has `height`, `hash` and `time`, as the port names blocks."""
    return BlockRef(row.height, Bytes32(row.hash), row.time)


def last_posting(connection: Connection) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(posting).order_by(posting.c.id.desc()).limit(1)).first()


def posting_hash(previous: Bytes32, row: dict[str, object]) -> Bytes32:
    """keccak256 over the hash before and the posting's fields in canonical form."""
    names = ("id", "height", "time", "asset", "account", "amount", "balance", "dispatched")
    return _chained(previous, [None if row[name] is None else str(row[name]) for name in names])


def entry_hash(previous: Bytes32, row: dict[str, object]) -> Bytes32:
    """keccak256 over the hash before and the entry's fields, among them the last posting's hash."""
    names = ("height", "time", "reference", "kind", "signer", "command", "body", "last_posting")
    return _chained(previous, [str(row[name]) for name in names])


def _chained(previous: Bytes32, fields: list[str | None]) -> Bytes32:
    return keccak256(bytes(previous) + json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())
