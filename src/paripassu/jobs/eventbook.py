"""What is kept of an event on this machine: its struck table, so that payment needs no second strike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paripassu.jobs.entitling import Struck
from paripassu.workspace import Workspace

SCHEMA = "paripassu.entitlements/1"


def write_table(workspace: Workspace, struck: Struck) -> Path:
    """Write the entitlement table; amounts are minor units, the residue an exact fraction."""
    folder = workspace.event_folder(struck.event.official_event_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "entitlements.json"
    half = path.with_suffix(".half")
    half.write_text(json.dumps(as_document(struck), indent=2) + "\n", encoding="utf-8")
    half.replace(path)
    return path


def as_document(struck: Struck) -> dict[str, Any]:
    """The table as JSON; commitments stand for holders, no personal data (UBO-5)."""
    table = struck.table
    return {
        "schema": SCHEMA,
        "officialEventId": table.event_id,
        "recordTime": struck.event.record_time,
        "root": struck.root.text,
        "units": int(table.units),
        "total": int(table.total),
        "residue": str(table.residue),
        "holders": [
            {
                "holder": holder.holder.text,
                "type": holder.kind.value,
                "units": int(holder.units),
                "amount": int(holder.amount),
                "residue": str(holder.residue),
                "parts": [
                    {"account": str(part.account), "units": int(part.units), "amount": int(part.amount)}
                    for part in holder.parts
                ],
            }
            for holder in table.holders
        ],
        "lines": [
            {"account": str(line.account), "units": int(line.units), "amount": int(line.amount)}
            for line in table.lines
        ],
    }
