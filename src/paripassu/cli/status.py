"""`pari status`: where every ledger and every lane stands, and what keeps one from working."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from paripassu.bridge.queries import halted_ledgers, resume_command, stuck_messages
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.opening import ledger_of
from paripassu.errors import PariError
from paripassu.jobs.session import read_network
from paripassu.jobs.storing import open_store
from paripassu.ledgers.blocks import BlockRef
from paripassu.store import Store
from paripassu.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Standing:
    """One ledger: its blocks where it can be read, else what is wrong and what to run next."""

    name: str
    id: str
    head: BlockRef | None = None
    final: BlockRef | None = None
    problem: str = ""
    remedy: str = ""


def status(*, place: Place = Place(), json: JsonFlag = False) -> int:
    """Show heads, final blocks, waiting messages and halted lanes; exits 1 where a ledger cannot be used."""
    network, workspace = read_network(place.network_file, place.folder), place.folder
    with open_store(network, workspace) as store:
        ledgers = run(_look_at_all(network, workspace, store))
        waiting = Counter((str(view.lane), view.state.value, view.reason) for view in stuck_messages(store))
    lanes = [[*key, count] for key, count in sorted(waiting.items())]
    (_print_json if json else _print)(ledgers, lanes)
    return 1 if any(ledger.problem for ledger in ledgers) else 0


async def _look_at_all(network: NetworkConfig, workspace: Workspace, store: Store) -> list[_Standing]:
    halted = halted_ledgers(store)

    async def look(config: LedgerConfig) -> _Standing:
        try:
            ledger = ledger_of(network, workspace, config, store.intents)
            try:
                await ledger.open()
                head, final = await ledger.head(), await ledger.final()
            finally:
                await ledger.close()
        except PariError as error:
            return _Standing(config.name, config.id, problem=str(error), remedy=error.next_command)
        reason = f"halted: {halted[config.id]}" if config.id in halted else ""
        return _Standing(config.name, config.id, head, final, reason, resume_command(config.name))

    return list(await asyncio.gather(*map(look, network.ledgers.values())))


def _print_json(ledgers: list[_Standing], lanes: list[list[object]]) -> None:
    rows = [
        {
            "ledger": one.name,
            "caip2": one.id,
            "head": one.head.height if one.head else None,
            "final": one.final.height if one.final else None,
            "finalTime": one.final.time if one.final else None,
            "problem": one.problem,
        }
        for one in ledgers
    ]
    names = ["lane", "state", "reason", "messages"]
    waiting = [dict(zip(names, lane, strict=True)) for lane in lanes]
    print_json({"schema": "paripassu.status/1", "ledgers": rows, "waiting": waiting})


def _print(ledgers: list[_Standing], lanes: list[list[object]]) -> None:
    rows = [
        [
            one.name,
            one.id,
            one.head.height if one.head else "-",
            one.final.height if one.final else "-",
            datetime.fromtimestamp(one.final.time, UTC).isoformat() if one.final else "-",
            one.problem or "ok",
        ]
        for one in ledgers
    ]
    print_table("", ["ledger", "CAIP-2", "head#", "final#", "final time", "state"], rows)
    if lanes:
        print_table("", ["lane", "state", "reason", "messages#"], lanes)
    else:
        print("no message is waiting")
    remedies = [one.remedy for one in ledgers if one.problem and one.remedy != "pari status"]
    if remedies or lanes:
        print(f"next: {remedies[0] if remedies else 'pari message list --waiting'}")
