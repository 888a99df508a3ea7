"""Sanctions and additional accounts; holder commitments of 24 bytes, expiries of 32 bits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "book_0002"
down_revision = "book_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("sanctioned", "additional"):
        op.add_column("account", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    # a commitment now ends after 24 bytes of the same hash, so a holder stays the same holder
    op.execute(
        "UPDATE account SET holder = substr(holder, 1, 50) || '0000000000000000' WHERE holder IS NOT NULL"
    )
    op.execute("UPDATE account SET expiry = 4294967295 WHERE expiry > 4294967295")
