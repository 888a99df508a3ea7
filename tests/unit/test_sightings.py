"""What is said of messages in blocks that are not final, decided from what is kept and what is shown."""

from __future__ import annotations

import pytest

from paripassu.bridge.sightings import Changes, Sighting, changes
from paripassu.bridge.states import MessageState, may_become

SEEN = Sighting("m", 12, "a")
GONE = Sighting("m", 12, "a", MessageState.REORGED)
NOTHING = Changes((), (), ())


@pytest.mark.parametrize(
    ("kept", "shown", "final", "read_to", "expected"),
    [
        ([], {"m": "a"}, 10, 10, Changes((), ("m",), ())),
        ([SEEN], {"m": "a"}, 10, 10, NOTHING),
        ([SEEN], {}, 10, 10, Changes((SEEN,), (), ())),
        ([SEEN], {"m": "b"}, 10, 10, Changes((SEEN,), ("m",), ())),
        ([GONE], {}, 10, 10, NOTHING),
        ([GONE], {"m": "a"}, 10, 10, Changes((), ("m",), ())),
        ([SEEN], {}, 12, 11, NOTHING),
        ([SEEN], {}, 12, 12, Changes((SEEN,), (), ())),
    ],
    ids=[
        "new",
        "still there",
        "fell out",
        "in another block",
        "stays out",
        "came back",
        "perhaps final, not read yet",
        "was not among what became final",
    ],
)
def test_mov_4_a_message_that_is_not_final_is_shown_where_its_ledger_shows_it(
    kept: list[Sighting], shown: dict[str, str], final: int, read_to: int, expected: Changes
) -> None:
    assert changes(kept, shown, frozenset(), final=final, read_to=read_to) == expected


@pytest.mark.parametrize("kept", [SEEN, GONE])
@pytest.mark.parametrize("shown", [{}, {"m": "a"}, {"m": "b"}])
def test_mov_4_what_is_final_is_no_longer_only_seen(kept: Sighting, shown: dict[str, str]) -> None:
    assert changes([kept], shown, frozenset({"m"}), final=12, read_to=12) == Changes((), (), ("m",))


def test_mov_4_from_seen_a_message_becomes_final_or_falls_out_and_nothing_else() -> None:
    after = {state for state in MessageState if may_become(MessageState.SEEN, state)}
    assert after == {MessageState.FINAL, MessageState.REORGED}
    assert not any(may_become(state, MessageState.SEEN) for state in MessageState)
