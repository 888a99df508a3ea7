"""The security file, schema `paripassu.security/1`: identifiers, and terms that are hashed as they stand."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from paripassu.canonical import Json
from paripassu.config.files import FileModel, located, names_its_file, read_model, read_toml
from paripassu.config.types import NetworkConfig
from paripassu.errors import InconsistentFile, InvalidValue
from paripassu.events import REGULATORY_CLASSES
from paripassu.identifiers import Cfi, Country, CurrencyCode, Fisn, Isin, Lei
from paripassu.quantities import Rate, Units
from paripassu.rules import CLASS_LIMIT, MOST_WINDOWS, UNLIMITED, RuleSet, Window
from paripassu.securities import Security

PLEDGED_ENTITLEMENT, PLEDGOR = "pledgedEntitlement", "PLEDGOR"
"""The right that says who is entitled by pledged units, and the one answer that every ledger keeps: a
pledge moves the security interest, and neither title nor beneficial entitlement (ID-6)."""

_Seconds = Annotated[list[int], Field(min_length=2, max_length=2)]
"""From and until: the first second of a window, and the first after it."""


class _TransferRules(FileModel):
    countries: list[str] | None = Field(default=None, min_length=1)
    countries_denied: list[str] | None = Field(default=None, min_length=1)
    classes: list[int] = Field(min_length=1)
    holding_cap: int | None = Field(default=None, ge=1, le=UNLIMITED)
    holder_limit: int | None = Field(default=None, ge=1, lt=1 << 32)
    minimum_lot: int | None = Field(default=None, ge=1, le=UNLIMITED)
    blackout: list[_Seconds] = Field(default_factory=list, max_length=MOST_WINDOWS)

    @field_validator("classes")
    @classmethod
    def _in_bitmap(cls, classes: list[int]) -> list[int]:
        if any(not 0 <= number < CLASS_LIMIT for number in classes):
            raise ValueError(f"an investor class that a rule names is a number from 0 to {CLASS_LIMIT - 1}")
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
    regulatory_class: str = ""


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
    _require_class(path, file.terms.regulatory_class, cfi)
    entitled = file.terms.rights.get(PLEDGED_ENTITLEMENT, PLEDGOR)
    if entitled != PLEDGOR:
        raise InvalidValue(
            f"{path}, terms.rights.{PLEDGED_ENTITLEMENT}: ledgers pay what pledged units bring to the "
            f"{PLEDGOR}, who holds title to them; '{entitled}' would not be kept."
        )
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
    rules = _rules(path, file.terms.transfer_rules)
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
        rules=rules,
        terms=terms,
        mic=file.market.mic,
    )


def _require_class(path: Path, given: str, cfi: Cfi) -> None:
    """Raise InvalidValue for a regulatory class that there is not, or that the CFI is not of (ID-8)."""
    if not given:
        return
    if given not in REGULATORY_CLASSES:
        raise InvalidValue(
            f"{path}, terms.regulatoryClass: '{given}' is none; there are {', '.join(REGULATORY_CLASSES)}."
        )
    if cfi.category not in REGULATORY_CLASSES[given]:
        raise InvalidValue(f"{path}, terms.regulatoryClass: an instrument with the CFI {cfi} is no {given}.")


def _rules(path: Path, rules: _TransferRules) -> RuleSet:
    """The rules as the whole security has them; ledgers apply their shares of cap and limit."""
    where = "terms.transferRules"
    if (rules.countries is None) == (rules.countries_denied is None):
        raise InconsistentFile(f"{path}, {where}: give either 'countries' or 'countriesDenied'.")
    key = "countries" if rules.countries is not None else "countriesDenied"
    codes = rules.countries or rules.countries_denied or []
    with located(path, f"{where}.{key}"):
        countries = frozenset(Country(code) for code in codes)
    if len(countries) != len(codes):
        raise InconsistentFile(f"{path}, {where}.{key}: a country is listed twice.")
    with located(path, f"{where}.blackout"):
        blackout = tuple(Window(start, end) for start, end in rules.blackout)
    return RuleSet(
        countries,
        frozenset(rules.classes),
        deny_list=rules.countries is None,
        holding_cap=None if rules.holding_cap is None else Units(rules.holding_cap),
        holder_limit=rules.holder_limit,
        minimum_lot=Units(rules.minimum_lot or 1),
        blackout=blackout,
    )


def load_securities(network: NetworkConfig) -> dict[Isin, Security]:
    """Every security of a network by its ISIN, in the file's order.

    Raises:
        InconsistentFile: two files are of one ISIN.
        ConfigurationError and IdentifierError leaves as `load_security`.
    """
    found: dict[Isin, Security] = {}
    for path in network.security_paths:
        security = load_security(path)
        if security.isin in found:
            raise InconsistentFile(f"{network.path}, securities: two files are of {security.isin}.")
        found[security.isin] = security
    return found


def security_of(network: NetworkConfig, isin: str = "") -> Security:
    """The security with an ISIN, or the network's first where none is named.

    Raises:
        InconsistentFile: the network has no security with that ISIN.
        ConfigurationError and IdentifierError leaves as `load_security`.
    """
    if not isin:
        return load_security(network.security_path)
    found = load_securities(network)
    if isin not in found:
        raise InconsistentFile(
            f"{network.path}, securities: the network has no {isin}; it has {', '.join(found)}."
        )
    return found[Isin(isin)]


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
