"""`pari rules`: the transfer rules in force, and their changes by the rule manager."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.acting import Ledgers, WhyText, because, moment, print_done, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.controls import (
    Reason,
    RuleControl,
    SetBlackouts,
    SetClasses,
    SetCountries,
    SetMinimumLot,
    SetModules,
)
from paripassu.errors import InvalidArgument
from paripassu.identifiers import Country, LedgerId
from paripassu.jobs.controlling import Done, chosen, everywhere
from paripassu.jobs.session import open_session
from paripassu.ledgers.control import RulesInForce
from paripassu.quantities import Units
from paripassu.rules import Window


def show(*, ledger: Ledgers = None, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False) -> None:
    """Show the rules that each ledger applies now."""

    async def job() -> list[dict[str, Any]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            return [
                {"ledger": one.name, **_document(await one.controls.rules())}
                for one in chosen(session, ledger or ())
            ]

    found = run(job())
    if json:
        print_json({"schema": "paripassu.rules/1", "ledgers": found})
        return
    names = [name for name in found[0] if name != "ledger"]
    rows = [[name, *(_cell(name, one[name]) for one in found)] for name in names]
    print_table("", ["rule", *(one["ledger"] for one in found)], rows)


def _document(found: RulesInForce) -> dict[str, Any]:
    rules, standing = found.rules, found.standing
    return {
        "countries": sorted(str(country) for country in rules.countries),
        "denyList": rules.deny_list,
        "classes": sorted(rules.classes),
        "pausedClasses": sorted(standing.paused_classes),
        "holdingCap": None if rules.holding_cap is None else int(rules.holding_cap),
        "holderLimit": rules.holder_limit,
        "holders": found.holders,
        "minimumLot": int(rules.minimum_lot),
        "blackouts": [[window.start, window.end] for window in rules.blackout],
        "modules": list(found.modules),
        "paused": standing.paused,
        "stoppedUntil": standing.stopped_until,
        "changes": found.changes,
    }


def _cell(name: str, value: Any) -> object:
    if value is None:
        return "-"
    if name == "blackouts":
        return "; ".join(f"{written(start)} to {written(end)}" for start, end in value) or "none"
    if name == "stoppedUntil":
        return written(value) if value else "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return value


def _change(
    command: RuleControl, reason: Reason, ledgers: list[str] | None, place: SecurityPlace, json: bool
) -> None:
    async def job() -> list[Done]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            on = chosen(session, ledgers or ())
            if isinstance(command, SetModules) and not ledgers:
                on = [one for one in on if LedgerId(one.id).is_evm]
            return await everywhere(on, command, session.role("rule_manager"))

    print_done(run(job()), json, reason)


def countries(
    codes: Annotated[list[str], Parameter(negative="", help="ISO 3166-1 alpha-2 codes.")],
    *,
    reason: WhyText,
    deny: Annotated[bool, Parameter(negative="", help="The countries are those that may not.")] = False,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Set the countries whose holders alone may receive, or with --deny may not."""
    given = because(reason)
    named = frozenset(Country(code) for code in codes)
    _change(SetCountries(named, deny, given), given, ledger, place, json)


def classes(
    numbers: Annotated[list[int], Parameter(negative="", help="Investor classes, 0 to 31.")],
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Set the investor classes that may receive."""
    given = because(reason)
    _change(SetClasses(frozenset(numbers), given), given, ledger, place, json)


def minimum_lot(
    units: int,
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Set the least number of units of a transfer, 1 for any."""
    given = because(reason)
    _change(SetMinimumLot(Units(units), given), given, ledger, place, json)


def blackout(
    windows: Annotated[
        list[str] | None,
        Parameter(
            name="--window",
            negative="",
            help="From/until, as 2027-03-01T00:00:00Z/2027-03-05T00:00:00Z; repeatable. None to have none.",
        ),
    ] = None,
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Set the time spans in which holders do not trade, in place of those that were."""
    given = because(reason)
    spans = []
    for text in windows or ():
        start, slash, end = text.partition("/")
        if not slash:
            raise InvalidArgument(f"'{text}' is no time span: write its first second, '/', and its end.")
        spans.append(Window(moment(start), moment(end)))
    _change(SetBlackouts(tuple(spans), given), given, ledger, place, json)


def modules(
    contracts: Annotated[
        list[str] | None, Parameter(negative="", help="Addresses of rule contracts; none to unplug all.")
    ] = None,
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Plug rule contracts in, on every chain, in place of those that were; none to unplug all."""
    given = because(reason)
    _change(SetModules(tuple(contracts or ()), given), given, ledger, place, json)
