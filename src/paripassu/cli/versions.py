"""`pari version`: which code every contract ran, and since when (VER-5)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.act_sheet import CLASSES
from paripassu.cli.acting import Ledgers, moment, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.jobs.controlling import chosen
from paripassu.jobs.session import open_session
from paripassu.ledgers.control import Running, VersionChange


def list_versions(
    *, ledger: Ledgers = None, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False
) -> None:
    """List every change of code that the contracts of the chains announced, the first versions too."""

    async def job() -> list[tuple[str, VersionChange]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            return [
                (one.name, change)
                for one in chosen(session, ledger or ())
                for change in await one.controls.versions()
            ]

    found = run(job())
    if json:
        rows = [
            {
                "ledger": name,
                "contract": change.contract,
                "from": change.before,
                "to": change.version,
                "codeHash": change.code_hash.text,
                "changeClass": CLASSES[change.change_class],
                "act": change.act.text if change.act else "",
                "height": change.block.height,
                "time": change.block.time,
            }
            for name, change in found
        ]
        print_json({"schema": "paripassu.versions/1", "changes": rows})
        return
    table = [
        [
            name,
            change.contract,
            change.before or "-",
            change.version,
            CLASSES[change.change_class] or "first",
            written(change.block.time),
            change.act.text[:18] if change.act else "-",
        ]
        for name, change in found
    ]
    print_table("", ["ledger", "contract", "from", "to", "class", "time", "act"], table)


def at(
    time: Annotated[str, Parameter(help="ISO 8601 with zone, as 2027-03-05T23:00:00Z, or seconds.")],
    *,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Show the code that every contract ran at a time, as the chains' Approvals know it."""
    instant = moment(time)

    async def job() -> list[tuple[str, Running]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            return [
                (one.name, running)
                for one in chosen(session, ledger or ())
                for running in await one.controls.running(instant)
            ]

    found = run(job())
    if json:
        rows = [
            {
                "ledger": name,
                "contract": running.contract,
                "version": running.version,
                "codeHash": running.code_hash.text,
                "since": running.since,
            }
            for name, running in found
        ]
        print_json({"schema": "paripassu.version-at/1", "time": instant, "contracts": rows})
        return
    table = [[name, one.contract, one.version, one.code_hash.text, written(one.since)] for name, one in found]
    print_table(f"at {written(instant)}", ["ledger", "contract", "version", "code hash", "since"], table)
