"""Network files for tests: the example of two chains and a book, changed as a test needs it.

    path = two_chains(tmp_path, clients={"bravo": "ganache"})
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from paripassu.examples import example

EQUITY = example("securities/example-equity.toml")
_SECURITY = 'security = "securities/example-equity.toml"'
_RULES = "[terms.transferRules]\n"


def two_chains(
    folder: Path,
    *,
    clients: Mapping[str, str] | None = None,
    without: str = "",
    home: str = "alpha",
    rules: str = "",
    securities: Sequence[Path] = (EQUITY,),
    more: str = "",
) -> Path:
    """Write `network.toml` into a folder, and return its path.

    Args:
        clients: which client runs a chain, by its name; the others stay Anvil.
        without: a ledger that is left out.
        rules: lines for the transfer rules of the first security, of which a copy is written beside.
        securities: files of the securities.
        more: tables at the end.
    """
    text = example("two-chains.toml").read_text("utf-8")
    if without:
        text = _changed(text, rf"\[ledgers\.{without}\].*?(?=\[ledgers\.|\[attestors\])", "")
    for ledger, client in (clients or {}).items():
        text = _changed(text, rf'(\[ledgers\.{ledger}\].*?client = )"anvil"', rf'\1"{client}"')
    if rules:
        copy, first = folder / "security.toml", securities[0].read_text("utf-8")
        copy.write_text(_changed(first, re.escape(_RULES), _RULES + rules), "utf-8")
        securities = (copy, *securities[1:])
    named = ", ".join(f'"{path}"' for path in securities)
    text = _changed(text, re.escape(_SECURITY), f"securities = [{named}]")
    text = _changed(text, 'home = "alpha"', f'home = "{home}"')
    path = folder / "network.toml"
    path.write_text(f"{text}\n{more}", "utf-8")
    return path


def _changed(text: str, old: str, new: str) -> str:
    """The first match of a pattern replaced; there must be one."""
    found, count = re.subn(old, new, text, count=1, flags=re.DOTALL)
    assert count == 1, f"the example has no {old}"
    return found
