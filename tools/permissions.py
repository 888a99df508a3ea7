"""Write docs/permissions.md: who may call what, from the rights in the artefacts (CTL-12).

    python tools/permissions.py            write the page
    python tools/permissions.py --check    exit 1 where the page is old, or a function is nobody's

The build has held the access-control tags against the modifiers. A function without a tag stands in
contracts/open-functions.json with the reason why anybody may call it. A test calls every function.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from paripassu import artefacts
from paripassu.testing.abi import signature

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "permissions.md"
OPEN = ROOT / "contracts" / "open-functions.json"
Reasons = dict[str, dict[str, str]]

INTRODUCTION = """# Who may call what

Every function that changes state, read from the contracts: `make permissions` writes this page,
`make lint` fails where it is out of date, and a test calls each function as a stranger and as every
other role. Roles are those of the AccessManager, from the closed list in `contracts/access/Roles.sol`;
the code binds each function to its role, so nobody can open one to another role. An *approved act*
comes from the Approvals contract once k of n roles agreed. The administrator of the AccessManager says
who holds which role, and can call nothing else here. SecurityToken, SecurityTokenExtension and
SecurityTokenReadings answer together at a token's address.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A function that changes state: who may call it, or why anybody may; one of the two is empty."""

    contract: str
    function: str
    who: str
    why_open: str


def reasons() -> Reasons:
    """By contract and name of a function: why anybody may call it."""
    content: Reasons = json.loads(OPEN.read_text(encoding="utf-8"))
    return content


def rows(anybody: Reasons) -> list[Row]:
    """Every function of our contracts that changes state, by contract and signature."""
    found = []
    for name in artefacts.names():
        artefact = artefacts.load(name)
        if not artefact.source_name.startswith("contracts/"):
            continue
        for entry in artefact.abi:
            if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable"):
                function = signature(entry)
                why = anybody.get(name, {}).get(entry["name"], "")
                found.append(Row(name, function, artefact.rights.get(function, ""), why))
    return sorted(found, key=lambda row: (row.contract, row.function))


def disagreements(found: list[Row], anybody: Reasons) -> list[str]:
    """What is neither restricted nor listed as open, what is both, and what is listed and not there."""
    lines = []
    for row in found:
        if not row.who and not row.why_open:
            lines.append(f"{row.contract}.{row.function}: no access-control tag and no line in {OPEN.name}")
        if row.who and row.why_open:
            lines.append(f"{row.contract}.{row.function}: for {row.who}, yet {OPEN.name} says for anybody")
    there = {(row.contract, row.function.partition("(")[0]) for row in found}
    for contract, functions in anybody.items():
        stale = [name for name in functions if (contract, name) not in there]
        lines += [f"{contract}.{name}: in {OPEN.name}, not in the code" for name in stale]
    return lines


def page(found: list[Row]) -> str:
    """The rows as a page of the documentation."""
    lines = [INTRODUCTION]
    for contract in dict.fromkeys(row.contract for row in found):
        lines += [f"## {contract}", "", "| function | who may call |", "|---|---|"]
        for row in found:
            if row.contract == contract:
                named = re.sub(r"\b[A-Z][A-Z_]{2,}\b", lambda role: f"`{role[0].lower()}`", row.who)
                lines.append(f"| `{row.function}` | {named or 'anybody: ' + row.why_open} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write or check the page; the exit status says whether page, tags and list agree."""
    anybody = reasons()
    found = rows(anybody)
    wrong = disagreements(found, anybody)
    text = page(found)
    if "--check" in sys.argv and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text):
        wrong.append("docs/permissions.md is not what the contracts say; next: make permissions")
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong and "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
