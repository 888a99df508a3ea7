"""What a watcher remembers of messages: sums of what is settled, and one entry for each that is still open.

Pure: it is fed what ledgers show, block range after block range, and costs at each look what is open,
whatever was settled before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.port import Delivery, DeliveryStatus, Refunded, SentMessage
from paripassu.messages import Lane, Message


@dataclass(slots=True)
class Open:
    """A message whose life is not over: not taken yet, parked, or refused and not given back."""

    lane: Lane
    timestamp: int
    units: int
    taken: bool = False
    parked: bool = False
    refunded: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What is open in a lane: how many messages are parked, since when the first waits that was not taken, in
    seconds by its source, and which were taken although nobody sent them."""

    parked: int = 0
    waiting_since: int | None = None
    unsent: tuple[Bytes32, ...] = ()


@dataclass(slots=True)
class LedgerBook:
    """All ledgers' messages, by what they carry of one security.

    Args:
        units_of: units of the security that a message carries.
    """

    units_of: Callable[[Message], int]
    open: dict[Bytes32, Open] = field(default_factory=dict)
    unsent: dict[Bytes32, Delivery] = field(default_factory=dict)
    sent: Counter[Lane] = field(default_factory=Counter)
    taken: Counter[Lane] = field(default_factory=Counter)
    left: Counter[LedgerId] = field(default_factory=Counter)
    arrived: Counter[LedgerId] = field(default_factory=Counter)
    returned: Counter[LedgerId] = field(default_factory=Counter)
    _ahead: dict[LedgerId, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def take_sent(self, items: Sequence[SentMessage], height: int) -> None:
        """Messages that a ledger shows. What left in blocks above `height`, to which its arrivals were
        read, counts for its supply only later."""
        for item in items:
            message, source = item.message, item.message.lane.source
            units = self.units_of(message)
            self.open[message.id] = Open(message.lane, message.timestamp, units)
            self.sent[message.lane] += 1
            if units and item.block.height > height:
                self._ahead[source].append((item.block.height, units))
            else:
                self.left[source] += units

    def reach(self, ledger: LedgerId, height: int) -> None:
        """A ledger's arrivals are read to a height: what left up to there counts now."""
        ahead = self._ahead[ledger]
        self.left[ledger] += sum(units for at, units in ahead if at <= height)
        self._ahead[ledger] = [one for one in ahead if one[0] > height]

    def take_deliveries(self, items: Sequence[Delivery]) -> None:
        """What became of messages, in the order of their ledgers; those that nobody sent are kept apart."""
        for item in (*self.unsent.values(), *items):
            entry = self.open.get(item.message_id)
            if entry is None or entry.lane != item.lane:
                if item.message_id not in self.unsent:
                    self.taken[item.lane] += 1
                self.unsent[item.message_id] = item
                continue
            if self.unsent.pop(item.message_id, None) is None and not entry.taken:
                self.taken[item.lane] += 1
            entry.taken, entry.parked = True, item.status is DeliveryStatus.PARKED
            if item.status is DeliveryStatus.EXECUTED:
                self.arrived[item.lane.destination] += entry.units
                del self.open[item.message_id]
            elif item.status is DeliveryStatus.REFUSED and (entry.refunded or not entry.units):
                del self.open[item.message_id]

    def take_refunds(self, items: Sequence[Refunded]) -> None:
        """What sources gave back. Its refusal may be read only later, for another ledger told of it."""
        for item in items:
            entry = self.open.get(item.message_id)
            if entry is None or entry.refunded:
                continue
            self.returned[item.lane.source] += entry.units
            entry.refunded = True
            if entry.taken and not entry.parked:
                del self.open[item.message_id]

    def standing(self) -> dict[Lane, Standing]:
        """Lanes with messages that are open, or that nobody sent."""
        parked: Counter[Lane] = Counter()
        since: dict[Lane, int] = {}
        for one in self.open.values():
            parked[one.lane] += one.parked
            if not one.taken:
                since[one.lane] = min(one.timestamp, since.get(one.lane, one.timestamp))
        unsent: dict[Lane, list[Bytes32]] = defaultdict(list)
        for id, delivery in self.unsent.items():
            unsent[delivery.lane].append(id)
        lanes = parked.keys() | since.keys() | unsent.keys()
        return {lane: Standing(parked[lane], since.get(lane), tuple(unsent[lane])) for lane in lanes}

    def can_be_judged(self, ledger: LedgerId, readable: Collection[LedgerId]) -> bool:
        """Whether all that arrived on a ledger is known from where it was sent."""
        return not any(
            one.lane.destination == ledger and one.lane.source not in readable for one in self.unsent.values()
        )
