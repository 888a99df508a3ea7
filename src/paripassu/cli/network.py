"""`pari up`, `pari down`, `pari time`: a local network and its business clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.config import load_network
from paripassu.devnet import network as devnet
from paripassu.errors import InvalidArgument
from paripassu.jobs.local import bring_up, clock_of, travel
from paripassu.jobs.session import read_network


def up(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Start the local nodes and write what a client needs."""
    client = bring_up(load_network(place.network_file), place.folder)
    if json:
        print_json(client)
        return
    rows = [
        [name, ledger["caip2"], ledger["client"], ledger.get("rpcUrl") or ledger.get("database", "")]
        for name, ledger in client["ledgers"].items()
    ]
    print_table("", ["ledger", "CAIP-2", "client", "where"], rows)
    print(f"written: {place.folder.client_file}\nnext: pari deploy apply")


def down(*, place: Place = Place()) -> None:
    """Stop the local nodes; a network that is down already is no error."""
    stopped = devnet.down(place.folder.root)
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def time_show(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show the time of every ledger."""
    times = run(clock_of(read_network(place.network_file, place.folder), place.folder))
    if json:
        print_json({"schema": "paripassu.time/1", "ledgers": times})
        return
    rows = [[name, seconds, _text(seconds)] for name, seconds in times.items()]
    print_table("", ["ledger", "seconds#", "time"], rows)


def time_travel(
    to: Annotated[str, Parameter(help="ISO 8601 time with zone, as 2027-03-05T23:00:00Z, or seconds.")],
    *,
    place: Place = Place(),
) -> None:
    """Move every local ledger to a later time."""
    seconds = _seconds(to)
    reached = run(travel(read_network(place.network_file, place.folder), place.folder, seconds))
    for name, time in reached.items():
        print(f"{name}: {_text(time)}")


def _seconds(text: str) -> int:
    """Seconds since the epoch that a person wrote as such, or as an ISO 8601 time. Raises InvalidArgument."""
    try:
        moment = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise InvalidArgument(f"'{text}' is no time.", next_command="pari time travel --help") from None
    if moment.tzinfo is None:
        raise InvalidArgument(
            f"The time '{text}' names no zone, and ledgers have none of their own.",
            next_command=f"pari time travel {text}Z",
        )
    return int(moment.timestamp())


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
