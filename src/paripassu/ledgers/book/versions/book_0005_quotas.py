"""Accounts' own parts of the holding cap, once quota moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0005"
down_revision = "book_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("holding", sa.Column("quota", sa.String(length=80), nullable=True))
