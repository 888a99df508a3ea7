"""What every invariant returns."""

from __future__ import annotations

from dataclasses import dataclass, field

Figures = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """Verdict on one invariant, with the figures that lead to it."""

    id: str
    title: str
    ok: bool
    figures: Figures = field(default_factory=dict)
    explanation: str = ""


def result(id: str, title: str, figures: Figures, faults: list[str], holds: str) -> InvariantResult:
    return InvariantResult(id, title, not faults, figures, " ".join(faults) if faults else holds)
