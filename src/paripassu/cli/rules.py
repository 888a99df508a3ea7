"""`pari rules`: the transfer rules in force, and their changes by the rule manager."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.acting import Ledgers, StatedOn, moment, print_done, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.controls import (
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


def _change(command: RuleControl, how: StatedOn) -> None:
    async def job() -> list[Done]:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            on = chosen(session, how.ledger or ())
            if isinstance(command, SetModules) and not how.ledger:
                on = [one for one in on if LedgerId(one.id).is_evm]
            return await everywhere(on, command, session.role("rule_manager"))

    print_done(run(job()), how.json, how.why)


def countries(
    codes: Annotated[list[str], Parameter(negative="", help="ISO 3166-1 alpha-2 codes.")],
    *,
    how: StatedOn,
    deny: Annotated[bool, Parameter(negative="", help="The countries are those that may not.")] = False,
) -> None:
    """Set the countries whose holders alone may receive, or with --deny may not."""
    named = frozenset(Country(code) for code in codes)
    _change(SetCountries(named, deny, how.why), how)


def classes(
    numbers: Annotated[list[int], Parameter(negative="", help="Investor classes, 0 to 31.")],
    *,
    how: StatedOn,
) -> None:
    """Set the investor classes that may receive."""
    _change(SetClasses(frozenset(numbers), how.why), how)


def minimum_lot(
    units: int,
    *,
    how: StatedOn,
) -> None:
    """Set the least number of units of a transfer, 1 for any."""
    _change(SetMinimumLot(Units(units), how.why), how)


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
    how: StatedOn,
) -> None:
    """Set the time spans in which holders do not trade, in place of those that were."""
    spans = []
    for text in windows or ():
        start, slash, end = text.partition("/")
        if not slash:
            raise InvalidArgument(f"'{text}' is no time span: write its first second, '/', and its end.")
        spans.append(Window(moment(start), moment(end)))
    _change(SetBlackouts(tuple(spans), how.why), how)


def modules(
    contracts: Annotated[
        list[str] | None, Parameter(negative="", help="Addresses of rule contracts; none to unplug all.")
    ] = None,
    *,
    how: StatedOn,
) -> None:
    """Plug rule contracts in, on every chain, in place of those that were; none to unplug all."""
    _change(SetModules(tuple(contracts or ()), how.why), how)
