"""Alarms: what is wrong, decided from figures alone, at the limit and beyond it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paripassu.identifiers import LedgerId, keccak256
from paripassu.messages import Lane, Purpose
from paripassu.watch.alarms import Alarm, AlarmKind, Limits, alarms, to_stop
from paripassu.watch.facts import (
    BookFacts,
    DoubtFacts,
    Facts,
    LaneFacts,
    LedgerFacts,
    SignerFacts,
    TaskFacts,
    UnattestedFacts,
    WalletFacts,
)
from paripassu.watch.metrics import Metrics

HOME, BRAVO, REGISTER = LedgerId("eip155:31001"), LedgerId("eip155:31002"), LedgerId("book:register")
LIMITS = Limits(lag=10, age=60, clock=30, deliveries=20, batches=5, quorum=40, silence=20)
NOW = 10_000


def lane(
    source: LedgerId, destination: LedgerId, purpose: Purpose = Purpose.MOVEMENT, **changed: object
) -> LaneFacts:
    plain = LaneFacts(Lane(source, destination, purpose), 5, 5, 5, 0, None)
    return replace(plain, **changed)  # type: ignore[arg-type]


def ledger(id: LedgerId, **changed: object) -> LedgerFacts:
    return replace(LedgerFacts(id, 100, NOW, 98, NOW, 1), **changed)  # type: ignore[arg-type]


LANES = (
    lane(HOME, BRAVO),
    lane(BRAVO, HOME),
    lane(HOME, REGISTER),
    lane(REGISTER, HOME),
    lane(HOME, BRAVO, Purpose.ORDER),
)
FACTS = Facts(
    time=NOW,
    home=HOME,
    ledgers=(ledger(HOME), ledger(BRAVO), ledger(REGISTER)),
    books=(BookFacts(HOME, 600, 1_000, 500, 60, 40), BookFacts(BRAVO, 300, 0, 0, 300, 0)),
    lanes=LANES,
    wallets=(WalletFacts(HOME, 20),),
    signers=(SignerFacts("csd", 5, 1),),
)


DOUBTS = (
    DoubtFacts("csd", HOME, "final blocks", "Endpoints 1 and 2 of alpha disagree about final blocks."),
    DoubtFacts("csd", HOME, "arrivals", "Endpoints 1 and 2 of alpha disagree about arrivals."),
)


def kinds(facts: Facts) -> list[tuple[AlarmKind, str]]:
    return [(alarm.kind, alarm.subject) for alarm in alarms(facts, LIMITS)]


def changed_lane(**changed: object) -> Facts:
    return replace(FACTS, lanes=(replace(LANES[0], **changed), *LANES[1:]))  # type: ignore[arg-type]


def test_nothing_is_wrong_where_every_figure_fits() -> None:
    assert alarms(FACTS, LIMITS) == ()


@pytest.mark.parametrize(("supply", "said"), [(301, "1 units more"), (298, "2 units fewer")])
def test_mov_9_a_drift_says_the_amount_and_stops_the_movements_with_its_ledger_alone(
    supply: int, said: str
) -> None:
    facts = replace(FACTS, books=(FACTS.books[0], replace(FACTS.books[1], supply=supply)))
    (alarm,) = alarms(facts, LIMITS)
    assert (alarm.kind, alarm.subject) == (AlarmKind.SUPPLY_DRIFT, str(BRAVO))
    assert said in alarm.sentence
    assert to_stop((alarm,), facts) == (LANES[0].lane, LANES[1].lane)


def test_mov_9_lanes_that_are_stopped_are_not_stopped_again() -> None:
    drifting = replace(changed_lane(stopped=True), books=(replace(FACTS.books[1], supply=1),))
    found = alarms(drifting, LIMITS)
    assert [alarm.kind for alarm in found] == [AlarmKind.SUPPLY_DRIFT, AlarmKind.LANE_STOPPED]
    assert to_stop(found, drifting) == (LANES[1].lane,)


def test_a1_a_message_that_was_never_sent_stops_its_lane() -> None:
    facts = changed_lane(unsent=(keccak256(b"forged"),))
    (alarm,) = alarms(facts, LIMITS)
    assert alarm.kind is AlarmKind.NEVER_SENT
    assert keccak256(b"forged").text in alarm.sentence
    assert to_stop((alarm,), facts) == (LANES[0].lane,)


def test_ops_1_lag_and_age_are_told_beyond_their_limits() -> None:
    assert kinds(changed_lane(sent=15)) == []
    assert kinds(changed_lane(sent=16)) == [(AlarmKind.LANE_LAG, str(LANES[0].lane))]
    assert kinds(changed_lane(waiting_since=NOW - 60)) == []
    assert kinds(changed_lane(waiting_since=NOW - 61)) == [(AlarmKind.IN_TRANSIT_AGE, str(LANES[0].lane))]


def test_ops_1_clocks_that_part_and_ledgers_that_do_not_answer_are_told() -> None:
    def with_bravo(**changed: object) -> Facts:
        return replace(FACTS, ledgers=(ledger(HOME), ledger(BRAVO, **changed), ledger(REGISTER)))

    assert kinds(with_bravo(head_time=NOW - 30)) == []
    assert kinds(with_bravo(head_time=NOW - 31)) == [(AlarmKind.CLOCK_SKEW, str(BRAVO))]
    assert kinds(with_bravo(problem="no answer", head_time=0)) == [(AlarmKind.LEDGER_UNREADABLE, str(BRAVO))]


def test_ops_1_an_event_that_one_ledger_does_not_know_is_told_once_its_message_is_no_longer_young() -> None:
    telling = lane(HOME, BRAVO, Purpose.CORPORATE_ACTION, waiting_since=NOW - 60)
    facts = replace(
        FACTS, ledgers=(ledger(HOME), ledger(BRAVO, known_events=0), ledger(REGISTER)), lanes=(telling,)
    )
    assert kinds(facts) == []
    old = replace(facts, lanes=(replace(telling, waiting_since=NOW - 61),))
    assert (AlarmKind.EVENT_SKEW, str(BRAVO)) in kinds(old)
    assert kinds(replace(facts, lanes=())) == [(AlarmKind.EVENT_SKEW, str(BRAVO))]


def test_ops_1_coin_is_counted_in_deliveries_and_attestors_by_what_they_sign() -> None:
    assert kinds(replace(FACTS, wallets=(WalletFacts(BRAVO, 19),))) == [(AlarmKind.WALLET_LOW, str(BRAVO))]
    assert kinds(replace(FACTS, signers=(SignerFacts("csd", 5, 0),))) == [(AlarmKind.ATTESTOR_SILENT, "csd")]
    assert kinds(replace(FACTS, signers=(SignerFacts("csd", 4, 0),))) == []


def test_a2_what_an_attestor_holds_against_its_endpoints_is_an_alarm_and_a_metric() -> None:
    doubted = replace(FACTS, doubts=DOUBTS)
    assert kinds(doubted) == [(AlarmKind.ENDPOINTS_DISAGREE, f"csd@{HOME}")] * 2
    metrics, name = Metrics(), "pari_attestor_endpoints_disagree"
    where = {"attestor": "csd", "ledger": str(HOME)}
    metrics.show(doubted, alarms(doubted, LIMITS), now=1.0)
    assert metrics.registry.get_sample_value(name, where) == 2
    metrics.show(FACTS, (), now=2.0)
    assert not metrics.registry.get_sample_value(name, where)
def test_ops_1_an_attestor_that_saw_something_else_is_told() -> None:
    facts = replace(FACTS, signers=(SignerFacts("csd", 5, 4, 1),))
    (alarm,) = alarms(facts, LIMITS)
    assert (alarm.kind, alarm.subject) == (AlarmKind.ATTESTOR_DISAGREES, "csd")
    assert not alarm.stops, "one lying attestor stops nothing"


def test_ops_1_messages_without_a_quorum_are_told_with_their_share() -> None:
    def waiting(since: int | None) -> Facts:
        return replace(FACTS, unattested=UnattestedFacts(8, 3, since))

    assert kinds(waiting(None)) == kinds(waiting(NOW - 40)) == []
    (alarm,) = alarms(waiting(NOW - 41), LIMITS)
    assert (alarm.kind, alarm.subject) == (AlarmKind.UNATTESTED, "attestors")
    assert "3 of 8 messages under way have no quorum" in alarm.sentence


def test_ops_1_what_a_gateway_counts_and_no_log_shows_is_told_and_stops_nothing() -> None:
    (alarm,) = alarms(changed_lane(holes=2), LIMITS)
    assert (alarm.kind, alarm.subject) == (AlarmKind.HOLES, str(LANES[0].lane))
    assert not alarm.stops


def test_ops_1_a_task_that_gives_no_sign_of_life_is_told() -> None:
    def silent(seconds: float) -> Facts:
        return replace(FACTS, tasks=(TaskFacts("host/7", "relayer.deliver.bravo", seconds),))

    assert kinds(silent(20.0)) == []
    assert kinds(silent(20.5)) == [(AlarmKind.TASK_SILENT, "relayer.deliver.bravo")]


def test_ops_1_metrics_show_the_last_look() -> None:
    metrics = Metrics()
    drifting = replace(
        changed_lane(sent=16, waiting_since=NOW - 61, acknowledged=3),
        books=(FACTS.books[0], replace(FACTS.books[1], supply=305)),
    )
    metrics.show(drifting, alarms(drifting, LIMITS), now=1_700.0)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"pari_{name}", labels)

    where = {"source": str(HOME), "destination": str(BRAVO), "purpose": "MOVEMENT"}
    assert value("lane_lag_messages", **where) == 11
    assert value("lane_oldest_seconds", **where) == 61
    assert value("lane_unacknowledged_messages", **where) == 13
    assert value("supply_drift_units", ledger=str(BRAVO)) == 5
    assert value("supply_drift_units", ledger=str(HOME)) == 0
    assert value("alarms", kind="SUPPLY_DRIFT") == 1
    assert value("alarms", kind="WALLET_LOW") == 0
    assert value("watch_heartbeat_seconds") == 1_700
    waiting = replace(
        changed_lane(holes=2),
        signers=(SignerFacts("csd", 5, 4, 1),),
        unattested=UnattestedFacts(8, 3, NOW),
        tasks=(TaskFacts("host/7", "relayer", 2.5),),
    )
    metrics.show(waiting, (), 1_701.0)
    assert value("lane_holes", **where) == 2
    assert value("attestor_refused_batches", attestor="csd") == 1
    assert value("messages_under_way") == 8
    assert value("messages_unattested") == 3
    assert value("task_silent_seconds", process="host/7", task="relayer") == 2.5
    metrics.show(FACTS, (), now=1_705.0)
    assert value("task_silent_seconds", process="host/7", task="relayer") is None, "it ended by itself"
    assert value("lane_lag_messages", **where) == 0
    assert value("supply_drift_units", ledger=str(BRAVO)) == 0
    assert value("alarms", kind="SUPPLY_DRIFT") == 0


def test_every_alarm_names_the_next_command() -> None:
    broken = replace(
        changed_lane(sent=50, waiting_since=0, stopped=True, unsent=(keccak256(b"forged"),), holes=1),
        ledgers=(
            ledger(HOME),
            ledger(BRAVO, known_events=0, head_time=0),
            ledger(REGISTER, problem="No answer."),
        ),
        books=(replace(FACTS.books[0], supply=0),),
        wallets=(WalletFacts(HOME, 0),),
        signers=(SignerFacts("csd", 9, 0, 1),),
        doubts=DOUBTS,
        unattested=UnattestedFacts(4, 2, 0),
        tasks=(TaskFacts("host/7", "relayer.deliver.bravo", 99.0),),
    )
    found: tuple[Alarm, ...] = alarms(broken, LIMITS)
    assert {alarm.kind for alarm in found} == set(AlarmKind)
    assert all(alarm.next_command.startswith("pari ") and alarm.sentence.endswith(".") for alarm in found)
