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
    UniqueConstraint,
)

from paripassu.database import Schema

STORE_SCHEMA = Schema(
    "bridge store",
    Path(__file__).parent / "versions",
    ("store_0001", "store_0002", "store_0003", "store_0004"),
)

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
    Column("timestamp", BigInteger, nullable=False),
    Column("expiry", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("source_transaction", String(80), nullable=False),
    Column("source_height", BigInteger, nullable=False),
    Column("source_hash", String(66), nullable=False),
    Column("source_time", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("batch", String(66), nullable=True),
    Column("returned", Integer, nullable=False, default=0, server_default="0"),
    UniqueConstraint("source", "destination", "purpose", "nonce", name="message_lane_nonce"),
    Index("message_state", "state"),
)

message_history = Table(
    "message_history",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
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
    Column("reason", Text, nullable=False),
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
    Column("timestamp", BigInteger, nullable=False),
    Column("expiry", BigInteger, nullable=False),
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
    Column("reason", Text, nullable=False, default=""),
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
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("acknowledgement_state", "state"),
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
    Column("reason", Text, nullable=False, default=""),
    Column("gas_used", BigInteger, nullable=False, default=0),
    UniqueConstraint("ledger", "transaction", name="submission_transaction"),
    Index("submission_reference", "reference"),
    Index("submission_outstanding", "ledger", "sender", "status"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("host", String(255), nullable=False),
    Column("realm", String(120), nullable=False),
    Column("started", String(40), nullable=False),
    Column("token", String(40), nullable=False),
    Column("expires", Float, nullable=False),
)

halt = Table(
    "halt",
    metadata,
    Column("ledger", String(80), primary_key=True),
    Column("at", Float, nullable=False),
    Column("code", String(16), nullable=False),
    Column("sentence", Text, nullable=False),
)

sighting = Table(
    "sighting",
    metadata,
    Column("id", String(66), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("destination", String(80), nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("expiry", BigInteger, nullable=False),
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
