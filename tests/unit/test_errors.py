"""Every error has a code of its own, one sentence, and a next command that can be run."""

from __future__ import annotations

import inspect
import re

import pytest

from paripassu import errors
from paripassu.cli.app import COMMANDS
from paripassu.errors import EventDatesRefused, PariError, RuleError
from paripassu.rules import Restriction, refusal

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, PariError)]
BRANCHES = [kind for kind in CLASSES if PariError in kind.__bases__]
LEAVES = [kind for kind in CLASSES if kind is not PariError and kind not in BRANCHES]
PROGRAMS = {"make", "pip"}
"""Commands beside `pari` that a remedy may ask for: our users have both."""

PLACEHOLDERS = {"FILE", "LEDGER", "TEXT", "--help", "--json", "--reason", "--waiting"}
"""What a remedy may have behind its command: options, and words in capitals that its reader replaces."""


def named(kind: type[PariError]) -> str:
    return kind.__name__


def branch_of(kind: type[PariError]) -> type[PariError]:
    return next(base for base in kind.__mro__ if base in BRANCHES)


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", BRANCHES, ids=named)
def test_a_branch_has_the_number_zero_of_its_area(kind: type[PariError]) -> None:
    assert re.fullmatch(r"PP-[A-Z]{2,3}-000", kind.code)


@pytest.mark.parametrize("kind", LEAVES, ids=named)
def test_a_leaf_has_a_number_in_the_area_of_its_branch(kind: type[PariError]) -> None:
    area, _, number = kind.code.rpartition("-")
    assert area == branch_of(kind).code.removesuffix("-000")
    assert re.fullmatch(r"\d{3}", number)
    assert number != "000"
    assert "code" in vars(kind)


@pytest.mark.parametrize("kind", CLASSES, ids=named)
def test_the_documentation_begins_with_one_sentence(kind: type[PariError]) -> None:
    first = inspect.getdoc(kind).splitlines()[0]  # type: ignore[union-attr]
    assert re.fullmatch(r"[A-Z].*[^.]\.", first), first
    assert ". " not in first


@pytest.mark.parametrize("kind", CLASSES, ids=named)
def test_the_next_command_can_be_run(kind: type[PariError]) -> None:
    program, *words = kind.next_command.split()
    if program != "pari":
        assert program in PROGRAMS, kind.next_command
        return
    if words == ["--help"]:
        return
    paths = [" ".join(words[:count]) for count in (3, 2, 1)]
    path = next((path for path in paths if path in COMMANDS), "")
    assert path, kind.next_command
    assert set(words[len(path.split()) :]) <= PLACEHOLDERS, kind.next_command


@pytest.mark.parametrize("kind", CLASSES, ids=named)
def test_the_exit_status_says_failure_and_is_not_the_one_of_a_plan_with_changes(
    kind: type[PariError],
) -> None:
    assert kind.exit_status not in (0, 2)


def test_the_tree_in_the_documentation_names_every_branch_with_its_area() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(PP-[A-Z]+)-…", errors.__doc__ or ""))
    assert drawn == {kind.__name__: kind.code.removesuffix("-000") for kind in BRANCHES}


def test_an_error_prints_code_and_sentence_and_defaults_to_its_documentation() -> None:
    assert str(errors.InvalidIsin("No such ISIN.")) == "PP-ID-002: No such ISIN."
    assert errors.InvalidIsin().sentence == "An ISIN (ISO 6166) is malformed or its check digit is wrong."
    assert errors.InvalidIsin(next_command="pari up").next_command == "pari up"


def test_refused_dates_say_every_rule_that_is_broken() -> None:
    error = EventDatesRefused(("One is wrong.", "Another is, too."))
    assert error.sentence == "One is wrong. Another is, too."
    assert error.violations == ("One is wrong.", "Another is, too.")


@pytest.mark.parametrize("restriction", [one for one in Restriction if one], ids=lambda one: one.name)
def test_a_refused_movement_has_the_code_of_its_restriction(restriction: Restriction) -> None:
    error = refusal(restriction, source="holder_fr", target="holder_de", units=7, ledger="alpha")
    assert error.code == f"PP-RUL-{int(restriction):03d}"
    assert error.restriction == restriction
    assert restriction.sentence in error.sentence
    assert " ".join(error.next_command.split()[1:]) in COMMANDS


def test_a_movement_refused_without_a_restriction_has_the_branchs_code() -> None:
    assert RuleError("Refused.").code == "PP-RUL-000"
