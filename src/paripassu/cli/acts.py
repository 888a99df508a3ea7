"""`pari act`: approve, withdraw, carry out, list and show acts of consequence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.act_sheet import act_document, print_act
from paripassu.cli.acting import Ledgers, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.jobs import approving
from paripassu.jobs.approving import Found
from paripassu.jobs.controlling import chosen
from paripassu.jobs.session import Session, open_session
from paripassu.ledgers.control import ActRecord, ActState

Id = Annotated[str, Parameter(help="Id of the act, or its first hex digits.")]
Role = Annotated[str, Parameter(name="--role", help="Role that decides; its first signer signs.")]
Deciding = Callable[[Session, Found], Awaitable[bool]]


def _decide(id: str, deciding: Deciding, place: SecurityPlace, json: bool, already: str) -> None:
    async def job() -> tuple[bool, Found]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            found = await approving.find(session.ledgers, id)
            changed = await deciding(session, found)
            ledger, act = found
            return changed, (ledger, await ledger.controls.act(act.id) or act)

    changed, (ledger, act) = run(job())
    if json:
        print_json({"schema": "paripassu.act/1", "changed": changed, **act_document(ledger.name, act)})
        return
    if not changed:
        print(already)
    print_act(ledger.name, act)


def approve(id: Id, role: Role, *, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False) -> None:
    """Approve an act for a role; once it has approved, nothing more happens."""

    async def deciding(session: Session, found: Found) -> bool:
        return await approving.approve(*found, role, session.role(role))

    _decide(id, deciding, place, json, f"the role {role} has approved it already")


def withdraw(id: Id, role: Role, *, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False) -> None:
    """Take back a role's approval, or the act for good where the role proposed it."""

    async def deciding(session: Session, found: Found) -> bool:
        await approving.withdraw(*found, role, session.role(role))
        return True

    _decide(id, deciding, place, json, "")


def execute(
    id: Id,
    *,
    role: Annotated[
        str, Parameter(help="Role whose first signer sends it; else the role that proposed it.")
    ] = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Carry out an act that has its approvals; once it was, nothing more happens."""

    async def deciding(session: Session, found: Found) -> bool:
        return await approving.execute(*found, session.role(role or found[1].proposed.role))

    _decide(id, deciding, place, json, "it has been carried out already")


def show(id: Id, *, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False) -> None:
    """Show an act with its lineage: reason, roles that approved, and the balances before and after."""

    async def job() -> Found:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            return await approving.find(session.ledgers, id)

    ledger, act = run(job())
    if json:
        print_json({"schema": "paripassu.act/1", **act_document(ledger.name, act)})
    else:
        print_act(ledger.name, act)


def list_acts(
    *,
    ledger: Ledgers = None,
    waiting: Annotated[bool, Parameter(negative="", help="Only those that are still open.")] = False,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """List the acts of consequence of every ledger, and where each stands."""

    async def job() -> list[tuple[str, ActRecord]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            on = chosen(session, ledger or ())
            read = await asyncio.gather(*(one.controls.acts() for one in on))
            return [
                (one.name, act)
                for one, acts in zip(on, read, strict=True)
                for act in acts
                if not waiting or act.state is ActState.OPEN
            ]

    found = run(job())
    if json:
        print_json({"schema": "paripassu.acts/1", "acts": [act_document(name, act) for name, act in found]})
        return
    rows = [
        [
            name,
            act.id.text[:18],
            f"{act.contract}.{act.function}",
            act.reason,
            f"{len(act.approvals)} of {act.threshold}",
            act.state.value,
            written(act.ready_at),
        ]
        for name, act in found
    ]
    print_table("", ["ledger", "act", "what", "reason", "approvals", "state", "not before"], rows)
