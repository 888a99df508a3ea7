"""The specification sheet: what is written can be read back, and every change is found (ID-9)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.config import load_security
from paripassu.errors import SheetUnreadable
from paripassu.identifiers import LedgerId
from paripassu.specification import (
    InstanceFacts,
    PlatformFacts,
    Section,
    Sheet,
    differences,
    parsed,
    rendered,
    specification_of,
)
from paripassu.specification.facts import ActFacts, ContractFacts

SECURITY = load_security(
    Path(__file__).resolve().parents[2] / "examples" / "securities" / "example-equity.toml"
)
ALPHA, REGISTER = LedgerId("eip155:31001"), LedgerId("book:register")
TOKEN = "0x" + "ab" * 20


def instance(ledger: LedgerId, *, native: bool) -> InstanceFacts:
    return InstanceFacts(
        ledger=ledger,
        native=native,
        asset=f"{ledger}/erc20:{TOKEN}",
        dti="",
        name=SECURITY.name,
        symbol=SECURITY.symbol,
        isin=str(SECURITY.isin),
        lei=str(SECURITY.lei),
        security_id=SECURITY.security_id.text,
        terms_hash=SECURITY.terms_hash.text,
        terms_version=1,
        issue_limit=1_000_000,
        rules={"countries": "DE, FR", "minimum lot": "1"},
        documents={"prospectus": "https://example.org/a|b.pdf 0x12"},
    )


def platform(ledger: LedgerId) -> PlatformFacts:
    return PlatformFacts(
        ledger=ledger,
        name="alpha",
        contracts={"SecurityToken": ContractFacts(TOKEN, 1 << 16, "0x" + "12" * 32, "0x36372b07")},
        roles={"registrar": (TOKEN,), "guarantor": ()},
        acts={"forcedTransfer": ActFacts(2, ("registrar",), ("csd", "regulator"), {"notice": 0})},
    )


def sheet(rules: dict[str, str] | None = None) -> Sheet:
    first = instance(ALPHA, native=True)
    if rules is not None:
        first = replace(first, rules=rules)
    return specification_of(
        SECURITY,
        [first, instance(REGISTER, native=False)],
        [platform(ALPHA), PlatformFacts(REGISTER, "register")],
    )


def test_id_9_what_is_written_is_read_back_cell_by_cell() -> None:
    assert parsed(rendered(sheet()), "sheet.md") == sheet()


def test_id_9_no_difference_without_a_change() -> None:
    assert differences(sheet(), sheet()) == ()


def test_id_9_a_changed_rule_is_found_with_both_values() -> None:
    found = differences(sheet(), sheet({"countries": "DE, FR, US", "minimum lot": "1"}))
    assert [(one.section, one.row, one.column, one.sheet, one.ledgers) for one in found] == [
        ("Rules", "countries", "eip155:31001", "DE, FR", "DE, FR, US")
    ]


def test_id_9_a_rule_that_is_gone_or_new_is_found() -> None:
    lost = replace(instance(REGISTER, native=False), rules={"countries": "DE, FR"})
    fewer = specification_of(
        SECURITY,
        [replace(instance(ALPHA, native=True), rules={"countries": "DE, FR"}), lost],
        [platform(ALPHA), PlatformFacts(REGISTER, "register")],
    )
    assert [(one.row, one.ledgers) for one in differences(sheet(), fewer)] == [("minimum lot", "(none)")]
    assert [(one.row, one.sheet) for one in differences(fewer, sheet())] == [("minimum lot", "(none)")]


def test_id_9_another_ledger_or_section_is_found() -> None:
    alone = specification_of(SECURITY, [instance(ALPHA, native=True)], [platform(ALPHA)])
    sections = {one.section for one in differences(sheet(), alone)}
    assert sections == {"Instances", "Rules", "Documents", "Roles", "Acts that need approvals"}


def test_a_sheet_says_the_identity_the_terms_and_who_may_do_what() -> None:
    text = rendered(sheet())
    for words in (str(SECURITY.isin), "digital twin", "governingLaw", "2 of csd, regulator", "1.0.0"):
        assert words in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no title"),
        ("# T\n", "no section"),
        ("# T\n| a |\n", "before the first section"),
        ("# T\n\n## S\n", "has no table"),
        ("# T\n\n## S\n\nprose\n", "neither heading nor table"),
        ("# T\n\n## S\n\n| a | b |\n| --- | --- |\n| x |\n", "has 1 cells"),
        ("# T\n\n## S\n\n| a |\n| --- |\n| x |\n| x |\n", "twice"),
        ("# T\n\n## S\n\n| a\n", "starts and ends"),
    ],
)
def test_what_is_no_sheet_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(SheetUnreadable, match=words):
        parsed(text, "sheet.md")


def test_cells_with_bars_backslashes_and_nothing_survive() -> None:
    odd = Sheet("T", (Section("S", ("a", "b"), (("x|y", "\\|"), ("z", ""))),))
    assert parsed(rendered(odd), "sheet.md") == odd
