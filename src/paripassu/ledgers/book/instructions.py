"""Which command does what in the book, and who may give it.

Roles are those of the closed list. Units move on the instruction of the
account's holder, of its account servicer, or of the CSD that keeps the book;
anybody may carry an attested batch, because the attestors' signatures are
what counts.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paripassu import acts, controls
from paripassu.commands import (
    Acknowledge,
    AllowUnits,
    Announce,
    AttestBreakdown,
    AuthoriseDebit,
    Command,
    Deliver,
    Flush,
    FundCash,
    Issue,
    Move,
    MovePlaces,
    MoveQuota,
    Onboard,
    Pay,
    PublishEntitlements,
    Redeem,
    Refund,
    Refuse,
    ResumeLane,
    Retry,
    SetArrivalCap,
    StopLane,
    Transfer,
)
from paripassu.errors import CommandImpossible, CommandRefused, NotAuthorised
from paripassu.ledgers.book import (
    accounts,
    actions,
    caps,
    gateway,
    lanes,
    movements,
    orders,
    quotas,
    register,
    returns,
)
from paripassu.ledgers.book import acts as book_acts
from paripassu.ledgers.book import controls as book_controls
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.messages import Purpose

RECEIVERS: dict[Purpose, gateway.Receiver] = {
    Purpose.MOVEMENT: movements.receive,
    Purpose.CORPORATE_ACTION: actions.receive,
    Purpose.QUOTA: quotas.receive,
    Purpose.ORDER: orders.receive,
}

TAKERS: dict[Purpose, gateway.Receiver] = {Purpose.MOVEMENT: movements.take_back}
"""Who takes back what a message carried that will never take effect."""

_ROLE_OF: dict[type, str] = {
    Onboard: "registrar",
    Issue: "transfer_agent",
    MovePlaces: "transfer_agent",
    Announce: "issuer_agent",
    PublishEntitlements: "paying_agent",
    FundCash: "cash_issuer",
    AuthoriseDebit: "paying_agent",
    Pay: "paying_agent",
    StopLane: "pauser",
    ResumeLane: "unpauser",
    SetArrivalCap: "bridge_operator",
    controls.SetStatus: "registrar",
    controls.Sanction: "regulator",
    controls.Rotate: "registrar",
    controls.Freeze: "freezer",
    controls.FreezeUnits: "freezer",
    controls.Lock: "transfer_agent",
    controls.EmergencyStop: "pauser",
    controls.SetCountries: "rule_manager",
    controls.SetClasses: "rule_manager",
    controls.SetMinimumLot: "rule_manager",
    controls.SetBlackouts: "rule_manager",
    controls.SetModules: "rule_manager",
}


def require_authority(
    connection: Connection, configuration: BookConfiguration, command: Command, signer: str
) -> None:
    """Raise NotAuthorised unless the named signer may give this command, CommandImpossible where nobody
    may for want of what it asks for."""
    role = _ROLE_OF.get(type(command))
    if isinstance(command, controls.Pause | controls.PauseClasses):
        role = "pauser" if command.paused else "unpauser"
    if isinstance(command, controls.Order):
        role = command.role
    name = type(command).__name__
    if role is not None:
        if not configuration.holds(role, signer):
            raise NotAuthorised(
                f"'{signer}' does not hold the role {role} on {configuration.ledger}, which {name} needs."
            )
        return
    if isinstance(command, (Transfer, Move, controls.BatchTransfer)):
        _require_owner(connection, configuration, command.source, signer)
    if isinstance(command, controls.Pledge):
        _require_owner(connection, configuration, command.account, signer)
    if isinstance(command, controls.EndPledge):
        pledgee = book_controls.pledgee_of(connection, command.pledge)
        if pledgee is None:
            raise CommandRefused(f"{configuration.ledger} knows no pledge {command.pledge}.")
        _require_owner(connection, configuration, pledgee, signer)
    agent = configuration.holds("transfer_agent", signer)
    if isinstance(command, MoveQuota) and not agent:
        _require_owner(connection, configuration, command.account, signer)
    if isinstance(command, controls.Succeed) and not (signer == command.successor or agent):
        raise NotAuthorised(
            f"'{signer}' is neither the successor '{command.successor}' nor a transfer agent of "
            f"{configuration.ledger}."
        )
    if isinstance(command, acts.ProposeAct):
        book_acts.to_document(command.act)  # no role could make the book do what it cannot
    if isinstance(command, acts.ProposeAct | acts.ApproveAct | acts.WithdrawAct):
        book_acts.require_say(connection, configuration, command, signer)
    if isinstance(command, AttestBreakdown):
        record = register.holder(connection, command.account)
        if record is None or not record.servicer or record.servicer != signer:
            raise NotAuthorised(
                f"'{signer}' does not service '{command.account}' on {configuration.ledger}; only its "
                f"servicer may attest its breakdown."
            )


def _require_owner(
    connection: Connection, configuration: BookConfiguration, account: str, signer: str
) -> None:
    record = register.holder(connection, account)
    servicer = record.servicer if record else ""
    if signer not in (account, servicer) and not configuration.holds("csd", signer):
        raise NotAuthorised(
            f"'{signer}' is neither the holder nor the servicer of '{account}' on "
            f"{configuration.ledger}, nor its CSD."
        )


def carry_out(entry: Entry, configuration: BookConfiguration, command: Command, signer: str) -> None:
    """Do what the command says, within the entry's transaction. Raises what refuses it."""
    match command:
        case Onboard():
            register.onboard(entry, configuration, command)
        case Issue():
            accounts.issue(entry, configuration, command)
        case AllowUnits() | Redeem():
            raise CommandImpossible(
                f"Units are redeemed on a home ledger that is a chain, not on {configuration.ledger}."
            )
        case Transfer():
            accounts.transfer(entry, configuration, command)
        case Move():
            movements.dispatch(entry, configuration, command)
        case MoveQuota():
            quotas.move_quota(entry, configuration, command)
        case MovePlaces():
            quotas.move_places(entry, configuration, command)
        case AttestBreakdown():
            accounts.attest_breakdown(entry, configuration, command)
        case Announce():
            actions.announce(entry, configuration, command)
        case PublishEntitlements():
            actions.publish(entry, configuration, command)
        case FundCash():
            actions.fund(entry, configuration, command.account, command.amount)
        case AuthoriseDebit():
            actions.authorise_debit(entry, configuration, signer, command.amount)
        case Pay():
            actions.pay(entry, configuration, command, signer)
        case Deliver():
            gateway.deliver(entry, configuration, command.batch, command.signatures, RECEIVERS)
        case Retry():
            gateway.retry(entry, configuration, command.message, RECEIVERS)
        case Refuse():
            returns.refuse(entry, configuration, command, signer)
        case Acknowledge():
            returns.acknowledge(entry, configuration, command.acknowledgement, command.signatures)
        case Refund():
            returns.refund(entry, configuration, command.message, TAKERS)
        case Flush():
            raise CommandImpossible("Book entry has no transport: attestors vouch for its lanes.")
        case StopLane() | ResumeLane():
            lanes.set_stopped(entry, configuration, command)
        case SetArrivalCap():
            caps.set_cap(entry, configuration, command)
        case acts.ProposeAct() | acts.ApproveAct() | acts.WithdrawAct() | acts.ExecuteAct():
            book_acts.carry_out(entry, configuration, command, signer)
        case _:
            book_controls.carry_out(entry, configuration, command, signer)
