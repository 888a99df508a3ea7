"""Lanes that an operator wants to go on at once, whatever their relayer waits for after failures."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from paripassu.bridge.columns import in_lane, lane_between, lane_columns
from paripassu.messages import Lane
from paripassu.store.schema import nudge


def give(connection: Connection, at: float, lane: Lane) -> None:
    """Ask for it, `at` seconds since the epoch."""
    connection.execute(delete(nudge).where(in_lane(nudge, lane)))
    connection.execute(insert(nudge).values(**lane_columns(lane), at=at))


def given(connection: Connection) -> dict[Lane, float]:
    """Every lane for which that was ever asked, and when last."""
    rows = connection.execute(select(nudge))
    return {lane_between(row.source, row.destination, row.purpose): row.at for row in rows}
