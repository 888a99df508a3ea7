"""Pay entitlements where the positions sit: once per (event, account), whatever is retried."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import compress, count

from paripassu.commands import AuthoriseDebit, Pay, PaymentLine
from paripassu.entitlements import EntitlementLine, EntitlementTable, merkle_tree_of
from paripassu.errors import EventUnknown, LedgerLost, NodeUnreachable, PaymentRefused, Unfunded
from paripassu.events import EventRecord, LedgerLoss
from paripassu.identifiers import AccountId, Bytes32, LedgerId, keccak256
from paripassu.ledgers.port import Ledger, OutcomeState, Payee, Payment, Signer
from paripassu.merkle import MerkleTree
from paripassu.quantities import ZERO_MINOR, Minor

LINES_PER_COMMAND = 100
"""Payments in one transaction. A hundred cost 8,579,573 gas on Anvil, to payees without cash before and with
proofs of seven hashes (tests/integration/test_payment_gas.py), against a cap of 16,777,216 a transaction."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is still to be paid on one ledger, and what the payer has there (minor units).

    `pending` are lines whose units were in transit at record time and have not arrived yet: the
    ledger cannot hold them against a position, so they are paid by a later run (status PEND).
    `held` are lines that the ledger passed over before and would pass over again: their cash, `set_aside`,
    stays the payer's until a later run (CA-23).
    """

    ledger: LedgerId
    lines: tuple[EntitlementLine, ...]
    pending: tuple[EntitlementLine, ...]
    held: tuple[EntitlementLine, ...]
    needed: Minor
    set_aside: Minor
    available: Minor


@dataclass(frozen=True, slots=True)
class StillHeld:
    """What is due to an account and was not paid; what `payee` says speaks against it now, or no more."""

    account: str
    amount: Minor
    payee: Payee


async def unpaid(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, table: EntitlementTable, paying_agent: Signer
) -> tuple[Due, ...]:
    """Lines of the table that no ledger has booked a payment for, sorted by what keeps them from it."""

    async def one(ledger: Ledger) -> Due:
        booked = {payment.account for payment in await ledger.payments(table.event_id)}
        barred = {one.account for one in await still_held(ledger, table.event_id) if one.payee.code}
        open_lines = [line for line in table.lines_on(ledger.id) if line.account.account not in booked]
        said_there = await asyncio.gather(
            *(ledger.eligible_on_ledger(line.account.account, event.record_time) for line in open_lines)
        )
        arrived = [
            said is None or said >= line.units for line, said in zip(open_lines, said_there, strict=True)
        ]
        payable = tuple(compress(open_lines, arrived))
        lines = tuple(line for line in payable if line.account.account not in barred)
        held = tuple(line for line in payable if line.account.account in barred)
        return Due(
            ledger=ledger.id,
            lines=lines,
            pending=tuple(line for line, there in zip(open_lines, arrived, strict=True) if not there),
            held=held,
            needed=sum((line.amount for line in lines), ZERO_MINOR),
            set_aside=sum((line.amount for line in held), ZERO_MINOR),
            available=await ledger.cash(ledger_account(ledger.id, paying_agent)),
        )

    return tuple(await asyncio.gather(*(one(ledger) for ledger in ledgers.values())))


async def pay(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, table: EntitlementTable, paying_agent: Signer
) -> dict[LedgerId, tuple[Payment, ...]]:
    """Pay every line that is not paid yet and whose units have arrived, on all ledgers at once.

    Lines whose account may receive nothing are held by their ledger and block nobody else; once they
    are released, the next call pays them (CA-23).

    All ledgers are checked for the published root, funds and the date before anything is sent on any.

    Raises:
        EventUnknown: nobody announced it.
        PaymentRefused: the payment date has not come on a ledger, or the table's root has not
            reached it, or is another one there.
        Unfunded: names the ledger, what is there and what is needed (CA-10); nobody is paid.
        LedgerError, PaymentError: a ledger refused.
    """
    tree = merkle_tree_of(table)
    await _check_root(ledgers, event, tree.root)
    dues = await unpaid(ledgers, event, table, paying_agent)
    for due in dues:
        if due.available < due.needed:
            payer = ledger_account(due.ledger, paying_agent)
            raise Unfunded(
                f"Paying agent {payer} has {int(due.available)} minor units of {event.currency} "
                f"on {ledgers[due.ledger].name} and needs {int(due.needed)}.",
                next_command="pari event fund FILE",
            )

    await _check_date(ledgers, event)
    await authorise(ledgers, event, dues, paying_agent)
    await asyncio.gather(*(_pay_lines(ledgers[due.ledger], event, due, tree, paying_agent) for due in dues))
    booked = await asyncio.gather(*(ledger.payments(event.official_event_id) for ledger in ledgers.values()))
    return dict(zip(ledgers, booked, strict=True))


async def reachable(ledgers: Mapping[LedgerId, Ledger]) -> tuple[dict[LedgerId, Ledger], dict[str, str]]:
    """The ledgers that answer now, and by name why others do not."""

    async def one(ledger: Ledger) -> str:
        try:
            await ledger.head()
        except NodeUnreachable as error:
            return str(error)
        return ""

    why = dict(zip(ledgers, await asyncio.gather(*map(one, ledgers.values())), strict=True))
    there = {id: ledger for id, ledger in ledgers.items() if not why[id]}
    return there, {ledgers[id].name: text for id, text in why.items() if text}


def require_all(event: EventRecord, policy: LedgerLoss, lost: Mapping[str, str]) -> None:
    """Whether an event may be paid while some ledgers cannot be reached (REC-3).

    Args:
        lost: why ledgers cannot be reached, by name.

    Raises:
        LedgerLost: not by its policy; nobody is paid.
    """
    if lost and policy is LedgerLoss.WAIT:
        name, why = next(iter(lost.items()))
        raise LedgerLost(
            f"Event {event.official_event_id} is paid on all ledgers or on none (onLedgerLoss is wait), and "
            f"{', '.join(lost)} cannot be reached; {name}: {why}"
        )


async def _check_root(ledgers: Mapping[LedgerId, Ledger], event: EventRecord, root: Bytes32) -> None:
    """Every ledger must know the event with this table's root; the next command says what is missing."""
    id = event.official_event_id
    read = await asyncio.gather(*(ledger.event(id) for ledger in ledgers.values()))
    if not any(read):
        raise EventUnknown(f"No ledger knows event {id}.")
    somewhere = any(known is not None and known.entitlement_root is not None for known in read)
    for ledger, known in zip(ledgers.values(), read, strict=True):
        published = None if known is None else known.entitlement_root
        if published is None:
            raise PaymentRefused(
                f"Ledger {ledger.name} knows no entitlements of event {id} yet.",
                next_command="pari relay --with-attestors --drain"
                if somewhere
                else "pari event entitle FILE",
            )
        if published != root:
            raise PaymentRefused(
                f"Ledger {ledger.name} knows the entitlements of event {id} by root {published}, "
                f"and this table has root {root}."
            )


async def _check_date(ledgers: Mapping[LedgerId, Ledger], event: EventRecord) -> None:
    """Pay on all ledgers or on none: one that is ahead of another must not begin alone."""
    opening = datetime.combine(event.payment_date, time(), UTC)
    for ledger in ledgers.values():
        now = (await ledger.head()).time
        if now < opening.timestamp():
            raise PaymentRefused(
                f"Event {event.official_event_id} is paid from {opening:%Y-%m-%d %H:%M} UTC on, and on "
                f"{ledger.name} it is {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M}.",
                next_command="pari time show",
            )


async def authorise(
    ledgers: Mapping[LedgerId, Ledger], event: EventRecord, dues: Iterable[Due], paying_agent: Signer
) -> None:
    """Let each ledger's corporate-actions contract debit what is due there, once for what is to be sent."""

    async def one(ledger: Ledger, due: Due) -> None:
        sendings = await _sendings(ledger, event, due)
        digest = keccak256("".join(reference for reference, _ in sendings).encode("utf-8"))
        reference = f"authorise/{event.official_event_id}/{digest}"
        await ledger.execute(AuthoriseDebit(due.needed), paying_agent, reference)

    await asyncio.gather(*(one(ledgers[due.ledger], due) for due in dues if due.lines))


async def _pay_lines(
    ledger: Ledger, event: EventRecord, due: Due, tree: MerkleTree, paying_agent: Signer
) -> None:
    for reference, chunk in await _sendings(ledger, event, due):
        lines = tuple(PaymentLine(line.account.account, line.amount, tree.proof(line.leaf)) for line in chunk)
        await ledger.execute(Pay(event.official_event_id, lines), paying_agent, reference)


async def _sendings(
    ledger: Ledger, event: EventRecord, due: Due
) -> list[tuple[str, tuple[EntitlementLine, ...]]]:
    """What is due in commands of a bearable size, each with the reference that it goes under.

    The same lines go under the same reference until that is used up: a payment that ended and left
    them unpaid, because they were held or because it was refused, is made under the next one.
    """
    found = []
    for start in range(0, len(due.lines), LINES_PER_COMMAND):
        chunk = due.lines[start : start + LINES_PER_COMMAND]
        digest = keccak256(b"".join(line.leaf for line in chunk))
        first = reference = f"pay/{event.official_event_id}/{digest}"
        for attempt in count(2):
            if (await ledger.outcome(reference)).state not in (OutcomeState.FINAL, OutcomeState.REFUSED):
                break
            reference = f"{first}/{attempt}"
        found.append((reference, chunk))
    return found


async def still_held(ledger: Ledger, event_id: str) -> tuple[StillHeld, ...]:
    """Payments that the ledger passed over and has not made since, each account once (CA-23)."""
    booked = {payment.account for payment in await ledger.payments(event_id)}
    last = {held.account: held for held in await ledger.held(event_id) if held.account not in booked}
    payees = await asyncio.gather(*(ledger.payee(account) for account in last))
    return tuple(
        StillHeld(held.account, held.amount, payee) for held, payee in zip(last.values(), payees, strict=True)
    )


def ledger_account(ledger: LedgerId, signer: Signer) -> str:
    """The account by which a ledger knows a signer: its address on a chain, its name in book entry."""
    return signer.address if ledger.is_evm else signer.name


def paid_per_account(
    ledgers: Mapping[LedgerId, Ledger], payments: Mapping[LedgerId, tuple[Payment, ...]]
) -> dict[AccountId, Minor]:
    """Sum of booked payments per account; more than one booking of an account shows here (CA-11)."""
    paid: dict[AccountId, Minor] = {}
    for ledger in ledgers:
        for payment in payments.get(ledger, ()):
            account = AccountId(ledger, payment.account)
            paid[account] = paid.get(account, ZERO_MINOR) + payment.amount
    return paid
