"""`pari message proof` and `verify`: the settlement proof of a message, and whether it holds (MOV-7)."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.errors import ProofRefused
from paripassu.jobs import proving
from paripassu.jobs.session import open_session
from paripassu.settlement import SettlementProof, check, from_json, to_json

File = Annotated[Path, Parameter(name="FILE", help="A file that `pari message proof` wrote.")]


def proof(
    message_id: Annotated[str, Parameter(name="ID", help="Message id, or its first characters.")],
    *,
    out: Annotated[Path | None, Parameter(help="Where to write it; standard output otherwise.")] = None,
    place: Place = Place(),
) -> None:
    """Write what shows that a message left, who attested it, and what became of it: for each leg its block,
    transaction and log, when it was final and by which rule."""

    async def job() -> SettlementProof:
        async with open_session(place.network_file, place.folder) as session:
            return await proving.prove(session.store, session.ledgers, message_id)

    made = run(job())
    document = to_json(made)
    if out is None:
        print_json(document)
        return
    try:
        out.write_text(json_module.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ProofRefused(f"The proof cannot be written to {out}: {error.strerror}.") from error
    print(f"{out}: {', '.join(leg.kind.value for leg in made.legs)} of message {made.message.id}")
    print(f"next: pari message verify {out}")


def verify(
    file: File,
    *,
    offline: Annotated[
        bool, Parameter(negative="", help="By the file's own content alone: no ledger is asked.")
    ] = False,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Check a settlement proof: identifiers, digests, signatures and quorum by its own content, then each leg
    and the attestors against the ledgers. Exits 1 at the first thing that does not hold."""
    found = from_json(_read(file))

    async def job() -> None:
        async with open_session(place.network_file, place.folder) as session:
            await proving.verify(found, session.ledgers)

    if offline:
        check(found)
    else:
        run(job())
    if json:
        held = {"messageId": found.message.id.text, "offline": offline, "legs": len(found.legs)}
        print_json({"schema": "paripassu.settlement-check/1", "holds": True, **held})
        return
    rows = [
        [leg.kind.value, leg.ledger, leg.block.height, leg.transaction, leg.index, leg.final.rule]
        for leg in found.legs
    ]
    print_table("", ["leg", "ledger", "block#", "transaction", "log#", "final by"], rows)
    signers = {one.entity for one in found.attestation.signatures}
    print(f"The proof holds{' by its own content' if offline else ''}; {len(signers)} entities signed.")


def _read(file: Path) -> Any:
    try:
        return json_module.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProofRefused(f"The proof {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ProofRefused(f"The proof {file} is no JSON document: {error}.") from error
