"""What is wrong, decided from facts alone, and which lanes have to stop for it (OPS-1, MOV-9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from paripassu.identifiers import LedgerId
from paripassu.messages import Lane, Purpose
from paripassu.watch.facts import Facts


class AlarmKind(StrEnum):
    """What an alarm is about. The first two stop lanes."""

    SUPPLY_DRIFT = "SUPPLY_DRIFT"
    NEVER_SENT = "NEVER_SENT"
    LEDGER_UNREADABLE = "LEDGER_UNREADABLE"
    LANE_LAG = "LANE_LAG"
    IN_TRANSIT_AGE = "IN_TRANSIT_AGE"
    LANE_STOPPED = "LANE_STOPPED"
    EVENT_SKEW = "EVENT_SKEW"
    CLOCK_SKEW = "CLOCK_SKEW"
    WALLET_LOW = "WALLET_LOW"
    ATTESTOR_SILENT = "ATTESTOR_SILENT"
    ENDPOINTS_DISAGREE = "ENDPOINTS_DISAGREE"
    ATTESTOR_DISAGREES = "ATTESTOR_DISAGREES"
    UNATTESTED = "UNATTESTED"
    HOLES = "HOLES"
    TASK_SILENT = "TASK_SILENT"


@dataclass(frozen=True, slots=True)
class Limits:
    """When an alarm is raised: messages, seconds, deliveries, and batches that an attestor may leave out;
    seconds for which a message may have no quorum, and for which a task may give no sign of life."""

    lag: int = 100
    age: int = 600
    clock: int = 300
    deliveries: int = 20
    batches: int = 10
    quorum: int = 120
    silence: int = 60


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong: its subject (a ledger, a lane, an attestor), a sentence, the next command."""

    kind: AlarmKind
    subject: str
    sentence: str
    next_command: str
    stops: tuple[Lane, ...] = ()


def alarms(facts: Facts, limits: Limits) -> tuple[Alarm, ...]:
    """Everything that is wrong, the worst first."""
    return tuple(alarm for check in CHECKS for alarm in check(facts, limits))


def to_stop(found: tuple[Alarm, ...], facts: Facts) -> tuple[Lane, ...]:
    """Lanes that alarms stop and that go on, each once."""
    stopped = {lane.lane for lane in facts.lanes if lane.stopped}
    wanted = dict.fromkeys(lane for alarm in found for lane in alarm.stops)
    return tuple(lane for lane in wanted if lane not in stopped)


def _drift(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for book in facts.books:
        if book.drift:
            more = "more" if book.drift > 0 else "fewer"
            yield Alarm(
                AlarmKind.SUPPLY_DRIFT,
                str(book.ledger),
                f"The supply of {book.ledger} is {book.supply}, {abs(book.drift)} units {more} than it "
                f"issued, took in and let go.",
                "pari reconcile",
                _movements_with(facts, book.ledger),
            )


def _never_sent(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for lane in facts.lanes:
        if lane.unsent:
            yield Alarm(
                AlarmKind.NEVER_SENT,
                str(lane.lane),
                f"{lane.lane.destination} took {len(lane.unsent)} messages that {lane.lane.source} never "
                f"sent, or took them twice, the first {lane.unsent[0]}.",
                f"pari message show {lane.unsent[0].text[:18]}",
                (lane.lane,),
            )


def _unreadable(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for ledger in facts.ledgers:
        if ledger.problem:
            yield Alarm(AlarmKind.LEDGER_UNREADABLE, str(ledger.ledger), ledger.problem, "pari status")


def _stopped(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for lane in facts.lanes:
        if lane.stopped:
            yield Alarm(
                AlarmKind.LANE_STOPPED,
                str(lane.lane),
                f"The lane {lane.lane} is stopped.",
                f"pari lane show {lane.lane.destination}",
            )


def _lag(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for lane in facts.lanes:
        if lane.lag > limits.lag:
            yield Alarm(
                AlarmKind.LANE_LAG,
                str(lane.lane),
                f"{lane.lag} messages of the lane {lane.lane} wait, more than {limits.lag}.",
                "pari message list --waiting",
            )


def _age(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for lane in facts.lanes:
        if lane.waiting_since is not None and facts.time - lane.waiting_since > limits.age:
            yield Alarm(
                AlarmKind.IN_TRANSIT_AGE,
                str(lane.lane),
                f"A message of the lane {lane.lane} has been under way for "
                f"{facts.time - lane.waiting_since} s, more than {limits.age}.",
                "pari message list --waiting",
            )


def _events(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    """Ledgers that know fewer events than the home ledger, once nothing that tells them is young."""
    known = {ledger.ledger: ledger.known_events for ledger in facts.ledgers if not ledger.problem}
    at_home = known.get(facts.home, 0)
    for ledger, count in known.items():
        lanes = [one for one in facts.lanes if _tells(one.lane, facts.home, ledger)]
        young = any(
            one.waiting_since is not None and facts.time - one.waiting_since <= limits.age for one in lanes
        )
        if count < at_home and not young:
            yield Alarm(
                AlarmKind.EVENT_SKEW,
                str(ledger),
                f"{ledger} knows {count} official events, {facts.home} {at_home}.",
                "pari message list --waiting",
            )


def _tells(lane: Lane, home: LedgerId, ledger: LedgerId) -> bool:
    return (lane.source, lane.destination, lane.purpose) == (home, ledger, Purpose.CORPORATE_ACTION)


def _clocks(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for ledger in facts.ledgers:
        behind = facts.time - ledger.head_time
        if not ledger.problem and behind > limits.clock:
            yield Alarm(
                AlarmKind.CLOCK_SKEW,
                str(ledger.ledger),
                f"The newest block of {ledger.ledger} is {behind} s behind that of another ledger, more than "
                f"{limits.clock}.",
                "pari status",
            )


def _wallets(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for wallet in facts.wallets:
        if wallet.deliveries_left < limits.deliveries:
            yield Alarm(
                AlarmKind.WALLET_LOW,
                str(wallet.ledger),
                f"The relayer's coin on {wallet.ledger} pays for {wallet.deliveries_left} more deliveries, "
                f"fewer than {limits.deliveries}: fund its account.",
                "pari status",
            )


def _signers(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for signer in facts.signers:
        if signer.batches >= limits.batches and not signer.signed:
            yield Alarm(
                AlarmKind.ATTESTOR_SILENT,
                signer.attestor,
                f"The attestor '{signer.attestor}' signed none of the last {signer.batches} batches.",
                f"pari attest --as {signer.attestor}",
            )


def _doubts(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for doubt in facts.doubts:
        yield Alarm(
            AlarmKind.ENDPOINTS_DISAGREE,
            f"{doubt.attestor}@{doubt.ledger}",
            f"The attestor '{doubt.attestor}' signs nothing of {doubt.ledger}: {doubt.sentence}",
            "pari status",
        )


def _disagreements(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for signer in facts.signers:
        if signer.refused:
            yield Alarm(
                AlarmKind.ATTESTOR_DISAGREES,
                signer.attestor,
                f"The attestor '{signer.attestor}' refused to sign {signer.refused} of what was proposed "
                "last: it saw something else.",
                "pari message list --waiting",
            )


def _unattested(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    found = facts.unattested
    if found.since is not None and facts.time - found.since > limits.quorum:
        yield Alarm(
            AlarmKind.UNATTESTED,
            "attestors",
            f"{found.unattested} of {found.under_way} messages under way have no quorum, the first for "
            f"{facts.time - found.since} s, more than {limits.quorum}.",
            "pari message list --waiting",
        )


def _holes(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for lane in facts.lanes:
        if lane.holes:
            yield Alarm(
                AlarmKind.HOLES,
                str(lane.lane),
                f"The gateways of the lane {lane.lane} count {lane.holes} messages that no log of their "
                "nodes shows.",
                "pari status",
            )


def _tasks(facts: Facts, limits: Limits) -> Iterator[Alarm]:
    for task in facts.tasks:
        if task.silent > limits.silence:
            yield Alarm(
                AlarmKind.TASK_SILENT,
                task.task,
                f"The task {task.task} of process {task.process} has given no sign of life for "
                f"{task.silent:.0f} s, more than {limits.silence}.",
                "pari status",
            )


CHECKS = (
    _drift,
    _never_sent,
    _unreadable,
    _holes,
    _stopped,
    _disagreements,
    _tasks,
    _unattested,
    _lag,
    _age,
    _events,
    _clocks,
    _wallets,
    _signers,
    _doubts,
)
"""One for each kind of alarm, the worst first."""


def _movements_with(facts: Facts, ledger: LedgerId) -> tuple[Lane, ...]:
    """Lanes of units from and to a ledger: the others go on (MOV-9)."""
    return tuple(
        one.lane
        for one in facts.lanes
        if one.lane.purpose is Purpose.MOVEMENT and ledger in (one.lane.source, one.lane.destination)
    )
