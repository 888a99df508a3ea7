"""What ledgers ordered against holders (CTL-8)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0006"
down_revision = "book_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "holder_order",
        sa.Column("holder", sa.String(length=66), nullable=False),
        sa.Column("scope", sa.String(length=66), nullable=False),
        sa.Column("origin", sa.String(length=80), nullable=False),
        sa.Column("asset", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "scope", "origin"),
    )
