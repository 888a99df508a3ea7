"""What can happen to a message and to a batch: pure decisions with named reasons.

    SEEN → FINAL → ATTESTED → BUILT → SENT → INCLUDED → FINALISED → ACKED
                 side exits: RETRY(reason), REORGED, PARKED(reason), EXPIRED → REFUNDED, REFUSED → REFUNDED

Each check looks at one condition and gives the reason that stands against the
next step, or None. The relayer acts only where no check objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from paripassu.ledgers.port import AttestorSet, OutcomeState
from paripassu.messages import Lane, Message, Purpose

BATCH_LIMIT = 100

AHEAD = 3
"""Full batches of a lane that are signed while an earlier one is delivered."""


class MessageState(StrEnum):
    """Where a message stands. In its `ENDS` nothing is left to be delivered; a parked one can still be
    retried or refused."""

    SEEN = "SEEN"  # in a block of its source that is not final yet; nothing is done for it
    FINAL = "FINAL"  # in a final block of its source
    ATTESTED = "ATTESTED"  # a quorum has signed its batch
    BUILT = "BUILT"  # its delivery is decided and stored, perhaps sent
    SENT = "SENT"  # the destination's node took the delivery
    INCLUDED = "INCLUDED"  # in a block of the destination that is not final yet
    FINALISED = "FINALISED"  # executed in a final block of the destination
    PARKED = "PARKED"  # taken by the destination without effect; the reason says why
    RETRY = "RETRY"  # an attempt came to nothing; the reason says why, another follows
    REORGED = "REORGED"  # its delivery fell out of the destination's chain, or itself out of its source's
    ACKED = "ACKED"  # executed, and the source knows it: attested there in a final block
    EXPIRED = "EXPIRED"  # refused by the destination for good, since it came too late
    REFUSED = "REFUSED"  # refused by the destination's operator for good
    REFUNDED = "REFUNDED"  # its sender took back what it carried, in a final block of the source


REFUSALS = frozenset({MessageState.EXPIRED, MessageState.REFUSED})
"""What never takes effect, and is given back at the source where it carried something."""

ENDS = REFUSALS | {MessageState.FINALISED, MessageState.PARKED, MessageState.ACKED, MessageState.REFUNDED}

REFUNDABLE = (Purpose.MOVEMENT,)
"""Purposes whose messages carry something that their sender takes back."""

_S = MessageState
_ANYWAY = {
    _S.FINALISED,
    _S.PARKED,
    _S.EXPIRED,
    _S.REFUSED,
    _S.RETRY,
}  # the destination's own record overrules every plan of ours
_NEXT: Mapping[MessageState, frozenset[MessageState]] = {
    _S.SEEN: frozenset({_S.FINAL, _S.REORGED}),
    _S.FINAL: frozenset({_S.FINAL, _S.ATTESTED} | _ANYWAY),
    _S.ATTESTED: frozenset({_S.ATTESTED, _S.BUILT} | _ANYWAY),
    _S.BUILT: frozenset({_S.BUILT, _S.SENT, _S.INCLUDED} | _ANYWAY),
    _S.SENT: frozenset({_S.INCLUDED} | _ANYWAY),
    _S.INCLUDED: frozenset({_S.REORGED} | _ANYWAY),
    _S.REORGED: frozenset({_S.SENT, _S.INCLUDED} | _ANYWAY),
    _S.RETRY: frozenset({_S.ATTESTED, _S.BUILT} | _ANYWAY),
    _S.PARKED: frozenset({_S.FINALISED, _S.EXPIRED, _S.REFUSED, _S.RETRY}),
    _S.FINALISED: frozenset({_S.ACKED}),
    _S.ACKED: frozenset(),
    _S.EXPIRED: frozenset({_S.EXPIRED, _S.REFUNDED}),
    _S.REFUSED: frozenset({_S.REFUSED, _S.REFUNDED}),
    _S.REFUNDED: frozenset(),
}


def may_become(now: MessageState, then: MessageState) -> bool:
    """Whether a message may go from one state to another; staying in one is for a new reason."""
    return then in _NEXT[now]


class BatchState(StrEnum):
    """Where a batch stands. DONE and DEAD are ends."""

    PROPOSED = "PROPOSED"  # attestors may sign
    SIGNED = "SIGNED"  # a quorum has signed
    BUILT = "BUILT"  # its delivery has a reference and may have been sent
    SENT = "SENT"
    INCLUDED = "INCLUDED"
    DONE = "DONE"  # final on the destination
    DEAD = "DEAD"  # given up; its messages go into another batch


LIVE_BATCH_STATES = tuple(state for state in BatchState if state not in (BatchState.DONE, BatchState.DEAD))


class Reason(StrEnum):
    """Why a message does not go on for now."""

    LANE_HALTED = "LANE_HALTED"
    LANE_STOPPED = "LANE_STOPPED"
    BATCH_UNDER_WAY = "BATCH_UNDER_WAY"
    EARLIER_MISSING = "EARLIER_MISSING"
    DESTINATION_BEHIND = "DESTINATION_BEHIND"
    AWAITING_SIGNATURES = "AWAITING_SIGNATURES"
    AWAITING_TRANSPORT = "AWAITING_TRANSPORT"
    ATTESTORS_ROTATED = "ATTESTORS_ROTATED"
    KEY_ROTATED = "KEY_ROTATED"
    ALREADY_EXECUTED = "ALREADY_EXECUTED"
    BACKING_OFF = "BACKING_OFF"
    REFUSED = "REFUSED"
    DESTINATION_UNREACHABLE = "DESTINATION_UNREACHABLE"
    NOT_EXECUTED = "NOT_EXECUTED"
    VERSION_MENDED = "VERSION_MENDED"
    REFUND_WAITS = "REFUND_WAITS"
    ABANDONED = "ABANDONED"  # by the process that alone has the key of its transaction


def next_nonce(inbound: int, under_way: Iterable[tuple[int, int]]) -> int:
    """The first nonce of a lane that is neither executed nor in a live batch.

    Args:
        inbound: the last one executed.
        under_way: first and last nonces of live batches, in order.
    """
    nonce = inbound + 1
    for first, last in under_way:
        if first <= nonce:
            nonce = max(nonce, last + 1)
    return nonce


@dataclass(frozen=True, slots=True)
class LaneSituation:
    """What is known of a lane when a batch is planned.

    `halted` is what this bridge says of the lane, `stopped` what its destination's gateway says. `waiting`
    are (nonce, source time) of messages in order; `inbound` is what the destination has executed by its
    newest block, `destination_time` what it expects the next to carry. `under_way` are the first and last
    nonces of live batches, in order.
    """

    lane: Lane
    halted: bool
    inbound: int
    destination_time: int
    under_way: Sequence[tuple[int, int]]
    waiting: Sequence[tuple[int, int]]
    stopped: bool = False

    @property
    def next(self) -> int:
        return next_nonce(self.inbound, self.under_way)

    @property
    def room(self) -> int:
        """How many nonces from there on are in no live batch."""
        return min(
            (first - self.next for first, _ in self.under_way if first > self.next), default=BATCH_LIMIT
        )


def lane_halted(situation: LaneSituation) -> Reason | None:
    return Reason.LANE_HALTED if situation.halted else None


def lane_stopped(situation: LaneSituation) -> Reason | None:
    return Reason.LANE_STOPPED if situation.stopped else None


def batch_under_way(situation: LaneSituation) -> Reason | None:
    """A batch ahead of its turn has to be a full one: what else waits is joined by what comes meanwhile."""
    if situation.next == situation.inbound + 1:
        return None
    ahead = sum(last > situation.inbound for _, last in situation.under_way)
    full = sum(nonce >= situation.next for nonce, _ in situation.waiting) >= BATCH_LIMIT
    return None if full and ahead <= AHEAD else Reason.BATCH_UNDER_WAY


def earlier_missing(situation: LaneSituation) -> Reason | None:
    """The next message in order is not among those at hand."""
    nonces = [nonce for nonce, _ in situation.waiting if nonce >= situation.next]
    return Reason.EARLIER_MISSING if not nonces or nonces[0] != situation.next else None


def destination_behind(situation: LaneSituation) -> Reason | None:
    """The destination's clock has not reached the next message's source time (design section 4)."""
    times = [time for nonce, time in situation.waiting if nonce >= situation.next]
    return Reason.DESTINATION_BEHIND if times and times[0] > situation.destination_time else None


PLAN_CHECKS = (lane_halted, lane_stopped, batch_under_way, earlier_missing, destination_behind)


def plan(situation: LaneSituation, limit: int = BATCH_LIMIT) -> tuple[int, int] | Reason:
    """First and last nonce of the next batch of a lane, or the reason why there is none."""
    for check in PLAN_CHECKS:
        reason = check(situation)
        if reason is not None:
            return reason
    first = last = situation.next
    most = min(limit, situation.room)
    for nonce, time in situation.waiting:
        if nonce == last + 1 and time <= situation.destination_time and last - first + 1 < most:
            last = nonce
    return first, last


def of_one_route(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The first of some messages that go from one sender to one recipient by one version, as a batch does."""
    return tuple(takewhile(lambda message: message.route == messages[0].route, messages))


@dataclass(frozen=True, slots=True)
class GivenSignature:
    """A signature of a batch whose signer has been recovered from it."""

    signer: str
    signature: bytes


def choose_quorum(attestors: AttestorSet, given: Sequence[GivenSignature]) -> tuple[bytes, ...] | None:
    """The signatures that the gateway asks for: of distinct entities, by signer; None if too few."""
    by_signer = {item.signer: item.signature for item in given}
    chosen: dict[str, bytes] = {}
    entities = set()
    for member in sorted(attestors.members, key=lambda member: int(member.signer, 16)):
        if member.signer in by_signer and member.entity not in entities:
            entities.add(member.entity)
            chosen[member.signer] = by_signer[member.signer]
        if len(entities) == attestors.threshold:
            return tuple(chosen.values())
    return None


def entities_among(attestors: AttestorSet, given: Sequence[GivenSignature]) -> int:
    """How many distinct entities of the set have signed."""
    signers = {item.signer for item in given}
    return len({member.entity for member in attestors.members if member.signer in signers})


@dataclass(frozen=True, slots=True)
class BatchSituation:
    """What is known of a signed batch when it could be delivered."""

    halted: bool
    first: int
    last: int
    first_time: int
    set_version: int
    current_set_version: int
    inbound: int
    destination_time: int
    now: float
    not_before: float
    stopped: bool = False


def submit_obstacle(situation: BatchSituation) -> Reason | None:
    """Why a signed batch is not to be sent now."""
    if situation.halted:
        return Reason.LANE_HALTED
    if situation.stopped:
        return Reason.LANE_STOPPED
    if situation.set_version != situation.current_set_version:
        return Reason.ATTESTORS_ROTATED
    if situation.inbound >= situation.last:
        return Reason.ALREADY_EXECUTED
    if situation.inbound < situation.first - 1:
        return Reason.EARLIER_MISSING
    if situation.now < situation.not_before:
        return Reason.BACKING_OFF
    if situation.inbound < situation.first and situation.first_time > situation.destination_time:
        return Reason.DESTINATION_BEHIND
    return None


def batch_after(state: BatchState, outcome: OutcomeState) -> BatchState:
    """Where a sent batch stands, by what its destination says of its delivery."""
    if outcome in (OutcomeState.INCLUDED, OutcomeState.FINAL):
        return BatchState.INCLUDED  # done only once the destination's own record was read to there
    if outcome is OutcomeState.REFUSED:
        return BatchState.DEAD
    if outcome is OutcomeState.UNKNOWN:
        return BatchState.BUILT  # never got there: send again under the same reference
    return BatchState.SENT


def backoff_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: 0.5 s doubling up to a minute."""
    return float(min(60.0, 0.5 * 2 ** min(failures, 10)))
