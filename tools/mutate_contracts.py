"""Mutation testing of the contracts: which small faults would the tests not notice?

    python tools/mutate_contracts.py                 all mutants; bench/results/mutation.json
    python tools/mutate_contracts.py --sample 60     some of them, evenly spread
    python tools/mutate_contracts.py --only 17 203   these
    python tools/mutate_contracts.py --list          show them, run nothing

All mutants are compiled at once, into a copy under build/mutation (see solidity_mutants.py). A mutant
is killed when a forge test fails with it that passes without it. Opt-in: the whole run takes hours.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import build_artefacts
from setup_solc import SOLC
from solidity_mutants import Mutant, Mutants, impure

from paripassu.devnet.programs import forge_command

ROOT = build_artefacts.ROOT
TREE = ROOT / "build" / "mutation"
RESULTS = ROOT / "bench" / "results" / "mutation.json"
TARGETS = (
    "contracts/access/Authorised.sol",
    "contracts/registry/HolderRegistry.sol",
    "contracts/token/Account.sol",
    "contracts/token/Holdings.sol",
    "contracts/token/Hot.sol",
    "contracts/token/RecordTimes.sol",
    "contracts/token/SecurityBase.sol",
    "contracts/token/SecurityToken.sol",
    "contracts/token/SecurityTokenExtension.sol",
    "contracts/token/SecurityTokenReadings.sol",
    "contracts/token/Verdicts.sol",
)
COPIED = ("contracts", "tests/vectors", "foundry.toml")
JUDGES = ("Token*", "DenialMatrix", "HolderRegistry", "RecordTimes", "Rights")
"""Forge tests that judge: those of the token and its registry. Fewer compile sooner."""

QUICK = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "6", "FOUNDRY_INVARIANT_DEPTH": "60"}
TIMEOUT, COMPILING = 240, 3_600
"""Seconds that a test run may take; it counts as killed beyond them."""

BIG_ENOUGH = 400_000
"""Bytes of code that a contract with all its mutants may have."""

Refused = set[tuple[int, str]]


def mutated(targets: tuple[str, ...]) -> list[Mutant]:
    """Write the copy with all mutants in it; leaves out what does not compile."""
    shutil.rmtree(TREE, ignore_errors=True)
    for name in COPIED:
        place = TREE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, place)
    (TREE / "tests" / "forge").mkdir()
    everything = (ROOT / "tests" / "forge").glob("*.sol")
    helpers = [path for path in everything if not path.name.endswith(".t.sol")]
    judges = [path for name in JUDGES for path in (ROOT / "tests" / "forge").glob(f"{name}.t.sol")]
    for path in [*helpers, *judges]:
        shutil.copy2(path, TREE / "tests" / "forge")
    (TREE / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    sources = build_artefacts.compile_all()["sources"]
    skipped: dict[str, set[str]] = {target: set() for target in targets}
    refused: dict[str, Refused] = {target: set() for target in targets}
    while True:
        found: list[Mutant] = []
        for target in targets:
            source, first = (ROOT / target).read_bytes(), len(found) + 1
            without = frozenset(skipped[target]), frozenset(refused[target])
            mutants = Mutants(sources[target]["ast"], source, target, first, *without)
            found += mutants.found
            (TREE / target).write_text(mutants.text, encoding="utf-8")
        for path in [*(TREE / "contracts").rglob("*.sol"), *(TREE / "tests").rglob("*.sol")]:
            path.write_text(impure(path.read_text(encoding="utf-8")), encoding="utf-8")
        complaints = compiler_errors("abi") or compiler_errors("evm.bytecode.object")
        if not complaints:
            return found
        for message, path_of, line in complaints:
            if path_of not in refused:
                raise SystemExit(f"{path_of}:{line}: {message}")
            there = [mutant for mutant in found if mutant.path == path_of]
            refuse(message, f"{path_of}:{line}", line, there, skipped[path_of], refused[path_of])


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


def compiler_errors(output: str) -> list[tuple[str, str, int]]:
    """What the compiler refuses in the copy: message, source, line. Types are wrong before code is."""
    texts = {name: text for name, text in build_artefacts.sources().items() if name.startswith("@")}
    for path in (TREE / "contracts").rglob("*.sol"):
        texts[path.relative_to(TREE).as_posix()] = path.read_text(encoding="utf-8")
    selection = {"*": {"*": [output]}}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": {**build_artefacts.settings(build_artefacts.SMALL), "outputSelection": selection},
    }
    command = [str(SOLC), "--standard-json"]
    ran = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    places = []
    for error in json.loads(ran.stdout).get("errors", []):
        if error["severity"] == "error":
            where = error.get("sourceLocation") or {"file": "", "start": 0}
            before = texts.get(where["file"], "").encode()[: max(where["start"], 0)]
            places.append((error["message"], where["file"], before.count(b"\n") + 1))
    return places


def forge(mutant: int, *arguments: str, timeout: int = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """forge in the copy, on blocks that are credited to this mutant. Raises TimeoutExpired."""
    command = [*forge_command(), "test", "--root", str(TREE), "--use", str(SOLC), "--offline"]
    command += ["--block-coinbase", f"0x{mutant:040x}", "--code-size-limit", str(BIG_ENOUGH), *arguments]
    environment = {**os.environ, **QUICK}
    return subprocess.run(
        command, cwd=TREE, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def failing_at_first() -> list[str]:
    """Tests that fail without a mutant, since they measure code or gas: they judge nothing."""
    ran = forge(0, "--json", timeout=COMPILING)
    if not ran.stdout.startswith("{"):
        raise SystemExit(ran.stderr[-2_000:])
    report: dict[str, Any] = json.loads(ran.stdout)
    results = [entry for suite in report.values() for entry in suite["test_results"].items()]
    return sorted(name.split("(")[0] for name, result in results if result["status"] != "Success")


def killer_of(mutant: Mutant, ignored: list[str]) -> str:
    """The test that fails with the mutant; empty when none does."""
    without = ["--no-match-test", f"^({'|'.join(ignored)})\\b"] if ignored else []
    try:
        ran = forge(mutant.number, "--fail-fast", *without)
    except subprocess.TimeoutExpired:
        return "time"
    if ran.returncode == 0:
        return ""
    named = re.search(r"^\[FAIL.*?\]\s+(\w+)\(", ran.stdout, re.MULTILINE)
    return named[1] if named else "set-up"


def written(chosen: list[Mutant], total: int, killers: dict[int, str], ignored: list[str]) -> None:
    """Put figures and survivors into the results."""
    tried = [mutant for mutant in chosen if mutant.number in killers]
    survivors = [mutant for mutant in tried if not killers[mutant.number]]
    report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    alive = Counter(mutant.kind for mutant in survivors)
    kinds = sorted(Counter(mutant.kind for mutant in tried).items())
    report["solidity"] = {
        "mutants": total,
        "tried": len(tried),
        "killed": len(tried) - len(survivors),
        "by_kind": {kind: {"tried": count, "survived": alive[kind]} for kind, count in kinds},
        "not_judging": ignored,
        "survivors": [dataclasses.asdict(mutant) for mutant in survivors],
    }
    RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the contracts.")
    parser.add_argument("--only", nargs="+", type=int, metavar="N", help="numbers of mutants")
    parser.add_argument("--sample", type=int, metavar="COUNT", help="so many, evenly spread")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), metavar="SOURCE")
    arguments = parser.parse_args()
    found = mutated(tuple(arguments.targets))
    chosen = [mutant for mutant in found if not arguments.only or mutant.number in arguments.only]
    if arguments.sample:
        chosen = chosen[:: max(1, len(chosen) // arguments.sample)][: arguments.sample]
    if arguments.list:
        for mutant in chosen:
            where = f"{mutant.number} {mutant.path}:{mutant.line} {mutant.function}"
            print(f"{where}: {mutant.before} → {mutant.after or '(left out)'}")
        return 0
    ignored = failing_at_first()
    print(f"{len(chosen)} of {len(found)} mutants; not judging: {', '.join(ignored)}", flush=True)
    killers: dict[int, str] = {}
    for count, mutant in enumerate(chosen, 1):
        start = time.monotonic()
        killers[mutant.number] = killer_of(mutant, ignored)
        word, took = killers[mutant.number] or "SURVIVES", time.monotonic() - start
        print(f"{count} #{mutant.number} {mutant.path}:{mutant.line} {word} {took:.1f} s", flush=True)
        written(chosen, len(found), killers, ignored)
    survived = sum(not killer for killer in killers.values())
    print(f"{survived} of {len(chosen)} survive", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
