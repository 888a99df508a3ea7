"""The demo's holders come on board, receive their shares, and are refused what the rules refuse."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from paripassu.commands import Onboard
from paripassu.config import holder_salt
from paripassu.custody import holder_commitment
from paripassu.demo.scenario import (
    INELIGIBLE,
    ISSUED,
    PARTICIPANTS,
    REFUSED,
    STRANGER,
    Movement,
    Participant,
)
from paripassu.errors import ReconciliationError, RuleError
from paripassu.identifiers import AccountId, Country
from paripassu.invariants import VerdictState
from paripassu.jobs import movements
from paripassu.jobs.paying import ledger_account
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Outcome, Signer
from paripassu.quantities import Units


@dataclass(frozen=True, slots=True)
class Refusal:
    """A movement that a ledger refused: what it was, where, with which code and words."""

    movement: str
    ledger: str
    code: str
    restriction: int
    text: str


def account_of(session: Session, holder: str, ledger: str) -> AccountId:
    """The account of a demo holder on a ledger."""
    ledger_id = session.ledger(ledger).id
    return AccountId(ledger_id, ledger_account(ledger_id, owner_of(session, holder)))


def owner_of(session: Session, holder: str) -> Signer:
    return session.signer(f"dev:{holder}")


async def onboard_and_issue(session: Session) -> int:
    """Register every holder wherever it has an account, and issue at home once that ledger is ready.

    Returns:
        How many accounts were registered.
    """
    everyone = (*PARTICIPANTS, INELIGIBLE)
    per_ledger = {
        name: [person for person in everyone if name in person.holdings] for name in session.network.ledgers
    }

    async def one(name: str) -> None:
        commands = [await _onboarding(session, person, name) for person in per_ledger[name]]
        await movements.onboard(session.ledger(name), commands, session.role("registrar"))
        if name == session.network.home:
            await issue_all(session)

    await asyncio.gather(*(one(name) for name in per_ledger))
    return sum(len(people) for people in per_ledger.values())


async def _onboarding(session: Session, person: Participant, ledger: str) -> Onboard:
    account = account_of(session, person.name, ledger).account
    command = Onboard(
        account=account,
        holder=holder_commitment(holder_salt(session.network.environment), person.identity),
        country=Country(person.country),
        investor_class=person.investor_class,
        expiry=0,
        servicer=account if person.servicer else "",
    )
    return await movements.proven(session.ledger(ledger), command, owner_of(session, person.name))


async def issue_all(session: Session) -> Outcome:
    """Issue the whole amount to the CSD's initial account on the home ledger."""
    account = account_of(session, "csd", session.network.home).account
    return await movements.issue(session.home, account, ISSUED, session.role("transfer_agent"), "demo")


async def distribute(session: Session) -> None:
    """Move the shares from the initial account to their holders, over the bridge where need be."""
    home = session.network.home
    await asyncio.gather(
        *(
            carry(session, Movement("csd", home, person.name, ledger, units), "distribution")
            for person in PARTICIPANTS
            for ledger, units in person.holdings.items()
            if units
        )
    )


async def carry(session: Session, item: Movement, occasion: str) -> Outcome:
    """Carry out one movement of the scenario."""
    return await movements.move(
        session.ledger(item.source),
        account_of(session, item.holder, item.source).account,
        session.ledger(item.destination),
        account_of(session, item.to_holder, item.destination),
        item.units,
        owner_of(session, item.holder),
        f"{occasion}/{item.holder}/{item.source}/{item.to_holder}/{item.destination}",
    )


async def refused_everywhere(session: Session) -> tuple[tuple[Refusal, ...], tuple[VerdictState, ...]]:
    """Try, on every ledger and over the bridge, to deliver to holders who may not hold the shares."""
    refusals: list[Refusal] = []
    states: list[VerdictState] = []
    for target, words in (
        (INELIGIBLE.name, "to a holder of a country not admitted"),
        (STRANGER, "to nobody known"),
    ):
        codes = {}
        for holder, ledger in REFUSED:
            refusal = await _refused(session, Movement(holder, ledger, target, ledger, Units(1)), words)
            refusals.append(refusal)
            codes[session.ledger(ledger).id] = refusal.restriction
        states.append(VerdictState(f"one unit {words}", codes))
    over_bridge = Movement("holder_fr", "alpha", INELIGIBLE.name, "register", Units(1))
    refusals.append(await _refused(session, over_bridge, "to a country not admitted, over the bridge"))
    return tuple(refusals), tuple(states)


async def _refused(session: Session, item: Movement, words: str) -> Refusal:
    try:
        await carry(session, item, "refused")
    except RuleError as error:
        return Refusal(words, item.source, error.code, error.restriction, error.sentence)
    raise ReconciliationError(f"{item.source} took a movement {words}, which its rules forbid.")
