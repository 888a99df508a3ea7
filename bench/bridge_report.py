"""Write `docs/bridge-gas.md` from `bench/results/bridge.json`; `--check` compares instead."""

from __future__ import annotations

import json
from typing import Any

from bench.bridge import SCENARIOS, SYSTEMS
from bench.bridges.carried import COUNTS
from bench.bridges.recorded import RECORDED_BRIDGES
from bench.gas import RESULTS
from bench.pages import DOCS, Target, shown, table, written

PAGE = DOCS / "bridge-gas.md"
OURS = "paripassu"
TARGETS = {
    "execute_1": Target("execute one message", 80_000, 65_000),
    "execute_10": Target("execute, each of a batch of 10", 20_000, 16_000),
    "execute_100": Target("execute, each of a batch of 100", 15_000, 12_800),
    "execute_100_record": Target("the same, of a corporate-action record", 11_000, 9_000),
    "send": Target("send one message", 46_000, 38_000),
    "round_trip_1": Target("sent, executed, acknowledged: one message", 200_000, 150_000),
    "round_trip_100": Target("sent, executed, acknowledged: each of 100", 60_000, 40_000),
}
WHY = {
    "execute_1": "21,000 for the transaction, 8,800 for the call's data, 4,900 for the proxy, 9,000 for "
    "three signatures, 5,200 for the first look at the code of the receiver and at that of the attestors' "
    "set, 7,300 for the lane's slot and the gateway's own, 2,500 for the event and 7,500 for the receiver "
    "are 66,300 before anything is computed",
    "execute_10": "21,000 for the transaction, 46,700 for the call's data, 32,200 for ten receivers, "
    "9,000 for three signatures, 4,800 for the event and 18,000 for proxy, set, lane and first looks are "
    "131,700; decoding and hashing ten messages takes the rest. From 32 messages on, the call's data "
    "alone is the price (EIP-7623)",
    "send": "21,000 for the transaction, 4,900 for the call's data, 4,900 for the proxy, 5,000 for the "
    "lane's slot and 7,000 for the event that carries the message are 42,800",
    "round_trip_1": "three transactions are 63,000, their data 17,800, three proxies 14,700, six "
    "signatures 18,000, the receiver 7,500 and the event that carries the message 7,000: 128,000 before a "
    "lane is read or written",
}
"""Of a goal that is not met: what the gas is spent on. Shown for as long as that is so."""

STEPS = {
    "flush": "send on, by Hyperlane's mailbox",
    "process": "vouch at the destination, three signatures of five",
    "execute": "execute",
}
"""What becomes of a message that was sent in a carried lane, each in a transaction of its own."""

CARRIED = (
    "The same lanes, payload and receiver where Hyperlane vouches for messages in place of the attestors "
    "(docs/bridge.md). Identifiers that wait together are sent on and vouched for together; they may be "
    "executed in batches of any size.\n"
)

SINGLE_KEY = {system.name for system in SYSTEMS if system.signatures == 1}


def page(result: dict[str, Any]) -> str:
    """The page, Markdown."""
    names = list(result["gas"]["execute_1"])
    recorded = [one.name for one in RECORDED_BRIDGES]
    parts = [
        "# Gas of a message between ledgers\n",
        "<!-- written by `make bench-bridge`; change bench/bridge_report.py, not this file -->\n",
        f"Gas used by whole transactions, as their receipts say, on {result['anvil']}, newest hardfork. "
        "Every bridge delivers the same 256 bytes without a zero to the same receiver: one slot that "
        "changes from one number to another, one event with the payload's hash. Every receipt is checked, "
        "and after each delivery that the receiver has counted every message. Before it is measured, each "
        "bridge must refuse what three strangers have signed, and has delivered and sent. Of a batch, the "
        "gas is one message's share. The record is of 256 bytes too, most of them zero. `make "
        "bench-bridge` measures anew, and a test compares our own figures with the committed ones "
        "exactly.\n",
        "## Ours\n",
        "The last column is the least that a peer takes in this run that asks for more than one key's "
        "signature.\n",
        table(["scenario", "gas", "ceiling", "goal", "status", "least of the peers"], _ours(result)),
        _cheaper(result),
        "Where a goal is not met:\n",
        _why(result),
        "## Over a transport\n",
        CARRIED,
        table(["for one message", "alone", "each of 10", "each of 100"], _carried(result)),
        "## Beside the peers\n",
        "A dash: the bridge does not offer it; an asterisk: read the note below.\n",
        table(["scenario", *names], [_beside(result, scenario, names) for scenario in SCENARIOS]),
        "## Whose word counts\n",
        "\n".join(f"- **{system.name}**: {system.quorum}" for system in SYSTEMS) + "\n",
        "## Notes\n",
        _notes(result),
        "## Peers that are not in this run\n",
        "**Nothing in this table is measured by `make bench-bridge`.** The figures are of an earlier run "
        "of ours, with the same payload and receiver and, unless a line below says otherwise, three "
        "signatures of five: compare to a few thousand units of gas.\n",
        table(["scenario", *recorded], [_recorded(scenario) for scenario in _recorded_scenarios()]),
        "\n".join(f"- **{one.name}**: {one.notes}" for one in RECORDED_BRIDGES) + "\n",
    ]
    return "\n".join(parts)


def _carried(result: dict[str, Any]) -> list[list[str]]:
    gas = result["carried"]
    rows = [["send", *[shown(gas["send"])] * len(COUNTS)]]
    for step, title in STEPS.items():
        rows.append([title, *(shown(gas[f"{step}_{count}"]) for count in COUNTS)])
    every = [gas["send"] + sum(gas[f"{step}_{count}"] for step in STEPS) for count in COUNTS]
    return [*rows, ["all of it", *map(shown, every)]]


def _ours(result: dict[str, Any]) -> list[list[str]]:
    rows = []
    for scenario in SCENARIOS:
        target, gas = TARGETS[scenario], result["gas"][scenario][OURS]
        goal, ceiling = f"{target.goal:,}", f"{target.ceiling:,}"
        rows.append([target.title, shown(gas), ceiling, goal, target.status(gas), _least(result, scenario)])
    return rows


def _why(result: dict[str, Any]) -> str:
    missed = [one for one in SCENARIOS if result["gas"][one][OURS] > TARGETS[one].goal]
    return "".join(f"- {TARGETS[one].title}: {WHY[one]}.\n" for one in missed if one in WHY)


def _least(result: dict[str, Any], scenario: str) -> str:
    """The cheapest peer with a quorum, and which it is."""
    figures = result["gas"][scenario]
    found = {name: gas for name, gas in figures.items() if name != OURS and name not in SINGLE_KEY}
    name = min(found, key=lambda one: found[one], default="")
    return f"{found[name]:,} {name}{_mark(result, scenario, name)}" if name else "none has it"


def _cheaper(result: dict[str, Any]) -> str:
    """Every peer that takes less than ours, of one key or of several."""
    found = [
        f"{name} for {TARGETS[scenario].title}, {gas:,}"
        for scenario in SCENARIOS
        for name, gas in result["gas"][scenario].items()
        if gas < result["gas"][scenario][OURS]
    ]
    return f"Less than ours: {'; '.join(found) or 'none'}.\n"


def _mark(result: dict[str, Any], scenario: str, name: str) -> str:
    return " \\*" if scenario in result["notes"][name] else ""


def _beside(result: dict[str, Any], scenario: str, names: list[str]) -> list[str]:
    figures = result["gas"][scenario]

    def marked(name: str) -> str:
        gas = figures.get(name)
        return shown(gas) + ("" if gas is None else _mark(result, scenario, name))

    return [TARGETS[scenario].title, *(marked(name) for name in names)]


def _notes(result: dict[str, Any]) -> str:
    """One line a note; scenarios and bridges of which the same is to be said share it."""
    said: dict[str, tuple[list[str], list[str]]] = {}
    for name, notes in result["notes"].items():
        for scenario in SCENARIOS:
            if words := notes.get(scenario):
                scenarios, names = said.setdefault(words, ([], []))
                scenarios += [TARGETS[scenario].title] * (TARGETS[scenario].title not in scenarios)
                names += [name] * (name not in names)
    lines = [f"- {'; '.join(of)} ({', '.join(by)}): {words}." for words, (of, by) in said.items()]
    return "\n".join(lines) + "\n"


def _recorded(scenario: str) -> list[str]:
    return [TARGETS[scenario].title, *(shown(one.gas.get(scenario)) for one in RECORDED_BRIDGES)]


def _recorded_scenarios() -> list[str]:
    return [one for one in SCENARIOS if any(one in bridge.gas for bridge in RECORDED_BRIDGES)]


def main() -> int:
    text = page(json.loads((RESULTS / "bridge.json").read_text(encoding="utf-8")))
    return written(PAGE, text, "bench-bridge")


if __name__ == "__main__":
    raise SystemExit(main())
