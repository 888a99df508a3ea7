"""`[[compatibility]]` of the network file: what two versions of a token may do with each other (VER-4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from paripassu.config.files import FileModel, located
from paripassu.config.types import COMPATIBILITY_LEVELS, Compatibility
from paripassu.errors import InconsistentFile
from paripassu.identifiers import version_tag


class CompatibilityModel(FileModel):
    versions: list[str] = Field(min_length=2, max_length=2)
    level: Literal["none", "read", "exchange"]


def compatibilities(path: Path, listed: Sequence[CompatibilityModel]) -> tuple[Compatibility, ...]:
    """The file's judgements, each pair of versions once.

    Raises:
        InvalidVersion: a version is malformed.
        InconsistentFile: a version beside itself, which always exchanges, or a pair judged twice.
    """
    found: dict[tuple[int, int], Compatibility] = {}
    for index, one in enumerate(listed):
        key = f"compatibility[{index}].versions"
        with located(path, key):
            low, high = sorted(version_tag(text) for text in one.versions)
        if low == high:
            raise InconsistentFile(f"{path}, {key}: a version always exchanges units with itself.")
        if (low, high) in found:
            raise InconsistentFile(f"{path}, {key}: {' and '.join(one.versions)} are judged twice.")
        found[low, high] = Compatibility((low, high), COMPATIBILITY_LEVELS.index(one.level))
    return tuple(found.values())
