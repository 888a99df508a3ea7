"""An asset record as a security file, from which any network deploys the same security."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from paripassu.specification.asset import AssetRecord


def security_file(record: AssetRecord) -> str:
    """The TOML text of `paripassu.security/1`; its terms are those of the record, key by key."""
    market: dict[str, Any] = dict(record.market)
    market["holidays"] = [date.fromisoformat(str(day)) for day in _list(market["holidays"])]
    return toml_of(
        {
            "schema": "paripassu.security/1",
            "isin": str(record.isin),
            "lei": str(record.lei),
            "cfi": str(record.cfi),
            "fisn": str(record.fisn),
            "name": record.name,
            "symbol": record.symbol,
            "terms": record.terms,
            "market": market,
        }
    )


def toml_of(document: Mapping[str, Any], prefix: str = "") -> str:
    """A document of tables, lists, text, whole numbers, booleans and dates as TOML."""
    tables = {key: value for key, value in document.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}\n" for key, value in document.items() if key not in tables]
    for key, table in tables.items():
        name = f"{prefix}{_key(key)}"
        lines.append(f"\n[{name}]\n{toml_of(table, f'{name}.')}")
    return "".join(lines)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(_value(one) for one in _list(value)) + "]"


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} has no form in a security file")
    return value
