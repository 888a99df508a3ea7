"""`pari demo`: the main job in one command."""

from __future__ import annotations

import json as json_module
import shutil
import webbrowser
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, print_json, print_table, run
from paripassu.cli.progress import Progress
from paripassu.demo.run import Inputs
from paripassu.demo.run import run as run_demo
from paripassu.examples import example
from paripassu.reports.html import money, rate_text, render
from paripassu.workspace import Workspace


def demo(
    *,
    workspace: Annotated[
        Path | None, Parameter(help="Folder for the demo's state; made anew each time.")
    ] = None,
    json: JsonFlag = False,
    open_report: Annotated[
        bool, Parameter(name="--open", negative="", help="Open the report in a browser.")
    ] = False,
    quick: Annotated[
        bool, Parameter(negative="", help="Only move some shares from one chain to another: seconds.")
    ] = False,
) -> int:
    """Announce, entitle, pay and reconcile one dividend over three chains and a book-entry ledger."""
    folder = Workspace((workspace or Path(".pari") / "demo").absolute())
    shutil.rmtree(folder.root, ignore_errors=True)
    if quick:
        return _quick(folder, json)
    inputs = Inputs(
        network=example("local.toml"),
        event=example("2027-03-dividend.toml"),
        breakdown=example("custody/custodian-de-breakdown.toml"),
    )
    with Progress() as progress:
        document = run(run_demo(inputs, folder.ensure(), progress))
    page, data = _write(document, folder)
    if json:
        print_json(document)
    else:
        _print(document)
        print(f"\nreport: {page}\nfigures: {data}")
    if open_report:
        webbrowser.open(page.as_uri())
    return 0 if document["ok"] else 1


def _quick(folder: Workspace, json: bool) -> int:
    from paripassu.demo.quick import run as run_quick

    with Progress() as progress:
        document = run(run_quick(example("two-chains.toml"), folder.ensure(), progress))
    if json:
        print_json(document)
        return 0 if document["ok"] else 1
    rows = [[step["state"], step["milliseconds"], step.get("ledger", "")] for step in document["history"]]
    print(f"{document['units']} shares in lane {document['lane']}, message {document['message']}")
    print_table("", ["state", "after ms#", "on"], rows)
    print(f"now held: {', '.join(f'{units} on {name}' for name, units in document['positions'].items())}")
    print("next: pari demo, one dividend over four ledgers")
    return 0 if document["ok"] else 1


def _write(document: dict[str, Any], folder: Workspace) -> tuple[Path, Path]:
    page, data = folder.root / "report.html", folder.root / "report.json"
    page.write_text(render(document), encoding="utf-8")
    data.write_text(json_module.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return page, data


def _print(document: dict[str, Any]) -> None:
    event, exponent = document["event"], document["event"]["currencyExponent"]
    rate = f"{rate_text(event['rate'])} {event['currency']}"
    title = (
        f"{event['officialEventId']} {event['eventType']} {rate} per share of "
        f"{document['security']['isin']}, record date {event['recordDate']}, paid {event['paymentDate']}"
    )
    rows = [
        [
            row["name"],
            ", ".join(dict.fromkeys(part["ledger"] for part in row["parts"])),
            row["units"],
            money(row["amount"], exponent),
            money(row["paid"], exponent),
        ]
        for row in document["entitlements"]["rows"]
    ]
    totals = document["entitlements"]
    rows.append(
        [
            "total",
            "",
            totals["units"],
            money(totals["total"], exponent),
            money(document["payments"]["total"], exponent),
        ]
    )
    print_table(
        title,
        ["holder", "on", "shares#", f"entitled {event['currency']}#", f"paid {event['currency']}#"],
        rows,
    )
    print(f"residue {totals['residue']} cents, from rounding down once per holder\n")
    checks = [
        [row["id"], row["title"], "holds" if row["ok"] else "BROKEN", row["explanation"]]
        for row in document["invariants"]["rows"]
    ]
    print_table("", ["", "invariant", "", "because"], checks)
