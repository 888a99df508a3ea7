"""An index on the subjects of the audit log: it is asked which decisions on transactions it has already."""

from __future__ import annotations

from alembic import op

revision = "store_0002"
down_revision = "store_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("audit_subject", "audit", ["subject"], unique=False)
