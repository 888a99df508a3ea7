"""The token specification: a sheet that people read, rendered from what is deployed (ID-9, C22-S)."""

from __future__ import annotations

from paripassu.specification.content import specification_of
from paripassu.specification.facts import InstanceFacts, PlatformFacts
from paripassu.specification.sheet import Difference, Section, Sheet, differences
from paripassu.specification.text import parsed, rendered

__all__ = [
    "Difference",
    "InstanceFacts",
    "PlatformFacts",
    "Section",
    "Sheet",
    "differences",
    "parsed",
    "rendered",
    "specification_of",
]
