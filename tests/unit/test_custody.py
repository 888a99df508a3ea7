"""Chains of safekeeping accounts and attested breakdowns (UBO-1, UBO-4, UBO-5)."""

from __future__ import annotations

import dataclasses

import pytest

from paripassu.custody import (
    Breakdown,
    ClientLine,
    CustodyNode,
    ShareholdingType,
    SumNode,
    holder_commitment,
    omnibus_node,
    verify_line,
)
from paripassu.errors import BreakdownRefused, TreeSumsBroken
from paripassu.identifiers import AccountId, LedgerId, keccak256
from paripassu.quantities import Units

CUSTODIAN_DE = AccountId(LedgerId("book:register"), "CUSTODIAN-DE")
BENE, OOAC, UKWN = ShareholdingType.BENE, ShareholdingType.OOAC, ShareholdingType.UKWN


def line(name: str, units: int, kind: ShareholdingType = BENE) -> ClientLine:
    return ClientLine(keccak256(name.encode()), kind, Units(units))


LINES = (line("client one", 60), line("client two", 25), line("client three", 5), line("custodian", 10, OOAC))
BREAKDOWN = Breakdown(CUSTODIAN_DE, 1_804_000_000, LINES)


def test_total_is_the_sum_of_the_lines_and_the_root_does_not_depend_on_their_order() -> None:
    assert BREAKDOWN.total == Units(100)
    assert dataclasses.replace(BREAKDOWN, lines=LINES[::-1]).root == BREAKDOWN.root


def test_the_root_changes_with_every_holder_kind_and_quantity() -> None:
    for changed in (
        line("client onf", 60),
        line("client one", 61),
        line("client one", 60, ShareholdingType.NOMI),
    ):
        assert dataclasses.replace(BREAKDOWN, lines=(changed, *LINES[1:])).root != BREAKDOWN.root


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_ubo_5_one_line_is_proved_alone(count: int) -> None:
    breakdown = dataclasses.replace(BREAKDOWN, lines=LINES[:count])
    for each in breakdown.lines:
        assert verify_line(breakdown.root, breakdown.total, each, breakdown.tree().proof(each))


def test_ubo_5_a_proof_proves_no_other_line_total_or_sum() -> None:
    proof = BREAKDOWN.tree().proof(LINES[0])
    assert not verify_line(BREAKDOWN.root, Units(101), LINES[0], proof)
    assert not verify_line(BREAKDOWN.root, BREAKDOWN.total, line("client one", 61), proof)
    understated = (SumNode(proof[0].hash, proof[0].units - 1), *proof[1:])
    assert not verify_line(BREAKDOWN.root, BREAKDOWN.total - 1, LINES[0], understated)
    with pytest.raises(BreakdownRefused, match="no line"):
        BREAKDOWN.tree().proof(line("stranger", 1))


def test_ubo_4_more_than_the_account_holds_is_refused_with_the_excess() -> None:
    BREAKDOWN.check_bound(Units(100))
    with pytest.raises(BreakdownRefused, match="attests 100 units, 1 more than the 99"):
        BREAKDOWN.check_bound(Units(99))


@pytest.mark.parametrize("lines", [(), (line("a", 0),), (line("a", 1), line("a", 2))])
def test_a_breakdown_without_lines_with_empty_or_doubled_lines_is_refused(
    lines: tuple[ClientLine, ...],
) -> None:
    with pytest.raises(BreakdownRefused):
        Breakdown(CUSTODIAN_DE, 0, lines)


def test_ubo_1_the_tree_of_an_omnibus_account_adds_up_with_the_unattested_rest_as_unknown() -> None:
    tree = omnibus_node(CUSTODIAN_DE, Units(130), BREAKDOWN)
    tree.check_sums()
    assert (tree.own, tree.client, tree.total) == (10, 120, 130)
    assert [int(node.own) for node in tree.children if node.kind is UKWN] == [30]
    assert all(node.kind is not UKWN for node in omnibus_node(CUSTODIAN_DE, Units(100), BREAKDOWN).walk())


def test_an_omnibus_tree_of_another_account_or_too_small_a_balance_is_refused() -> None:
    with pytest.raises(BreakdownRefused):
        omnibus_node(AccountId(LedgerId("book:register"), "OTHER"), Units(100), BREAKDOWN)
    with pytest.raises(BreakdownRefused):
        omnibus_node(CUSTODIAN_DE, Units(99), BREAKDOWN)


def test_ubo_1_a_tree_whose_sums_break_names_the_account_and_the_figures() -> None:
    good = CustodyNode(
        "csd",
        Units(0),
        Units(3),
        (CustodyNode("bank", Units(1), Units(2), (CustodyNode("end", Units(2), Units(0)),)),),
    )
    good.check_sums()
    bad = dataclasses.replace(good, client=Units(4))
    with pytest.raises(
        TreeSumsBroken, match="Account 'csd' states 4 client units, but the accounts below it hold 3"
    ):
        bad.check_sums()


def test_ubo_8_a_commitment_depends_on_salt_and_identity() -> None:
    salt = b"sixteen bytes!!!"
    assert holder_commitment(salt, "LEI-1") == holder_commitment(salt, "LEI-1")
    assert holder_commitment(salt, "LEI-1") != holder_commitment(salt, "LEI-2")
    assert holder_commitment(salt, "LEI-1") != holder_commitment(b"another salt....", "LEI-1")
    with pytest.raises(BreakdownRefused, match="16 bytes"):
        holder_commitment(b"short", "LEI-1")
    with pytest.raises(BreakdownRefused, match="empty"):
        holder_commitment(salt, "")
