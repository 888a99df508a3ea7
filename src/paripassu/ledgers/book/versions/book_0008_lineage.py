"""Since when units are locked up, and the ledgers that they passed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0008"
down_revision = "book_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lot", sa.Column("since", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("lot", sa.Column("path", sa.String(length=66), nullable=False, server_default=""))
