"""What is kept of an event on this machine: its struck table, so that payment needs no second strike."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from paripassu.custody import ShareholdingType
from paripassu.entitlements import EntitlementLine, EntitlementPart, EntitlementTable, HolderEntitlement
from paripassu.errors import PariError, TableUnreadable
from paripassu.events.record import event_key
from paripassu.identifiers import AccountId, Bytes32
from paripassu.jobs.entitling import Struck
from paripassu.quantities import Minor, Units
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


def read_table(workspace: Workspace, event_id: str) -> EntitlementTable:
    """The table that `write_table` kept; payment holds its root against the one published on each ledger.

    Raises:
        TableUnreadable: it is missing or damaged.
    """
    path = workspace.event_folder(event_id) / "entitlements.json"
    try:
        document = json.loads(path.read_text("utf-8"))
        if (document["schema"], document["officialEventId"]) != (SCHEMA, event_id):
            raise ValueError("it is another document")
        return EntitlementTable(
            event_id=event_id,
            lines=tuple(_line(event_id, one) for one in document["lines"]),
            holders=tuple(map(_holder, document["holders"])),
            units=Units(document["units"]),
            total=Minor(document["total"]),
            residue=Fraction(document["residue"]),
        )
    except (OSError, ValueError, KeyError, TypeError, PariError) as error:
        raise TableUnreadable(
            f"The entitlement table of event {event_id} cannot be read: {error}."
        ) from error


def _line(event_id: str, one: dict[str, Any]) -> EntitlementLine:
    account = AccountId.parse(one["account"])
    return EntitlementLine(event_key(event_id), account, Units(one["units"]), Minor(one["amount"]))


def _holder(one: dict[str, Any]) -> HolderEntitlement:
    return HolderEntitlement(
        Bytes32(one["holder"]),
        ShareholdingType(one["type"]),
        Units(one["units"]),
        Minor(one["amount"]),
        Fraction(one["residue"]),
        tuple(
            EntitlementPart(AccountId.parse(part["account"]), Units(part["units"]), Minor(part["amount"]))
            for part in one["parts"]
        ),
    )


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
