"""Exact quantities: units of a security, minor units of a currency, rates.

Integers and rationals only (CA-8). A quantity of one kind cannot be added to the
other kind, cannot go below zero, and cannot exceed what contracts can book.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import ClassVar, Final, Self

from paripassu.errors import InvalidQuantity, InvalidRate, NegativeQuantity, QuantityOverflow


class _Quantity(int):
    """Non-negative integer of one kind; `+` and `-` keep the kind."""

    __slots__ = ()
    _name: ClassVar[str] = "quantity"
    _limit: ClassVar[int] = 1 << 256

    def __new__(cls, value: int) -> Self:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidQuantity(f"A number of {cls._name} must be an integer, not {value!r}.")
        if isinstance(value, _Quantity) and not isinstance(value, cls):
            raise InvalidQuantity(f"{value._name} cannot be used as {cls._name}.")
        if value < 0:
            raise NegativeQuantity(f"A number of {cls._name} cannot be {int(value)}.")
        if value >= cls._limit:
            raise QuantityOverflow(f"{int(value)} {cls._name} is more than a ledger can book.")
        return super().__new__(cls, value)

    def _same_kind(self, other: int) -> int:
        if isinstance(other, _Quantity) and type(other) is not type(self):
            raise InvalidQuantity(f"{self._name} and {other._name} cannot be added or subtracted.")
        if isinstance(other, bool) or not isinstance(other, int):
            raise InvalidQuantity(f"{self._name} cannot be added to or subtracted from {other!r}.")
        return int(other)

    def __add__(self, other: int) -> Self:
        return type(self)(int(self) + self._same_kind(other))

    def __radd__(self, other: int) -> Self:
        return type(self)(self._same_kind(other) + int(self))

    def __sub__(self, other: int) -> Self:
        """Raises NegativeQuantity where more is taken than there is."""
        amount = self._same_kind(other)
        if amount > int(self):
            raise NegativeQuantity(f"{amount} {self._name} cannot be taken from {int(self)}.")
        return type(self)(int(self) - amount)

    def __rsub__(self, other: int) -> Self:
        return type(self)(self._same_kind(other)) - self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"


class Units(_Quantity):
    """Whole units (shares) of a security; below 2**128, the width of a balance in the token."""

    __slots__ = ()
    _name = "units"
    _limit = 1 << 128


class Minor(_Quantity):
    """Amount of cash in minor units of its currency (cents); below 2**256."""

    __slots__ = ()
    _name = "minor units"


ZERO_UNITS: Final = Units(0)
ZERO_MINOR: Final = Minor(0)

_DECIMAL = re.compile(r"(?P<whole>[0-9]{1,38})(?:\.(?P<part>[0-9]{1,38}))?", re.ASCII)
_RATIO = re.compile(r"(?P<numerator>[0-9]{1,39})/(?P<denominator>[0-9]{1,39})", re.ASCII)
_RATE_LIMIT = 1 << 128


class Rate:
    """Cash per unit in major units of a currency, as an exact positive rational in lowest terms.

    Accepts "0.45", "9/20", an int or a Fraction; never a float, which has lost the
    exact value already. Numerator and denominator fit uint128, as in the contract.

    Raises:
        InvalidRate: not positive, not exact, or too large.
    """

    __slots__ = ("_value",)
    _value: Fraction

    def __init__(self, value: str | int | Fraction) -> None:
        if isinstance(value, str):
            fraction = _parse(value)
        elif isinstance(value, (int, Fraction)) and not isinstance(value, bool):
            fraction = Fraction(value)
        else:
            raise InvalidRate(f"A rate must be given as text or an exact number, not {value!r}.")
        if fraction <= 0:
            raise InvalidRate(f"A rate must be above zero, {fraction} is not.")
        if max(fraction.numerator, fraction.denominator) >= _RATE_LIMIT:
            raise InvalidRate(f"A rate's numerator and denominator must be below 2**128, {fraction} is not.")
        self._value = fraction

    @classmethod
    def of(cls, numerator: int, denominator: int) -> Self:
        """The rate of a numerator and denominator that are in lowest terms already, as records hold them."""
        if denominator <= 0:
            raise InvalidRate(f"A rate cannot have the denominator {denominator}.")
        fraction = Fraction(numerator, denominator)
        if (fraction.numerator, fraction.denominator) != (numerator, denominator):
            raise InvalidRate(f"Rate {numerator}/{denominator} is not in lowest terms; write {fraction}.")
        return cls(fraction)

    @property
    def fraction(self) -> Fraction:
        return self._value

    @property
    def numerator(self) -> int:
        return self._value.numerator

    @property
    def denominator(self) -> int:
        return self._value.denominator

    def exact_minor(self, units: int, exponent: int) -> Fraction:
        """units x rate in minor units of a currency with `exponent` decimals, unrounded."""
        return Fraction(self.numerator * int(units) * 10**exponent, self.denominator)

    def floor_minor(self, units: int, exponent: int) -> Minor:
        """units x rate in minor units, rounded down (fraction disposition RDDN)."""
        return Minor(int(units) * self.numerator * 10**exponent // self.denominator)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rate) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Rate", self._value))

    def __str__(self) -> str:
        """The exact ratio, `37/100`."""
        return f"{self.numerator}/{self.denominator}"

    def __repr__(self) -> str:
        return f"Rate('{self}')"


def _parse(text: str) -> Fraction:
    ratio = _RATIO.fullmatch(text)
    if ratio is not None:
        if int(ratio["denominator"]) == 0:
            raise InvalidRate(f"Rate '{text}' has the denominator zero.")
        return Fraction(int(ratio["numerator"]), int(ratio["denominator"]))
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None:
        raise InvalidRate(f"Rate '{text}' must be written like '0.45' or '9/20'.")
    part = decimal["part"] or ""
    return Fraction(int(decimal["whole"] + part), 10 ** len(part))
