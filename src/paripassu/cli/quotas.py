"""`pari security quota`: parts of the limits over all ledgers, and moving them between ledgers."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Reference, print_done
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.errors import HolderUnknown
from paripassu.identifiers import AccountId
from paripassu.jobs import quotas
from paripassu.jobs.controlling import Done, locate
from paripassu.jobs.quotas import HolderQuota, Places, UnderWay
from paripassu.jobs.session import Session, open_session
from paripassu.quantities import Units

NEXT = "next: pari relay --with-attestors --drain"


def move(
    source: Annotated[str, Parameter(name="--from", help="The account that does not use all of its quota.")],
    target: Annotated[str, Parameter(name="--to", help="An account of the same holder.")],
    units: Annotated[int, Parameter(name="--units")],
    reference: Reference,
    *,
    signer: Annotated[
        str, Parameter(help="The giving account's signer; else the transfer agent signs.")
    ] = "",
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Let holding cap that an account does not use count for another account of its holder."""

    async def job() -> tuple[Done, bool]:
        async with open_session(place.network_file, place.folder) as session:
            ledger, giving = locate(session, source)
            other, receiving = locate(session, target)
            by = session.signer(signer) if signer else session.role("transfer_agent")
            to = AccountId(other.id, receiving)
            done = await quotas.move_quota(ledger, giving, other, to, Units(units), by, reference)
            return done, ledger.id != other.id

    done, travels = run(job())
    print_done([done], json)
    if travels and not json:
        print(NEXT)


def places(
    source: Annotated[str, Parameter(name="--from", help="Ledger that has free places.")],
    target: Annotated[str, Parameter(name="--to", help="Ledger that gets them.")],
    number: Annotated[int, Parameter(name="--places")],
    reference: Reference,
    *,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Let free places of the limit of holders count on another ledger; the transfer agent signs."""

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            agent = session.role("transfer_agent")
            return await quotas.move_places(
                session.ledger(source), session.ledger(target), number, agent, reference
            )

    print_done([run(job())], json)
    if not json:
        print(NEXT)


def show(
    account: Annotated[
        str, Parameter(help="Any account of a holder; without one, places of holders only.")
    ] = "",
    *,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Show what every ledger has of the limit of holders, and of a holder's cap, and what is on its way."""

    async def job() -> tuple[Places | None, HolderQuota | None, Units | None, int | None, dict[str, str]]:
        async with open_session(place.network_file, place.folder) as session:
            rules = session.security.rules
            found = await quotas.places_over_all(session.ledgers)
            quota = await _quota(session, account) if account else None
            return found, quota, rules.holding_cap, rules.holder_limit, _names(session)

    found, quota, cap, limit, names = run(job())
    if json:
        print_json(_document(found, quota, cap, limit, names))
        return
    if quota is not None:
        rows: list[list[object]] = [
            [names[one.ledger], one.account or "(no account yet)", int(one.quota), int(one.held)]
            for one in quota.lines
        ]
        rows += [
            [f"on its way to {names[one.destination]}", one.account, one.amount, ""]
            for one in quota.under_way
        ]
        rows.append([f"all; the terms say {_said(cap)}", "", quota.total, ""])
        print_table(f"holding cap of the holder of {account}", ["where", "account", "quota#", "held#"], rows)
    elif account:
        print("The security has no holding cap.")
    if found is None:
        print("The security has no limit of holders.")
        return
    rows = [[names[one.ledger], one.limit, one.holders] for one in found.lines]
    rows += [[f"on their way to {names[one.destination]}", one.amount, ""] for one in found.under_way]
    rows.append([f"all; the terms say {_said(limit)}", found.total, ""])
    print_table("places of holders", ["where", "places#", "holders#"], rows)


async def _quota(session: Session, account: str) -> HolderQuota | None:
    ledger, named = locate(session, account)
    record = await ledger.holder(named)
    if record is None:
        raise HolderUnknown(f"Account '{named}' is not registered on {ledger.name}.")
    return await quotas.quota_of_holder(session.ledgers, record.holder)


def _names(session: Session) -> dict[str, str]:
    return {str(id): ledger.name for id, ledger in session.ledgers.items()}


def _said(value: Units | int | None) -> str:
    return "no number" if value is None else f"{int(value):,}"


def _document(
    found: Places | None,
    quota: HolderQuota | None,
    cap: Units | None,
    limit: int | None,
    names: dict[str, str],
) -> dict[str, object]:
    def travelling(lines: tuple[UnderWay, ...]) -> list[dict[str, object]]:
        return [
            {
                "message": one.message_id.text,
                "from": names[one.source],
                "to": names[one.destination],
                "account": one.account,
                "amount": one.amount,
                "parked": one.parked,
            }
            for one in lines
        ]

    return {
        "schema": "paripassu.quotas/1",
        "holdingCap": None if cap is None else int(cap),
        "holderLimit": limit,
        "quotas": None
        if quota is None
        else {
            "accounts": [
                {
                    "ledger": names[one.ledger],
                    "account": one.account,
                    "quota": int(one.quota),
                    "held": int(one.held),
                }
                for one in quota.lines
            ],
            "underWay": travelling(quota.under_way),
            "total": quota.total,
        },
        "places": None
        if found is None
        else {
            "ledgers": [
                {"ledger": names[one.ledger], "places": one.limit, "holders": one.holders}
                for one in found.lines
            ],
            "underWay": travelling(found.under_way),
            "total": found.total,
        },
    }
