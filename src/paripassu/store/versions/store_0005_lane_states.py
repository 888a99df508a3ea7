"""Indexes by lane and state: what is open in a lane is found without looking at all that ever was in it."""

from __future__ import annotations

from alembic import op

revision = "store_0005"
down_revision = "store_0004"
branch_labels = None
depends_on = None

_COLUMNS = ["source", "destination", "purpose", "state", "nonce"]


def upgrade() -> None:
    op.create_index("message_lane_state", "message", _COLUMNS, unique=False)
    op.create_index("acknowledgement_lane_state", "acknowledgement", _COLUMNS, unique=False)
