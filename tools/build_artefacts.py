"""Compile `contracts/` and write what the package ships: `src/paripassu/artefacts/*.json`.

    python tools/build_artefacts.py            write the artefacts
    python tools/build_artefacts.py --check    compare; exit 1 and list what differs

Each artefact has `contractName`, `sourceName`, `abi`, `bytecode`, `deployedBytecode`,
`immutableReferences` (by variable: start and length of the bytes that the constructor
fills), `codeHash` (keccak-256 of `deployedBytecode` as compiled), `compiler` (version and
settings), `rights` (by signature: who may call, from the access-control tags), `version`
(the version tag in the code) and `sourceHash` (SHA-256 over the hashes of every source the
contract was compiled from). Ours also have `storageLayout`: plain slots, and by ERC-7201
namespace the members of each storage struct.

A tag that does not say what the function's modifier does stops the build.

The output is a function of the sources and the pinned compiler alone: keys sorted, no
dates, no paths of this machine, no node ids of the syntax tree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import posixpath
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solcx
from syntax_tree import Trees

from paripassu.identifiers import keccak256

SOLC_VERSION = "0.8.30"
ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "src" / "paripassu" / "artefacts"
LIBRARY = "@openzeppelin/contracts/"
SHIPPED = (LIBRARY + "access/manager/AccessManager.sol", LIBRARY + "proxy/ERC1967/ERC1967Proxy.sol")


@dataclass(frozen=True, slots=True, order=True)
class Profile:
    """How a contract is compiled: through the intermediate representation or not, and for how many
    runs the optimizer weighs gas against size."""

    via_ir: bool
    runs: int


HOT = Profile(via_ir=False, runs=800)
HOT_IR = Profile(via_ir=True, runs=800)
SMALL = Profile(via_ir=False, runs=1)
SMALL_IR = Profile(via_ir=True, runs=1)

PROFILES = {
    # what movements, onboardings and acts run: for few gas. With less than 800 runs a batch of a hundred new
    # holders would take more than 3,000,000
    "Approvals": HOT_IR,
    "Gateway": HOT_IR,
    "HolderRegistry": HOT_IR,
    "HyperlaneTransport": HOT_IR,
    "SecurityProxy": HOT_IR,
    # and larger through the intermediate representation, which inlines its many small functions
    "SecurityToken": HOT,
    # larger through it too, and rarely run
    "CashToken": SMALL,
    "SecurityTokenExtension": SMALL,
    "SecurityTokenReadings": SMALL,
}
"""Contracts that are not compiled for the least code, and those that come out smaller without the IR."""

IMPORT = re.compile(r"""^\s*import\s+(?:[^'";]*?\sfrom\s+)?["']([^"']+)["']""", re.MULTILINE)


def sources() -> dict[str, str]:
    """Every source of `contracts/` and what it imports, by source unit name."""
    ours = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.sol"))
    found: dict[str, str] = {}
    pending = [*ours, *SHIPPED]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        base = ROOT / "node_modules" if name.startswith("@") else ROOT
        found[name] = (base / name).read_text(encoding="utf-8")
        for target in IMPORT.findall(found[name]):
            pending.append(resolved(name, target))
    return dict(sorted(found.items()))


def resolved(importer: str, target: str) -> str:
    """Source unit name of an import: relative ones are meant from the importing file."""
    if not target.startswith("."):
        return target
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))


def profile_of(name: str) -> Profile:
    """How a contract is compiled: for the least code, unless `PROFILES` says otherwise."""
    return PROFILES.get(name, SMALL_IR)


def settings(profile: Profile = HOT) -> dict[str, Any]:
    """Compiler settings. No metadata: comments and paths do not change the code that is deployed."""
    return {
        "evmVersion": "paris",
        "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
        "optimizer": {"enabled": True, "runs": profile.runs},
        **({"viaIR": True} if profile.via_ir else {}),
    }


CODE = (
    *("abi", "evm.bytecode.object", "evm.deployedBytecode.object"),
    *("evm.deployedBytecode.immutableReferences", "evm.methodIdentifiers"),
    *("devdoc", "metadata", "storageLayout"),
)
"""All that artefacts take of a contract from the compiler."""

RIGHTS = ("devdoc", "evm.methodIdentifiers")
"""What the compiler tells of a contract's rights; without code, which takes most of its time."""


def compile_all(
    profile: Profile = HOT,
    wanted: Iterable[tuple[str, str]] | None = None,
    outputs: Iterable[str] = CODE,
) -> dict[str, Any]:
    """Syntax trees of every source; `outputs` of the contracts `wanted`, by source and name, or of all."""
    per_contract = list(outputs)
    texts = sources()
    selection: dict[str, Any] = {name: {"": ["ast"]} for name in texts}
    for source, name in [(text, "*") for text in texts] if wanted is None else wanted:
        selection[source][name] = per_contract
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": {**settings(profile), "outputSelection": selection},
    }
    try:
        output: dict[str, Any] = solcx.compile_standard(request, solc_version=SOLC_VERSION)
    except solcx.exceptions.SolcError as error:
        raise SystemExit(error.message) from None
    return output


def artefacts() -> dict[str, str]:
    """File name -> content of each deployable contract."""
    files: dict[str, str] = {}
    for profile, wanted in sorted(deployable().items()):
        output = compile_all(profile, wanted)
        trees = Trees(output["sources"])
        for source, name in wanted:
            if f"{name}.json" in files:
                raise SystemExit(f"Two contracts are named {name}; artefacts are found by name.")
            compiled = output["contracts"][source][name]
            files[f"{name}.json"] = written(source, name, compiled, trees, profile)
    return files


def deployable() -> dict[Profile, list[tuple[str, str]]]:
    """Source and name of each contract that ships, by how it is compiled.

    Raises:
        SystemExit: an access-control tag says something else than the modifier.
    """
    output = compile_all(outputs=RIGHTS)
    trees = Trees(output["sources"])
    found: dict[Profile, list[tuple[str, str]]] = {}
    for source in sources():
        if source.startswith("contracts/") or source in SHIPPED:
            for name in sorted(set(trees.deployable_in(source))):
                trees.rights(source, name, output["contracts"][source][name])
                found.setdefault(profile_of(name), []).append((source, name))
    return found


def written(source: str, name: str, compiled: dict[str, Any], trees: Trees, profile: Profile) -> str:
    """The artefact file of a contract."""
    artefact = artefact_of(source, name, compiled, trees, profile)
    if source.startswith("contracts/"):
        artefact["storageLayout"] = trees.storage(source, name, compiled["storageLayout"]["storage"])
    return json.dumps(artefact, indent=1, sort_keys=True) + "\n"


def artefact_of(
    source: str, name: str, compiled: dict[str, Any], trees: Trees, profile: Profile
) -> dict[str, Any]:
    runtime = compiled["evm"]["deployedBytecode"]
    metadata = json.loads(compiled["metadata"])
    hashes = {unit: entry["keccak256"] for unit, entry in metadata["sources"].items()}
    return {
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "codeHash": "0x" + bytes(keccak256(bytes.fromhex(runtime["object"]))).hex(),
        "compiler": {
            "name": "solc",
            "version": metadata["compiler"]["version"],
            "settings": settings(profile),
        },
        "contractName": name,
        "deployedBytecode": "0x" + runtime["object"],
        "immutableReferences": trees.immutables(runtime.get("immutableReferences", {})),
        "rights": trees.rights(source, name, compiled),
        "sourceHash": "0x" + hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
        "sourceName": source,
        "version": trees.version(source, name),
    }


def differences(built: dict[str, str]) -> list[str]:
    present = {path.name: path.read_text(encoding="utf-8") for path in OUTPUT.glob("*.json")}
    missing = [f"{name}: not in the package" for name in built.keys() - present.keys()]
    orphaned = [f"{name}: has no source" for name in present.keys() - built.keys()]
    common = built.keys() & present.keys()
    changed = [f"{name}: differs from its source" for name in common if built[name] != present[name]]
    return sorted(missing + orphaned + changed)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile contracts/ into the package's artefacts.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when anything differs")
    arguments = parser.parse_args()
    built = artefacts()
    found = differences(built)
    if arguments.check:
        for line in found:
            print(line, file=sys.stderr)
        if found:
            print("Artefacts do not come from these sources; run: make artefacts", file=sys.stderr)
        return 1 if found else 0
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for path in OUTPUT.glob("*.json"):
        if path.name not in built:
            path.unlink()
    for name, text in built.items():
        (OUTPUT / name).write_text(text, encoding="utf-8")
    print(f"{len(built)} artefacts, {len(found)} changed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
