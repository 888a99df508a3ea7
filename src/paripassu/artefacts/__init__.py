"""The compiled contracts that ship inside the package; no compiler is needed to deploy.

Written by `tools/build_artefacts.py`; a test proves that they come from `contracts/`.
"""

from __future__ import annotations

import json
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
    immutables (`immutables`: start and length in bytes); `code_hash` is its keccak-256.
    """

    name: str
    source_name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    code: bytes
    code_hash: Bytes32
    immutables: tuple[tuple[int, int], ...]
    compiler: str
    source_hash: str
    storage_layout: dict[str, Any] | None

    def code_at(self, address: bytes) -> bytes:
        """Runtime code once deployed at `address` (20 bytes).

        The one immutable that our contracts have is UUPSUpgradeable's own address, so
        the code on a chain follows from the artefact and the address alone.
        """
        code = bytearray(self.code)
        for start, length in self.immutables:
            code[start : start + length] = address.rjust(length, b"\0")
        return bytes(code)

    def code_hash_at(self, address: bytes) -> Bytes32:
        """keccak-256 of `code_at(address)`: what EXTCODEHASH answers on every chain."""
        return keccak256(self.code_at(address))


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
        immutables=tuple((entry["start"], entry["length"]) for entry in raw["immutableReferences"]),
        compiler=raw["compiler"]["version"],
        source_hash=raw["sourceHash"],
        storage_layout=raw.get("storageLayout"),
    )
