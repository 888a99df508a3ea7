"""`pari relay`, `pari attest`, `pari message`: the bridge and what it has carried."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from paripassu.bridge.node import drain as drain_bridge
from paripassu.bridge.node import run_bridge
from paripassu.bridge.queries import MessageView, message_history
from paripassu.bridge.replaying import relay_only
from paripassu.bridge.settings import BridgeSettings
from paripassu.bridge.states import MessageState
from paripassu.cli.acting import WhyText, because, print_done
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.cli.logs import log_to_stderr
from paripassu.commands import Refuse, Retry
from paripassu.config import NetworkConfig
from paripassu.errors import InvalidArgument, UnknownMessage
from paripassu.hyperlane.relaying import relaying
from paripassu.jobs.bridging import relayer_spec, seat_of
from paripassu.jobs.controlling import Done, carry_out
from paripassu.jobs.lanes import purpose_of
from paripassu.jobs.session import Session, open_session, read_network
from paripassu.jobs.storing import open_store
from paripassu.messages import Lane


def relay(
    *,
    place: Place = Place(),
    with_attestors: Annotated[
        bool,
        Parameter(
            negative="",
            help="Run the network file's attestors in this process too, and a local network's Hyperlane.",
        ),
    ] = False,
    drain: Annotated[
        bool,
        Parameter(negative="", help="End once all that is final now has arrived, came back, or is parked."),
    ] = False,
    patience: Annotated[int, Parameter(help="Seconds after which --drain and --only give up.")] = 300,
    only: Annotated[
        str,
        Parameter(help="Relay this message and those before it in its lane, nothing else, then end: an id."),
    ] = "",
    lane: Annotated[
        tuple[str, ...],
        Parameter(help="Relay these lanes alone, as alpha:bravo:movement; all are read.", negative=""),
    ] = (),
) -> None:
    """Carry attested batches to their destinations until stopped by Ctrl-C or SIGTERM."""
    if only and (lane or drain):
        raise InvalidArgument("--only ends by itself and names its lane: it goes without --lane and --drain.")
    log_to_stderr()

    async def job() -> None:
        network = read_network(place.network_file, place.folder)
        names = [member.name for member in network.attestors.members] if with_attestors else []
        async with AsyncExitStack() as stack:
            store = stack.enter_context(open_store(network, place.folder))
            if with_attestors:
                stack.enter_context(relaying(network))
            relayer = await seat_of(network, place.folder, store, "relayer", stack)
            attestors = [await seat_of(network, place.folder, store, name, stack) for name in names]
            settings = BridgeSettings(only=lanes_named(network, lane))
            if only:
                view = await relay_only(store, only, relayer=relayer, attestors=attestors, patience=patience)
                print(f"message {view.id.text} is {view.state.value}: pari message show {view.id.text[:18]}")
            elif drain:
                await drain_bridge(
                    store, relayer=relayer, attestors=attestors, patience=patience, settings=settings
                )
                print("all that was final has arrived, came back, or is parked: pari message list")
            else:
                await run_bridge(
                    store, relayer=relayer, attestors=attestors, stop=until_stopped(), settings=settings
                )

    run(job())


def attest(
    name: Annotated[str, Parameter(name="--as", help="Name of the attestor in the network file.")],
    *,
    place: Place = Place(),
) -> None:
    """Watch every ledger to its finality and sign batches, until stopped by Ctrl-C or SIGTERM."""
    log_to_stderr()

    async def job() -> None:
        network = read_network(place.network_file, place.folder)
        async with AsyncExitStack() as stack:
            store = stack.enter_context(open_store(network, place.folder))
            seat = await seat_of(network, place.folder, store, name, stack)
            await run_bridge(store, relayer=None, attestors=[seat], stop=until_stopped())

    run(job())


def until_stopped() -> asyncio.Event:
    """Set once the process is interrupted or asked to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def lanes_named(network: NetworkConfig, texts: Sequence[str]) -> dict[Lane, int] | None:
    """Lanes as `SOURCE:DESTINATION:PURPOSE` names them, without a bound; None where none is named.

    Raises:
        InvalidArgument: no such ledger or purpose, or another form.
    """
    lanes: dict[Lane, int] = {}
    for text in texts:
        source, destination, purpose = text.split(":") if text.count(":") == 2 else ("", "", "")
        ledgers = network.ledgers
        if source not in ledgers or destination not in ledgers or source == destination:
            raise InvalidArgument(
                f"'{text}' is no lane: two of {', '.join(ledgers)} and a purpose, as alpha:bravo:movement."
            )
        lanes[Lane(ledgers[source].id, ledgers[destination].id, purpose_of(purpose))] = 0
    return lanes or None


def message_show(
    message_id: Annotated[str, Parameter(name="ID", help="Message id, or its first characters.")],
    *,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Show one message: every state it went through, who signed, what was sent for it."""
    with open_store(place.network_file, place.folder) as store:
        history = message_history(store, message_id)
    steps = [
        {"at": _text(step.at), "state": step.state.value, "reason": step.reason, "detail": step.detail}
        for step in history.steps
    ]
    if json:
        print_json(
            {
                "schema": "paripassu.message/1",
                **as_json(history.view),
                "batch": history.batch,
                "attestors": list(history.attestors),
                "transactions": list(history.transactions),
                "deliveredHeight": history.delivered_height,
                "deliveredTime": history.delivered_time,
                "history": steps,
            }
        )
        return
    for name, value in as_json(history.view).items():
        print(f"{name:>18}  {value}")
    print(f"{'attestors':>18}  {', '.join(history.attestors) or 'none yet'}")
    print(f"{'transactions':>18}  {', '.join(history.transactions) or 'none'}")
    delivered = (
        "not yet" if history.delivered_height is None else f"in block or entry {history.delivered_height}"
    )
    print(f"{'delivered':>18}  {delivered}")
    print_table(
        "", ["at", "state", "reason"], [[step["at"], step["state"], step["reason"]] for step in steps]
    )


def message_retry(
    message_id: Annotated[str, Parameter(name="ID", help="Id of a parked message, or its first characters.")],
    *,
    place: Place = Place(),
) -> None:
    """Try a parked message again, once what parked it is mended; anyone may, the relayer's key pays."""

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            view = _parked(session, message_id, "tried again")
            ledger = session.ledgers[view.lane.destination]
            signer = session.signer(relayer_spec(session.network))
            head = await ledger.head()
            outcome = await ledger.execute(Retry(view.message), signer, f"retry/{view.id}/{head.height}")
            print(f"{outcome.state.value} {outcome.transaction}\nnext: pari relay --with-attestors --drain")

    run(job())


def message_refuse(
    message_id: Annotated[str, Parameter(name="ID", help="Id of a parked message, or its first characters.")],
    *,
    reason: WhyText,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Refuse a parked message for good, so that its sender gets back what it carried; the bridge operator
    signs, or anybody, with the relayer's key, once it has expired."""
    given = because(reason)

    async def job() -> Done:
        async with open_session(place.network_file, place.folder) as session:
            view = _parked(session, message_id, "refused")
            ledger = session.ledgers[view.lane.destination]
            expired = 0 < view.message.expiry < (await ledger.head()).time
            spec = relayer_spec(session.network)
            signer = session.signer(spec) if expired else session.role("bridge_operator")
            return await carry_out(ledger, Refuse(view.message, given), signer)

    print_done([run(job())], json, given)
    if not json:
        print("next: pari relay --with-attestors --drain")


def _parked(session: Session, message_id: str, what: str) -> MessageView:
    view = message_history(session.store, message_id).view
    if view.state is not MessageState.PARKED:
        raise UnknownMessage(
            f"Message {view.id.text} is {view.state.value}; only parked messages are {what}.",
            next_command=f"pari message show {view.id.text[:18]}",
        )
    return view


def as_json(view: MessageView) -> dict[str, object]:
    return {
        "id": view.id.text,
        "source": str(view.lane.source),
        "destination": str(view.lane.destination),
        "purpose": view.lane.purpose.name,
        "nonce": view.message.nonce,
        "expiry": view.message.expiry,
        "state": view.state.value,
        "reason": view.reason,
        "sourceTransaction": view.source_transaction,
        "sourceHeight": view.source_height,
        "sourceTime": view.source_time,
    }


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
