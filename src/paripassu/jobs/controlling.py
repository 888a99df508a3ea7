"""Controls from a person's hand: find the account that is meant, carry a command out, on one ledger or all.

A control says how something shall be, so saying it again does no harm: each run has a reference of
its own unless the caller gives one, under which it is carried out once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from paripassu.commands import Command
from paripassu.controls import Reason, Rotate
from paripassu.errors import CommandImpossible, HolderUnknown, InvalidAccount
from paripassu.identifiers import AccountId
from paripassu.jobs.movements import signature_of
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Ledger, Outcome, Signer


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command on one ledger."""

    ledger: Ledger
    outcome: Outcome


def locate(session: Session, text: str) -> tuple[Ledger, str]:
    """The ledger and account that a person names: CAIP-10, or the ledger's name in the network
    file, a colon and the account.

    Raises:
        InvalidAccount, InconsistentFile: no account, or no ledger of the network.
    """
    head, colon, account = text.rpartition(":")
    if not colon:
        raise InvalidAccount(
            f"Account '{text}' names no ledger: write '<ledger>:<account>', as "
            f"'{session.network.home}:0x…' or in full by CAIP-10."
        )
    ledger = session.ledger(head)
    return ledger, AccountId(ledger.id, account).account


def same_ledger(session: Session, *texts: str) -> tuple[Ledger, tuple[str, ...]]:
    """Accounts that must be of one ledger. Raises CommandImpossible, and as `locate`."""
    found = [locate(session, text) for text in texts]
    ledgers = {ledger.id for ledger, _ in found}
    if len(ledgers) > 1:
        raise CommandImpossible(
            f"{', '.join(texts)} are not of one ledger; units go from one to another by a movement.",
            next_command="pari security move --help",
        )
    return found[0][0], tuple(account for _, account in found)


def chosen(session: Session, names: Sequence[str]) -> list[Ledger]:
    """The ledgers named, or all of the network."""
    return [session.ledger(name) for name in names] if names else list(session.ledgers.values())


async def carry_out(ledger: Ledger, command: Command, signer: Signer, reference: str = "") -> Done:
    """Carry a command out and wait until it is final. Raises what refuses it."""
    kind = type(command).__name__
    once = f"{kind}/{reference}" if reference else f"{kind}/{uuid.uuid4()}"
    return Done(ledger, await ledger.execute(command, signer, once))


async def everywhere(ledgers: Sequence[Ledger], command: Command, signer: Signer) -> list[Done]:
    """Carry a command out on several ledgers; every one is tried, the first refusal is raised then."""
    results = await asyncio.gather(
        *(carry_out(ledger, command, signer) for ledger in ledgers), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Done)]


async def rotate(
    ledger: Ledger,
    source: str,
    target: str,
    reason: Reason,
    registrar: Signer,
    *,
    owner: Signer | None = None,
    successor: Signer | None = None,
    proof_from: bytes = b"",
    proof_to: bytes = b"",
) -> Done:
    """Let `target` take the place of `source`, by proofs that are given or made here from both keys (UBO-10).

    Raises:
        HolderUnknown: the account is not registered.
        CommandImpossible: a signer's key is not the account's.
    """
    proof_to = proof_to or await succession_proof(ledger, source, target, successor)
    statement = await ledger.controls.key_rotation(source, target)
    if statement is not None and owner is not None and not proof_from:
        proof_from = await signature_of(statement, owner)
    return await carry_out(ledger, Rotate(source, target, reason, proof_from, proof_to), registrar)


async def succession_proof(ledger: Ledger, source: str, target: str, successor: Signer | None) -> bytes:
    """What the new account signs: that it belongs to the holder of the former one."""
    record = await ledger.holder(source)
    if record is None:
        raise HolderUnknown(f"Account '{source}' is not registered on {ledger.name}.")
    statement = await ledger.key_control(target, record.holder)
    return b"" if statement is None or successor is None else await signature_of(statement, successor)
