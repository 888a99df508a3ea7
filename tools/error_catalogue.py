"""Write docs/errors.md from `paripassu.errors`; with --check, fail where the page is not up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from paripassu import errors
from paripassu.errors import PariError
from paripassu.rules import Restriction

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"


def _leaves(kind: type[PariError]) -> list[type[PariError]]:
    found = [kind]
    for child in kind.__subclasses__():
        found += _leaves(child)
    return found


def page() -> str:
    """The catalogue, by code."""
    lines = [
        "# Errors",
        "",
        "Every expected failure has a stable code, one sentence and the next command; the command line",
        "prints the three on standard error and exits with a status that is not zero. This page is",
        "written by `make error-catalogue`.",
        "",
        "| code | what it means | next command |",
        "|---|---|---|",
    ]
    kinds = {kind for kind in _leaves(PariError) if kind.__module__ == errors.__name__} - {PariError}
    for kind in sorted(kinds, key=lambda kind: str(kind.code)):
        meaning = (kind.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{kind.code}` | {meaning} | `{kind.next_command}` |")
    lines += [
        "",
        "## Refused movements",
        "",
        "`PP-RUL-` and the restriction code (ERC-1404), the same on every ledger and in the contract.",
        "",
        "| code | restriction | sentence |",
        "|---|---|---|",
    ]
    lines += [
        f"| `PP-RUL-{int(item):03d}` | {item.name} | {item.sentence} |" for item in Restriction if item
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/errors.md is not what errors.py says; next: make error-catalogue", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
