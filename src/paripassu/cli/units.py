"""`pari security`: lock-ups, pledges, batches, accounts opened beforehand, units of lost accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import (
    Account,
    OwnerKey,
    Reference,
    Stated,
    moment,
    print_done,
    read_lines,
    units_in,
)
from paripassu.cli.common import JsonFlag, SecurityPlace, run
from paripassu.controls import BatchTransfer, EndPledge, Lock, OpenAccounts, Pledge, Succeed
from paripassu.errors import InvalidArgument
from paripassu.identifiers import AccountId, Bytes32
from paripassu.jobs.controlling import Done, carry_out, locate, same_ledger
from paripassu.jobs.session import open_session
from paripassu.ledgers.control import PledgedUnits
from paripassu.quantities import Units

PledgeId = Annotated[str, Parameter(help="Id of the pledge, as `pari security balances` lists it.")]
Where = Annotated[str, Parameter(help="Ledger by its name in the network file, or CAIP-2 id.")]


def lock(
    account: Account,
    units: int,
    until: Annotated[str, Parameter(help="First second at which they can move: ISO 8601 or seconds.")],
    *,
    reference: Reference,
    how: Stated,
) -> None:
    """Lock units of an account up until a time, in a lot of its own; the transfer agent signs."""
    given, end = how.why, moment(until)

    async def job() -> Done:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            ledger, named = locate(session, account)
            command = Lock(named, Units(units), end, given)
            return await carry_out(ledger, command, session.role("transfer_agent"), reference)

    print_done([run(job())], how.json, given)


def pledge(
    source: Annotated[str, Parameter(name="--from", help="The account whose units are pledged.")],
    target: Annotated[str, Parameter(name="--to", help="The pledgee, on the same ledger.")],
    units: Annotated[int, Parameter(name="--units")],
    signer: OwnerKey,
    reference: Reference,
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Pledge units: they stay, keep their entitlements, and do not move until the pledgee says so."""

    async def job() -> tuple[Done, list[PledgedUnits]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, (pledgor, pledgee) = same_ledger(session, source, target)
            before = {one.id for one in await ledger.controls.pledges(pledgor)}
            command = Pledge(pledgor, pledgee, Units(units))
            done = await carry_out(ledger, command, session.signer(signer), reference)
            return done, [one for one in await ledger.controls.pledges(pledgor) if one.id not in before]

    done, made = run(job())
    print_done([done], json, pledges=[one.id.text for one in made])
    if not json:
        for one in made:
            print(f"pledge {one.id}")
            print(f"next: pari security release {done.ledger.name} {one.id} --signer PLEDGEE")


def release(
    ledger: Where,
    pledge: PledgeId,
    *,
    signer: OwnerKey,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Release a pledge; the pledgee signs."""
    _end(ledger, pledge, False, signer, place, json)


def enforce(
    ledger: Where,
    pledge: PledgeId,
    *,
    signer: OwnerKey,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Take pledged units, under every rule of a transfer; the pledgee signs."""
    _end(ledger, pledge, True, signer, place, json)


def _end(ledger: str, pledge: str, enforced: bool, signer: str, place: SecurityPlace, json: bool) -> None:
    id = Bytes32(pledge)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            command = EndPledge(id, enforced)
            return await carry_out(session.ledger(ledger), command, session.signer(signer))

    print_done([run(job())], json)


def batch(
    source: Annotated[str, Parameter(name="--from", help="The account that gives.")],
    file: Annotated[Path, Parameter(help="CSV file with the columns account,units; accounts of one ledger.")],
    signer: OwnerKey,
    reference: Reference,
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Transfer to many accounts of the giving account's ledger: all or none."""
    lines = [(account, units_in(file, units)) for account, units in read_lines(file, ("account", "units"))]

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, giving = locate(session, source)
            transfers = tuple((AccountId(ledger.id, account).account, units) for account, units in lines)
            command = BatchTransfer(giving, transfers)
            return await carry_out(ledger, command, session.signer(signer), reference)

    print_done([run(job())], json)


def open_accounts(
    ledger: Where,
    accounts: Annotated[list[str], Parameter(negative="", help="Accounts that may receive.")],
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Give accounts of a chain their place beforehand: their first receipt then costs less.

    Anybody may; here the transfer agent signs and pays the fees.
    """
    if not accounts:
        raise InvalidArgument("Name the accounts to open.")

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            named = session.ledger(ledger)
            command = OpenAccounts(tuple(AccountId(named.id, one).account for one in accounts))
            return await carry_out(named, command, session.role("transfer_agent"))

    print_done([run(job())], json)


def recover(
    source: Annotated[str, Parameter(name="--from", help="The account that another one took the place of.")],
    target: Annotated[str, Parameter(name="--to", help="Its successor.")],
    *,
    signer: Annotated[str, Parameter(help="The successor's signer; else the transfer agent signs.")] = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Move all units of a superseded account, with all that encumbers them, to its successor."""

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger, (lost, successor) = same_ledger(session, source, target)
            by = session.signer(signer) if signer else session.role("transfer_agent")
            return await carry_out(ledger, Succeed(lost, successor), by)

    print_done([run(job())], json)
