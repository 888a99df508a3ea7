"""`pari security quota`: parts of the limits over all ledgers, and moving them between ledgers (CTL-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Reference, print_done
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.errors import HolderUnknown
from paripassu.identifiers import AccountId, LedgerId
from paripassu.jobs import quotas
from paripassu.jobs.controlling import Done, locate
from paripassu.jobs.quotas import HolderQuota, Places, UnderWay
from paripassu.jobs.session import Session, open_session
from paripassu.quantities import Units
from paripassu.rules import RuleSet

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
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Let holding cap that an account does not use count for another account of its holder."""

    async def job() -> tuple[Done, bool]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
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
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Let free places of the limit of holders count on another ledger; the transfer agent signs."""

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
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
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Show what every ledger has of the limit of holders, and of a holder's cap, and what is on its way."""

    async def job() -> _Shown:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            security = session.security
            return _Shown(
                security.rules,
                await _quota(session, account) if account else None,
                await quotas.places_over_all(session.ledgers, security.security_id),
                {id: ledger.name for id, ledger in session.ledgers.items()},
            )

    shown = run(job())
    if json:
        print_json(_document(shown))
        return
    if account:
        _print_quota(account, shown)
    _print_places(shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is printed: the terms, the parts of them, and names of ledgers."""

    rules: RuleSet
    quota: HolderQuota | None
    places: Places | None
    names: dict[LedgerId, str]


async def _quota(session: Session, account: str) -> HolderQuota | None:
    ledger, named = locate(session, account)
    record = await ledger.holder(named)
    if record is None:
        raise HolderUnknown(f"Account '{named}' is not registered on {ledger.name}.")
    return await quotas.quota_of_holder(session.ledgers, session.security.security_id, record.holder)


def _print_quota(account: str, shown: _Shown) -> None:
    quota, cap = shown.quota, shown.rules.holding_cap
    if quota is None or cap is None:
        print("The security has no holding cap.")
        return
    rows: list[list[object]] = [
        [shown.names[one.ledger], one.account or "(no account yet)", int(one.quota), int(one.held)]
        for one in quota.lines
    ]
    rows += [[_where(one, shown), one.account, one.amount, ""] for one in quota.under_way]
    rows.append(["all ledgers", "", quota.total, sum(int(one.held) for one in quota.lines)])
    print_table(f"holding cap of the holder of {account}", ["where", "account", "quota#", "held#"], rows)
    _print_sum(quota.total, int(cap))


def _print_places(shown: _Shown) -> None:
    places, limit = shown.places, shown.rules.holder_limit
    if places is None or limit is None:
        print("The security has no limit of holders.")
        return
    rows: list[list[object]] = [[shown.names[one.ledger], one.limit, one.holders] for one in places.lines]
    rows += [[_where(one, shown), one.amount, ""] for one in places.under_way]
    rows.append(["all ledgers", places.total, sum(one.holders for one in places.lines)])
    print_table("places of holders", ["where", "places#", "holders#"], rows)
    _print_sum(places.total, limit)


def _where(one: UnderWay, shown: _Shown) -> str:
    """Of what left a ledger: on its way, or waiting where it arrived, with the reason."""
    name = shown.names[one.destination]
    return f"waits on {name}: {one.parked}" if one.parked else f"on its way to {name}"


def _print_sum(total: int, terms: int) -> None:
    if total != terms:
        print(
            f"The terms say {terms:,}: some of this is not final yet, or an act changed a ledger's share.\n"
            "next: pari security quota show, and pari act list"
        )


def _document(shown: _Shown) -> dict[str, object]:
    cap, quota, places = shown.rules.holding_cap, shown.quota, shown.places
    return {
        "schema": "paripassu.quotas/1",
        "holdingCap": None if cap is None else int(cap),
        "holderLimit": shown.rules.holder_limit,
        "quotas": quota
        and {
            "accounts": [
                {
                    "ledger": shown.names[one.ledger],
                    "account": one.account,
                    "quota": int(one.quota),
                    "held": int(one.held),
                }
                for one in quota.lines
            ],
            "underWay": _travelling(quota.under_way, shown),
            "total": quota.total,
        },
        "places": places
        and {
            "ledgers": [
                {"ledger": shown.names[one.ledger], "places": one.limit, "holders": one.holders}
                for one in places.lines
            ],
            "underWay": _travelling(places.under_way, shown),
            "total": places.total,
        },
    }


def _travelling(lines: tuple[UnderWay, ...], shown: _Shown) -> list[dict[str, object]]:
    return [
        {
            "message": one.message_id.text,
            "from": shown.names[one.source],
            "to": shown.names[one.destination],
            "account": one.account,
            "amount": one.amount,
            "parked": one.parked,
        }
        for one in lines
    ]
