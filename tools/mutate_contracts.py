"""Mutation testing of the contracts: which small faults would the tests not notice?

    python tools/mutate_contracts.py                 all mutants; bench/results/mutation.json
    python tools/mutate_contracts.py --sample 300    so many, evenly spread
    python tools/mutate_contracts.py --minutes 60    as many as there is time for, evenly spread
    python tools/mutate_contracts.py --resume        not again what was killed in an earlier run
    python tools/mutate_contracts.py --only 17 203   these
    python tools/mutate_contracts.py --list          show them, run nothing

All mutants are compiled at once, into a copy under build/mutation (see mutated_contracts.py). A mutant
is killed when a forge test fails with it that passes without it. Those of which no test can tell, for
they change nothing that shows, are named with the reason in tools/equivalent_contract_mutants.toml.
Opt-in: the whole run takes hours.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from typing import Any

from mutated_contracts import ROOT, fingerprint, forge, mutated
from solidity_mutants import Mutant

RESULTS = ROOT / "bench" / "results" / "mutation.json"
EQUIVALENT = ROOT / "tools" / "equivalent_contract_mutants.toml"
KILLED = ROOT / "build" / "mutants-killed.json"
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
SLOW = "DenialMatrix|Invariants"
NEAR = "^(Token|HolderRegistry|Orders|Quotas|RecordTimes|Rights)"
STAGES = (
    ("--match-contract", NEAR, "--no-match-contract", SLOW, "--no-match-test", "^testFuzz"),
    ("--no-match-contract", f"{SLOW}|{NEAR}", "--no-match-test", "^testFuzz"),
    ("--no-match-contract", SLOW, "--match-test", "^testFuzz"),
    ("--match-contract", "DenialMatrix"),
    ("--match-contract", "Invariants"),
)
"""Which tests are asked one after the other, the cheap ones first."""

TIMEOUT, COMPILING = 180, 3_600
"""Seconds that a test run may take; a mutant counts as killed beyond them."""


def equivalents(found: list[Mutant]) -> dict[int, str]:
    """Number and reason of mutants that are known to change nothing.

    Raises:
        SystemExit: one is named that there is none of; the list must follow the sources.
    """
    reasons: dict[int, str] = {}
    for entry in tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]:
        wanted = {key: value for key, value in entry.items() if key not in ("reason", "nth")}
        same = [m for m in found if all(getattr(m, key) == value for key, value in wanted.items())]
        if "nth" in entry:
            same = same[entry["nth"] - 1 : entry["nth"]]
        if len(same) != 1 and any(mutant.path == entry["path"] for mutant in found):
            raise SystemExit(f"{EQUIVALENT.name}: there are {len(same)} mutants {wanted}")
        reasons |= {mutant.number: entry["reason"] for mutant in same}
    return reasons


def evenly_spread(mutants: list[Mutant]) -> list[Mutant]:
    """In an order of which every beginning is spread evenly over all (multiples of the golden ratio)."""
    return sorted(mutants, key=lambda mutant: mutant.number * 2_654_435_769 % 2**32)


def failing_at_first() -> list[str]:
    """Tests that fail without a mutant, since they measure code or gas: they judge nothing."""
    ran = forge(0, "--json", timeout=COMPILING)
    if not ran.stdout.startswith("{"):
        raise SystemExit(ran.stderr[-2_000:])
    report: dict[str, Any] = json.loads(ran.stdout)
    results = [entry for suite in report.values() for entry in suite["test_results"].items()]
    return sorted(name.split("(")[0] for name, result in results if result["status"] != "Success")


def without(stage: tuple[str, ...], ignored: list[str]) -> list[str]:
    """A stage's options, less the tests that do not judge."""
    if not ignored or "--match-test" in stage:
        return list(stage)
    kept, _, pattern = " ".join(stage).partition("--no-match-test ")
    patterns = [part for part in (pattern, f"^({'|'.join(ignored)})\\b") if part]
    return [*kept.split(), "--no-match-test", "|".join(patterns)]


def killer_of(mutant: Mutant, ignored: list[str]) -> str:
    """The test that fails with the mutant; empty when none does."""
    for stage in STAGES:
        try:
            ran = forge(mutant.number, "--fail-fast", *without(stage, ignored), timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return "time"
        if ran.returncode != 0:
            named = re.search(r"^\[FAIL.*?\]\s+(\w+)\(", ran.stdout, re.MULTILINE)
            return named[1] if named else "unknown"
    return ""


def known(mark: str) -> dict[int, str]:
    """Killers of an earlier run over the same contracts, by number."""
    if not KILLED.exists():
        return {}
    earlier = json.loads(KILLED.read_text(encoding="utf-8"))
    if earlier["of"] != mark:
        return {}
    return {int(number): killer for number, killer in earlier["killers"].items()}


def report(found: list[Mutant], killers: dict[int, str], reasons: dict[int, str], ignored: list[str]) -> str:
    """Put figures, survivors and equivalents into the results. Answers the figures in a sentence."""
    tried = [mutant for mutant in found if mutant.number in killers]
    killed = [mutant for mutant in tried if killers[mutant.number]]
    survivors = [mutant for mutant in tried if not killers[mutant.number] and mutant.number not in reasons]
    equivalent = len(tried) - len(killed) - len(survivors)
    percent = round(100 * len(killed) / max(1, len(killed) + len(survivors)), 1)
    entry: dict[str, Any] = {
        "mutants": len(found),
        "tried": len(tried),
        "killed": len(killed),
        "equivalent": equivalent,
        "survived": len(survivors),
        "killed_percent": percent,
    }
    for name, key in (("by_source", "path"), ("by_kind", "kind")):
        counts = Counter(getattr(mutant, key) for mutant in tried)
        alive = Counter(getattr(mutant, key) for mutant in survivors)
        entry[name] = {part: {"tried": counts[part], "survived": alive[part]} for part in sorted(counts)}
    entry["not_judging"] = ignored
    entry["survivors"] = [dataclasses.asdict(mutant) for mutant in survivors]
    entry["equivalents"] = [
        {**dataclasses.asdict(mutant), "reason": reasons[mutant.number]}
        for mutant in tried
        if not killers[mutant.number] and mutant.number in reasons
    ]
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results["solidity"] = entry
    text = json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    return (
        f"{len(tried)} of {len(found)} mutants: {len(killed)} killed, {equivalent} equivalent,"
        f" {len(survivors)} survive; {percent} % killed"
    )


def run(arguments: argparse.Namespace, found: list[Mutant], chosen: list[Mutant]) -> None:
    """Try mutants one by one, and write down after each what is known."""
    reasons, mark, ignored = equivalents(found), fingerprint(), failing_at_first()
    killers = known(mark) if arguments.resume else {}
    pending = [mutant for mutant in chosen if mutant.number not in killers]
    print(f"{len(pending)} of {len(found)} mutants; not judging: {', '.join(ignored)}", flush=True)
    end = time.monotonic() + 60 * (arguments.minutes or 10**6)
    for count, mutant in enumerate(pending, 1):
        start = time.monotonic()
        if start > end:
            break
        killers[mutant.number] = killer_of(mutant, ignored)
        word = killers[mutant.number] or ("equivalent" if mutant.number in reasons else "SURVIVES")
        took = time.monotonic() - start
        print(f"{count} #{mutant.number} {mutant.path}:{mutant.line} {word} {took:.1f} s", flush=True)
        dead = {number: killer for number, killer in killers.items() if killer}
        KILLED.write_text(json.dumps({"of": mark, "killers": dead}), encoding="utf-8")
        report(found, killers, reasons, ignored)
    print(report(found, killers, reasons, ignored), file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the contracts.")
    parser.add_argument("--only", nargs="+", type=int, metavar="N", help="numbers of mutants")
    parser.add_argument("--sample", type=int, metavar="COUNT", help="so many, evenly spread")
    parser.add_argument("--minutes", type=int, metavar="M", help="stop after so many minutes")
    parser.add_argument("--resume", action="store_true", help="not again what was killed before")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), metavar="SOURCE")
    arguments = parser.parse_args()
    found = mutated(tuple(arguments.targets))
    wanted = [mutant for mutant in found if not arguments.only or mutant.number in arguments.only]
    chosen = evenly_spread(wanted)[: arguments.sample]
    if arguments.list:
        for mutant in sorted(chosen, key=lambda mutant: mutant.number):
            where = f"{mutant.number} {mutant.path}:{mutant.line} {mutant.function} {mutant.kind}"
            print(f"{where}: {mutant.before} → {mutant.after or '(left out)'}")
        return 0
    run(arguments, found, chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
