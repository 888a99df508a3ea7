"""Write `docs/gas.md` from `bench/results/gas.json`; `--check` compares instead."""

from __future__ import annotations

import json
from typing import Any

from bench.gas import OWN_SCENARIOS, RESULTS, SCENARIOS, SYSTEMS
from bench.pages import DOCS, Target, shown, table, written
from bench.plain import Plain
from bench.recorded import RECORDED, ROWS

PAGE = DOCS / "gas.md"
OURS = "paripassu"


TARGETS = {
    "transfer_existing": Target("transfer, existing holder", 53_000, 44_321),
    "transfer_new": Target("transfer, new holder of this security", 72_000, 61_999),
    "transfer_opened": Target("transfer, account opened beforehand", 53_000, 44_321),
    "onboard": Target("onboard one holder", 72_000, 50_000),
    "batch_transfer_100_new": Target("batch to 100 new holders", 3_000_000, 2_700_000),
    "batch_transfer_100_opened": Target("batch to 100, opened beforehand", 1_500_000, 1_200_000),
    "forced_transfer": Target("forced transfer", 60_000, 45_000),
    "first_movement_after_record_time": Target(
        "first movement after a record time, both sides", 110_000, 98_000
    ),
    "deploy_security": Target("one more security on a chain that has the platform", 900_000, 500_000),
    "deploy_platform": Target("platform on a fresh chain", 20_000_000, 14_000_000),
}


WHY = {
    "transfer_new": "17,100 gas more than for an existing holder is what the EVM takes for a slot that was "
    "empty, 9,000 are the first reads of the registry, of its record, of the policy and of the countries; "
    "accounts can be opened beforehand",
    "onboard": "21,000 for the transaction, 22,100 for the record, 5,000 for the look into the "
    "AccessManager, 2,600 for the event and 3,500 for the call's data are spent before anything is computed; "
    "the proof that the account has its key, which most peers do not ask for, takes 5,000",
    "batch_transfer_100_new": "two slots, one of them new, the event and the data of one recipient are "
    "26,500 gas: 2,670,000 with the transaction, so that 300 for each would be left to apply the rules",
    "forced_transfer": "approvals, proxy and code are three contracts, three slots are written, and four "
    "events say what was done by which act",
    "deploy_security": "sixteen new slots are 354,000 gas, the two creations of CREATE3 with the proxy's "
    "code 90,000, three transactions 63,000",
    "deploy_platform": "its code; see the note. What is deployed for tokens with rules alone, as most peers "
    "do, stands in the next table",
}
"""Of a goal that is not met: what the gas is spent on. Shown for as long as that is so."""

EXTRA_TITLES = {
    "deploy_token_platform": "platform with what the peers' platforms have, and no more",
    "onboard_batch_100": "onboard 100 together, each",
    "act_forced_transfer_with_approvals": "forced transfer with all its approvals",
}
PLAIN = {system.name for system in SYSTEMS if issubclass(system, Plain)}


def page(result: dict[str, Any]) -> str:
    """The page, Markdown."""
    names = list(result["scenarios"][SCENARIOS[0]])
    parts = [
        "# Gas\n",
        "<!-- written by `make bench-gas`; change bench/report.py, not this file -->\n",
        f"Gas used by whole transactions, as their receipts say, on {result['anvil']}, newest hardfork. All "
        "systems run on one node, through the same scenarios, with the same accounts and amounts; every "
        "receipt and every balance is checked. Before anything is measured, each system that has rules must "
        "refuse units to a stranger, to a frozen account and, where it bars countries, to a holder of a "
        "barred one; a batch is tried too, and a note says where it gets through. `make bench-gas` measures "
        "anew, and a test compares our own figures with the committed ones exactly.\n",
        "## Ours\n",
        "The last column is the least that a peer with any rules takes in this run; what each applies stands "
        "below.\n",
        table(["scenario", "gas", "ceiling", "goal", "status", "least of the peers"], _ours(result)),
        "Where a goal is not met:\n",
        _why(result),
        "Without a ceiling, for what an institution does with them:\n",
        table(["scenario", "gas"], _extras(result)),
        "Of which the platform, transaction by transaction:\n",
        table(["transaction", "gas"], _platform(result)),
        "## Beside the peers\n",
        "A dash: the system has no such entry point; an asterisk: read the note below.\n",
        table(["scenario", *names], [_beside(result, scenario, names) for scenario in SCENARIOS]),
        "## What each applies\n",
        "\n".join(f"- **{system.name}**: {system.rules}" for system in SYSTEMS) + "\n",
        "## Notes\n",
        _notes(result),
        "## Peers that are not in this run\n",
        "No package for Node.js or Python holds these, so `make bench-gas` cannot build them. The figures "
        "are of an earlier run of ours from their sources, on the same version of the same node, with other "
        "accounts and amounts: compare to a few hundred units of gas.\n",
        table(["scenario", *(one.name for one in RECORDED)], [_recorded(scenario) for scenario in ROWS]),
        "\n".join(f"- **{one.name}**: {one.notes}" for one in RECORDED) + "\n",
    ]
    return "\n".join(parts)


def _ours(result: dict[str, Any]) -> list[list[str]]:
    rows = []
    for scenario in SCENARIOS:
        target, gas = TARGETS[scenario], result["scenarios"][scenario][OURS]
        goal, ceiling = f"{target.goal:,}", f"{target.ceiling:,}"
        rows.append([target.title, shown(gas), ceiling, goal, target.status(gas), _least(result, scenario)])
    return rows


def _why(result: dict[str, Any]) -> str:
    missed = [one for one in SCENARIOS if result["scenarios"][one][OURS] > TARGETS[one].goal]
    return "".join(f"- {TARGETS[one].title}: {WHY[one]}.\n" for one in missed if one in WHY)


def _extras(result: dict[str, Any]) -> list[list[str]]:
    return [[EXTRA_TITLES[one], shown(result["scenarios"][one][OURS])] for one in EXTRA_TITLES]


def _least(result: dict[str, Any], scenario: str) -> str:
    """The cheapest peer with rules, and which it is."""
    found = {
        name: gas
        for name, gas in result["scenarios"][scenario].items()
        if gas is not None and name != OURS and name not in PLAIN
    }
    name = min(found, key=lambda one: found[one], default="")
    return f"{found[name]:,} {name}" + _mark(result, scenario, name) if name else "none has it"


def _mark(result: dict[str, Any], scenario: str, name: str) -> str:
    return " \\*" if name in result["notes"][scenario] else ""


def _recorded(scenario: str) -> list[str]:
    return [ROWS[scenario], *(shown(one.gas.get(scenario)) for one in RECORDED)]


def _beside(result: dict[str, Any], scenario: str, names: list[str]) -> list[str]:
    figures = result["scenarios"][scenario]

    def marked(name: str) -> str:
        gas = figures[name]
        return shown(gas) + ("" if gas is None else _mark(result, scenario, name))

    return [TARGETS[scenario].title, *(marked(name) for name in names)]


def _platform(result: dict[str, Any]) -> list[list[str]]:
    """The dearest first."""
    parts = sorted(result["platform"][OURS].items(), key=lambda part: (-part[1], part[0]))
    return [[name, shown(gas)] for name, gas in parts]


def _notes(result: dict[str, Any]) -> str:
    """One line a note; systems of which the same is to be said share it."""
    lines = []
    titles = {name: target.title for name, target in TARGETS.items()} | EXTRA_TITLES
    for scenario in OWN_SCENARIOS:
        by_words: dict[str, list[str]] = {}
        for name, words in result["notes"][scenario].items():
            by_words.setdefault(words, []).append(name)
        for words, names in by_words.items():
            lines.append(f"- {titles[scenario]}; {', '.join(names)}: {words}.")
    return "\n".join(lines) + "\n"


def main() -> int:
    return written(PAGE, page(json.loads((RESULTS / "gas.json").read_text(encoding="utf-8"))), "bench-gas")


if __name__ == "__main__":
    raise SystemExit(main())
