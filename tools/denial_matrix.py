"""Write docs/denial-matrix.md from the table that the contract tests walk (CTL-1).

    python tools/denial_matrix.py            write the page
    python tools/denial_matrix.py --check    exit 1 where the page is not up to date

The table is tests/vectors/denial-matrix.json: what can refuse a movement, by restriction code, and
for each entry point of the token which codes it gives. tests/forge/DenialMatrix.t.sol does every
cell of it against the contracts; a unit test holds it against the list of the token's functions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from paripassu.rules import Restriction

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests" / "vectors" / "denial-matrix.json"
PAGE = ROOT / "docs" / "denial-matrix.md"
NO_KIND = 255
"""Kind of an entry point for which `restrictionOf` has no question."""

REFUSED, PASSES, PARTLY = "●", "·", "◐"


def table() -> dict[str, Any]:
    """The table as the contract tests read it."""
    content: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return content


def conditions_of(content: dict[str, Any], code: int) -> list[str]:
    """What a rule refuses, by the code that it gives."""
    return [item["name"] for item in content["conditions"] if item["code"] == code]


def cell(content: dict[str, Any], entry: dict[str, Any], code: int) -> str:
    """Whether an entry point gives a code: for all, some or none of what the rule refuses."""
    if code not in entry["codes"]:
        return PASSES
    ways = conditions_of(content, code)
    spared = [name for name in ways if name in entry["spared"]]
    return REFUSED if not spared else PASSES if len(spared) == len(ways) else PARTLY


def page() -> str:
    """The matrix as a page of the documentation."""
    content = table()
    codes = [int(item) for item in Restriction if item]
    lines = [
        "# Denial matrix",
        "",
        "Which rule refuses which entry point of the token. Every cell is a test: one rule is broken,",
        "`restrictionOf` is asked, the call is made, and both give the code of the rule, or pass; what is",
        "refused changes nothing. A function of the token that is neither here nor in the list below fails",
        "the build. This page is written by `make denial-matrix`.",
        "",
        f"{REFUSED} refused with this code, {PASSES} the rule does not apply, {PARTLY} it applies in part: "
        "see the notes.",
        "",
        "| entry point | kind | " + " | ".join(str(code) for code in codes) + " |",
        "|---|---|" + "---|" * len(codes),
    ]
    for entry in content["entries"]:
        kind = "" if entry["kind"] == NO_KIND else str(entry["kind"])
        row = " | ".join(cell(content, entry, code) for code in codes)
        lines.append(f"| {entry['name']} | {kind} | {row} |")
    lines += ["", "## Notes", ""]
    for entry in content["entries"]:
        notes = [entry["note"]] if entry["note"] else []
        partly = [code for code in entry["codes"] if cell(content, entry, code) == PARTLY]
        for code in partly:
            spared = [name for name in conditions_of(content, code) if name in entry["spared"]]
            notes.append(f"{code} does not stand for: {', '.join(spared)}.")
        if notes:
            lines.append(f"- **{entry['name']}**: {' '.join(notes)}")
    lines += ["", "## What each rule refuses", "", "| code | rule | refused when |", "|---|---|---|"]
    for code in codes:
        ways = "; ".join(conditions_of(content, code))
        lines.append(f"| {code} | {Restriction(code).name} | {ways} |")
    lines += ["", "## Functions that move nothing", ""]
    lines += ["| function | why it is not in the table |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in sorted(content["moves_nothing"].items())]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the page; the exit status says whether it is up to date."""
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/denial-matrix.md is not the table's; next: make denial-matrix", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
