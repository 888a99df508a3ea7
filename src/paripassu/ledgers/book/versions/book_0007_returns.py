"""What is attested never to take effect and comes back, stopped lanes, caps on arrivals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0007"
down_revision = "book_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_return",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "standing"),
    )
    op.create_index(op.f("ix_outbox_return_height"), "outbox_return", ["height"], unique=False)
    op.create_table(
        "lane_stop",
        sa.Column("ledger", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "purpose", "height"),
    )
    op.create_table(
        "arrival_cap",
        sa.Column("asset", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("units", sa.String(length=80), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.String(length=80), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "source"),
    )
    op.create_table(
        "arrival_approval",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
