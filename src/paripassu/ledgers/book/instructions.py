"""Which command does what in the book, and who may give it.

Roles are those of the closed list. Units move on the instruction of the
account's holder, of its account servicer, or of the CSD that keeps the book;
anybody may carry an attested batch, because the attestors' signatures are
what counts.
"""

from __future__ import annotations

from typing import assert_never

from sqlalchemy import Connection

from paripassu.commands import (
    Announce,
    AttestBreakdown,
    AuthoriseDebit,
    Command,
    Deliver,
    Freeze,
    FundCash,
    Issue,
    Move,
    Onboard,
    Pay,
    PublishEntitlements,
    Retry,
    Transfer,
)
from paripassu.errors import NotAuthorised
from paripassu.ledgers.book import accounts, actions, gateway, movements, register
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.messages import Purpose

RECEIVERS: dict[Purpose, gateway.Receiver] = {
    Purpose.MOVEMENT: movements.receive,
    Purpose.CORPORATE_ACTION: actions.receive,
}

_ROLE_OF: dict[type, str] = {
    Onboard: "registrar",
    Issue: "transfer_agent",
    Freeze: "freezer",
    Announce: "issuer_agent",
    PublishEntitlements: "paying_agent",
    FundCash: "cash_issuer",
    AuthoriseDebit: "paying_agent",
    Pay: "paying_agent",
}


def require_authority(
    connection: Connection, configuration: BookConfiguration, command: Command, signer: str
) -> None:
    """Raise NotAuthorised unless the named signer may give this command."""
    role = _ROLE_OF.get(type(command))
    name = type(command).__name__
    if role is not None:
        if not configuration.holds(role, signer):
            raise NotAuthorised(
                f"'{signer}' does not hold the role {role} on {configuration.ledger}, which {name} needs."
            )
        return
    if isinstance(command, (Transfer, Move)):
        record = register.holder(connection, command.source)
        servicer = record.servicer if record else ""
        if signer not in (command.source, servicer) and not configuration.holds("csd", signer):
            raise NotAuthorised(
                f"'{signer}' is neither the holder nor the servicer of '{command.source}' on "
                f"{configuration.ledger}, nor its CSD."
            )
    if isinstance(command, AttestBreakdown):
        record = register.holder(connection, command.account)
        if record is None or not record.servicer or record.servicer != signer:
            raise NotAuthorised(
                f"'{signer}' does not service '{command.account}' on {configuration.ledger}; only its "
                f"servicer may attest its breakdown."
            )


def carry_out(entry: Entry, configuration: BookConfiguration, command: Command, signer: str) -> None:
    """Do what the command says, within the entry's transaction. Raises what refuses it."""
    match command:
        case Onboard():
            register.onboard(entry, configuration, command)
        case Issue():
            accounts.issue(entry, configuration, command)
        case Transfer():
            accounts.transfer(entry, configuration, command)
        case Move():
            movements.dispatch(entry, configuration, command)
        case Freeze():
            register.freeze(entry, command)
        case AttestBreakdown():
            accounts.attest_breakdown(entry, command)
        case Announce():
            actions.announce(entry, configuration, command)
        case PublishEntitlements():
            actions.publish(entry, configuration, command)
        case FundCash():
            actions.fund(entry, configuration, command.account, command.amount)
        case AuthoriseDebit():
            actions.authorise_debit(entry, signer, command.amount)
        case Pay():
            actions.pay(entry, configuration, command, signer)
        case Deliver():
            gateway.deliver(entry, configuration, command.batch, command.signatures, RECEIVERS)
        case Retry():
            gateway.retry(entry, configuration, command.message, RECEIVERS)
        case _:
            assert_never(command)
