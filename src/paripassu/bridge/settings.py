"""How a bridge looks and for what; apart from `node`, since commands that compute bounds run no bridge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paripassu.messages import Purpose

PURPOSES = (Purpose.MOVEMENT, Purpose.CORPORATE_ACTION, Purpose.QUOTA, Purpose.ORDER)


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Seconds between looks after something happened, rising to those while nothing does; lanes by purpose.

    The source of a lane is told what arrived after `ack_every` messages, or once nothing has arrived for
    `ack_quiet` seconds; at once where something was refused.
    A transport sends on what waits in it once the first has waited for `flush_quiet` seconds (MOV-11).
    `silence_limit` is when a task without a heartbeat is named, `grace` what a step may still take
    after the stop.
    """

    poll: float = 0.02
    idle_poll: float = 0.4
    silence_limit: float = 60.0
    grace: float = 5.0
    ack_every: int = 100
    ack_quiet: float = 30.0
    flush_quiet: float = 1.0
    purposes: Sequence[Purpose] = PURPOSES
