"""`pari status`: where every ledger and every lane stands."""

from __future__ import annotations

import asyncio
from collections import Counter

from paripassu.bridge.queries import halted_ledgers, stuck_messages
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.jobs.session import open_session


def status(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show heads, final blocks, waiting messages and halted lanes."""

    async def job() -> tuple[list[list[object]], list[list[object]]]:
        async with open_session(place.network_file, place.folder) as session:
            ledgers = list(session.ledgers.values())
            heads = await asyncio.gather(*(ledger.head() for ledger in ledgers))
            finals = await asyncio.gather(*(ledger.final() for ledger in ledgers))
            halted = halted_ledgers(session.store)
            rows: list[list[object]] = [
                [
                    ledger.name,
                    str(ledger.id),
                    head.height,
                    final.height,
                    final.time,
                    halted.get(ledger.id, ""),
                ]
                for ledger, head, final in zip(ledgers, heads, finals, strict=True)
            ]
            waiting = Counter(
                (str(view.lane), view.state.value, view.reason) for view in stuck_messages(session.store)
            )
            return rows, [[*key, count] for key, count in sorted(waiting.items())]

    rows, lanes = run(job())
    names = ["ledger", "caip2", "head", "final", "finalTime", "halted"]
    lane_names = ["lane", "state", "reason", "messages"]
    if json:
        print_json(
            {
                "schema": "paripassu.status/1",
                "ledgers": [dict(zip(names, row, strict=True)) for row in rows],
                "waiting": [dict(zip(lane_names, row, strict=True)) for row in lanes],
            }
        )
        return
    print_table("", ["ledger", "CAIP-2", "head#", "final#", "final time#", "halted"], rows)
    if lanes:
        print_table("", ["lane", "state", "reason", "messages#"], lanes)
        print("next: pari message list --waiting")
    else:
        print("no message is waiting")
