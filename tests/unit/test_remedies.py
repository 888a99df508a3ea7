"""What to do about a message that waits: every reason and every state has an answer that can be followed."""

from __future__ import annotations

import pytest

from paripassu.bridge.queries import MessageView
from paripassu.bridge.remedies import BY_REASON, BY_STATE, remedy
from paripassu.bridge.states import ENDS, MessageState, Reason
from paripassu.cli.app import COMMANDS
from paripassu.identifiers import LedgerId
from paripassu.messages import Lane, Message, Purpose

ALPHA, BRAVO = LedgerId("eip155:31001"), LedgerId("eip155:31002")
MESSAGE = Message(Lane(ALPHA, BRAVO, Purpose.CORPORATE_ACTION), 1, 100, 0, 1, b"from", b"to", b"what")
SHORT = MESSAGE.id.text[:18]


def view(state: MessageState, reason: str = "", returned: bool = False) -> MessageView:
    return MessageView(MESSAGE.id, MESSAGE, state, reason, "0x", 1, 100, returned)


def test_every_reason_and_every_state_has_a_remedy() -> None:
    assert BY_REASON.keys() == set(Reason)
    assert BY_STATE.keys() == set(MessageState)


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("reason", ["", *Reason], ids=str)
@pytest.mark.parametrize("tail", ["", ": of late"])
def test_what_waits_names_a_command_that_exists_or_says_that_it_waits_by_itself(
    state: MessageState, reason: str, tail: str
) -> None:
    found = remedy(view(state, f"{reason}{tail}"))
    assert found.sentence.endswith(".")
    if found.command:
        words = found.command.split()
        assert words[0] == "pari"
        assert any(" ".join(words[1:count]) in COMMANDS for count in (2, 3, 4))
    else:
        assert "itself" in found.sentence or "It never takes effect" in found.sentence or state in ENDS


def test_mov_9_a_stopped_lane_names_the_command_that_starts_it_at_its_destination() -> None:
    found = remedy(view(MessageState.FINAL, Reason.LANE_STOPPED))
    assert found.command == f"pari lane start {BRAVO} {ALPHA} corporate-action --reason TEXT"


def test_mov_4_a_halted_ledger_is_named_whatever_else_a_message_waits_for() -> None:
    for state in (MessageState.FINAL, MessageState.ATTESTED, MessageState.RETRY):
        found = remedy(view(state, Reason.BACKING_OFF), {ALPHA})
        assert found.command == f"pari lane resume {ALPHA} --reason TEXT"


@pytest.mark.parametrize(
    ("seen", "command"),
    [
        (view(MessageState.RETRY, "BACKING_OFF"), f"pari message replay {SHORT}"),
        (view(MessageState.RETRY, "REFUSED: PP-LED-1: no."), f"pari message replay {SHORT}"),
        (view(MessageState.FINAL, "AWAITING_SIGNATURES: 1 of 2"), "pari attest --as NAME"),
        (view(MessageState.BUILT, "DESTINATION_UNREACHABLE: PP"), "pari status"),
        (view(MessageState.FINAL), f"pari relay --only {SHORT}"),
        (view(MessageState.PARKED, "PP-RUL-005"), f"pari message retry {SHORT}"),
        (view(MessageState.PARKED, "VERSION_UNSUPPORTED"), "pari version list"),
        (view(MessageState.REFUSED, "REFUSED_BY_OPERATOR: no"), ""),
        (view(MessageState.EXPIRED, "REFUND_WAITS: PP-RUL-006"), f"pari message show {SHORT}"),
        (view(MessageState.SEEN), ""),
    ],
    ids=lambda one: one if isinstance(one, str) else f"{one.state} {one.reason}",
)
def test_the_next_command_is_the_one_that_helps(seen: MessageView, command: str) -> None:
    assert remedy(seen).command == command
