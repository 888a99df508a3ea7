"""A specification sheet as data, and what two of them differ in."""

from __future__ import annotations

from dataclasses import dataclass

ABSENT = "(none)"
"""What a difference shows where one sheet has no such row or section."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a sheet. The first cell of a row names it within its section."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """The rows by their first cells."""
        return {row[0]: row for row in self.rows}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The specification of one security: sections in reading order."""

    title: str
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, object]:
        """Section title -> row name -> column -> value."""
        return {
            "schema": "paripassu.specification/1",
            "title": self.title,
            "sections": {
                section.title: {
                    row[0]: dict(zip(section.columns[1:], row[1:], strict=True)) for row in section.rows
                }
                for section in self.sections
            },
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell in which the ledgers are not as the sheet says."""

    section: str
    row: str
    column: str
    sheet: str
    ledgers: str

    def as_json(self) -> dict[str, str]:
        return {
            "section": self.section,
            "row": self.row,
            "column": self.column,
            "sheet": self.sheet,
            "ledgers": self.ledgers,
        }


def differences(sheet: Sheet, ledgers: Sheet) -> tuple[Difference, ...]:
    """Every cell in which a sheet differs from what the ledgers have, in the sheet's order."""
    found: list[Difference] = []
    if sheet.title != ledgers.title:
        found.append(Difference("title", "", "", sheet.title, ledgers.title))
    said = {section.title: section for section in sheet.sections}
    have = {section.title: section for section in ledgers.sections}
    for title in dict.fromkeys([*said, *have]):
        found += _of_section(title, said.get(title), have.get(title))
    return tuple(found)


def _of_section(title: str, said: Section | None, have: Section | None) -> list[Difference]:
    if said is None or have is None:
        return [Difference(title, "", "", _whole(said), _whole(have))]
    if said.columns != have.columns:
        return [Difference(title, "", "columns", ", ".join(said.columns), ", ".join(have.columns))]
    sheet_rows, ledger_rows = said.by_name(), have.by_name()
    found = []
    for name in dict.fromkeys([*sheet_rows, *ledger_rows]):
        left, right = sheet_rows.get(name), ledger_rows.get(name)
        if left is None or right is None:
            shown = [ABSENT if row is None else ", ".join(row[1:]) for row in (left, right)]
            found.append(Difference(title, name, "", *shown))
            continue
        found += [
            Difference(title, name, column, one, other)
            for column, one, other in zip(said.columns[1:], left[1:], right[1:], strict=True)
            if one != other
        ]
    return found


def _whole(section: Section | None) -> str:
    return ABSENT if section is None else f"{len(section.rows)} rows"
