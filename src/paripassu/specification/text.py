"""A sheet as Markdown, and back: what is written can be read, by people and by `pari spec --diff`."""

from __future__ import annotations

import re

from paripassu.errors import SheetUnreadable
from paripassu.specification.sheet import Section, Sheet

_SPLIT = re.compile(r"(?<!\\)\|")


def rendered(sheet: Sheet) -> str:
    """Markdown: a heading for each section, and a table under it."""
    parts = [f"# {sheet.title}\n"]
    for section in sheet.sections:
        rows = [section.columns, tuple("---" for _ in section.columns), *section.rows]
        parts.append(f"\n## {section.title}\n\n" + "".join(_line(row) for row in rows))
    return "".join(parts)


def parsed(text: str, origin: str) -> Sheet:
    """The sheet that a Markdown text holds.

    Args:
        origin: where the text is from, for messages.

    Raises:
        SheetUnreadable: it is no sheet, or a table in it is broken; the line is named.
    """
    title = ""
    sections: list[tuple[str, list[tuple[str, ...]]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{origin}, line {number}"
        if line.startswith("## "):
            sections.append((line.removeprefix("## ").strip(), []))
        elif line.startswith("# ") and not title:
            title = line.removeprefix("# ").strip()
        elif line.startswith("|"):
            if not sections:
                raise SheetUnreadable(f"{where}: a table stands before the first section.")
            sections[-1][1].append(_cells(line, where))
        elif line.strip():
            raise SheetUnreadable(f"{where}: '{line.strip()[:40]}' is neither heading nor table.")
    if not title or not sections:
        raise SheetUnreadable(f"{origin} has no title or no section; it is no specification sheet.")
    return Sheet(title, tuple(_section(name, rows, origin) for name, rows in sections))


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |\n"


def _escaped(cell: str) -> str:
    # an empty cell would be lost to the eye
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") or "—"


def _cells(line: str, where: str) -> tuple[str, ...]:
    parts = _SPLIT.split(line.strip())
    if len(parts) < 3 or parts[0] or parts[-1]:
        raise SheetUnreadable(f"{where}: a row of a table starts and ends with '|'.")
    cells = [part.strip().replace("\\|", "|").replace("\\\\", "\\") for part in parts[1:-1]]
    return tuple("" if cell == "—" else cell for cell in cells)


def _section(title: str, rows: list[tuple[str, ...]], origin: str) -> Section:
    if len(rows) < 2:
        raise SheetUnreadable(f"{origin}: section '{title}' has no table.")
    columns, _, *body = rows
    for row in body:
        if len(row) != len(columns):
            raise SheetUnreadable(
                f"{origin}: row '{row[0]}' of section '{title}' has {len(row)} cells, not {len(columns)}."
            )
    names = [row[0] for row in body]
    if len(set(names)) != len(names):
        raise SheetUnreadable(f"{origin}: section '{title}' names a row twice.")
    return Section(title, columns, tuple(body))
