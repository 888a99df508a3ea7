"""`pari message list` and `pari message replay`: what waits, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from cyclopts import Parameter

from paripassu.bridge.queries import halted_ledgers, list_messages, sighted_messages, stuck_messages
from paripassu.bridge.remedies import Remedy, remedy
from paripassu.bridge.replaying import replay
from paripassu.cli.bridge import as_json
from paripassu.cli.common import JsonFlag, Place, print_json, print_table
from paripassu.identifiers import Bytes32
from paripassu.jobs.storing import open_store


def message_list(
    *,
    place: Place = Place(),
    waiting: Annotated[
        bool, Parameter(negative="", help="Only what has not arrived, and what is parked.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List the messages that the bridge knows, by lane and nonce."""
    with open_store(place.network_file, place.folder) as store:
        views = (*sighted_messages(store), *(stuck_messages(store) if waiting else list_messages(store)))
        halted = halted_ledgers(store)
    remedies = {view.id: remedy(view, halted) for view in views if waiting}
    if json:
        messages = [as_json(view) | _remedy_json(remedies.get(view.id)) for view in views]
        print_json({"schema": "paripassu.messages/1", "messages": messages})
        return
    rows = [
        [
            view.id.text[:18] + "…",
            view.lane.source,
            view.lane.destination,
            view.lane.purpose.name,
            view.message.nonce,
            view.state.value,
            view.reason,
        ]
        for view in views
    ]
    print_table("", ["id", "from", "to", "purpose", "nonce#", "state", "reason"], rows)
    for one, ids in _grouped(remedies).items():
        print(f"{ids[0][:18]}…{f' and {len(ids) - 1} more' if ids[1:] else ''}: {one.sentence}")
        if one.command:
            print(f"  next: {one.command}")
    print(f"{len(views)} messages" + ("; next: pari message show ID" if views else ""))


def _remedy_json(one: Remedy | None) -> dict[str, object]:
    return {} if one is None else {"what": one.sentence, "next": one.command or None}


def _grouped(remedies: Mapping[Bytes32, Remedy]) -> dict[Remedy, list[str]]:
    """Messages by what is to be done about them: many wait for one and the same thing."""
    found: dict[Remedy, list[str]] = {}
    for id, one in remedies.items():
        found.setdefault(one, []).append(id.text)
    return found


def message_replay(
    message_id: Annotated[str, Parameter(name="ID", help="Message id, or its first characters.")],
    *,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Have a message that waits after failures delivered again at once; one that was executed stays so."""
    with open_store(place.network_file, place.folder) as store:
        found = replay(store, message_id)
    view = found.view
    if json:
        print_json({"schema": "paripassu.replay/1", **as_json(view), "asked": found.asked})
    elif found.asked:
        print(f"message {view.id.text} is {view.state.value} and tried again at once")
        print(f"next: pari relay --only {view.id.text[:18]}, unless a relayer is running")
    else:
        print(f"message {view.id.text} is {view.state.value}: nothing is left to be delivered")
