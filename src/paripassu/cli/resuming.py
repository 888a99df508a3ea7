"""`pari lane`: what an operator decides on lanes that were halted."""

from __future__ import annotations

import getpass
import socket
from typing import Annotated

from cyclopts import Parameter

from paripassu.bridge.node import lanes_between
from paripassu.bridge.resuming import Resumed
from paripassu.bridge.resuming import resume as resume_lanes
from paripassu.cli.acting import because, written
from paripassu.cli.common import JsonFlag, Place, print_json, run
from paripassu.jobs.session import open_session


def resume(
    ledger: Annotated[
        str, Parameter(name="LEDGER", help="The halted ledger: its name in the network file, or CAIP-2.")
    ],
    *,
    reason: Annotated[str, Parameter(help="Why the lanes may run again, for the audit log.")],
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Let the lanes of a halted ledger run again, where it still shows all that was read of it before.

    Look first at what halted them: `pari status` says it. Parties with a store of their own are
    resumed where that store is.
    """
    why = because(reason).text

    async def job() -> Resumed:
        async with open_session(place.network_file, place.folder) as session:
            chosen = session.ledger(ledger)
            lanes = [lane for lane in lanes_between(session.ledgers) if lane.source == chosen.id]
            who = f"{getpass.getuser()}@{socket.gethostname()}"
            return await resume_lanes(session.store, chosen, lanes, operator=who, reason=why)

    resumed = run(job())
    halt = resumed.halt
    if json:
        print_json(
            {
                "schema": "paripassu.resumed/1",
                "ledger": str(halt.ledger),
                "halted": {"at": halt.at, "code": halt.code, "sentence": halt.sentence},
                "reason": why,
                "readFrom": dict(resumed.heights),
            }
        )
        return
    print(f"{halt.ledger} was halted at {written(int(halt.at))}: {halt}")
    for party, height in resumed.heights.items():
        print(f"{party} reads on after block or entry {height}")
    print(f"reason on record: {why}")
    print("next: pari relay --with-attestors --drain")
