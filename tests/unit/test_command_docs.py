"""What documents say of commands: each that they name exists, and every control is in docs/controls.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paripassu.cli.app import _GROUPS, COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.toml")],
    key=lambda path: path.name,
)
CONTROLS = (ROOT / "docs" / "controls.md").read_text("utf-8")
GROUPS = {"holder", "security", "rules", "act", "lane", "version"}
"""Groups of commands that docs/controls.md is about."""

ELSEWHERE = {
    "holder onboard",
    "holder prove",
    "holder list",
    "holder breakdown",
    "security issue",
    "security move",
    "security positions",
}
"""Commands of these groups that are no controls."""


def named(text: str) -> set[str]:
    """Commands that a text names: what follows `pari`, and the words in code that continue such a list.

    `pari holder suspend`, `reinstate` names two; `pari act propose …`, `approve` names a group and a command.
    """
    found: set[str] = set()
    group = ""
    for code, bare in re.findall(r"`([^`\n]+)`|(?:^|[\s(])(pari(?: [a-z][a-z-]*)+)", text):
        words = (code or bare).split()
        if words[0] == "pari" or words[0].endswith("/pari"):
            path = _longest(words[1:])
            found.add(path)
            group = path.rpartition(" ")[0] if path in COMMANDS else path.split(" ")[0]
        elif group and f"{group} {words[0]}" in COMMANDS:
            found.add(f"{group} {words[0]}")
        elif f"act propose {words[0]}" in COMMANDS:
            found.add(f"act propose {words[0]}")
    return found


def _longest(words: list[str]) -> str:
    """As many of the first words as are one command or group; all that look like words where none is."""
    plain = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    for count in range(min(3, len(words)), 0, -1):
        path = " ".join(words[:count])
        if path in COMMANDS or path in _GROUPS:
            return path
    return " ".join(plain[:2])


def unknown_in(text: str) -> set[str]:
    """What a text calls a command, and is none."""
    found = {one for one in named(text) if one and one not in COMMANDS and one not in _GROUPS}
    for words in re.findall(r"pari ((?:act propose|[a-z]+) [a-z][a-z-]+)", text):
        group = words.rpartition(" ")[0]
        if group in _GROUPS and words not in COMMANDS and words not in _GROUPS:
            found.add(words)
    return found - {"passu"}  # the product's own name


def test_a_list_of_commands_is_read_as_one() -> None:
    assert named("`pari holder suspend`, `reinstate` ACCOUNT") == {"holder suspend", "holder reinstate"}
    assert named("next: pari act show 0x12\n`pari --help`") == {"act show", ""}
    assert named("run pari holder bury ACCOUNT") == {"holder"}
    assert named("`pari bury`") == {"bury"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    assert unknown_in(document.read_text("utf-8")) == set()


def test_a_command_that_is_not_there_is_noticed() -> None:
    for text, gone in (("`pari bury`", "bury"), ("`pari act propose bury`", "act propose bury")):
        assert gone not in COMMANDS
        assert unknown_in(text) == {gone}


def test_every_control_is_in_the_document_of_controls() -> None:
    controls = {path for path in COMMANDS if path.split(" ")[0] in GROUPS} - ELSEWHERE
    assert controls - named(CONTROLS) == set()
    assert COMMANDS.keys() >= ELSEWHERE
