"""The security file, schema `paripassu.security/1`: identifiers, and terms that are hashed as they stand."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from paripassu.canonical import Json
from paripassu.config.files import FileModel, located, names_its_file, read_model, read_toml
from paripassu.errors import InconsistentFile, InvalidValue
from paripassu.identifiers import Cfi, Country, CurrencyCode, Fisn, Isin, Lei
from paripassu.quantities import Rate, Units
from paripassu.rules import RuleSet
from paripassu.securities import Security


class _TransferRules(FileModel):
    countries: list[str] = Field(min_length=1)
    classes: list[int] = Field(min_length=1)

    @field_validator("classes")
    @classmethod
    def _uint8(cls, classes: list[int]) -> list[int]:
        if any(not 0 <= number <= 255 for number in classes):
            raise ValueError("an investor class is a number from 0 to 255")
        return classes


class _Terms(FileModel):
    currency: str
    issue_size: int = Field(ge=1)
    nominal: str
    governing_law: str
    form: Literal["registered", "bearer"]
    settlement_cycle: str = Field(pattern=r"^T\+[0-9]$")
    market_time_zone: str
    transfer_rules: _TransferRules
    rights: dict[str, str] = Field(default_factory=dict)


class _Market(FileModel):
    name: str = Field(min_length=1)
    mic: str = Field(pattern=r"^[A-Z0-9]{4}$")
    holidays: list[date] = Field(default_factory=list)


class _Security(FileModel):
    schema_: Literal["paripassu.security/1"] = Field(alias="schema")
    isin: str
    lei: str
    cfi: str
    fisn: str
    name: str = Field(min_length=1)
    symbol: str = Field(min_length=1, max_length=11)
    terms: _Terms
    market: _Market


@names_its_file
def load_security(path: Path | str) -> Security:
    """Read a security file.

    Raises:
        ConfigurationError and IdentifierError leaves, each naming file and key.
    """
    path = Path(path)
    file = read_model(path, _Security)
    terms: dict[str, Json] = read_toml(path)["terms"]
    with located(path, "isin"):
        isin = Isin(file.isin)
    with located(path, "lei"):
        lei = Lei(file.lei)
    with located(path, "cfi"):
        cfi = Cfi(file.cfi)
    with located(path, "fisn"):
        fisn = Fisn(file.fisn)
    with located(path, "terms.currency"):
        currency = CurrencyCode(file.terms.currency)
    with located(path, "terms.nominal"):
        Rate(file.terms.nominal)
    with located(path, "terms.issueSize"):
        issue_size = Units(file.terms.issue_size)
    with located(path, "terms.governingLaw"):
        Country(file.terms.governing_law)
    with located(path, "terms.transferRules.countries"):
        countries = frozenset(Country(code) for code in file.terms.transfer_rules.countries)
    if len(countries) != len(file.terms.transfer_rules.countries):
        raise InconsistentFile(f"{path}, terms.transferRules.countries: a country is listed twice.")
    market_zone(path, file.terms.market_time_zone)
    return Security(
        isin=isin,
        lei=lei,
        cfi=cfi,
        fisn=fisn,
        name=file.name,
        symbol=file.symbol,
        currency=currency,
        issue_size=issue_size,
        settlement_cycle=int(file.terms.settlement_cycle[2:]),
        market=file.market.name,
        market_time_zone=file.terms.market_time_zone,
        holidays=frozenset(file.market.holidays),
        rules=RuleSet(countries, frozenset(file.terms.transfer_rules.classes)),
        terms=terms,
    )


def market_zone(path: Path, name: str) -> ZoneInfo:
    """The IANA time zone of a market. Raises InvalidValue for one that is not known here."""
    try:
        if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", name):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(
            f"{path}: '{name}' is no time zone of the IANA database, like Europe/Paris."
        ) from None
