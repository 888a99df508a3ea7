"""Facts as Prometheus metrics: what an operator's own alerting reads (OPS-1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from paripassu.watch.alarms import Alarm, AlarmKind
from paripassu.watch.facts import Facts

_SEAT = ("attestor", "ledger")
_LANE = ("source", "destination", "purpose")


class Metrics:
    """Gauges of the last look, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lag = self._gauge("lane_lag_messages", "Messages sent and not taken, by final blocks.", _LANE)
        self._age = self._gauge("lane_oldest_seconds", "Age of the oldest message under way.", _LANE)
        self._parked = self._gauge(
            "lane_parked_messages", "Messages that wait for a retry or a refusal.", _LANE
        )
        self._unacknowledged = self._gauge(
            "lane_unacknowledged_messages", "Messages sent that are not attested to have arrived.", _LANE
        )
        self._stopped = self._gauge("lane_stopped", "1 where the lane is stopped.", _LANE)
        self._drift = self._gauge("supply_drift_units", "Units that the book does not explain.", ("ledger",))
        self._supply = self._gauge("supply_units", "Units on the ledger.", ("ledger",))
        self._head = self._gauge("head_height", "Newest block.", ("ledger",))
        self._final = self._gauge("final_height", "Newest final block.", ("ledger",))
        self._clock = self._gauge("clock_skew_seconds", "Behind the newest block of any ledger.", ("ledger",))
        self._events = self._gauge("event_skew", "Official events known at home and not here.", ("ledger",))
        self._readable = self._gauge("ledger_readable", "0 where the ledger could not be read.", ("ledger",))
        self._deliveries = self._gauge("deliveries_left", "Deliveries that the coin pays for.", ("ledger",))
        self._unsigned = self._gauge(
            "attestor_unsigned_batches", "Of the last batches, those not signed.", ("attestor",)
        )
        self._doubted = self._gauge(
            "attestor_endpoints_disagree", "Facts on which an attestor's endpoints disagree.", _SEAT
        )
        self._refused = self._gauge(
            "attestor_refused_batches", "Of what was proposed last, that it saw otherwise.", ("attestor",)
        )
        self._holes = self._gauge("lane_holes", "Counted by a gateway and in no log.", _LANE)
        self._outstanding = self._gauge("messages_under_way", "Final and not at their end.", ())
        self._unattested = self._gauge("messages_unattested", "Of those, without a quorum.", ())
        self._silent = self._gauge(
            "task_silent_seconds", "Since a task gave a sign of life.", ("process", "task")
        )
        self._alarms = self._gauge("alarms", "Alarms of this look.", ("kind",))
        self._heartbeat = self._gauge("watch_heartbeat_seconds", "When the last look ended.", ())

    def _gauge(self, name: str, text: str, labels: Sequence[str]) -> Gauge:
        return Gauge(name, text, labels, namespace="pari", registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer on 127.0.0.1 from a thread of its own. Raises OSError: the port is taken."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)

    def show(self, facts: Facts, found: Sequence[Alarm], now: float) -> None:
        """Take over a look. `now` is the machine's clock, seconds since the epoch."""
        self._show_ledgers(facts)
        for lane in facts.lanes:
            labels = (lane.lane.source, lane.lane.destination, lane.lane.purpose.name)
            self._lag.labels(*labels).set(lane.lag)
            since = facts.time if lane.waiting_since is None else lane.waiting_since
            self._age.labels(*labels).set(facts.time - since)
            self._parked.labels(*labels).set(lane.parked)
            self._unacknowledged.labels(*labels).set(lane.sent - lane.acknowledged)
            self._stopped.labels(*labels).set(int(lane.stopped))
            self._holes.labels(*labels).set(lane.holes)
        for wallet in facts.wallets:
            self._deliveries.labels(wallet.ledger).set(wallet.deliveries_left)
        for signer in facts.signers:
            self._unsigned.labels(signer.attestor).set(signer.batches - signer.signed)
            self._refused.labels(signer.attestor).set(signer.refused)
        self._doubted.clear()
        for (attestor, ledger), number in Counter((one.attestor, one.ledger) for one in facts.doubts).items():
            self._doubted.labels(attestor, ledger).set(number)
        self._outstanding.set(facts.unattested.under_way)
        self._unattested.set(facts.unattested.unattested)
        self._silent.clear()  # of processes that have ended
        for task in facts.tasks:
            self._silent.labels(task.process, task.task).set(task.silent)
        counted = Counter(alarm.kind for alarm in found)
        for kind in AlarmKind:
            self._alarms.labels(kind.value).set(counted[kind])
        self._heartbeat.set(now)

    def _show_ledgers(self, facts: Facts) -> None:
        at_home = max((one.known_events for one in facts.ledgers if one.ledger == facts.home), default=0)
        for ledger in facts.ledgers:
            self._readable.labels(ledger.ledger).set(int(not ledger.problem))
            if ledger.problem:
                continue
            self._head.labels(ledger.ledger).set(ledger.head)
            self._final.labels(ledger.ledger).set(ledger.final)
            self._clock.labels(ledger.ledger).set(facts.time - ledger.head_time)
            self._events.labels(ledger.ledger).set(max(0, at_home - ledger.known_events))
        for book in facts.books:
            self._drift.labels(book.ledger).set(book.drift)
            self._supply.labels(book.ledger).set(book.supply)
