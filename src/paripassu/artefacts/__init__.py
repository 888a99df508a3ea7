"""The compiled contracts that ship inside the package; no compiler is needed to deploy.

Written by `tools/build_artefacts.py`; a test proves that they come from `contracts/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from paripassu.errors import ArtefactUnknown
from paripassu.identifiers import Bytes32, keccak256


@dataclass(frozen=True, slots=True)
class Artefact:
    """One compiled contract.

    `code` is the runtime code as compiled, with zeros where the constructor writes
    immutables; `code_hash` is its keccak-256. `immutables` has, by the variable's name,
    start and length in bytes of every place that holds it; `SELF` is the contract's
    own address. `rights` says of each restricted function, by signature, who may call it,
    in the words of its access-control tag. `version` is the version tag in the code, None
    where the contract has none.
    """

    name: str
    source_name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    code: bytes
    code_hash: Bytes32
    immutables: Mapping[str, tuple[tuple[int, int], ...]]
    rights: Mapping[str, str]
    version: int | None
    compiler: str
    source_hash: str
    storage_layout: dict[str, Any] | None

    def code_with(self, values: Mapping[str, bytes]) -> bytes:
        """Runtime code once deployed: every immutable at its value.

        Args:
            values: by the variable's name, at most 32 bytes each, filled up on the left
                (an address is 20 bytes). What has no such immutable here is passed over.

        Raises:
            ArtefactUnknown: a value is missing or too long, so the code cannot be known.
        """
        code = bytearray(self.code)
        for name, places in self.immutables.items():
            value = values.get(name)
            if value is None:
                raise ArtefactUnknown(f"The code of {self.name} cannot be known without a value for {name}.")
            for start, length in places:
                if len(value) > length:
                    raise ArtefactUnknown(f"The value for {name} of {self.name} has {len(value)} bytes.")
                code[start : start + length] = value.rjust(length, b"\0")
        return bytes(code)

    def code_hash_with(self, values: Mapping[str, bytes]) -> Bytes32:
        """keccak-256 of `code_with(values)`: what EXTCODEHASH answers on a chain."""
        return keccak256(self.code_with(values))

    def values_in(self, code: bytes) -> dict[str, bytes] | None:
        """The immutables of deployed code, by name, as they stand there; None for other code.

        An immutable that differs between its places counts as other code.
        """
        values: dict[str, bytes] = {}
        bare = bytearray(code)
        for name, places in self.immutables.items():
            for start, length in places:
                value = code[start : start + length]
                if values.setdefault(name, value) != value:
                    return None
                bare[start : start + length] = bytes(length)
        return values if bytes(bare) == self.code else None

    def constructor_inputs(self) -> tuple[dict[str, Any], ...]:
        """ABI parameters of the constructor; none where it takes none."""
        for entry in self.abi:
            if entry["type"] == "constructor":
                return tuple(entry["inputs"])
        return ()


@cache
def names() -> tuple[str, ...]:
    """Names of all shipped contracts, sorted."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in files if name.endswith(".json")))


@cache
def load(name: str) -> Artefact:
    """The artefact of contract `name`, for example `SecurityToken`.

    Raises:
        ArtefactUnknown: the package ships no contract of that name.
    """
    if name not in names():
        raise ArtefactUnknown(
            f"No contract {name!r} ships with this version; there are {', '.join(names())}."
        )
    raw = json.loads((resources.files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    return Artefact(
        name=raw["contractName"],
        source_name=raw["sourceName"],
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"][2:]),
        code=bytes.fromhex(raw["deployedBytecode"][2:]),
        code_hash=Bytes32(bytes.fromhex(raw["codeHash"][2:])),
        immutables={
            variable: tuple((start, length) for start, length in places)
            for variable, places in raw["immutableReferences"].items()
        },
        rights=raw["rights"],
        version=raw["version"],
        compiler=raw["compiler"]["version"],
        source_hash=raw["sourceHash"],
        storage_layout=raw.get("storageLayout"),
    )
