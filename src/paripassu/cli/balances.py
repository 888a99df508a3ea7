"""`pari security balances`: what an account has by ISO balance type, and how much may move now."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Account, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.errors import CommandImpossible
from paripassu.jobs.controlling import locate
from paripassu.jobs.session import open_session
from paripassu.ledgers.control import Allowed, Holding, PledgedUnits

_MEANING = {
    "AWAS": "available",
    "BLOK": "frozen units",
    "BLCA": "blocked for a corporate action",
    "PLED": "pledged",
    "RSTR": "locked up",
}


def balances(
    account: Account,
    *,
    to: Annotated[
        str, Parameter(help="How much may move to this account; to another ledger where none is named.")
    ] = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Show an account's units by ISO balance type, its lock-ups, pledges and quota, and what may move."""

    async def job() -> tuple[str, Holding, tuple[PledgedUnits, ...], Allowed]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, named = locate(session, account)
            other, target = locate(session, to) if to else (ledger, "")
            if other.id != ledger.id:
                raise CommandImpossible(
                    f"{account} and {to} are not of one ledger.", next_command="pari security balances --help"
                )
            controls = ledger.controls
            return (
                ledger.name,
                await controls.holding(named),
                await controls.pledges(named),
                await controls.allowed(named, target),
            )

    ledger, held, pledges, allowed = run(job())
    if json:
        print_json(_document(ledger, held, pledges, allowed, to))
        return
    rows: list[list[object]] = [
        [kind.value, _MEANING[kind.value], int(units)] for kind, units in held.balances.items()
    ]
    rows.append(["", "all", int(held.balance)])
    print_table(f"{held.account} on {ledger}", ["type", "meaning", "units#"], rows)
    for lot in held.lots:
        print(f"lock-up: {int(lot.units):,} units until {written(lot.until)}")
    for pledge in pledges:
        way = f"to {pledge.pledgee}" if pledge.pledgor == held.account else f"by {pledge.pledgor}"
        print(f"pledge {pledge.id}: {int(pledge.units):,} units {way}")
    quota = "no limit" if held.quota is None else f"{int(held.quota):,} units"
    print(f"most that it may hold here: {quota}{', and it is frozen' if held.frozen else ''}")
    why = f"one more is refused with code {int(allowed.code)} {allowed.code.name}: {allowed.code.sentence}"
    print(f"may move now to {to or 'another ledger'}: {int(allowed.units):,} units; {why}")


def _document(
    ledger: str, held: Holding, pledges: tuple[PledgedUnits, ...], allowed: Allowed, to: str
) -> dict[str, object]:
    return {
        "schema": "paripassu.balances/1",
        "ledger": ledger,
        "account": held.account,
        "balance": int(held.balance),
        "balances": {kind.value: int(units) for kind, units in held.balances.items()},
        "lots": [{"units": int(lot.units), "until": lot.until} for lot in held.lots],
        "pledges": [
            {
                "id": one.id.text,
                "pledgor": one.pledgor,
                "pledgee": one.pledgee,
                "units": int(one.units),
            }
            for one in pledges
        ],
        "frozen": held.frozen,
        "quota": None if held.quota is None else int(held.quota),
        "allowed": {
            "to": to,
            "units": int(allowed.units),
            "code": int(allowed.code),
            "name": allowed.code.name,
            "sentence": allowed.code.sentence,
        },
    }
