"""The copy of the contracts that has all mutants in it, under build/mutation: written, compiled, tested.

See solidity_mutants.py for how a mutant comes alive, and mutate_contracts.py for the run over all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from typing import Any

import build_artefacts
from setup_solc import SOLC
from solidity_mutants import Mutant, Mutants, impure

from paripassu.devnet.programs import forge_command

ROOT = build_artefacts.ROOT
TREE = ROOT / "build" / "mutation"
REFUSED = ROOT / "build" / "mutants-refused.json"
COPIED = ("contracts", "tests/forge", "tests/vectors", "foundry.toml")
"""All of forge's tests judge: what a contract does is also shown where others use it."""

QUICK = {
    "FOUNDRY_FUZZ_RUNS": "32",
    "FOUNDRY_FUZZ_SEED": "0x1",
    "FOUNDRY_INVARIANT_RUNS": "3",
    "FOUNDRY_INVARIANT_DEPTH": "40",
}
BIG_ENOUGH = 400_000
"""Bytes of code that a contract with all its mutants may have."""

Refused = set[tuple[int, str]]


def mutated(targets: tuple[str, ...]) -> list[Mutant]:
    """Write the copy with all mutants in it; leaves out what does not compile."""
    for name in ("contracts", "tests"):  # what forge has compiled stays, and counts where nothing changed
        shutil.rmtree(TREE / name, ignore_errors=True)
    for name in COPIED:
        place = TREE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, place)
    (TREE / "node_modules").unlink(missing_ok=True)
    (TREE / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    trees = syntax_trees()
    mark = _mark(targets)
    skipped, refused, settled = _left_out(targets, mark)
    while True:
        found: list[Mutant] = []
        for target in targets:
            source, first = (ROOT / target).read_bytes(), len(found) + 1
            without = frozenset(skipped[target]), frozenset(refused[target])
            mutants = Mutants(trees[target]["ast"], source, target, first, *without)
            found += mutants.found
            (TREE / target).write_text(mutants.text, encoding="utf-8")
        for path in [*(TREE / "contracts").rglob("*.sol"), *(TREE / "tests").rglob("*.sol")]:
            path.write_text(impure(path.read_text(encoding="utf-8")), encoding="utf-8")
        complaints = [] if settled else compiler_errors("abi") or compiler_errors("evm.bytecode.object")
        if not complaints:
            lists = ({t: sorted(part[t]) for t in targets} for part in (skipped, refused))
            REFUSED.write_text(json.dumps({"of": mark, "left_out": [*lists]}), encoding="utf-8")
            return found
        for message, path_of, line in complaints:
            if path_of not in refused:
                raise SystemExit(f"{path_of}:{line}: {message}")
            there = [mutant for mutant in found if mutant.path == path_of]
            refuse(message, f"{path_of}:{line}", line, there, skipped[path_of], refused[path_of])


def _mark(targets: tuple[str, ...]) -> str:
    """Hash of what decides which mutants compile."""
    tools = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tools").glob("*mutants.py"))]
    return hashlib.sha256(json.dumps([targets, tools, build_artefacts.sources()]).encode()).hexdigest()


def _left_out(targets: tuple[str, ...], mark: str) -> tuple[dict[str, set[str]], dict[str, Refused], bool]:
    """Functions and mutants that an earlier run found not to compile, and whether it was over the same."""
    if REFUSED.exists():
        earlier = json.loads(REFUSED.read_text(encoding="utf-8"))
        if earlier["of"] == mark:
            functions, mutants = earlier["left_out"]
            refused = {target: {(line, kind) for line, kind in mutants[target]} for target in targets}
            return {target: set(functions[target]) for target in targets}, refused, True
    return {target: set() for target in targets}, {target: set() for target in targets}, False


def refuse(
    message: str, where: str, line: int, found: list[Mutant], skipped: set[str], refused: Refused
) -> None:
    """Leave out what the compiler does not take: literals of the line first, then all of it.

    Raises:
        SystemExit: there is no mutant on the line; the compiler's sentence is the message.
    """
    if "tack too deep" in message:
        skipped.add([mutant for mutant in found if mutant.line <= line][-1].function)
        return
    there = {(mutant.line, mutant.kind) for mutant in found if mutant.line == line}
    if not there:
        raise SystemExit(f"{where}: {message}")
    refused |= {(at, kind) for at, kind in there if kind == "literal"} or there


def syntax_trees() -> dict[str, Any]:
    """The compiler's trees of the sources as they are; nothing is generated from them."""
    texts = build_artefacts.sources()
    return dict(compiled(texts, {"*": {"": ["ast"]}})["sources"])


def compiler_errors(output: str) -> list[tuple[str, str, int]]:
    """What the compiler refuses in the copy: message, source, line. Types are wrong before code is."""
    texts = {name: text for name, text in build_artefacts.sources().items() if name.startswith("@")}
    for path in (TREE / "contracts").rglob("*.sol"):
        texts[path.relative_to(TREE).as_posix()] = path.read_text(encoding="utf-8")
    places = []
    for error in compiled(texts, {"*": {"*": [output]}}).get("errors", []):
        if error["severity"] == "error":
            where = error.get("sourceLocation") or {"file": "", "start": 0}
            before = texts.get(where["file"], "").encode()[: max(where["start"], 0)]
            places.append((error["message"], where["file"], before.count(b"\n") + 1))
    return places


def compiled(texts: dict[str, str], selection: dict[str, Any]) -> dict[str, Any]:
    """The compiler's answer, for little code, since all mutants have to fit."""
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": {**build_artefacts.settings(build_artefacts.SMALL), "outputSelection": selection},
    }
    command = [str(SOLC), "--standard-json"]
    ran = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def forge(mutant: int, *arguments: str, timeout: int) -> subprocess.CompletedProcess[str]:
    """forge in the copy, on blocks that are credited to this mutant. Raises TimeoutExpired."""
    command = [*forge_command(), "test", "--root", str(TREE), "--use", str(SOLC), "--offline"]
    command += ["--block-coinbase", f"0x{mutant:040x}", "--code-size-limit", str(BIG_ENOUGH)]
    command += ["--threads", "1", *arguments]
    environment = {**os.environ, **QUICK}
    return subprocess.run(
        command, cwd=TREE, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def fingerprint() -> str:
    """Hash of the mutated contracts: numbers of mutants are good as long as it is the same."""
    digest = hashlib.sha256()
    for path in sorted((TREE / "contracts").rglob("*.sol")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
