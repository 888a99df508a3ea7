"""`pari security`: freeze and release, pause and let go on, stop in an emergency."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import (
    Account,
    Here,
    Ledgers,
    WhyText,
    because,
    moment,
    print_done,
    print_reach,
)
from paripassu.cli.common import JsonFlag, SecurityPlace, run
from paripassu.controls import (
    EmergencyStop,
    Freeze,
    FreezeUnits,
    Pause,
    PauseClasses,
    Reason,
    SecurityControl,
)
from paripassu.jobs.controlling import Done, carry_out, chosen, everywhere, locate
from paripassu.jobs.ordering import Reach, order
from paripassu.jobs.session import open_session
from paripassu.quantities import Units

Classes = Annotated[list[int], Parameter(negative="", help="Investor classes, 0 to 31.")]


def _freeze(account: str, frozen: bool, text: str, here: bool, place: SecurityPlace, json: bool) -> None:
    reason = because(text)

    async def one() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, Freeze(named, frozen, reason), session.role("freezer"))

    async def by_order() -> Reach:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            scope = session.security.security_id
            return await order(session, *locate(session, account), scope, frozen, reason)

    if here:
        print_done([run(one())], json, reason)
    else:
        print_reach(run(by_order()), json, reason)


def freeze(
    account: Account,
    *,
    reason: WhyText,
    here: Here = False,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Freeze an account's holder in this security on all ledgers, units in transit included.

    The freezer signs.
    """
    _freeze(account, True, reason, here, place, json)


def unfreeze(
    account: Account,
    *,
    reason: WhyText,
    here: Here = False,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Lift the freeze that this ledger ordered; the freezer signs."""
    _freeze(account, False, reason, here, place, json)


def freeze_units(
    account: Account,
    units: int,
    *,
    reason: WhyText,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Set how many units of an account are frozen, 0 for none; the freezer signs."""
    given = because(reason)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, FreezeUnits(named, Units(units), given), session.role("freezer"))

    print_done([run(job())], json, given)


def _on_all(
    command: SecurityControl,
    role: str,
    ledgers: list[str] | None,
    place: SecurityPlace,
    json: bool,
    reason: Reason,
) -> None:
    async def job() -> list[Done]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            return await everywhere(chosen(session, ledgers or ()), command, session.role(role))

    print_done(run(job()), json, reason)


def pause(
    *, reason: WhyText, ledger: Ledgers = None, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False
) -> None:
    """Stop movements of the security; redemptions, payouts and acts of law go on; the pauser signs."""
    given = because(reason)
    _on_all(Pause(True, given), "pauser", ledger, place, json, given)


def unpause(
    *, reason: WhyText, ledger: Ledgers = None, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False
) -> None:
    """Let movements go on after a pause or an emergency stop; the unpauser signs."""
    given = because(reason)
    _on_all(Pause(False, given), "unpauser", ledger, place, json, given)


def stop(
    until: Annotated[str, Parameter(help="Last second, at most seven days ahead: ISO 8601 or seconds.")],
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Stop everything but payouts and acts of law until a time; the pauser signs."""
    given = because(reason)
    _on_all(EmergencyStop(moment(until), given), "pauser", ledger, place, json, given)


def pause_class(
    classes: Classes,
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Pause the inventory that holders of investor classes have; the pauser signs."""
    given = because(reason)
    _on_all(PauseClasses(frozenset(classes), True, given), "pauser", ledger, place, json, given)


def unpause_class(
    classes: Classes,
    *,
    reason: WhyText,
    ledger: Ledgers = None,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Let the inventory of investor classes move again; the unpauser signs."""
    given = because(reason)
    _on_all(PauseClasses(frozenset(classes), False, given), "unpauser", ledger, place, json, given)
