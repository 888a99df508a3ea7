"""`pari security lots`: where units were issued, since when they are held, which ledgers they passed."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.acting import written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.identifiers import AccountId
from paripassu.jobs.controlling import locate
from paripassu.jobs.lots import lots_of
from paripassu.jobs.session import open_session
from paripassu.lots import InTransit, OnLedger, UnitLot, location_of


def lots(
    account: Annotated[
        str, Parameter(help="Only what this account has, or is on its way to it; all accounts otherwise.")
    ] = "",
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Show units by their history, first in, first out: where they are now, since when their holder has them
    on whichever ledger, where they were issued, the ledgers that they passed, and their lock-up."""

    async def job() -> tuple[UnitLot, ...]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            wanted: AccountId | None = None
            if account:
                ledger, named = locate(session, account)
                wanted = AccountId(ledger.id, named)
            found = await lots_of(session.ledgers)
            return tuple(lot for lot in found if wanted in (None, location_of(lot).account))

    found = run(job())
    if json:
        print_json({"schema": "paripassu.lots/1", "lots": [_document(lot) for lot in found]})
        return
    rows = [
        [
            int(lot.units),
            str(location_of(lot)),
            written(lot.acquired),
            lot.home,
            " > ".join([str(lot.home), *(str(one.destination) for one in lot.path)]),
            "" if lot.lock is None else written(lot.lock.until),
        ]
        for lot in found
    ]
    print_table("", ["units#", "where", "held since", "issued on", "path", "locked until"], rows)


def _document(lot: UnitLot) -> dict[str, Any]:
    place = location_of(lot)
    where: dict[str, Any] = {"account": str(place.account)}
    match place:
        case OnLedger():
            where = {"state": "ON_LEDGER", "ledger": str(place.account.ledger), **where}
        case InTransit():
            way = {"from": str(place.source), "to": str(place.destination), "since": place.since}
            where = {"state": "IN_TRANSIT", **way, **where, "messageId": place.message_id.text}
    return {
        "units": int(lot.units),
        "location": where,
        "acquired": lot.acquired,
        "home": str(lot.home),
        "issuedBy": lot.reference,
        "path": [
            {
                "messageId": one.message_id.text,
                "from": str(one.source),
                "to": str(one.destination),
                "since": one.since,
                "arrived": one.arrived,
            }
            for one in lot.path
        ],
        "pathHash": lot.path_hash.text,
        "lockUp": None if lot.lock is None else {"since": lot.lock.since, "until": lot.lock.until},
    }
