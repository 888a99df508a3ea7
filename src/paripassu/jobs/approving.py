"""Acts of consequence, step by step: propose, approve, withdraw, carry out (VER-6, CTL-7).

What is approved or carried out already is found and told, and not done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from paripassu.acts import Act, ApproveAct, ExecuteAct, ProposeAct, WithdrawAct
from paripassu.controls import Reason
from paripassu.errors import ActRefused, ActUnknown, InvalidArgument
from paripassu.identifiers import LedgerId
from paripassu.jobs.controlling import carry_out
from paripassu.ledgers.control import ActRecord, ActState
from paripassu.ledgers.port import Ledger, Signer

Found = tuple[Ledger, ActRecord]


async def find(ledgers: Mapping[LedgerId, Ledger], id: str) -> Found:
    """The act whose id begins with the text, wherever it is, with its lineage.

    Raises:
        InvalidArgument: no hex, or too short to mean one act.
        ActUnknown: no ledger has it in a final block.
    """
    prefix = id.lower() if id[:2] in ("0x", "0X") else f"0x{id.lower()}"
    if len(prefix) < 8 or any(letter not in "0123456789abcdef" for letter in prefix[2:]):
        raise InvalidArgument(
            f"'{id}' is no id of an act: write at least 6 of its hex digits.", next_command="pari act list"
        )
    listed = await asyncio.gather(*(ledger.controls.acts() for ledger in ledgers.values()))
    matches = [
        (ledger, act)
        for ledger, acts in zip(ledgers.values(), listed, strict=True)
        for act in acts
        if act.id.text.startswith(prefix)
    ]
    if not matches:
        raise ActUnknown(f"No ledger knows an act {id}.")
    if len(matches) > 1:
        raise InvalidArgument(
            f"{len(matches)} acts have an id that begins with {id}.", next_command="pari act list"
        )
    ledger, act = matches[0]
    return ledger, await ledger.controls.act(act.id) or act


async def propose(
    ledger: Ledger, act: Act, role: str, reason: Reason, signer: Signer, reference: str = ""
) -> Found:
    """Propose an act: another one at each call, unless a reference says that it is the same.

    Raises:
        LedgerError: the ledger refuses it, by whoever may not propose it for one.
    """
    done = await carry_out(ledger, ProposeAct(act, role, reason), signer, reference)
    for made in await ledger.controls.acts():
        if made.proposed.transaction.lower() == done.outcome.transaction.lower():
            return ledger, made
    raise ActUnknown(f"{ledger.name} shows no act of transaction {done.outcome.transaction} yet.")


async def approve(ledger: Ledger, act: ActRecord, role: str, signer: Signer) -> bool:
    """Approve for a role; False where the role has approved already. Raises ActRefused, LedgerError."""
    if any(deed.role == role for deed in act.approvals):
        return False
    _require_open(act)
    await carry_out(ledger, ApproveAct(act.id, role), signer)
    return True


async def withdraw(ledger: Ledger, act: ActRecord, role: str, signer: Signer) -> None:
    """Take back a role's approval, or the whole act where the role proposed it."""
    _require_open(act)
    await carry_out(ledger, WithdrawAct(act.id, role), signer)


async def execute(ledger: Ledger, act: ActRecord, signer: Signer) -> bool:
    """Carry an act out; False where it has been.

    Raises:
        ActRefused: it was withdrawn, or has too few approvals, and by whom it could be approved.
        RuleError, LedgerError: what the ledger says against it.
    """
    if act.state is ActState.EXECUTED:
        return False
    _require_open(act)
    if len(act.approvals) < act.threshold:
        given = ", ".join(deed.role for deed in act.approvals) or "nobody"
        raise ActRefused(
            f"The act {act.id} needs {act.threshold} approvals and has {len(act.approvals)}, by {given}.",
            next_command=f"pari act approve {act.id.text[:18]} --role ROLE",
        )
    await carry_out(ledger, ExecuteAct(act.id, act.target, act.call), signer)
    return True


def _require_open(act: ActRecord) -> None:
    if act.state is not ActState.OPEN:
        raise ActRefused(
            f"The act {act.id} is {act.state.value}.", next_command=f"pari act show {act.id.text[:18]}"
        )
