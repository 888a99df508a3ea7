"""`pari decision`: what the rules said of each instruction, under which rules, and the same made again."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.acting import Ledgers, written
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.errors import DecisionDiffers, InvalidArgument
from paripassu.jobs import deciding
from paripassu.jobs.controlling import chosen
from paripassu.jobs.deciding import Replay
from paripassu.jobs.session import Session, open_session
from paripassu.store.decisions import KeptDecision, kept

Seq = Annotated[int, Parameter(help="Number of the decision, as `pari decision list` shows it.")]


def list_decisions(
    *,
    ledger: Ledgers = None,
    refused: Annotated[bool, Parameter(negative="", help="Only what was refused.")] = False,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """List what the rules said of each instruction. What final blocks tell of is added first."""

    async def job() -> list[KeptDecision]:
        async with open_session(place.network_file, place.folder) as session:
            await deciding.bring_up_to_date(session)
            return _chosen(session, ledger, refused)

    found = run(job())
    if json:
        print_json({"schema": "paripassu.decisions/1", "decisions": [_document(one) for one in found]})
        return
    rows = [
        [
            one.seq,
            str(one.record.ledger),
            written(one.record.time),
            one.record.movement.kind.name,
            one.record.movement.source or "-",
            one.record.movement.target or "-",
            int(one.record.movement.units),
            f"{int(one.record.verdict)} {one.record.verdict.name}",
        ]
        for one in found
    ]
    columns = ["number#", "ledger", "at", "kind", "from", "to", "units#", "verdict"]
    print_table("", columns, rows)


def show(number: Seq, *, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show a decision with its rules, its inputs and their hash."""

    async def job() -> KeptDecision:
        async with open_session(place.network_file, place.folder) as session:
            return _one(session, number)

    found = run(job())
    if json:
        print_json({"schema": "paripassu.decision/1", **_document(found), "inputs": found.record.inputs})
        return
    record = found.record
    rows = [
        ["verdict", f"{int(record.verdict)} {record.verdict.name}: {record.verdict.sentence}"],
        ["ledger", f"{record.ledger}, on the state after block {record.height}"],
        ["reference", record.reference or "-"],
        ["transaction", record.transaction or "-"],
        ["rules", f"change {record.rules.changes}, code {record.rules.code}, terms {record.rules.terms}"],
        ["hash of the inputs", record.inputs_hash.text],
        ["hash in the log", found.hash.text],
        *([name, str(value)] for name, value in record.inputs.items()),
    ]
    print_table("", ["what", "value"], rows)


def replay(
    number: Annotated[int | None, Parameter(help="One decision; all where none is named.")] = None,
    *,
    ledger: Ledgers = None,
    ask: Annotated[
        bool,
        Parameter(negative="", help="Ask the chains too, on their state of then where they still have it."),
    ] = False,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Make past decisions again from what was kept; exits 1 where one has another verdict."""

    async def job() -> list[Replay]:
        async with open_session(place.network_file, place.folder) as session:
            if number is None:
                await deciding.bring_up_to_date(session)
                asked = _chosen(session, ledger, False)
            else:
                asked = [_one(session, number)]
            return [await deciding.replay(session, one, ask=ask) for one in asked]

    found = run(job())
    other = [one for one in found if not one.same]
    answered = sum(one.there is not None for one in found)
    if json:
        print_json(
            {
                "schema": "paripassu.replay/1",
                "replayed": len(found),
                "answeredByLedger": answered,
                "differing": [
                    {
                        "number": one.kept.seq,
                        "verdict": int(one.kept.record.verdict),
                        "replayed": int(one.verdict),
                        "ledger": None if one.there is None else int(one.there[0]),
                    }
                    for one in other
                ],
            }
        )
    else:
        print(f"{len(found)} decisions made again, {len(other)} with another verdict")
        if ask:
            print(f"{answered} asked of their chains on the state of then")
    if other:
        first = other[0]
        raise DecisionDiffers(
            f"Decision {first.kept.seq} was {first.kept.record.verdict.name}, made again it is "
            f"{first.verdict.name}{'' if first.there is None else f', by the ledger {first.there[0].name}'}.",
            next_command=f"pari decision show {first.kept.seq}",
        )


def _chosen(session: Session, names: list[str] | None, refused: bool) -> list[KeptDecision]:
    ledgers = {one.id for one in chosen(session, names or ())}
    with session.store.read() as connection:
        return [
            one
            for one in kept(connection)
            if one.record.ledger in ledgers and (one.record.verdict or not refused)
        ]


def _one(session: Session, number: int) -> KeptDecision:
    with session.store.read() as connection:
        found = next((one for one in kept(connection) if one.seq == number), None)
    if found is None:
        raise InvalidArgument(f"The log has no decision {number}.", next_command="pari decision list")
    return found


def _document(one: KeptDecision) -> dict[str, Any]:
    record = one.record
    movement = record.movement
    return {
        "number": one.seq,
        "ledger": str(record.ledger),
        "height": record.height,
        "time": record.time,
        "reference": record.reference,
        "transaction": record.transaction,
        "kind": movement.kind.name,
        "from": movement.source,
        "to": movement.target,
        "units": int(movement.units),
        "code": int(record.verdict),
        "name": record.verdict.name,
        "rules": {"changes": record.rules.changes, "code": record.rules.code, "terms": record.rules.terms},
        "inputsHash": record.inputs_hash.text,
        "logHash": one.hash.text,
        "exact": record.exact,
    }
