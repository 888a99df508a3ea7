"""What can happen to a message and a batch, decided by pure checks with named reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from paripassu.bridge.acknowledgements import Arrivals, due
from paripassu.bridge.states import (
    AHEAD,
    ENDS,
    REFUSALS,
    BatchSituation,
    BatchState,
    GivenSignature,
    LaneSituation,
    MessageState,
    Reason,
    backoff_seconds,
    batch_after,
    choose_quorum,
    may_become,
    of_one_route,
    plan,
    submit_obstacle,
)
from paripassu.errors import MalformedMessage
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.port import Attestor, AttestorSet, OutcomeState
from paripassu.messages import PROTOCOL_VERSION, Batch, Lane, Message, Purpose

LANE = Lane(LedgerId("eip155:31001"), LedgerId("book:register"), Purpose.MOVEMENT)
SITUATION = LaneSituation(
    lane=LANE,
    halted=False,
    inbound=4,
    destination_time=1_000,
    under_way=((3, 4),),
    waiting=((5, 990), (6, 995), (7, 1_000), (8, 1_001), (9, 1_002)),
)


def test_a_batch_takes_what_follows_in_order_up_to_the_destinations_time() -> None:
    assert plan(SITUATION) == (5, 7)
    assert plan(replace(SITUATION, destination_time=5_000)) == (5, 9)
    assert plan(replace(SITUATION, destination_time=5_000), limit=2) == (5, 6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"halted": True}, Reason.LANE_HALTED),
        ({"stopped": True}, Reason.LANE_STOPPED),
        ({"under_way": ((5, 6),)}, Reason.BATCH_UNDER_WAY),
        ({"inbound": 2}, Reason.BATCH_UNDER_WAY),
        ({"inbound": 2, "under_way": ()}, Reason.EARLIER_MISSING),
        ({"waiting": ()}, Reason.EARLIER_MISSING),
        ({"inbound": 9, "under_way": ((8, 9),)}, Reason.EARLIER_MISSING),
        ({"destination_time": 989}, Reason.DESTINATION_BEHIND),
    ],
)
def test_no_batch_is_planned_against_a_named_reason(change: dict[str, object], reason: Reason) -> None:
    assert plan(replace(SITUATION, **change)) is reason  # type: ignore[arg-type]


def test_a_gap_behind_the_next_message_ends_the_batch_before_it() -> None:
    assert plan(replace(SITUATION, waiting=((5, 1), (6, 1), (8, 1)))) == (5, 6)


BACKLOG = replace(
    SITUATION, waiting=tuple((nonce, 990) for nonce in range(105, 305)), under_way=((5, 104),)
)


def test_a_full_batch_is_planned_ahead_of_its_turn_and_what_is_less_waits_for_company() -> None:
    assert plan(BACKLOG) == (105, 204)
    assert plan(replace(BACKLOG, waiting=BACKLOG.waiting[:99])) is Reason.BATCH_UNDER_WAY


def test_only_so_many_batches_are_planned_ahead() -> None:
    ahead = tuple((5 + 100 * number, 104 + 100 * number) for number in range(AHEAD + 1))
    waiting = tuple((nonce, 990) for nonce in range(ahead[-1][1] + 1, ahead[-1][1] + 101))
    assert plan(replace(SITUATION, waiting=waiting, under_way=ahead)) is Reason.BATCH_UNDER_WAY
    assert plan(replace(SITUATION, waiting=waiting, under_way=ahead, inbound=104)) == (
        ahead[-1][1] + 1,
        ahead[-1][1] + 100,
    )


def test_what_was_given_up_is_planned_again_before_the_batches_behind_it() -> None:
    behind = replace(SITUATION, under_way=((7, 106),), destination_time=2_000)
    assert plan(behind) == (5, 6)
    first_of_two = replace(SITUATION, under_way=((5, 5), (7, 106)), destination_time=2_000)
    assert plan(first_of_two) is Reason.BATCH_UNDER_WAY


BATCH = BatchSituation(
    halted=False,
    first=5,
    last=7,
    first_time=990,
    set_version=3,
    current_set_version=3,
    inbound=4,
    destination_time=1_000,
    now=50.0,
    not_before=0.0,
)


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({}, None),
        ({"inbound": 6}, None),
        ({"halted": True}, Reason.LANE_HALTED),
        ({"stopped": True}, Reason.LANE_STOPPED),
        ({"current_set_version": 4}, Reason.ATTESTORS_ROTATED),
        ({"inbound": 7}, Reason.ALREADY_EXECUTED),
        ({"inbound": 3}, Reason.EARLIER_MISSING),
        ({"not_before": 50.5}, Reason.BACKING_OFF),
        ({"destination_time": 989}, Reason.DESTINATION_BEHIND),
        ({"destination_time": 989, "inbound": 5}, None),
    ],
)
def test_a_signed_batch_is_sent_unless_a_named_obstacle_stands_against_it(
    change: dict[str, object], obstacle: Reason | None
) -> None:
    assert submit_obstacle(replace(BATCH, **change)) is obstacle  # type: ignore[arg-type]


def member(number: int, entity: str) -> Attestor:
    return Attestor(f"0x{number:040x}", keccak256(entity.encode()))


MEMBERS = AttestorSet(1, 2, (member(30, "csd"), member(10, "bank"), member(20, "bank")))


def given(*numbers: int) -> list[GivenSignature]:
    return [GivenSignature(f"0x{number:040x}", bytes([number])) for number in numbers]


@pytest.mark.parametrize(
    ("signed", "chosen"),
    [
        ((30, 10, 20), (b"\x0a", b"\x1e")),
        ((30, 20), (b"\x14", b"\x1e")),
        ((10, 20), None),  # two keys of one entity
        ((30, 99), None),  # one is not a member
        ((30, 30), None),
        ((), None),
    ],
)
def test_a_quorum_has_distinct_entities_sorted_by_signer(
    signed: tuple[int, ...], chosen: tuple[bytes, ...] | None
) -> None:
    assert choose_quorum(MEMBERS, given(*signed)) == chosen


def test_no_more_signatures_are_sent_than_the_threshold_asks_for() -> None:
    members = AttestorSet(1, 2, tuple(member(n, f"entity {n}") for n in (1, 2, 3, 4, 5)))
    chosen = choose_quorum(members, given(5, 4, 3))
    assert chosen == (b"\x03", b"\x04")


def test_the_destinations_own_record_overrules_every_state_but_an_executed_one() -> None:
    for state in set(MessageState) - {MessageState.SEEN}:  # which the bridge does not act on
        expected = state not in ENDS or state is MessageState.PARKED
        for then in (MessageState.FINALISED, MessageState.EXPIRED, MessageState.REFUSED):
            assert may_become(state, then) is expected or state is then
        assert may_become(state, MessageState.PARKED) is (state not in ENDS)
    after = [state for state in MessageState if may_become(MessageState.FINALISED, state)]
    assert after == [MessageState.ACKED]
    assert may_become(MessageState.PARKED, MessageState.RETRY)  # once both sides know the version (VER-2)


def test_mov_6_what_is_refused_can_only_be_refunded_and_what_is_refunded_is_at_its_end() -> None:
    for refused in REFUSALS:
        after = {state for state in MessageState if may_become(refused, state)}
        assert after == {refused, MessageState.REFUNDED}  # itself, for another reason why it waits
    for end in (MessageState.ACKED, MessageState.REFUNDED):
        assert not any(may_become(end, state) for state in MessageState)


ARRIVALS = Arrivals(arrived=12, acknowledged=10, refused={}, quiet=5.0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"arrived": 19}, False),
        ({"arrived": 20}, True),
        ({"quiet": 29.9}, False),
        ({"quiet": 30.0}, True),
        ({"quiet": 30.0, "arrived": 10}, False),
        ({"refused": {keccak256(b"expired"): 7}}, True),
        ({"refused": {keccak256(b"expired"): 7}, "arrived": 10}, True),  # it had arrived as a parked one
    ],
)
def test_mov_3_a_source_is_told_at_once_of_refusals_and_else_now_and_then(
    change: dict[str, Any], expected: bool
) -> None:
    assert due(replace(ARRIVALS, **change), every=10, quiet=30.0) is expected


def test_every_state_can_be_reached_and_left_but_for_the_end() -> None:
    reachable = {MessageState.SEEN}
    while True:
        more = {then for now in reachable for then in MessageState if may_become(now, then)}
        if more <= reachable:
            break
        reachable |= more
    assert reachable == set(MessageState)


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        (OutcomeState.UNKNOWN, BatchState.BUILT),
        (OutcomeState.PENDING, BatchState.SENT),
        (OutcomeState.INCLUDED, BatchState.INCLUDED),
        (OutcomeState.FINAL, BatchState.INCLUDED),
        (OutcomeState.REFUSED, BatchState.DEAD),
    ],
)
def test_a_sent_batch_stands_where_its_destination_says(outcome: OutcomeState, after: BatchState) -> None:
    assert batch_after(BatchState.SENT, outcome) is after


def test_waiting_after_failures_grows_and_is_bounded() -> None:
    waits = [backoff_seconds(failures) for failures in range(20)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, 60.0)


def test_a_batch_ends_where_sender_recipient_or_version_change() -> None:
    def sent(nonce: int, **changed: Any) -> Message:
        values: dict[str, Any] = {"version": PROTOCOL_VERSION, "sender": b"s", "recipient": b"r", **changed}
        return Message(lane=LANE, nonce=nonce, timestamp=1, expiry=0, payload=b"", **values)

    for other in ({"version": 2 << 16}, {"sender": b"t"}, {"recipient": b"q"}):
        messages = (sent(1), sent(2), sent(3, **other), sent(4))
        assert of_one_route(messages) == messages[:2]
        with pytest.raises(MalformedMessage, match="from one sender to one recipient"):
            Batch(1, messages)
    assert of_one_route((sent(1), sent(2))) == (sent(1), sent(2))
