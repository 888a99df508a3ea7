"""`pari lane`: stop the lanes of one purpose between two ledgers, cap what arrives, show how they stand."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.acting import WhyText, because, print_done
from paripassu.cli.common import JsonFlag, Place, SecurityPlace, print_json, print_table, run
from paripassu.commands import ResumeLane, SetArrivalCap, StopLane
from paripassu.controls import Reason
from paripassu.jobs.controlling import Done, carry_out
from paripassu.jobs.lanes import LaneStanding, lanes_of, purpose_of, word_of
from paripassu.jobs.session import open_session
from paripassu.ledgers.port import ArrivalCap
from paripassu.quantities import Units

Where = Annotated[
    str, Parameter(name="LEDGER", help="Ledger whose gateway is told: name in the network file, or CAIP-2.")
]
Peer = Annotated[str, Parameter(name="PEER", help="The ledger at the other end.")]
Kind = Annotated[
    str, Parameter(name="PURPOSE", help="What the lanes are for: movement, corporate-action, quota, order.")
]


def stop(
    ledger: Where,
    peer: Peer,
    purpose: Kind = "movement",
    *,
    reason: WhyText,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Stop the lanes of one purpose with one ledger, both ways; the pauser signs."""
    _set(ledger, peer, purpose, True, because(reason), place, json)


def start(
    ledger: Where,
    peer: Peer,
    purpose: Kind = "movement",
    *,
    reason: WhyText,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Let stopped lanes go on; the unpauser signs."""
    _set(ledger, peer, purpose, False, because(reason), place, json)


def _set(
    ledger: str, peer: str, purpose: str, stopped: bool, reason: Reason, place: Place, json: bool
) -> None:
    kind = purpose_of(purpose)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            make = StopLane if stopped else ResumeLane
            command = make(session.ledger(peer).id, kind, reason)
            signer = session.role("pauser" if stopped else "unpauser")
            return await carry_out(session.ledger(ledger), command, signer)

    print_done([run(job())], json, reason)


def cap(
    ledger: Annotated[str, Parameter(name="LEDGER", help="Ledger on which units arrive.")],
    source: Annotated[str, Parameter(name="SOURCE", help="Ledger that they are from.")],
    units: Annotated[int, Parameter(help="Units that may arrive in a window; more wait for an approval.")],
    hours: Annotated[int, Parameter(help="Length of a window in hours; 0 lifts the cap.")],
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Bound what arrives of the security from one ledger; the bridge operator signs."""

    async def job() -> Done:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            window = hours * 3_600
            command = SetArrivalCap(
                session.security.security_id, session.ledger(source).id, Units(units), window
            )
            return await carry_out(session.ledger(ledger), command, session.role("bridge_operator"))

    print_done([run(job())], json)


def show(
    ledger: Annotated[str, Parameter(name="LEDGER", help="Ledger by its name in the network file.")],
    *,
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Show the lanes of a ledger: messages sent, acknowledged and received, stops, who vouches for what
    arrives, caps on it."""

    async def job() -> tuple[str, tuple[LaneStanding, ...]]:
        async with open_session(place.network_file, place.folder, place.isin) as session:
            named = session.ledger(ledger)
            security = session.security.security_id
            return named.name, await lanes_of(named, session.ledgers.values(), security)

    name, lanes = run(job())
    if json:
        rows = [_as_json(one) for one in lanes]
        print_json({"schema": "paripassu.lanes/1", "ledger": name, "lanes": rows})
        return
    columns = ["with", "purpose", "sent#", "acknowledged#", "received#", "state", "vouches", "arrivals"]
    print_table(
        f"lanes of {name}",
        columns,
        [
            [
                one.peer.name,
                word_of(one.purpose),
                one.sent,
                one.acknowledged,
                one.received,
                "stopped" if one.stopped else "open",
                one.transport or "attestors",
                _told(one.cap),
            ]
            for one in lanes
        ],
    )


def _told(cap: ArrivalCap | None) -> str:
    if cap is None or cap.window == 0:
        return ""
    return f"{int(cap.arrived):,} of {int(cap.units):,} in {cap.window / 3_600:g} h"


def _as_json(one: LaneStanding) -> dict[str, object]:
    cap = one.cap
    return {
        "peer": one.peer.name,
        "purpose": word_of(one.purpose),
        "stopped": one.stopped,
        "transport": one.transport or "attestors",
        "sent": one.sent,
        "acknowledged": one.acknowledged,
        "received": one.received,
        "cap": None
        if cap is None or cap.window == 0
        else {
            "units": int(cap.units),
            "window": cap.window,
            "arrived": int(cap.arrived),
            "since": cap.since,
        },
    }
