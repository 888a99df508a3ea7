"""Quantities are exact, of one kind, and never below zero (CA-8)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from paripassu.canonical import canonical_json
from paripassu.errors import InvalidQuantity, InvalidRate, NegativeQuantity, QuantityOverflow
from paripassu.quantities import Minor, Rate, Units


def test_sums_and_differences_keep_their_kind() -> None:
    assert type(Units(3) + Units(4)) is Units
    assert type(Units(3) + 4) is Units
    assert type(4 + Units(3)) is Units
    assert type(Units(4) - Units(3)) is Units
    assert type(sum([Minor(1), Minor(2)], Minor(0))) is Minor
    assert 7 - Units(3) == Units(4)


def test_sums_and_differences_are_exact_from_either_side() -> None:
    assert (Units(3) + 4, 4 + Units(3), Units(4) - 3, 7 - Units(3), Units(3) - 3) == (7, 7, 1, 4, 0)
    assert Units(Units(5)) == 5
    assert repr(Units(3)) == "Units(3)"
    assert repr(Minor(3)) == "Minor(3)"


def test_a_refusal_names_the_kind() -> None:
    with pytest.raises(InvalidQuantity, match="minor units cannot be used as units"):
        Units(Minor(1))
    with pytest.raises(InvalidQuantity, match="units and minor units cannot be added or subtracted"):
        Units(1) + Minor(1)


def test_taking_more_than_there_is_is_refused_with_the_figures() -> None:
    with pytest.raises(NegativeQuantity, match="5 units cannot be taken from 4"):
        Units(4) - 5
    with pytest.raises(NegativeQuantity):
        Units(-1)


def test_kinds_do_not_mix() -> None:
    with pytest.raises(InvalidQuantity):
        Units(1) + Minor(1)
    with pytest.raises(InvalidQuantity):
        Minor(1) - Units(1)
    with pytest.raises(InvalidQuantity):
        Units(Minor(1))


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_only_integers_are_quantities(value: object) -> None:
    with pytest.raises(InvalidQuantity):
        Units(value)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuantity):
        Units(1) + value  # type: ignore[operator]


def test_quantities_that_no_ledger_can_book_are_refused() -> None:
    assert Units(2**128 - 1) == 2**128 - 1
    with pytest.raises(QuantityOverflow):
        Units(2**128)
    with pytest.raises(QuantityOverflow):
        Units(2**128 - 1) + 1
    with pytest.raises(QuantityOverflow):
        Minor(2**256)


def test_rate_reads_decimals_and_ratios_exactly() -> None:
    assert Rate("0.37") == Rate("37/100") == Rate(Fraction(37, 100))
    assert Rate("0.45").fraction == Fraction(9, 20)
    assert str(Rate("0.370")) == "37/100"
    assert Rate(2) == Rate("2")
    assert len({Rate("0.5"), Rate("1/2")}) == 1


@pytest.mark.parametrize(
    "value",
    [0.37, True, "", "0", "-1", "1e3", ".5", "1/0", "0/5", "0,37", " 0.37", "\u0663", str(2**128), "1/3/5"],
)
def test_rate_that_is_not_exact_and_positive_is_refused(value: object) -> None:
    with pytest.raises(InvalidRate):
        Rate(value)  # type: ignore[arg-type]


def test_rate_from_a_ledger_must_be_in_lowest_terms() -> None:
    assert Rate.of(37, 100) == Rate("0.37")
    for numerator, denominator in ((74, 200), (0, 1), (1, 0)):
        with pytest.raises(InvalidRate):
            Rate.of(numerator, denominator)


def test_amounts_are_rounded_down_in_minor_units() -> None:
    rate = Rate("1/3")
    assert rate.floor_minor(100, 2) == Minor(3333)
    assert rate.exact_minor(100, 2) == Fraction(10000, 3)
    assert rate.floor_minor(100, 0) == Minor(33)
    assert type(rate.floor_minor(100, 2)) is Minor


def test_id_4_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()
    assert canonical_json({"a": "é", "b": (1, True, None)}) == canonical_json(
        {"b": [1, True, None], "a": "é"}
    )


@pytest.mark.parametrize("document", [{"a": 0.5}, [1.0], {"a": {"b": object()}}, {1: "a"}])
def test_id_4_what_has_no_one_form_is_refused(document: object) -> None:
    with pytest.raises(InvalidQuantity):
        canonical_json(document)  # type: ignore[arg-type]


def test_a_rate_fits_the_contract_to_the_last_number() -> None:
    most = (1 << 128) - 1
    assert Rate.of(most, 1).numerator == Rate.of(1, most).denominator == most
    assert Rate.of(3, 1) == Rate(3)
    for numerator, denominator in ((most + 1, 1), (1, most + 1)):
        with pytest.raises(InvalidRate, match="must be below 2\\*\\*128"):
            Rate.of(numerator, denominator)
    for denominator in (0, -1):
        with pytest.raises(InvalidRate, match=f"cannot have the denominator {denominator}"):
            Rate.of(1, denominator)
