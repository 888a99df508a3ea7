"""The table of rights that the forge tests try is that of the contracts: no function is missing from it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = re.compile(r"\bfunction\s+(\w+)\s*\(([^{;]*?)[{;]", re.DOTALL)
MODIFIER = re.compile(r"\bonly(?:Role\(Roles\.(\w+)\)|Approved\b)")
ROW = re.compile(r'_row\(\s*[\w.()\[\]]+,\s*"(\w+)\(.*?",\s*(?:Roles\.)?(\w+)\s*\)', re.DOTALL)


def in_contracts() -> Counter[tuple[str, str]]:
    """Function and the role that it is bound to, of every restricted external function."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((ROOT / "contracts").rglob("*.sol")):
        for function, head in HEAD.findall(path.read_text(encoding="utf-8")):
            modifier = MODIFIER.search(head)
            if modifier and not function.startswith("_"):
                found[function, modifier[1] or "APPROVED"] += 1
    return found


def test_ctl_12_every_restricted_function_is_in_the_table_of_rights() -> None:
    table = Counter(ROW.findall((ROOT / "tests" / "forge" / "Rights.t.sol").read_text(encoding="utf-8")))
    assert table == in_contracts()
