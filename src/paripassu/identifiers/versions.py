"""Version tags of contracts: text in files and reports, one packed number on chains (VER-1)."""

from __future__ import annotations

import re

from paripassu.errors import InvalidVersion

_MOST = (0xFFFF, 0xFF, 0xFF)


def version_text(tag: int) -> str:
    """A packed tag (major << 16 | minor << 8 | patch) as text: `1.0.0`."""
    return f"{tag >> 16}.{tag >> 8 & 0xFF}.{tag & 0xFF}"


def version_tag(text: str) -> int:
    """The packed tag of a version written as text.

    Raises:
        InvalidVersion: not three numbers, or one that has no room in a tag.
    """
    match = re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text, re.ASCII)
    parts = tuple(int(part) for part in match.groups()) if match else ()
    if not parts or any(part > most for part, most in zip(parts, _MOST, strict=True)):
        raise InvalidVersion(
            f"'{text}' is no version: it is major.minor.patch, 65535.255.255 at the most."
        )
    major, minor, patch = parts
    return major << 16 | minor << 8 | patch
