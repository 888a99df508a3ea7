"""Tables of the bridge's store.

Hashes, ids and digests are text (`0x…`), so that a person can look them up by
their beginning; bytes that were on a ledger are kept as bytes. Ledgers are
CAIP-2 text. `at` is the wall clock of the machine that wrote the row.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

from paripassu.database import Schema

STORE_SCHEMA = Schema(
    "bridge store",
    Path(__file__).parent / "versions",
    ("store_0001", "store_0002", "store_0003", "store_0004", "store_0005", "store_0006"),
)


def plain(text: str) -> str:
    """A text as any database holds it, with a mark where something could not be held."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Unsigned64(TypeDecorator[int]):
    """A number of 64 bits without a sign, as the two's complement in which databases hold as many bits."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None or value < 1 << 63 else value - (1 << 64)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None or value >= 0 else value + (1 << 64)


class Words(TypeDecorator[str]):
    """Text that somebody else chose, as a contract's reason for refusing.

    PostgreSQL holds neither NUL nor half a character, SQLite holds both: so that no contract can
    stop a relayer by its words, neither gets to either of them.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else plain(value)


metadata = MetaData()
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

cursor = Table(
    "cursor",
    metadata,
    Column("observer", String(64), primary_key=True),
    Column("ledger", String(80), primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False),
    Column("time", BigInteger, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("timestamp", Unsigned64, nullable=False),
    Column("expiry", Unsigned64, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("source_transaction", String(80), nullable=False),
    Column("source_height", BigInteger, nullable=False),
    Column("source_hash", String(66), nullable=False),
    Column("source_time", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Words, nullable=False, default=""),
    Column("batch", String(66), nullable=True),
    Column("returned", Integer, nullable=False, default=0, server_default="0"),
    UniqueConstraint("source", "destination", "purpose", "nonce", name="message_lane_nonce"),
    Index("message_state", "state"),
    Index("message_lane_state", "source", "destination", "purpose", "state", "nonce"),
)

message_history = Table(
    "message_history",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Words, nullable=False),
    Column("detail", Text, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Words, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False),
    Column("time", BigInteger, nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("attestor", String(64), primary_key=True),
    Column("source", String(80), primary_key=True),
    Column("destination", String(80), primary_key=True),
    Column("purpose", Integer, primary_key=True),
    Column("nonce", BigInteger, primary_key=True),
    Column("id", String(66), nullable=False),
    Column("timestamp", Unsigned64, nullable=False),
    Column("expiry", Unsigned64, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False),
    Column("signed", Integer, nullable=False, default=0),
)

batch = Table(
    "batch",
    metadata,
    Column("digest", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("set_version", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("reference", String(255), nullable=False, default=""),
    Column("reason", Words, nullable=False, default=""),
    Column("not_before", Float, nullable=False, default=0.0),
    Column("at", Float, nullable=False),
    Index("batch_state", "state"),
)

acknowledgement = Table(
    "acknowledgement",
    metadata,
    Column("digest", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("refused", Text, nullable=False),
    Column("set_version", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reference", String(255), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Float, nullable=False),
    Index("acknowledgement_state", "state"),
    Index("acknowledgement_lane_state", "source", "destination", "purpose", "state", "nonce"),
)

signature = Table(
    "signature",
    metadata,
    Column("digest", String(66), primary_key=True),
    Column("attestor", String(64), primary_key=True),
    Column("signer", String(42), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)

submission = Table(
    "submission",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("reference", String(255), nullable=False),
    Column("ledger", String(80), nullable=False),
    Column("sender", String(80), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("transaction", String(80), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("height", BigInteger, nullable=False, default=0),
    Column("reason", Words, nullable=False, default=""),
    Column("gas_used", BigInteger, nullable=False, default=0),
    UniqueConstraint("ledger", "transaction", name="submission_transaction"),
    Index("submission_reference", "reference"),
    Index("submission_outstanding", "ledger", "sender", "status"),
)

relayer = Table(
    "relayer",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("key", String(80), nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("host", String(255), nullable=False),
    Column("realm", String(120), nullable=False),
    Column("started", String(40), nullable=False),
    Column("expires", Float, nullable=False),
)

claim = Table(
    "claim",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("token", String(40), nullable=False),
    Column("wanted", String(40), nullable=False),
    Column("expires", Float, nullable=False),
)

halt = Table(
    "halt",
    metadata,
    Column("ledger", String(80), primary_key=True),
    Column("at", Float, nullable=False),
    Column("code", String(16), nullable=False),
    Column("sentence", Words, nullable=False),
)

sighting = Table(
    "sighting",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("timestamp", Unsigned64, nullable=False),
    Column("expiry", Unsigned64, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("source_transaction", String(80), nullable=False),
    Column("source_height", BigInteger, nullable=False),
    Column("source_hash", String(66), nullable=False),
    Column("source_time", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("process", String(160), primary_key=True),
    Column("task", String(120), primary_key=True),
    Column("at", Float, nullable=False),
)

nudge = Table(
    "nudge",
    metadata,
    Column("source", String(80), primary_key=True),
    Column("destination", String(80), primary_key=True),
    Column("purpose", Integer, primary_key=True),
    Column("at", Float, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(66), nullable=False),
    Column("hash", String(66), nullable=False),
    Index("audit_subject", "subject"),
)
