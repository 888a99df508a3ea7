"""ABI coding of calls, results, logs and custom errors, built from a contract's ABI.

Values follow eth_abi: `address` is accepted in any hex form and comes back
checksummed at the top level and inside tuples and arrays, `bytesN` are bytes,
structs are tuples in the order of their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from paripassu.identifiers import checksum_address

Abi = Sequence[Mapping[str, Any]]


def type_of(parameter: Mapping[str, Any]) -> str:
    """Canonical type of an ABI parameter: `(uint256,bytes)[]` for a struct array."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(type_of(part) for part in parameter["components"]) + ")" + kind[len("tuple") :]


def _tidy(kind: str, parameter: Mapping[str, Any], value: Any) -> Any:
    """Checksum every address inside a decoded value."""
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        element = {**parameter, "type": str(parameter["type"])[: str(parameter["type"]).rindex("[")]}
        return tuple(_tidy(inner, element, item) for item in value)
    if kind == "address":
        return checksum_address(_bytes(value))
    if kind.startswith("("):
        parts = parameter["components"]
        return tuple(_tidy(type_of(part), part, item) for part, item in zip(parts, value, strict=True))
    return value


@dataclass(frozen=True, slots=True)
class Parameters:
    """Inputs or outputs of a function, an error, or the data part of an event."""

    items: tuple[Mapping[str, Any], ...]
    types: tuple[str, ...]
    names: tuple[str, ...]

    @staticmethod
    def of(items: Iterable[Mapping[str, Any]]) -> Parameters:
        chosen = tuple(items)
        return Parameters(
            chosen,
            tuple(type_of(item) for item in chosen),
            tuple(str(item.get("name") or f"_{index}") for index, item in enumerate(chosen)),
        )

    def encode(self, values: Sequence[Any]) -> bytes:
        return abi_encode(self.types, values)

    def decode(self, data: bytes) -> tuple[Any, ...]:
        values = abi_decode(self.types, data)
        return tuple(
            _tidy(kind, item, value) for kind, item, value in zip(self.types, self.items, values, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Function:
    """A function: 4-byte selector, inputs and outputs."""

    signature: str
    selector: bytes
    inputs: Parameters
    outputs: Parameters


@dataclass(frozen=True, slots=True)
class Event:
    """An event: topic 0, its indexed parameters one by one, and its data parameters."""

    name: str
    topic: str
    indexed: tuple[Parameters, ...]
    data: Parameters


@dataclass(frozen=True, slots=True)
class CustomError:
    """A decoded custom error: name, and arguments by name."""

    name: str
    args: dict[str, Any]

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in self.args.items())
        return f"{self.name}({shown})"


@dataclass(frozen=True, slots=True)
class DecodedLog:
    """A log by name, with its place on the chain."""

    event: str
    address: str
    args: dict[str, Any]
    height: int
    block_hash: str
    transaction: str
    index: int


class Contract:
    """Codec of one contract's ABI."""

    def __init__(self, name: str, abi: Abi) -> None:
        self.name = name
        self._functions: dict[str, Function] = {}
        self._events: dict[str, Event] = {}
        self._by_topic: dict[str, Event] = {}
        self.errors: dict[bytes, tuple[str, Parameters]] = {}
        for entry in abi:
            kind = entry.get("type")
            if kind == "function":
                self._add_function(entry)
            elif kind == "event":
                self._add_event(entry)
            elif kind == "error":
                inputs = Parameters.of(entry["inputs"])
                signature = f"{entry['name']}({','.join(inputs.types)})"
                self.errors[keccak(text=signature)[:4]] = (str(entry["name"]), inputs)
        constructor: Mapping[str, Any] = next(
            (entry for entry in abi if entry.get("type") == "constructor"), {"inputs": []}
        )
        self.constructor = Parameters.of(constructor["inputs"])

    def _add_function(self, entry: Mapping[str, Any]) -> None:
        inputs, outputs = Parameters.of(entry["inputs"]), Parameters.of(entry["outputs"])
        signature = f"{entry['name']}({','.join(inputs.types)})"
        function = Function(signature, keccak(text=signature)[:4], inputs, outputs)
        self._functions.setdefault(str(entry["name"]), function)
        self._functions[signature] = function

    def _add_event(self, entry: Mapping[str, Any]) -> None:
        everything = Parameters.of(entry["inputs"])
        event = Event(
            str(entry["name"]),
            "0x" + keccak(text=f"{entry['name']}({','.join(everything.types)})").hex(),
            tuple(Parameters.of([item]) for item in entry["inputs"] if item["indexed"]),
            Parameters.of(item for item in entry["inputs"] if not item["indexed"]),
        )
        self._events[event.name] = self._by_topic[event.topic] = event

    def selector(self, function: str) -> bytes:
        """Selector of a function, by name or by full signature where the name is overloaded."""
        return self._functions[function].selector

    def inputs(self, function: str) -> Parameters:
        """Parameters of a function."""
        return self._functions[function].inputs

    def has(self, function: str) -> bool:
        """Whether the ABI has the function."""
        return function in self._functions

    def announces(self, event: str) -> bool:
        """Whether the ABI has the event."""
        return event in self._events

    def encode(self, function: str, *args: Any) -> bytes:
        """Call data of a function."""
        chosen = self._functions[function]
        return chosen.selector + chosen.inputs.encode(args)

    def decode(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Results of a function, in order. Raises ValueError where `data` does not hold them."""
        try:
            return self._functions[function].outputs.decode(data)
        except (DecodingError, OverflowError) as error:
            raise ValueError(f"{self.name}.{function}: {len(data)} bytes that do not decode") from error

    def decode_call(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Name and arguments of call data; raises KeyError for an unknown selector."""
        for name, function in self._functions.items():
            if function.selector == data[:4]:
                return name, function.inputs.decode(data[4:])
        raise KeyError(data[:4].hex())

    def topic(self, event: str) -> str:
        """Topic 0 of an event, 0x…"""
        return self._events[event].topic

    def decode_log(self, log: Mapping[str, Any]) -> DecodedLog | None:
        """Decode a log object of eth_getLogs; None for an event that the ABI does not have."""
        topics = [str(topic).lower() for topic in log["topics"]]
        event = self._by_topic.get(topics[0]) if topics else None
        if event is None or len(topics) != 1 + len(event.indexed):
            return None
        args = {
            one.names[0]: _of_topic(one, bytes.fromhex(topic[2:]))
            for one, topic in zip(event.indexed, topics[1:], strict=True)
        }
        args.update(zip(event.data.names, event.data.decode(_bytes(log["data"])), strict=True))
        return DecodedLog(
            event=event.name,
            address=checksum_address(_bytes(log["address"])),
            args=args,
            height=int(log["blockNumber"], 16),
            block_hash=str(log["blockHash"]),
            transaction=str(log["transactionHash"]),
            index=int(log["logIndex"], 16),
        )


def _of_topic(one: Parameters, word: bytes) -> Any:
    """An indexed parameter's value; the hash alone where it is longer than a word."""
    kind = one.types[0]
    hashed = kind in ("bytes", "string") or kind.endswith((")", "]"))
    return word if hashed else one.decode(word)[0]


def _bytes(data: str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x"))


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
