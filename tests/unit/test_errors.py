"""Every error has a code of its own, a sentence and a next command."""

from __future__ import annotations

import inspect
import re

import pytest

from paripassu import errors
from paripassu.errors import PariError, RuleError

LEAVES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, PariError)]


def test_codes_are_unique_and_well_formed() -> None:
    codes = [leaf.code for leaf in LEAVES if leaf is not PariError]
    assert all(re.fullmatch(r"PP-[A-Z]{2,3}-\d{3}", code) for code in codes)
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_a_leaf_has_its_branchs_prefix_a_sentence_and_a_next_command(leaf: type[PariError]) -> None:
    lineage: list[type[PariError]] = [base for base in leaf.__mro__ if issubclass(base, PariError)]
    branch = next((base for base in lineage if PariError in base.__bases__), leaf)
    assert leaf.code.rsplit("-", 1)[0] == branch.code.rsplit("-", 1)[0]
    assert (leaf.__doc__ or "").strip()
    assert leaf.next_command
    assert leaf.exit_status != 0


def test_an_error_prints_code_and_sentence_and_defaults_to_its_documentation() -> None:
    assert str(errors.InvalidIsin("No such ISIN.")) == "PP-ID-002: No such ISIN."
    assert errors.InvalidIsin().sentence == "An ISIN (ISO 6166) is malformed or its check digit is wrong."
    assert errors.InvalidIsin(next_command="pari up").next_command == "pari up"


def test_a_rule_error_carries_its_restriction_code() -> None:
    assert RuleError("Refused.", restriction=10).code == "PP-RUL-010"
    assert RuleError("Refused.").code == "PP-RUL-000"
