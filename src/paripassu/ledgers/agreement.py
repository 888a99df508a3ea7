"""What several endpoints of one ledger say, held against each other: one pure decision.

A poisoned or broken node must not be enough for a signature, whatever keeps the honest ones from
answering (attack A2, lessons 1 to 3): an endpoint that is silent counts for nothing, one that says
something else stops everything, and no majority is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from paripassu.errors import EndpointsDisagree, EndpointsMissing
from paripassu.ledgers.blocks import BlockRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What one endpoint says, by its place in the list from 1. `problem` is why it says nothing usable."""

    endpoint: int
    value: T | None = None
    problem: str = ""


def agreed(ledger: str, fact: str, answers: Sequence[Answer[T]], needed: int) -> T:
    """The one value that all who answer give.

    Args:
        fact: what was asked, in words.
        needed: how many must answer.

    Raises:
        EndpointsDisagree: two values differ.
        EndpointsMissing: fewer than `needed` answer.
    """
    given = [answer for answer in answers if not answer.problem]
    for other in given[1:]:
        if other.value != given[0].value:
            raise EndpointsDisagree(
                f"Endpoints {given[0].endpoint} and {other.endpoint} of {ledger} disagree about {fact}."
            )
    first = given[0].value if len(given) >= needed else None
    if first is None:
        raise _missing(ledger, answers, needed)
    return first


def common_height(ledger: str, finals: Sequence[Answer[BlockRef]], needed: int) -> int:
    """The highest block that `needed` endpoints hold for final: who lags behind is waited for, not doubted.

    Raises:
        EndpointsMissing: fewer than `needed` answer.
    """
    heights = sorted((one.value.height for one in finals if one.value is not None), reverse=True)
    if len(heights) < needed:
        raise _missing(ledger, finals, needed)
    return heights[needed - 1]


def _missing(ledger: str, answers: Sequence[Answer[T]], needed: int) -> EndpointsMissing:
    problems = "; ".join(f"{one.endpoint}: {one.problem}" for one in answers if one.problem)
    given = sum(not one.problem for one in answers)
    return EndpointsMissing(
        f"{given} of the {len(answers)} endpoints of {ledger} answer, {needed} are needed ({problems})."
    )
