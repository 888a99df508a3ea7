"""Write `docs/bridge-run.md` from `bench/results/bridge.json`; `--check` compares instead."""

from __future__ import annotations

import json
from typing import Any

from bench.gas import RESULTS
from bench.pages import DOCS, table, written
from bench.run import AXELAR, OURS, RESULT

PAGE = DOCS / "bridge-run.md"
TARGETS: tuple[tuple[str, str, float, bool], ...] = (
    ("messages_per_second", "durable throughput, one lane, batch 100, messages a second", 300, True),
    ("latency_p50_ms", "latency, blocks at once, median, ms", 150, False),
    ("latency_p99_ms", "the same, 99th percentile", 300, False),
    ("latency_1s_blocks_p50_ms", "latency, a block each second, median, ms", 2_000, False),
    ("latency_1s_blocks_p99_ms", "the same, 99th percentile", 4_000, False),
    ("rss_mb", "memory of the largest process at the end, MB", 150, False),
    ("first_message_s", "from nothing to the first message, one command, s", 10, False),
)
"""Key, title, what is to be reached, whether more is better."""


def page(result: dict[str, Any]) -> str:
    """The page, Markdown."""
    run = result["run"]
    behind = run["backlog"]
    parts = [
        "# The bridge at work\n",
        "<!-- written by `make bench-bridge`; change bench/run_report.py, not this file -->\n",
        f"Two Anvils ({result['anvil']}), a relayer and three attestors as processes of their own, on "
        f"{run['machine']['cores']} cores, all of them together; three signatures of three entities over "
        "each batch. Every message moves a unit of a security: burnt, attested, created. The store is "
        "SQLite, and a commit that returned is on the disk. Times depend on the machine: compare within "
        "this run.\n",
        table(["figure", "ours", "to reach", AXELAR], [_row(run, *target) for target in TARGETS]),
        "Axelar's local network has one key in place of a quorum, one process, and keeps nothing; it "
        f"relayed {run['messages'][AXELAR]} messages of 256 bytes, twenty at once, over such nodes.\n",
        "**Not measured by `make bench-bridge`**: Hyperlane's own command-line relayer (CLI 44), which npm "
        "carries, over two Anvils in an earlier run of ours: 0.78 messages a second, 4.3 s for a single "
        "message, 630 to 760 MB, some 50 s from nothing to the first message.\n",
        "Latency is counted from the source node's answer to the block of the destination that executed the "
        "message, at a message each 100 ms, or one in each block where blocks come each second. Memory is "
        f"that after {run['rss_messages']:,} messages.\n",
        f"## A backlog of {behind['messages']:,}\n",
        "The messages wait when the processes start. Meanwhile a lane the other way is in use."
        + ("" if behind["messages"] == run["rss_messages"] else " This is a later run than the table's.")
        + "\n",
        table(["", "first fifth", "second", "third", "fourth", "last"], _fifths(behind)),
        f"The live lane's median was {behind['alone']['p50']:g} ms before, and "
        f"{behind['beside']['p50']:g} ms beside the backlog, "
        f"{behind['beside']['p50'] / behind['alone']['p50']:.1f} times as much.\n",
    ]
    return "\n".join(parts)


def _row(run: dict[str, Any], key: str, title: str, target: float, more: bool) -> list[str]:
    ours, peer = run[key][OURS], run[key].get(AXELAR)
    met = ours >= target if more else ours <= target
    return [
        title,
        f"{ours:,g}" + ("" if met else ", missed"),
        f"{'at least' if more else 'at most'} {target:,g}",
        "—" if peer is None else f"{round(peer, 1):,g}",
    ]


def _fifths(behind: dict[str, Any]) -> list[list[str]]:
    rows = [["messages a second", *(f"{rate:g}" for rate in behind["rates"])]]
    rows += [
        [f"memory of {name}, MB", *(f"{value:g}" for value in values)]
        for name, values in behind["memory"].items()
    ]
    return rows


def main() -> int:
    return written(PAGE, page(json.loads((RESULTS / RESULT).read_text(encoding="utf-8"))), "bench-bridge")


if __name__ == "__main__":
    raise SystemExit(main())
