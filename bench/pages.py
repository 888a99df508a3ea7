"""What the pages of results have in common."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


@dataclass(frozen=True, slots=True)
class Target:
    """What a scenario is and the most it may cost: `ceiling` has to hold, `goal` is aimed at."""

    title: str
    ceiling: int
    goal: int

    def status(self, gas: int | None) -> str:
        if gas is None:
            return "not offered yet"
        if gas <= self.goal:
            return "goal met"
        if gas <= self.ceiling:
            return f"within the ceiling, {gas - self.goal:,} above the goal"
        return f"**{gas - self.ceiling:,} above the ceiling**"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def shown(gas: int | None) -> str:
    """Gas with separators; a dash where there is none."""
    return "—" if gas is None else f"{gas:,}"


def written(page: Path, text: str, command: str) -> int:
    """Write a page, or with `--check` among the arguments compare it; the exit code.

    Args:
        command: what of make writes it.
    """
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.read_text(encoding="utf-8") == text:
        return 0
    print(f"docs/{page.name} is not what bench/results says; run `make {command}`.", file=sys.stderr)
    return 1
