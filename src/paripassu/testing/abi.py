"""ABI entries as the in-process chain needs them: selectors, and values with names in them.

Names of accounts stand for addresses and mappings for structs, so that tests read as sentences:
`Arguments(inputs, name_or_address).encoded(["holder_fr", {"isin": b"…", …}])`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_abi.abi import decode, encode

from paripassu.identifiers import keccak256

Converter = Callable[[Any], Any]


def type_of(item: Mapping[str, Any]) -> str:
    """Canonical type of an ABI parameter: tuples spelled out."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in item['components'])}){kind[len('tuple') :]}"


def signature(entry: Mapping[str, Any]) -> str:
    """`transfer(address,uint256)` of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(item) for item in entry['inputs'])})"


def selector(entry: Mapping[str, Any]) -> bytes:
    """First four bytes of the hash of the signature."""
    return bytes(keccak256(signature(entry).encode()))[:4]


def interface_id(functions: Sequence[Mapping[str, Any]]) -> bytes:
    """ERC-165 identifier of these functions: their selectors, xored."""
    total = 0
    for entry in functions:
        total ^= int.from_bytes(selector(entry), "big")
    return total.to_bytes(4, "big")


class Arguments:
    """A list of ABI parameters, ready to encode and decode.

    Args:
        items: `inputs` or `outputs` of an ABI entry.
        address: how to read what is given for an address; as it is when left out.
    """

    __slots__ = ("_converters", "_types")

    def __init__(self, items: Sequence[Mapping[str, Any]], address: Converter | None = None) -> None:
        self._types = [type_of(item) for item in items]
        self._converters = [_converter(item, address) for item in items]

    def __len__(self) -> int:
        return len(self._types)

    def encoded(self, values: Sequence[Any]) -> bytes:
        """ABI encoding. Raises ValueError or eth_abi's EncodingError."""
        pairs = zip(self._converters, values, strict=True)
        return encode(self._types, [convert(value) if convert else value for convert, value in pairs])

    def decoded(self, data: bytes) -> tuple[Any, ...]:
        """The values; addresses are lower-case hex. Raises eth_abi's DecodingError."""
        return tuple(decode(self._types, data)) if self._types else ()

    def answer(self, data: bytes) -> Any:
        """The values of a call: None for none, one as it is, several as a tuple."""
        values = self.decoded(data)
        return values if len(values) > 1 else (values[0] if values else None)


def _converter(item: Mapping[str, Any], address: Converter | None) -> Converter | None:
    """What turns a given value into one that can be encoded; None when every value can."""
    kind = str(item["type"])
    if kind.endswith("]"):
        inner = _converter({**item, "type": kind[: kind.rindex("[")]}, address)
        return None if inner is None else lambda values: [inner(value) for value in values]
    if kind == "address":
        return address
    if kind != "tuple":
        return None
    names = [part["name"] for part in item["components"]]
    parts = [_converter(part, address) for part in item["components"]]

    def struct(value: Any) -> tuple[Any, ...]:
        if isinstance(value, Mapping):
            if value.keys() != set(names):
                raise ValueError(f"struct of {names} given as {sorted(value)}")
            value = [value[name] for name in names]
        return tuple(convert(part) if convert else part for convert, part in zip(parts, value, strict=True))

    return struct
