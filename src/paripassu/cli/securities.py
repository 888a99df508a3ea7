"""`pari holder` and `pari security`: onboard, issue, move, look at positions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.commands import Onboard
from paripassu.config import holder_salt, load_breakdown
from paripassu.custody import holder_commitment
from paripassu.identifiers import AccountId, Country
from paripassu.jobs import movements
from paripassu.jobs.local import give_coin
from paripassu.jobs.observe import read_at, settled_instant
from paripassu.jobs.session import open_session
from paripassu.quantities import Units

Ledger = Annotated[str, Parameter(help="Ledger by its name in the network file, or CAIP-2 id.")]


def onboard(
    ledger: Ledger,
    account: Annotated[str, Parameter(help="Address on a chain, account id in book entry.")],
    identity: Annotated[
        str, Parameter(help="LEI or private national id; only its salted commitment leaves.")
    ],
    country: Annotated[str, Parameter(help="ISO 3166-1 alpha-2.")],
    *,
    place: Place = Place(),
    investor_class: int = 1,
    expiry: Annotated[int, Parameter(help="Seconds since the epoch; 0 for never.")] = 0,
    servicer: Annotated[str, Parameter(help="Account of the account servicer, if any.")] = "",
) -> None:
    """Register an account of a holder on one ledger; on a local chain it gets coin for its fees too."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            chosen = session.ledger(ledger)
            command = Onboard(
                account=AccountId(chosen.id, account).account,
                holder=holder_commitment(holder_salt(session.network.environment), identity),
                country=Country(country),
                investor_class=investor_class,
                expiry=expiry,
                servicer=AccountId(chosen.id, servicer).account if servicer else "",
            )
            (outcome,) = await movements.onboard(chosen, [command], session.role("registrar"))
            if session.network.is_local and chosen.id.is_evm:
                # elsewhere holders come with coin of their own; here nobody else could give them any
                urls = session.network.ledger_named(chosen.id).rpc_urls
                await asyncio.to_thread(give_coin, urls, [account])
            print(f"{outcome.state.value} {outcome.transaction}")

    run(job())


def holders(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """List the registered accounts of every ledger."""

    async def job() -> list[list[object]]:
        async with open_session(place.network_file, place.folder) as session:
            return [
                [
                    ledger.name,
                    account,
                    record.country,
                    record.investor_class,
                    record.active,
                    record.holder.text,
                ]
                for ledger in session.ledgers.values()
                for account, record in sorted((await ledger.holders()).items())
            ]

    rows = run(job())
    names = ["ledger", "account", "country", "investorClass", "active", "holder"]
    if json:
        print_json(
            {"schema": "paripassu.holders/1", "holders": [dict(zip(names, row, strict=True)) for row in rows]}
        )
    else:
        print_table("", names, rows)


def breakdown(
    file: Annotated[Path, Parameter(help="Breakdown file, schema paripassu.breakdown/1.")],
    *,
    place: Place = Place(),
    signer: Annotated[str, Parameter(help="Signer of the servicer; else the network's custodian.")] = "",
) -> None:
    """Attest the client positions behind an omnibus account; only their root leaves this machine."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
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
    place: Place = Place(),
) -> None:
    """Issue units on the home ledger, within the issued limit."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            receiving = AccountId(session.home.id, account).account
            outcome = await movements.issue(
                session.home, receiving, Units(units), session.role("transfer_agent"), reference
            )
            print(f"{outcome.state.value} {outcome.transaction}")

    run(job())


def move(
    source: Annotated[str, Parameter(name="--from", help="CAIP-10 account that gives.")],
    target: Annotated[str, Parameter(name="--to", help="CAIP-10 account that receives.")],
    units: Annotated[int, Parameter(name="--units")],
    signer: Annotated[
        str, Parameter(help="Signer of the giving account: dev:<name>, ${VAR}, keystore:<path>.")
    ],
    reference: Annotated[str, Parameter(help="Your reference; the same one moves once only.")],
    *,
    place: Place = Place(),
) -> None:
    """Move units within a ledger, or to another through the bridge."""

    async def job() -> None:
        giving, receiving = AccountId.parse(source), AccountId.parse(target)
        async with open_session(place.network_file, place.folder) as session:
            outcome = await movements.move(
                session.ledger(giving.ledger),
                giving.account,
                session.ledger(receiving.ledger),
                receiving,
                Units(units),
                session.signer(signer),
                reference,
            )
            print(f"{outcome.state.value} {outcome.transaction}")
            if giving.ledger != receiving.ledger:
                print("next: pari relay --with-attestors --drain")

    run(job())


def positions(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show where every unit is, at an instant that is final on every ledger."""

    async def job() -> tuple[int, list[list[object]]]:
        async with open_session(place.network_file, place.folder) as session:
            reading = await read_at(session.ledgers, await settled_instant(session.ledgers))
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
