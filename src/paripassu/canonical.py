"""Canonical JSON: one byte string for one document, so that hashes of documents agree.

Keys sorted by code point, no spaces, UTF-8 without escapes, integers only. Floats are
refused because two machines may print them differently (requirement ID-4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from paripassu.errors import InvalidQuantity
from paripassu.identifiers import Bytes32, keccak256

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical_json(document: Json) -> bytes:
    """The canonical UTF-8 bytes of a document of maps, lists, text, integers, booleans and null."""
    plain = _plain(document, "document")
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def document_hash(document: Json) -> Bytes32:
    """keccak256 of the canonical bytes."""
    return keccak256(canonical_json(document))


def _plain(value: object, where: str) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidQuantity(f"A canonical document has text keys only, {where} has {key!r}.")
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise InvalidQuantity(f"A canonical document cannot hold {value!r} (at {where}); write it as text.")
