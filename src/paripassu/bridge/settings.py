"""How a bridge looks and for what; apart from `node`, since commands that compute bounds run no bridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from paripassu.messages import Lane, Purpose

PURPOSES = (Purpose.MOVEMENT, Purpose.CORPORATE_ACTION, Purpose.QUOTA, Purpose.ORDER)


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Seconds between looks after something happened, rising to those while nothing does; lanes by purpose.

    The source of a lane is told what arrived after `ack_every` messages, or once nothing has arrived for
    `ack_quiet` seconds; at once where something was refused.
    A transport sends on what waits in it once the first has waited for `flush_quiet` seconds (MOV-11).
    `silence_limit` is when a task without a heartbeat is named, `grace` what a step may still take
    after the stop.
    `only` are the lanes in which the relayer does something, all where it is None, and the last nonce that it
    delivers in each, 0 for no bound. All lanes are read and counted all the same.
    """

    poll: float = 0.02
    idle_poll: float = 0.4
    silence_limit: float = 60.0
    grace: float = 5.0
    ack_every: int = 100
    ack_quiet: float = 30.0
    flush_quiet: float = 1.0
    purposes: Sequence[Purpose] = PURPOSES
    only: Mapping[Lane, int] | None = None

    def chosen(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Those of some lanes in which the relayer may do something."""
        return [lane for lane in lanes if self.only is None or lane in self.only]

    def up_to(self, lane: Lane) -> int | None:
        """The last nonce that the relayer may deliver in a lane; None where there is no bound."""
        return None if self.only is None else self.only.get(lane) or None
