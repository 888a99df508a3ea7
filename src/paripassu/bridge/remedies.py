"""What somebody can do about a message that does not go on: one sentence, and where there is one, a command.

Every reason and every state has an answer; what waits by itself says for what.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from paripassu.bridge.queries import MessageView, resume_command
from paripassu.bridge.retries import waits_for_a_version
from paripassu.bridge.states import MessageState, Reason
from paripassu.identifiers import LedgerId

ID_CHARACTERS = 18
"""So much of a message's id is enough to name it."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Why a message waits, in words, and what to run next; empty where it goes on by itself."""

    sentence: str
    command: str = ""


def remedy(view: MessageView, halted: Collection[LedgerId] = ()) -> Remedy:
    """What to do about a message that has not arrived, or did not come back.

    Args:
        halted: ledgers whose lanes are halted.
    """
    if view.state in (MessageState.SEEN, MessageState.PARKED, MessageState.EXPIRED, MessageState.REFUSED):
        return BY_STATE[view.state](view)
    for ledger in (view.lane.source, view.lane.destination):
        if ledger in halted:
            return Remedy(f"{ledger} is halted; look at what it shows first.", resume_command(ledger))
    known = view.reason.partition(":")[0]
    if known in Reason.__members__:
        return BY_REASON[Reason(known)](view)
    return BY_STATE[view.state](view)


def _waits(sentence: str) -> Callable[[MessageView], Remedy]:
    return lambda view: Remedy(sentence)


def _short(view: MessageView) -> str:
    return view.id.text[:ID_CHARACTERS]


def _start(view: MessageView) -> Remedy:
    lane = view.lane
    command = f"pari lane start {lane.destination} {lane.source} {lane.purpose.word} --reason TEXT"
    return Remedy("The lane is stopped; somebody has to say that it goes on.", command)


def _replay(sentence: str) -> Callable[[MessageView], Remedy]:
    return lambda view: Remedy(sentence, f"pari message replay {_short(view)}")


def _relay(sentence: str) -> Callable[[MessageView], Remedy]:
    return lambda view: Remedy(sentence, f"pari relay --only {_short(view)}")


def _parked(view: MessageView) -> Remedy:
    if waits_for_a_version(view):
        sentence = "It waits until both sides know the version; the relayer tries it again."
        return Remedy(sentence, "pari version list")
    if view.message.expiry:
        sentence = "Mend what parked it and try it again; once it expires it comes back by itself."
    else:
        sentence = "Mend what parked it and try it again, or refuse it, so that it comes back."
    return Remedy(sentence, f"pari message retry {_short(view)}")


def _refused(view: MessageView) -> Remedy:
    if view.reason.startswith(Reason.REFUND_WAITS.value):
        return BY_REASON[Reason.REFUND_WAITS](view)
    if not view.returned:
        return Remedy("It never takes effect; it comes back once attestors have said so at its source.")
    return Remedy("It never takes effect; its source is giving back what it carried.")


BY_REASON: Mapping[Reason, Callable[[MessageView], Remedy]] = {
    Reason.LANE_HALTED: lambda view: Remedy(
        "A ledger of its lane is halted; look at what it shows first.", resume_command("LEDGER")
    ),
    Reason.LANE_STOPPED: _start,
    Reason.BATCH_UNDER_WAY: _waits("It waits by itself for the batch before it in its lane."),
    Reason.EARLIER_MISSING: lambda view: Remedy(
        "An earlier message of its lane has not arrived.", "pari message list --waiting"
    ),
    Reason.DESTINATION_BEHIND: _waits("It waits by itself until its destination's clock is at its time."),
    Reason.AWAITING_SIGNATURES: lambda view: Remedy(
        "A quorum of attestors has to run.", "pari attest --as NAME"
    ),
    Reason.AWAITING_TRANSPORT: lambda view: Remedy(
        "The network that vouches for its lane has not brought it yet.", "pari lane show"
    ),
    Reason.KEY_ROTATED: _waits("A former key's delivery is in no block; it goes by itself by the new key."),
    Reason.ABANDONED: _waits("Its delivery stalled with another process; it goes by itself by our key."),
    Reason.ATTESTORS_ROTATED: _waits("It waits by itself for signatures of the attestors who are new."),
    Reason.ALREADY_EXECUTED: _waits("It has arrived; it waits by itself until that is final."),
    Reason.BACKING_OFF: _replay("It is tried again by itself, or at once."),
    Reason.REFUSED: _replay(
        "Its destination refused the batch; a smaller one goes by itself, or at once."
    ),
    Reason.DESTINATION_UNREACHABLE: lambda view: Remedy(
        "Its destination does not answer; it is tried again by itself once it does.", "pari status"
    ),
    Reason.NOT_EXECUTED: _replay("A delivery left it out; it goes into the next one by itself, or at once."),
    Reason.VERSION_MENDED: _waits("Its destination knows its version now; the retry is under way by itself."),
    Reason.REFUND_WAITS: lambda view: Remedy(
        "Its source does not allow the refund yet; mend why, and it comes by itself.",
        f"pari message show {_short(view)}",
    ),
}
"""By the reason that a message shows."""

BY_STATE: Mapping[MessageState, Callable[[MessageView], Remedy]] = {
    MessageState.SEEN: _waits("It waits by itself until its block is final."),
    MessageState.FINAL: _relay("It waits for a relayer to propose it."),
    MessageState.ATTESTED: _relay("It is signed and waits for a relayer to deliver it."),
    MessageState.BUILT: _relay("Its delivery is stored; a relayer sends it, and never twice."),
    MessageState.SENT: _waits("Its delivery was sent; it waits by itself for a block."),
    MessageState.INCLUDED: _waits("It is in a block; it waits by itself until that is final."),
    MessageState.RETRY: _replay("It is tried again by itself, or at once."),
    MessageState.REORGED: _waits("Its block was replaced; it waits by itself for another one."),
    MessageState.PARKED: _parked,
    MessageState.EXPIRED: _refused,
    MessageState.REFUSED: _refused,
    MessageState.FINALISED: _waits("It has arrived; its source is told of it by itself."),
    MessageState.ACKED: _waits("It has arrived, and its source knows."),
    MessageState.REFUNDED: _waits("Its sender has back what it carried."),
}
"""By the state of a message that shows no reason."""
