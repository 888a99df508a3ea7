"""Long computations in small portions, so that other tasks of the process have their turn between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

PORTION = 16


async def in_turns(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """The function of each item, in order."""
    results: list[B] = []
    for start in range(0, len(items), PORTION):
        results.extend(map(function, items[start : start + PORTION]))
        if start + PORTION < len(items):
            await asyncio.sleep(0)
    return results
