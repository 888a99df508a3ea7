"""The first form of the book-entry ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("holder", sa.String(length=66), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("investor_class", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("expiry", sa.BigInteger(), nullable=False),
        sa.Column("servicer", sa.String(length=128), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "breakdown",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=66), nullable=False),
        sa.Column("total", sa.String(length=80), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "sequence"),
    )
    op.create_table(
        "configuration",
        sa.Column("height", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("height"),
    )
    op.create_table(
        "counter",
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("ledger", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("direction", "ledger", "purpose", "height"),
    )
    op.create_table(
        "debit_authority",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("amount", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "entry",
        sa.Column("height", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("command", sa.String(length=66), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("last_posting", sa.String(length=66), nullable=False),
        sa.Column("previous", sa.String(length=66), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("height"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index(op.f("ix_entry_time"), "entry", ["time"], unique=False)
    op.create_table(
        "event",
        sa.Column("key", sa.String(length=66), nullable=False),
        sa.Column("event_id", sa.String(length=16), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("record_hash", sa.String(length=66), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=66), nullable=True),
        sa.Column("total", sa.String(length=80), nullable=True),
        sa.Column("lines", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "inbox",
        sa.Column(
            "serial", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index(op.f("ix_inbox_height"), "inbox", ["height"], unique=False)
    op.create_index(op.f("ix_inbox_id"), "inbox", ["id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("destination", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("expiry", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_outbox_height"), "outbox", ["height"], unique=False)
    op.create_table(
        "payment",
        sa.Column("key", sa.String(length=66), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("event_id", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.String(length=80), nullable=False),
        sa.Column("payer", sa.String(length=128), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "account"),
    )
    op.create_table(
        "position",
        sa.Column("asset", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=140), nullable=False),
        sa.Column("balance", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("asset", "account"),
    )
    op.create_table(
        "posting",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=140), nullable=False),
        sa.Column("amount", sa.String(length=80), nullable=False),
        sa.Column("balance", sa.String(length=80), nullable=False),
        sa.Column("dispatched", sa.BigInteger(), nullable=True),
        sa.Column("previous", sa.String(length=66), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_posting_height"), "posting", ["height"], unique=False)
    op.create_index("posting_account", "posting", ["asset", "account", "id"], unique=False)
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
