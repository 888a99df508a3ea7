"""Tables of the book-entry ledger.

Amounts are whole numbers of any size, kept as decimal text: SQL's own
integers end at 64 bits, and no sum is ever left to the database. Rows are
only ever added, except the caches `position`, `account`, `holding`, `holder_order`, `lot`, `pledge`,
`act`, `approval`, `event`, `debit_authority`, `arrival_cap` and `arrival_approval`, which the journal
can rebuild.
`asset` is a security's, as the configuration names it, or a currency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from paripassu.database import Schema

BOOK_SCHEMA = Schema(
    "book-entry ledger",
    Path(__file__).parent / "versions",
    tuple(f"book_{number:04}" for number in range(1, 9)),
)

metadata = MetaData()
_SERIAL = BigInteger().with_variant(Integer, "sqlite")


class Whole(TypeDecorator[int]):
    """A whole number of any size, kept as decimal text."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(int(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


entry = Table(
    "entry",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False, index=True),
    Column("reference", String(200), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("signer", String(128), nullable=False),
    Column("command", String(66), nullable=False),
    Column("body", Text, nullable=False),
    Column("last_posting", String(66), nullable=False),
    Column("previous", String(66), nullable=False),
    Column("hash", String(66), nullable=False),
)

posting = Table(
    "posting",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("asset", String(16), nullable=False),
    Column("account", String(140), nullable=False),
    Column("amount", Whole, nullable=False),
    Column("balance", Whole, nullable=False),
    Column("dispatched", BigInteger, nullable=True),
    Column("previous", String(66), nullable=False),
    Column("hash", String(66), nullable=False),
    Index("posting_account", "asset", "account", "id"),
)

position = Table(
    "position",
    metadata,
    Column("asset", String(16), primary_key=True),
    Column("account", String(140), primary_key=True),
    Column("balance", Whole, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("holder", String(66), nullable=True),
    Column("country", String(2), nullable=True),
    Column("investor_class", Integer, nullable=True),
    Column("active", Boolean, nullable=False),
    Column("expiry", BigInteger, nullable=False),
    Column("servicer", String(128), nullable=False),
    Column("sanctioned", Boolean, nullable=False, server_default=false()),
    Column("additional", Boolean, nullable=False, server_default=false()),
    Column("successor", String(128), nullable=True),
    Column("superseded_at", BigInteger, nullable=True),
)

holding = Table(
    "holding",
    metadata,
    Column("asset", String(16), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("frozen", Boolean, nullable=False),
    Column("blocked", Whole, nullable=False),
    Column("pledged", Whole, nullable=False),
    Column("quota", Whole, nullable=True),
)

holder_order = Table(
    "holder_order",
    metadata,
    Column("holder", String(66), primary_key=True),
    Column("scope", String(66), primary_key=True),
    Column("origin", String(80), primary_key=True),
    Column("asset", String(16), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)

lot = Table(
    "lot",
    metadata,
    Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    Column("asset", String(16), nullable=False),
    Column("account", String(128), nullable=False, index=True),
    Column("units", Whole, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False, server_default="0"),
    Column("path", String(66), nullable=False, server_default=""),
)

pledge = Table(
    "pledge",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("asset", String(16), nullable=False),
    Column("pledgor", String(128), nullable=False),
    Column("pledgee", String(128), nullable=False),
    Column("units", Whole, nullable=False),
)

rule_change = Table(
    "rule_change",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("asset", String(16), nullable=False),
    Column("document", Text, nullable=False),
)

act = Table(
    "act",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("asset", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("role", String(40), nullable=False),
    Column("signer", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("ended", BigInteger, nullable=True),
    Column("ended_by", String(128), nullable=True),
    Column("corrections", Text, nullable=False),
)

approval = Table(
    "approval",
    metadata,
    Column("act", String(66), primary_key=True),
    Column("role", String(40), primary_key=True),
    Column("signer", String(128), nullable=False),
    Column("height", BigInteger, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("asset", String(16), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("value", String(80), nullable=False),
)

configuration = Table(
    "configuration",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("direction", String(3), primary_key=True),
    Column("ledger", String(80), primary_key=True),
    Column("purpose", Integer, primary_key=True),
    Column("height", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("expiry", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("height", BigInteger, nullable=False, index=True),
)

inbox = Table(
    "inbox",
    metadata,
    Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(66), nullable=False, index=True),
    Column("source", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("height", BigInteger, nullable=False, index=True),
)

outbox_return = Table(
    "outbox_return",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("standing", String(16), primary_key=True),
    Column("height", BigInteger, nullable=False, index=True),
)

lane_stop = Table(
    "lane_stop",
    metadata,
    Column("ledger", String(80), primary_key=True),
    Column("purpose", Integer, primary_key=True),
    Column("height", BigInteger, primary_key=True),
    Column("stopped", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
)

arrival_cap = Table(
    "arrival_cap",
    metadata,
    Column("asset", String(16), primary_key=True),
    Column("source", String(80), primary_key=True),
    Column("units", Whole, nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("arrived", Whole, nullable=False),
    Column("since", BigInteger, nullable=False),
)

arrival_approval = Table(
    "arrival_approval",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("height", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("key", String(66), primary_key=True),
    Column("event_id", String(16), nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("record_hash", String(66), nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("root", String(66), nullable=True),
    Column("total", Whole, nullable=True),
    Column("lines", BigInteger, nullable=True),
)

payment = Table(
    "payment",
    metadata,
    Column("key", String(66), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("event_id", String(16), nullable=False),
    Column("amount", Whole, nullable=False),
    Column("payer", String(128), nullable=False),
    Column("height", BigInteger, nullable=False),
)

debit_authority = Table(
    "debit_authority",
    metadata,
    Column("currency", String(16), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("amount", Whole, nullable=False),
)

breakdown = Table(
    "breakdown",
    metadata,
    Column("asset", String(16), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
    Column("root", String(66), nullable=False),
    Column("total", Whole, nullable=False),
    Column("height", BigInteger, nullable=False),
)
