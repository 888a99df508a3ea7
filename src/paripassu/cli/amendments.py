"""`pari act propose` for what is no correction: the security itself, code, and who holds a role."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from paripassu import acts
from paripassu.cli.proposals import Proposed, ProposedOn, propose_act
from paripassu.deploy.attestors import rotation_to, same_set, wanted_set
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
    how: Proposed,
) -> None:
    """Propose that an account gets a role, where the Approvals contract is the administrator."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, address = locate(session, account)
        return ledger, acts.GrantRole(address, granted)

    propose_act(making, how)


def revoke_role(
    revoked: Annotated[str, Parameter(help="The role that is taken.")],
    account: Annotated[str, Parameter(help="From whom, as '<ledger>:<address>'.")],
    *,
    how: Proposed,
) -> None:
    """Propose that an account holds a role no longer, where the Approvals contract is the administrator."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, address = locate(session, account)
        return ledger, acts.RevokeRole(address, revoked)

    propose_act(making, how)


def _amend(act: acts.Amendment | acts.Rollback, how: ProposedOn) -> None:
    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        return how.chosen(session), act

    propose_act(making, how)


def issue_limit(
    units: int,
    *,
    how: ProposedOn,
) -> None:
    """Propose another limit of units that may be issued."""
    _amend(acts.SetIssueLimit(Units(units)), how)


def holding_cap(
    units: int,
    *,
    how: ProposedOn,
) -> None:
    """Propose another share of the holding cap for a ledger."""
    _amend(acts.SetHoldingCap(Units(units)), how)


def holder_limit(
    holders: int,
    *,
    how: ProposedOn,
) -> None:
    """Propose another share of the limit of holders for a ledger."""
    _amend(acts.SetHolderLimit(holders), how)


def rename(
    name: Annotated[str, Parameter(name="--name", help="The security's new name.")] = "",
    symbol: Annotated[str, Parameter(name="--symbol", help="The security's new symbol.")] = "",
    *,
    how: ProposedOn,
) -> None:
    """Propose another name or another symbol of the security: one act each."""
    if bool(name) == bool(symbol):
        raise InvalidArgument("Give either --name or --symbol: each is an act of its own.")
    act: acts.Amendment = acts.SetName(name) if name else acts.SetSymbol(symbol)
    _amend(act, how)


def terms(
    hash: Annotated[str, Parameter(help="keccak-256 of the amended terms in canonical form, in hex.")],
    *,
    how: ProposedOn,
) -> None:
    """Propose to put amended terms in force."""
    _amend(acts.AmendTerms(Bytes32(hash)), how)


def attestors(*, how: ProposedOn) -> None:
    """Propose that the attestors of the network file take over on one ledger."""

    async def making(session: Session) -> tuple[Ledger, acts.Act]:
        ledger, wanted = how.chosen(session), wanted_set(session.network)
        if same_set(await ledger.attestor_set(), wanted):
            raise InvalidArgument(
                f"{ledger.name} has the attestors of the network file already.",
                next_command="pari attestors show",
            )
        return ledger, rotation_to(wanted)

    propose_act(making, how)


def rollback(
    contract: Annotated[str, Parameter(help="Contract by its name in the deployment record.")],
    *,
    how: ProposedOn,
    change_class: Annotated[
        int, Parameter(help="1 regulatory, 2 corporate structure, 3 economic terms, 4 technical.")
    ] = 4,
) -> None:
    """Propose to return a contract to the version before its last upgrade."""
    _amend(acts.Rollback(contract, change_class), how)
