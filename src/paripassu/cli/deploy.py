"""`pari deploy`: plan, apply, check."""

from __future__ import annotations

from paripassu import deploy as deployment
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.cli.progress import Progress
from paripassu.deploy import Progress as Step
from paripassu.jobs.local import publish_addresses
from paripassu.jobs.session import read_network

PLAN_HAS_CHANGES = 2


def plan(*, place: Place = Place(), json: JsonFlag = False) -> int:
    """Show what differs between the network file and the ledgers; exits 2 where anything does."""
    found = run(deployment.plan(read_network(place.network_file, place.folder), place.folder))
    if json:
        print_json(found.as_json())
    elif found.is_empty:
        print("file and ledgers agree: nothing to do")
    else:
        rows = [
            [name, step.title, step.waits and f"after {step.waits}", step.gas_estimate]
            for name, ledger in found.ledgers.items()
            for step in ledger.steps
        ]
        print_table("", ["ledger", "step", "when", "gas (estimate)#"], rows)
        print("next: pari deploy apply")
    return 0 if found.is_empty else PLAN_HAS_CHANGES


def apply(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Carry the plan out; killed at any point, the same command goes on from there."""
    network = read_network(place.network_file, place.folder)
    with Progress(quiet=json) as progress, progress.stage(f"deploy {network.environment}"):

        def report(step: Step) -> None:
            progress.note(f"{step.ledger}: {step.title} ({step.done}/{step.total})")

        applied = run(deployment.apply(network, place.folder, report))
    publish_addresses(network, place.folder, applied)
    if json:
        print_json(applied.as_json())
        return
    rows = [[name, one.caip2, one.steps, one.gas_used] for name, one in applied.ledgers.items()]
    print_table("", ["ledger", "CAIP-2", "steps#", "gas#"], rows)
    for name, one in applied.ledgers.items():
        for step in one.waiting:
            print(f"{name} waits for {step.waits}: {step.title}")
    print("next: pari deploy check")


def check(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Find drift of code, roles, versions, set-up and records; exits 1 where there is any."""
    report = run(deployment.check(read_network(place.network_file, place.folder), place.folder))
    if json:
        print_json(report.as_json())
    elif report.findings:
        rows = [[one.code, one.ledger, one.title, one.expected, one.found] for one in report.findings]
        print_table("", ["code", "ledger", "what", "expected", "found"], rows)
    else:
        print(f"no drift on {', '.join(report.ledgers)}")
    report.raise_for_drift()
