"""An act of consequence as it is shown: what, why, by whom, and what it changed (CTL-7)."""

from __future__ import annotations

from paripassu.cli.acting import written
from paripassu.cli.common import print_table
from paripassu.ledgers.control import ActRecord, ActState, Deed

CLASSES = ("", "regulatory", "corporate structure", "economic terms", "technical")


def act_document(ledger: str, act: ActRecord) -> dict[str, object]:
    """The act with its lineage, as JSON."""
    return {
        "ledger": ledger,
        "id": act.id.text,
        "contract": act.contract,
        "function": act.function,
        "arguments": dict(act.arguments),
        "changeClass": CLASSES[act.change_class],
        "reason": act.reason,
        "state": act.state.value,
        "threshold": act.threshold,
        "readyAt": act.ready_at,
        "lastSecond": act.last_second,
        "proposed": _deed(act.proposed),
        "approvals": [_deed(deed) for deed in act.approvals],
        "executed": None if act.executed is None else _deed(act.executed),
        "corrections": [
            {"account": one.account, "before": int(one.before), "after": int(one.after)}
            for one in act.corrections
        ],
        "effects": list(act.effects),
    }


def print_act(ledger: str, act: ActRecord) -> None:
    """The same for people, with what can be done next."""
    told = ", ".join(f"{name} {value}" for name, value in act.arguments.items())
    rows: list[list[object]] = [
        ["act", act.id.text],
        ["what", f"{act.contract}.{act.function} on {ledger}: {told}"],
        ["reason", act.reason],
        ["state", act.state.value],
        ["proposed", _told(act.proposed)],
    ]
    if act.change_class:
        rows.append(["class of change", CLASSES[act.change_class]])
    rows += [["approved", _told(deed)] for deed in act.approvals]
    rows.append(["needed", f"{act.threshold} approvals, and not before {written(act.ready_at)}"])
    if act.executed is not None:
        rows.append(["carried out", _told(act.executed)])
    rows += [["effect", effect] for effect in act.effects]
    print_table("", ["", "act of consequence"], rows)
    if act.corrections:
        changes = [[one.account, int(one.before), int(one.after)] for one in act.corrections]
        print_table("", ["account", "before#", "after#"], changes)
    if act.state is ActState.OPEN:
        short = act.id.text[:18]
        missing = act.threshold - len(act.approvals)
        print(f"next: pari act {f'approve {short} --role ROLE' if missing > 0 else f'execute {short}'}")


def _told(deed: Deed) -> str:
    role = f" for {deed.role}" if deed.role else ""
    return f"by {deed.by}{role}, {written(deed.block.time)}, {deed.transaction}"


def _deed(deed: Deed) -> dict[str, object]:
    return {
        "role": deed.role,
        "by": deed.by,
        "height": deed.block.height,
        "time": deed.block.time,
        "transaction": deed.transaction,
    }
