"""`pari security`: freeze and release, pause and let go on, stop in an emergency."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import Account, Here, Stated, StatedOn, moment, print_done, print_reach
from paripassu.cli.common import run
from paripassu.controls import (
    EmergencyStop,
    Freeze,
    FreezeUnits,
    Pause,
    PauseClasses,
    SecurityControl,
)
from paripassu.jobs.controlling import Done, carry_out, chosen, everywhere, locate
from paripassu.jobs.ordering import Reach, order
from paripassu.jobs.session import open_session
from paripassu.quantities import Units

Classes = Annotated[list[int], Parameter(negative="", help="Investor classes, 0 to 31.")]


def _freeze(account: str, frozen: bool, here: bool, how: Stated) -> None:
    reason = how.why

    async def one() -> Done:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, Freeze(named, frozen, reason), session.role("freezer"))

    async def by_order() -> Reach:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            scope = session.security.security_id
            return await order(session, *locate(session, account), scope, frozen, reason)

    if here:
        print_done([run(one())], how.json, reason)
    else:
        print_reach(run(by_order()), how.json, reason)


def freeze(account: Account, *, how: Stated, here: Here = False) -> None:
    """Freeze an account's holder in this security on all ledgers, units in transit included.

    The freezer signs.
    """
    _freeze(account, True, here, how)


def unfreeze(account: Account, *, how: Stated, here: Here = False) -> None:
    """Lift the freeze that this ledger ordered; the freezer signs."""
    _freeze(account, False, here, how)


def freeze_units(account: Account, units: int, *, how: Stated) -> None:
    """Set how many units of an account are frozen, 0 for none; the freezer signs."""
    reason = how.why

    async def job() -> Done:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            ledger, named = locate(session, account)
            return await carry_out(ledger, FreezeUnits(named, Units(units), reason), session.role("freezer"))

    print_done([run(job())], how.json, reason)


def _on_all(command: SecurityControl, role: str, how: StatedOn) -> None:
    async def job() -> list[Done]:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            return await everywhere(chosen(session, how.ledger or ()), command, session.role(role))

    print_done(run(job()), how.json, how.why)


def pause(*, how: StatedOn) -> None:
    """Stop movements of the security; redemptions, payouts and acts of law go on; the pauser signs."""
    _on_all(Pause(True, how.why), "pauser", how)


def unpause(*, how: StatedOn) -> None:
    """Let movements go on after a pause or an emergency stop; the unpauser signs."""
    _on_all(Pause(False, how.why), "unpauser", how)


def stop(
    until: Annotated[str, Parameter(help="Last second, at most seven days ahead: ISO 8601 or seconds.")],
    *,
    how: StatedOn,
) -> None:
    """Stop everything but payouts and acts of law until a time; the pauser signs."""
    _on_all(EmergencyStop(moment(until), how.why), "pauser", how)


def pause_class(classes: Classes, *, how: StatedOn) -> None:
    """Pause the inventory that holders of investor classes have; the pauser signs."""
    _on_all(PauseClasses(frozenset(classes), True, how.why), "pauser", how)


def unpause_class(classes: Classes, *, how: StatedOn) -> None:
    """Let the inventory of investor classes move again; the unpauser signs."""
    _on_all(PauseClasses(frozenset(classes), False, how.why), "unpauser", how)
