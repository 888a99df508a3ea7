"""Run the bridge and the peers beside it, and put into `bench/results/bridge.json` what they did.

    python -m bench.run [--messages N] [--backlog N]

Times depend on the machine and on what else it does: compare within a run, not between runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.gas import RESULTS, write
from bench.running import axelar_local
from bench.running.stages import backlog, latency, throughput

OURS, AXELAR = "paripassu", "axelar-local"
RESULT = "bridge.json"


def document(messages: int, waiting: int) -> dict[str, Any]:
    """The `run` part of the result."""
    first = first_message()
    carried = throughput(messages)
    at_once = latency(None, 200, 0.1)
    each_second = latency(1, 60, 0.25)
    behind = backlog(waiting)
    peer = axelar_local.run()
    return {
        "machine": {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
        "first_message_s": {OURS: first, AXELAR: round(peer["first_message_s"], 2)},
        "messages_per_second": {OURS: round(carried, 1), AXELAR: round(peer["messages_per_second"], 1)},
        "messages": {OURS: messages, AXELAR: axelar_local.MESSAGES},
        "latency_p50_ms": {OURS: at_once.p50, AXELAR: peer["latency_p50_ms"]},
        "latency_p99_ms": {OURS: at_once.p99},
        "latency_1s_blocks_p50_ms": {OURS: each_second.p50},
        "latency_1s_blocks_p99_ms": {OURS: each_second.p99},
        "rss_mb": {OURS: max(values[-1] for values in behind.memory.values()), AXELAR: peer["rss_mb"]},
        "rss_messages": waiting,
        "backlog": asdict(behind),
    }


def first_message() -> float:
    """Seconds from the start of one command, with nothing running, to its end: a message arrived."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("pari")), "demo", "--quick", "--json"]
        begun = time.monotonic()
        done = subprocess.run(
            [*command, "--workspace", folder], capture_output=True, text=True, check=True, timeout=120
        )
        seconds = time.monotonic() - begun
    if not json.loads(done.stdout)["ok"]:
        raise RuntimeError(done.stdout)
    return round(seconds, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the bridge beside its peers.")
    parser.add_argument("--messages", type=int, default=5_000, help="of one lane, for the throughput")
    parser.add_argument("--backlog", type=int, default=100_000, help="messages that wait at the start")
    asked = parser.parse_args()
    run = document(asked.messages, asked.backlog)
    whole = json.loads((RESULTS / RESULT).read_text("utf-8"))
    write(RESULT, {**whole, "run": run})


if __name__ == "__main__":
    main()
