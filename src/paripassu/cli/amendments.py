"""`pari act propose` for what is no correction: the security itself, code, and who holds a role."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu import acts
from paripassu.cli.acting import WhyText
from paripassu.cli.common import JsonFlag, SecurityPlace
from paripassu.cli.proposals import Once, OnLedger, Role, propose_act
from paripassu.errors import InvalidArgument
from paripassu.identifiers import Bytes32
from paripassu.jobs.controlling import locate
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Ledger
from paripassu.quantities import Units


def grant_role(
    granted: Annotated[str, Parameter(help="The role that is given.")],
    account: Annotated[str, Parameter(help="Who gets it, as '<ledger>:<address>'.")],
    *,
    reason: WhyText,
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose that an account gets a role, where the Approvals contract is the administrator."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, address = locate(session, account)
        return ledger, acts.GrantRole(address, granted)

    propose_act(making, reason, role, reference, place, json)


def revoke_role(
    revoked: Annotated[str, Parameter(help="The role that is taken.")],
    account: Annotated[str, Parameter(help="From whom, as '<ledger>:<address>'.")],
    *,
    reason: WhyText,
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose that an account holds a role no longer, where the Approvals contract is the administrator."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, address = locate(session, account)
        return ledger, acts.RevokeRole(address, revoked)

    propose_act(making, reason, role, reference, place, json)


def _amend(
    act: acts.Amendment | acts.Rollback,
    ledger: str,
    reason: str,
    role: str,
    reference: str,
    place: SecurityPlace,
    json: bool,
) -> None:
    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        return session.ledger(ledger) if ledger else session.home, act

    propose_act(making, reason, role, reference, place, json)


def issue_limit(
    units: int,
    *,
    reason: WhyText,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose another limit of units that may be issued."""
    _amend(acts.SetIssueLimit(Units(units)), ledger, reason, role, reference, place, json)


def holding_cap(
    units: int,
    *,
    reason: WhyText,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose another share of the holding cap for a ledger."""
    _amend(acts.SetHoldingCap(Units(units)), ledger, reason, role, reference, place, json)


def holder_limit(
    holders: int,
    *,
    reason: WhyText,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose another share of the limit of holders for a ledger."""
    _amend(acts.SetHolderLimit(holders), ledger, reason, role, reference, place, json)


def rename(
    name: Annotated[str, Parameter(name="--name", help="The security's new name.")] = "",
    symbol: Annotated[str, Parameter(name="--symbol", help="The security's new symbol.")] = "",
    *,
    reason: WhyText,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose another name or another symbol of the security: one act each."""
    if bool(name) == bool(symbol):
        raise InvalidArgument("Give either --name or --symbol: each is an act of its own.")
    act: acts.Amendment = acts.SetName(name) if name else acts.SetSymbol(symbol)
    _amend(act, ledger, reason, role, reference, place, json)


def terms(
    hash: Annotated[str, Parameter(help="keccak-256 of the amended terms in canonical form, in hex.")],
    *,
    reason: WhyText,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose to put amended terms in force."""
    _amend(acts.AmendTerms(Bytes32(hash)), ledger, reason, role, reference, place, json)


def rollback(
    contract: Annotated[str, Parameter(help="Contract by its name in the deployment record.")],
    *,
    reason: WhyText,
    change_class: Annotated[
        int, Parameter(help="1 regulatory, 2 corporate structure, 3 economic terms, 4 technical.")
    ] = 4,
    ledger: OnLedger = "",
    role: Role = "",
    reference: Once = "",
    place: SecurityPlace = SecurityPlace(),
    json: JsonFlag = False,
) -> None:
    """Propose to return a contract to the version before its last upgrade."""
    _amend(acts.Rollback(contract, change_class), ledger, reason, role, reference, place, json)
