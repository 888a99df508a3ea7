"""`pari security`: issue, move, look at positions; and breakdowns of omnibus accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import deadline, print_done, written
from paripassu.cli.common import JsonFlag, SecurityPlace, print_json, print_table, run
from paripassu.config import load_breakdown
from paripassu.errors import InvalidArgument
from paripassu.identifiers import AccountId
from paripassu.jobs import movements
from paripassu.jobs.controlling import Done
from paripassu.jobs.observe import read_at, settled_instant
from paripassu.jobs.session import open_session
from paripassu.quantities import Units


def breakdown(
    file: Annotated[Path, Parameter(help="Breakdown file, schema paripassu.breakdown/1.")],
    *,
    place: SecurityPlace = SecurityPlace(),
    signer: Annotated[str, Parameter(help="Signer of the servicer; else the network's custodian.")] = "",
) -> None:
    """Attest the client positions behind an omnibus account; only their root leaves this machine."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            stated = load_breakdown(file, session.network.environment)
            outcome = await movements.attest(
                session.ledger(stated.account.ledger),
                stated,
                session.signer(signer) if signer else session.role("custodian"),
            )
            print(
                f"{outcome.state.value} {outcome.transaction}\nroot {stated.root}, {int(stated.total)} units"
            )

    run(job())


def issue(
    account: Annotated[str, Parameter(help="Account on the home ledger.")],
    units: int,
    reference: Annotated[str, Parameter(help="Your reference; the same one is issued once only.")],
    *,
    place: SecurityPlace = SecurityPlace(),
) -> None:
    """Issue units on the home ledger, within the issued limit."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            receiving = AccountId(session.home.id, account).account
            outcome = await movements.issue(
                session.home, receiving, Units(units), session.role("transfer_agent"), reference
            )
            print(f"{outcome.state.value} {outcome.transaction}")

    run(job())


def redeem(
    account: Annotated[str, Parameter(help="Account on the home ledger.")],
    units: int,
    reference: Annotated[str, Parameter(help="Your reference; the same one is redeemed once only.")],
    *,
    signer: Annotated[
        str, Parameter(help="The owner's signer, to allow it here: dev:<name>, ${VAR}, keystore:<path>.")
    ] = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Redeem units on the home ledger, as their owner allows; the transfer agent signs. No pause stops it."""

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            giving = AccountId(session.home.id, account).account
            owner = session.signer(signer) if signer else None
            outcome = await movements.redeem(
                session.home, giving, Units(units), session.role("transfer_agent"), owner, reference
            )
            return Done(session.home, outcome)

    print_done([run(job())], json)


def move(
    source: Annotated[str, Parameter(name="--from", help="CAIP-10 account that gives.")],
    target: Annotated[str, Parameter(name="--to", help="CAIP-10 account that receives.")],
    units: Annotated[int, Parameter(name="--units")],
    signer: Annotated[
        str, Parameter(help="Signer of the giving account: dev:<name>, ${VAR}, keystore:<path>.")
    ],
    reference: Annotated[str, Parameter(help="Your reference; the same one moves once only.")],
    *,
    expires: Annotated[
        str,
        Parameter(
            help="Last second at which it may arrive on another ledger, else it comes back: "
            "90s, 30m, 2h or 1d from now, ISO 8601, or seconds."
        ),
    ] = "",
    locked: Annotated[
        int,
        Parameter(
            help="So many of the units are locked up and take their lock-ups along, those that end first; to "
            "an account of the same holder on another ledger."
        ),
    ] = 0,
    place: SecurityPlace = SecurityPlace(),
) -> None:
    """Move units within a ledger, or to another through the bridge."""

    async def job() -> None:
        giving, receiving = AccountId.parse(source), AccountId.parse(target)
        if expires and giving.ledger == receiving.ledger:
            raise InvalidArgument("A movement within a ledger takes effect at once: it cannot expire.")
        async with open_session(place.network_file, place.folder, place.isin) as session:
            ledger = session.ledger(giving.ledger)
            expiry = deadline(expires, (await ledger.head()).time) if expires else 0
            outcome = await movements.move(
                ledger,
                giving.account,
                session.ledger(receiving.ledger),
                receiving,
                Units(units),
                session.signer(signer),
                reference,
                expiry,
                Units(locked),
            )
            print(f"{outcome.state.value} {outcome.transaction}")
            if expiry:
                print(f"comes back unless it has arrived by {written(expiry)}")
            if giving.ledger != receiving.ledger:
                print("next: pari relay --with-attestors --drain")

    run(job())


def positions(*, place: SecurityPlace = SecurityPlace(), json: JsonFlag = False) -> None:
    """Show where every unit is, at an instant that is final on every ledger."""

    async def job() -> tuple[int, list[list[object]]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            time = await settled_instant(session.ledgers)
            reading = await read_at(session.ledgers, time, session.security.security_id)
            rows: list[list[object]] = [
                [session.ledgers[ledger].name, account, int(units)]
                for ledger, struck in reading.positions.items()
                for account, units in sorted(struck.balances.items())
            ]
            rows += [
                [
                    f"in transit to {session.ledgers[item.target.ledger].name}",
                    item.target.account,
                    int(item.units),
                ]
                for item in reading.in_transit
            ]
            return reading.time, rows

    time, rows = run(job())
    names = ["where", "account", "units"]
    if json:
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        print_json({"schema": "paripassu.positions/1", "time": time, "positions": listed})
    else:
        print_table(f"positions at {time}", ["where", "account", "units#"], rows)
