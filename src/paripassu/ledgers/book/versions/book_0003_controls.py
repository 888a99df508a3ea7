"""Blocked, pledged and locked-up units, successors of accounts, changed rules, acts of k of n."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0003"
down_revision = "book_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("blocked", "pledged"):
        op.add_column("account", sa.Column(name, sa.String(length=80), nullable=False, server_default="0"))
    op.add_column("account", sa.Column("successor", sa.String(length=128), nullable=True))
    op.add_column("account", sa.Column("superseded_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "lot",
        sa.Column(
            "serial", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("units", sa.String(length=80), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("ix_lot_account", "lot", ["account"])
    op.create_table(
        "pledge",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("pledgor", sa.String(length=128), nullable=False),
        sa.Column("pledgee", sa.String(length=128), nullable=False),
        sa.Column("units", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_change",
        sa.Column("height", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("height"),
    )
    op.create_table(
        "act",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=128), nullable=True),
        sa.Column("corrections", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "approval",
        sa.Column("act", sa.String(length=66), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("signer", sa.String(length=128), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("act", "role"),
    )
