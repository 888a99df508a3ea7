"""`pari event`: from a dated file to paid entitlements."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, T, print_json, print_table, run
from paripassu.config import event_isin, load_breakdown, load_event, load_network, security_of
from paripassu.custody import Breakdown
from paripassu.errors import PariError
from paripassu.jobs import announcing, entitling, funding, paying
from paripassu.jobs.eventbook import as_document, read_table, write_table
from paripassu.jobs.session import Session, open_reachable_session, open_session
from paripassu.ledgers.port import Ledger
from paripassu.rules import Restriction

EventFile = Annotated[Path, Parameter(help="Event file, schema paripassu.event/1.")]
Breakdowns = Annotated[
    list[Path] | None,
    Parameter(name="--breakdown", negative="", help="A custodian's breakdown file; repeatable."),
]


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the event's file in the next command of whatever goes wrong within."""
    try:
        yield
    except PariError as error:
        error.next_command = error.next_command.replace("FILE", str(file))
        raise


def _run(file: Path, job: Coroutine[Any, Any, T]) -> T:
    with _naming(file):
        return run(job)


def validate(file: EventFile, *, place: Place = Place(), json: JsonFlag = False) -> None:
    """Check an event file against the security and market practice; nothing is sent."""
    with _naming(file):
        security = security_of(load_network(place.network_file), event_isin(file))
        record = load_event(file, security).record
    if json:
        print_json(
            {
                "schema": "paripassu.event-check/1",
                "ok": True,
                "officialEventId": record.official_event_id,
                "recordHash": record.record_hash.text,
            }
        )
        return
    print(
        f"{record.official_event_id} {record.event_type} {record.participation.value} of {security.isin}: ok"
    )
    print(f"record hash {record.record_hash}\nnext: pari event announce {file}")


def announce(file: EventFile, *, place: Place = Place()) -> None:
    """Announce the event on the home ledger; running it again changes nothing."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder, event_isin(file)) as session:
            event = load_event(file, session.security)
            outcome = await announcing.announce(
                session.home, event.record, session.security, session.role("issuer_agent")
            )
            print(f"{outcome.state.value} {outcome.transaction}\nrecord hash {event.record.record_hash}")
            print("next: pari relay --with-attestors --drain")

    _run(file, job())


def show(file: EventFile, *, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show the event as each ledger knows it."""

    async def job() -> list[list[object]]:
        async with open_session(place.network_file, place.folder, event_isin(file)) as session:
            event_id = load_event(file, session.security).record.official_event_id
            known = await asyncio.gather(*(ledger.event(event_id) for ledger in session.ledgers.values()))
            return [
                [
                    ledger.name,
                    event.record_hash.text if event else "not known",
                    event.entitlement_root.text if event and event.entitlement_root else "not published",
                    len(await ledger.payments(event_id)),
                ]
                for ledger, event in zip(session.ledgers.values(), known, strict=True)
            ]

    rows = _run(file, job())
    names = ["ledger", "recordHash", "entitlementRoot", "payments"]
    if json:
        print_json(
            {"schema": "paripassu.event/1", "ledgers": [dict(zip(names, row, strict=True)) for row in rows]}
        )
    else:
        print_table("", names, rows)


def _breakdowns(session: Session, files: list[Path] | None) -> list[Breakdown]:
    return [load_breakdown(path, session.network.environment) for path in files or []]


def entitle(
    file: EventFile, *, place: Place = Place(), breakdown: Breakdowns = None, json: JsonFlag = False
) -> None:
    """Strike positions at record time on every ledger and publish the table's root."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder, event_isin(file)) as session:
            event = load_event(file, session.security).record
            await entitling.await_record_time(session.ledgers, event, patience=0)
            struck = await entitling.strike_event(session.ledgers, event, _breakdowns(session, breakdown))
            await entitling.publish(session.home, struck, session.role("paying_agent"))
            path = write_table(session.workspace, struck)
            if json:
                print_json(as_document(struck))
                return
            rows = [[str(line.account), int(line.units), int(line.amount)] for line in struck.table.lines]
            print_table("", ["account", "units#", "amount (minor units)#"], rows)
            print(f"total {int(struck.table.total)}, residue {struck.table.residue}\nwritten: {path}")
            print("next: pari relay --with-attestors --drain, then pari event fund and pari event pay")

    _run(file, job())


def fund(file: EventFile, *, place: Place = Place(), breakdown: Breakdowns = None) -> None:
    """Create cash for the paying agent on every ledger: what the table needs there, no more."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder, event_isin(file)) as session:
            event = load_event(file, session.security).record
            struck = await entitling.strike_event(session.ledgers, event, _breakdowns(session, breakdown))
            funded = await funding.fund(
                session.ledgers,
                event,
                struck.table,
                session.role("paying_agent"),
                session.role("cash_issuer"),
            )
            if not funded:
                print("every ledger has what is due there: nothing to do")
            for ledger, amount in funded.items():
                print(f"{session.ledgers[ledger].name}: {int(amount)} minor units of {event.currency}")

    _run(file, job())


def pay(
    file: EventFile, *, place: Place = Place(), breakdown: Breakdowns = None, json: JsonFlag = False
) -> None:
    """Pay every entitlement that is not paid yet, on the ledger where the position sits.

    What may not be paid out is held, and listed with what would lift that. Where a ledger cannot be reached
    the event's `onLedgerLoss` says whether all wait, or the others are paid now and that one by a later run.
    """

    async def job() -> tuple[list[list[object]], list[list[object]]]:
        async with open_reachable_session(place.network_file, place.folder, event_isin(file)) as session:
            loaded = load_event(file, session.security)
            event = loaded.record
            paying.require_all(event, loaded.on_ledger_loss, session.lost)
            if session.lost:  # positions there cannot be struck again; the table's root is on every ledger
                table = read_table(session.workspace, event.official_event_id)
            else:
                breakdowns = _breakdowns(session, breakdown)
                table = (await entitling.strike_event(session.ledgers, event, breakdowns)).table
            for name, why in session.lost.items():
                print(f"not paid on {name} now: {why}\nthen: pari event pay {file}", file=sys.stderr)
            paid = await paying.pay(session.ledgers, event, table, session.role("paying_agent"))
            payments: list[list[object]] = [
                [session.ledgers[ledger].name, payment.account, int(payment.amount), payment.transaction]
                for ledger, payments in paid.items()
                for payment in payments
            ]
            held = [
                _held(ledger, one, file)
                for ledger in session.ledgers.values()
                for one in await paying.still_held(ledger, event.official_event_id)
            ]
            return payments, held

    paid, held = _run(file, job())
    names = ["ledger", "account", "amount", "transaction"]
    held_names = ["ledger", "account", "amount", "code", "restriction", "next"]
    if json:
        print_json(
            {
                "schema": "paripassu.payments/1",
                "payments": [dict(zip(names, row, strict=True)) for row in paid],
                "held": [dict(zip(held_names, row, strict=True)) for row in held],
            }
        )
        return
    print_table("", ["ledger", "account", "amount (minor units)#", "transaction"], paid)
    for ledger, account, amount, code, restriction, command in held:
        print(f"held on {ledger}: {amount} minor units for {account}, code {code} {restriction}")
        print(f"  next: {command}")
    if held:
        print(f"then: pari event pay {file}")


def _held(ledger: Ledger, held: paying.StillHeld, file: Path) -> list[object]:
    """A held entitlement, what speaks against its payment now, and the command that lifts that."""
    account, code = f"{ledger.name}:{held.payee.account}", held.payee.code
    lifting = {
        Restriction.NONE: f"pari event pay {file}",
        Restriction.RECIPIENT_UNKNOWN: f"pari holder onboard {ledger.name} {held.payee.account} --help",
        Restriction.RECIPIENT_INACTIVE: f"pari holder reinstate {account} --reason WHY",
        Restriction.RECIPIENT_FROZEN: f"pari security unfreeze {account} --reason WHY",
        Restriction.RECIPIENT_SANCTIONED: f"pari holder unsanction {account} --reason WHY",
    }
    command = lifting.get(code, f"pari holder show {account}")
    return [ledger.name, held.account, int(held.amount), int(code), code.name, command]
