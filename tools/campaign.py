"""A campaign of stateful tests: millions of random acts on securities, far more than in the suite.

    python tools/campaign.py                                  1,500,000 acts by forge, then Hypothesis
    python tools/campaign.py --calls 200000 --no-hypothesis
    python tools/campaign.py --first-seed 40                  other sequences than the last time

forge runs its invariants in rounds, each with a seed of its own that repeats it; Hypothesis drives the
contract and the Python core with the same acts and compares them. Says how many acts were tried, and
fails on the first finding. Opt-in: takes half an hour on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from setup_solc import SOLC

from paripassu.devnet.programs import forge_command

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Millions of random acts on securities.")
    parser.add_argument("--calls", type=int, default=1_500_000, help="acts that forge is to try, at least")
    parser.add_argument("--first-seed", type=int, default=1, metavar="SEED", help="seed of the first round")
    parser.add_argument("--no-hypothesis", action="store_true", help="forge's invariants alone")
    arguments = parser.parse_args()
    start, calls, seed = time.monotonic(), 0, arguments.first_seed
    while calls < arguments.calls:
        done, failures = forge_round(seed)
        calls += done
        print(f"forge, seed {seed}: {calls:,} acts so far, {time.monotonic() - start:.0f} s", flush=True)
        if failures:
            print(*failures, f"Repeat it with --first-seed {seed}.", sep="\n", file=sys.stderr)
            return 1
        seed += 1
    return 0 if arguments.no_hypothesis else hypothesis()


def forge_round(seed: int) -> tuple[int, list[str]]:
    """Acts that were tried in one round, and what failed. Raises SystemExit where forge does not run."""
    command = [*forge_command(), "test", "--use", str(SOLC), "--offline", "--match-contract", "Invariants"]
    command += ["--fuzz-seed", hex(seed), "--json"]
    environment = {**os.environ, "FOUNDRY_PROFILE": "deep"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if not ran.stdout.startswith("{"):
        raise SystemExit(ran.stderr[-2_000:])
    report: dict[str, Any] = json.loads(ran.stdout)
    results = {name: result for suite in report.values() for name, result in suite["test_results"].items()}
    calls = sum(result["kind"].get("Invariant", {}).get("calls", 0) for result in results.values())
    failures = [
        f"{name}: {result['reason']}\n{json.dumps(result['counterexample'], indent=1)}"
        for name, result in results.items()
        if result["status"] != "Success"
    ]
    return calls, failures if results else ["no invariant was run"]


def hypothesis() -> int:
    """Contract and core under the same acts, many times as many as in the suite."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/property/test_rules_differential.py"]
    environment = {**os.environ, "PARI_DEEP": "true"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acts = 0
    for line in process.stdout:
        print(line, end="", flush=True)
        acts += sum(int(found.replace(",", "")) for found in re.findall(r"([\d,]+) acts on", line))
    print(f"Hypothesis: {acts:,} acts on contract and core", flush=True)
    return process.wait() or (0 if acts else 1)


if __name__ == "__main__":
    raise SystemExit(main())
