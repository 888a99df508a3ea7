"""Identifiers of the securities industry, each validated when it is made.

ISIN (ISO 6166), LEI (ISO 17442), DTI (ISO 24165), CFI (ISO 10962), FISN (ISO 18774),
currency (ISO 4217), country (ISO 3166-1). Requirement ID-2: a wrong check digit
never gets past construction. All are `str` subclasses, so they print and compare
as the text that everyone knows.
"""

from __future__ import annotations

import re
from typing import Self

from paripassu.errors import (
    InvalidCfi,
    InvalidDti,
    InvalidFisn,
    InvalidIsin,
    InvalidLei,
    UnknownCountry,
    UnknownCurrency,
)
from paripassu.identifiers.tables import COUNTRY_ALPHA, COUNTRY_NUMERIC, CURRENCY_EXPONENT

_DTI_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
# prefixes that ISO 6166 allots to no country: international securities, derivatives, …
_ISIN_PREFIXES = frozenset(COUNTRY_NUMERIC) | {
    "XS",
    "XA",
    "XB",
    "XC",
    "XD",
    "XF",
    "XT",
    "XK",
    "EU",
    "EZ",
    "QS",
}


def _letters_to_digits(text: str) -> str:
    """A becomes 10 … Z becomes 35, as ISO 6166 and ISO 7064 want it."""
    return "".join(str(int(character, 36)) for character in text)


def isin_check_digit(base: str) -> str:
    """Check digit of the first eleven characters of an ISIN (ISO 6166, modulus 10 double-add-double)."""
    digits = [int(digit) for digit in _letters_to_digits(base)]
    total = 0
    for position, digit in enumerate(reversed(digits)):
        total += sum(divmod(digit * 2, 10)) if position % 2 == 0 else digit
    return str(-total % 10)


def lei_check_digits(base: str) -> str:
    """Check digits of the first eighteen characters of a LEI (ISO 7064, MOD 97-10)."""
    return f"{98 - int(_letters_to_digits(base + '00')) % 97:02d}"


def dti_check_character(base: str) -> str:
    """Check character of the first eight characters of a DTI (ISO 7064, hybrid MOD 31,30)."""
    size = len(_DTI_ALPHABET)
    product = size
    for character in base:
        product = ((product + _DTI_ALPHABET.index(character)) % size or size) * 2 % (size + 1)
    return _DTI_ALPHABET[(1 - product) % size]


class Isin(str):
    """ISIN: two-letter prefix, nine alphanumerics, check digit. Raises InvalidIsin."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", value, re.ASCII):
            raise InvalidIsin(
                f"ISIN '{value}' must be two letters, nine letters or digits, and a check digit."
            )
        if value[:2] not in _ISIN_PREFIXES:
            raise InvalidIsin(
                f"ISIN '{value}' starts with '{value[:2]}', which is no country or ISIN prefix."
            )
        expected = isin_check_digit(value[:11])
        if value[11] != expected:
            raise InvalidIsin(f"ISIN '{value}' ends in check digit {value[11]}, but {expected} is right.")
        return super().__new__(cls, value)


class Lei(str):
    """LEI: eighteen alphanumerics and two check digits. Raises InvalidLei."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not re.fullmatch(r"[A-Z0-9]{18}[0-9]{2}", value, re.ASCII):
            raise InvalidLei(f"LEI '{value}' must be eighteen letters or digits and two check digits.")
        expected = lei_check_digits(value[:18])
        if value[18:] != expected:
            raise InvalidLei(f"LEI '{value}' ends in check digits {value[18:]}, but {expected} is right.")
        return super().__new__(cls, value)


class Dti(str):
    """DTI: eight characters, not starting with 0, without vowels and Y, and a check character."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not re.fullmatch(rf"(?!0)[{_DTI_ALPHABET}]{{9}}", value):
            raise InvalidDti(
                f"DTI '{value}' must be nine digits or consonants other than Y, not starting with 0."
            )
        expected = dti_check_character(value[:8])
        if value[8] != expected:
            raise InvalidDti(f"DTI '{value}' ends in check character {value[8]}, but {expected} is right.")
        return super().__new__(cls, value)


class Cfi(str):
    """CFI: category, group and four attributes, each one capital letter. Raises InvalidCfi."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not re.fullmatch(r"[A-Z]{6}", value, re.ASCII):
            raise InvalidCfi(f"CFI '{value}' must be six capital letters.")
        if value[0] not in "ECDRSOFHIJKLTM":
            raise InvalidCfi(f"CFI '{value}' starts with '{value[0]}', which is no category of ISO 10962.")
        return super().__new__(cls, value)

    @property
    def category(self) -> str:
        """First letter: E equities, D debt, C collective investment, R entitlements, …"""
        return self[0]

    @property
    def in_nominal(self) -> bool:
        """True for securities quoted in nominal (debt), which have no ex date (CA-4)."""
        return self[0] == "D"


class Fisn(str):
    """FISN: short issuer name, a slash, short description; at most 35 characters."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not re.fullmatch(r"[A-Z0-9][A-Z0-9 .%()+-]{0,14}/[A-Z0-9 .%()+-]{1,19}", value, re.ASCII):
            raise InvalidFisn(
                f"FISN '{value}' must be an issuer of up to 15 characters, a slash, and up to 19 characters."
            )
        return super().__new__(cls, value)


class CurrencyCode(str):
    """Currency: three letters of ISO 4217 that have a minor unit. Raises UnknownCurrency."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if value not in CURRENCY_EXPONENT:
            raise UnknownCurrency(f"'{value}' is no currency of ISO 4217 in which amounts can be paid.")
        return super().__new__(cls, value)

    @property
    def exponent(self) -> int:
        """Decimal places of the minor unit: EUR 2, JPY 0, KWD 3."""
        return CURRENCY_EXPONENT[self]


class Country(str):
    """Country: ISO 3166-1 alpha-2. Raises UnknownCountry."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if value not in COUNTRY_NUMERIC:
            raise UnknownCountry(f"'{value}' is no country code of ISO 3166-1 alpha-2.")
        return super().__new__(cls, value)

    @classmethod
    def from_numeric(cls, numeric: int) -> Self:
        """The country that chains know by its numeric code."""
        if numeric not in COUNTRY_ALPHA:
            raise UnknownCountry(f"{numeric} is no numeric country code of ISO 3166-1.")
        return cls(COUNTRY_ALPHA[numeric])

    @property
    def numeric(self) -> int:
        """ISO 3166-1 numeric code, as stored on chains."""
        return COUNTRY_NUMERIC[self]
