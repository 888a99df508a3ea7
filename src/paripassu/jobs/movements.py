"""Onboard holders, attest client positions, issue units, move them within a ledger or between ledgers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from paripassu.commands import AllowUnits, AttestBreakdown, Issue, Move, Onboard, Redeem, Transfer
from paripassu.custody import Breakdown
from paripassu.errors import CommandImpossible, CommandRefused
from paripassu.identifiers import AccountId
from paripassu.keycontrol import KeyControl, KeyRotation
from paripassu.ledgers.port import Ledger, Outcome, Signer
from paripassu.quantities import ZERO_UNITS, Units
from paripassu.rules import Kind, Lot, Movement, Restriction, refusal


async def onboard(ledger: Ledger, commands: Iterable[Onboard], registrar: Signer) -> tuple[Outcome, ...]:
    """Register accounts on one ledger, all sent before any is waited for. Idempotent by content."""
    return tuple(
        await asyncio.gather(
            *(ledger.execute(command, registrar, _onboarding_reference(command)) for command in commands)
        )
    )


async def proven(ledger: Ledger, command: Onboard, owner: Signer) -> Onboard:
    """The onboarding with the owner's proof that it controls the account, where the ledger asks for one.

    Raises:
        CommandImpossible: the signer's key is not the account's.
    """
    statement = await ledger.key_control(command.account, command.holder)
    return command if statement is None else replace(command, proof=await signature_of(statement, owner))


async def signature_of(statement: KeyControl | KeyRotation, owner: Signer) -> bytes:
    """The account's signature over the statement. Raises CommandImpossible for another account's key."""
    if owner.address.lower() != statement.account.lower():
        raise CommandImpossible(
            f"The signer {owner.name} has the address {owner.address}: it cannot sign "
            f"for {statement.account}."
        )
    return await owner.sign_typed(statement.digest, statement.typed_data)


def _onboarding_reference(command: Onboard) -> str:
    return (
        f"onboard/{command.account}/{command.holder}/{command.country}/{command.investor_class}/"
        f"{command.expiry}/{command.servicer}{'/additional' if command.additional else ''}"
    )


async def attest(ledger: Ledger, breakdown: Breakdown, servicer: Signer) -> Outcome:
    """The account servicer states the client positions behind an omnibus account (UBO-3). Idempotent.

    Raises:
        BreakdownRefused: more is stated than the account holds, or as of a time that cannot be.
        NotAuthorised: the signer does not service the account.
    """
    command = AttestBreakdown(breakdown.account.account, breakdown.as_of, breakdown.root, breakdown.total)
    return await ledger.execute(command, servicer, f"breakdown/{breakdown.root}/{breakdown.as_of}")


async def issue(home: Ledger, account: str, units: Units, transfer_agent: Signer, reference: str) -> Outcome:
    """Mark up units on the home ledger; one issue per reference, whatever is retried (ISS-1)."""
    return await home.execute(Issue(account, units), transfer_agent, f"issue/{reference}")


async def redeem(
    home: Ledger, account: str, units: Units, transfer_agent: Signer, owner: Signer | None, reference: str
) -> Outcome:
    """Mark down units on the home ledger; once per reference, whatever is retried (ISS-1).

    With `owner` its allowance for the transfer agent is given first, else it must be there.
    """
    if owner is not None:
        allow = AllowUnits(transfer_agent.address, units)
        await home.execute(allow, owner, f"redeem/{reference}/allow")
    return await home.execute(Redeem(account, units), transfer_agent, f"redeem/{reference}")


async def move(
    source: Ledger,
    source_account: str,
    destination: Ledger,
    target: AccountId,
    units: Units,
    owner: Signer,
    reference: str,
    expiry: int = 0,
    locked: Units = ZERO_UNITS,
) -> Outcome:
    """Move units to an account of the same or of another ledger; what has not arrived there by `expiry`,
    seconds since the epoch, comes back (MOV-6).

    Between ledgers the destination is asked first, so that units which it would not take do not leave
    (VER-4's "refused before burn", applied to rules): the refusal and its code are the destination's.
    `locked` of the units are locked up and take their lock-ups with them, those that end first (MOV-8); the
    account there has to be of the same holder.

    Raises:
        RuleError: the rules refuse, here or there; nothing has moved.
        CommandRefused: fewer units are locked up, or the account there is another holder's.
    """
    if target.ledger == source.id:
        if locked:
            raise CommandRefused("Lock-ups go with units to another ledger, not within one.")
        return await source.execute(
            Transfer(source_account, target.account, units), owner, f"transfer/{reference}"
        )
    verdict = await destination.verdict("", target.account, units)
    if verdict is not Restriction.NONE:
        # asked as of units that should come: what is on its way already lands with the frozen too (CTL-8)
        arrival = Movement(Kind.ISSUE, "", target.account, units)
        await destination.keep_refusal(arrival, f"move/{reference}")
        raise refusal(
            verdict, source=source_account, target=target.account, units=units, ledger=destination.name
        )
    lots: tuple[Lot, ...] = ()
    if locked:
        here, there = await source.holder(source_account), await destination.holder(target.account)
        if here is None or there is None or here.holder != there.holder:
            raise CommandRefused(
                f"Units that are locked up stay with their holder, '{target.account}' is another's."
            )
        held = (await source.controls.holding(source_account)).lots
        now = (await source.head()).time
        lots = _first_to_end([lot for lot in held if now < lot.until], locked)
    command = Move(source_account, target.ledger, target.account, units, expiry, lots)
    return await source.execute(command, owner, f"move/{reference}")


def _first_to_end(lots: Iterable[Lot], units: Units) -> tuple[Lot, ...]:
    """So many locked-up units, by units and end, those that end first. Raises CommandRefused."""
    left, chosen = int(units), list[Lot]()
    for lot in sorted(lots, key=lambda lot: lot.until):
        part = min(left, int(lot.units))
        if part:
            chosen.append(Lot(Units(part), lot.until))
        left -= part
    if left:
        raise CommandRefused(f"{int(units) - left} units are locked up, {int(units)} cannot go as such.")
    return tuple(chosen)
