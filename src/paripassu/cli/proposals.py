"""`pari act propose` for corrections: acts of consequence that k of n roles must agree to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu import acts
from paripassu.bridge.queries import message_history
from paripassu.cli.act_sheet import act_document, print_act
from paripassu.cli.acting import Stated, kept, read_lines, units_in
from paripassu.cli.common import print_json, run
from paripassu.errors import InvalidArgument
from paripassu.identifiers import AccountId
from paripassu.jobs.approving import Found, propose
from paripassu.jobs.controlling import locate, same_ledger, succession_proof
from paripassu.jobs.session import Session, open_session
from paripassu.ledgers.port import Ledger
from paripassu.quantities import Units

From = Annotated[str, Parameter(name="--from", help="Account as '<ledger>:<account>'.")]
To = Annotated[str, Parameter(name="--to", help="Account as '<ledger>:<account>', on the same ledger.")]
Number = Annotated[int, Parameter(name="--units")]
Lines = Annotated[Path, Parameter(help="CSV file; its first line names the columns.")]
Making = Callable[[Session], Awaitable[tuple[Ledger, acts.Act]]]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Proposed(Stated):
    """How an act is proposed: why, for which role, under which reference."""

    role: Annotated[
        str, Parameter(name="--role", help="Role for which it is proposed; else the usual one for this act.")
    ] = ""
    reference: Annotated[
        str,
        Parameter(name="--reference", help="Your reference; under the same one it is proposed once only."),
    ] = ""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ProposedOn(Proposed):
    """The same for one ledger."""

    ledger: Annotated[
        str, Parameter(name="--ledger", help="Ledger by its name in the network file; else the home ledger.")
    ] = ""

    def chosen(self, session: Session) -> Ledger:
        return session.ledger(self.ledger) if self.ledger else session.home


def propose_act(making: Making, how: Proposed) -> None:
    """What each of these commands does, once it is said how its act is made."""
    given = how.why

    async def job() -> Found:
        async with open_session(how.network_file, how.folder, how.isin) as session:
            ledger, act = await making(session)
            role = how.role or acts.usual_role(act)
            return await propose(ledger, act, role, given, session.role(role), how.reference)

    ledger, act = run(job())
    if how.json:
        print_json({"schema": "paripassu.act/1", **act_document(ledger.name, act)})
        return
    print_act(ledger.name, act)
    print(kept(given))


def forced_transfer(
    source: From,
    target: To,
    units: Number,
    *,
    how: Proposed,
) -> None:
    """Propose to move units because the law orders it, whatever stands against it."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, (giving, receiving) = same_ledger(session, source, target)
        return ledger, acts.ForcedTransfer(giving, receiving, Units(units))

    propose_act(making, how)


def forced_transfers(
    file: Lines,
    *,
    how: ProposedOn,
) -> None:
    """Propose the forced transfers of one order, all or none: a file with the columns from,to,units."""
    rows = [
        (giving, receiving, units_in(file, units))
        for giving, receiving, units in read_lines(file, ("from", "to", "units"))
    ]

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        on = how.chosen(session)
        moves = tuple(
            acts.ForcedTransfer(AccountId(on.id, giving).account, AccountId(on.id, receiving).account, units)
            for giving, receiving, units in rows
        )
        return on, acts.ForcedTransfers(moves)

    propose_act(making, how)


def burn(
    source: From,
    units: Number,
    *,
    how: Proposed,
) -> None:
    """Propose to destroy units by law, on the home ledger."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, account = locate(session, source)
        return ledger, acts.Burn(account, Units(units))

    propose_act(making, how)


def burns(
    file: Lines,
    *,
    how: Proposed,
) -> None:
    """Propose the destructions of one order on the home ledger: a file with the columns from,units."""
    rows = [(giving, units_in(file, units)) for giving, units in read_lines(file, ("from", "units"))]

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        home = session.home
        each = tuple(acts.Burn(AccountId(home.id, giving).account, units) for giving, units in rows)
        return home, acts.Burns(each)

    propose_act(making, how)


def cancel(
    source: From,
    units: Number,
    issue: Annotated[str, Parameter(name="--issue", help="Reference of the issue.")],
    *,
    how: Proposed,
) -> None:
    """Propose to cancel units that were issued in error."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, account = locate(session, source)
        return ledger, acts.Cancel(account, Units(units), issue)

    propose_act(making, how)


def recover(
    source: Annotated[str, Parameter(name="--from", help="The account whose key is lost or stolen.")],
    target: Annotated[str, Parameter(name="--to", help="The account that shall take its place.")],
    *,
    how: Proposed,
    to_signer: Annotated[str, Parameter(help="Signer of the new account, to make its proof here.")] = "",
    to_proof: Annotated[str, Parameter(help="The new account's signature in hex, as a wallet made it.")] = "",
) -> None:
    """Propose that another account takes the place of one whose key is lost, by proof of the new key.

    Once it is carried out, the units follow with `pari security recover`.
    """
    try:
        proof = bytes.fromhex(to_proof.removeprefix("0x"))
    except ValueError:
        raise InvalidArgument("A proof is a signature in hex.") from None

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, (lost, new) = same_ledger(session, source, target)
        signer = session.signer(to_signer) if to_signer else None
        return ledger, acts.Recover(lost, new, proof or await succession_proof(ledger, lost, new, signer))

    propose_act(making, how)


def arrival(
    message_id: Annotated[
        str, Parameter(name="ID", help="Id of the parked message, or its first characters.")
    ],
    *,
    how: Proposed,
) -> None:
    """Propose to let a parked movement arrive although it exceeds its cap; retry it once that is agreed."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        view = message_history(session.store, message_id).view
        return session.ledgers[view.lane.destination], acts.ApproveArrival(view.id)

    propose_act(making, how)
