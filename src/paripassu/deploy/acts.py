"""Changes that k of n roles must approve: proposed, approved and carried out as steps of a deployment.

The id of an act is known once it is proposed, and it may be carried out once its notice is
over; steps that cannot be sent yet are shown, and say what they wait for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import paripassu
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import APPROVALS, EvmDesired
from paripassu.deploy.policies import PROPOSER
from paripassu.deploy.steps import Step
from paripassu.identifiers import keccak256, role_id
from paripassu.ledgers.evm.contracts import codec

_EVENTS = ("ActProposed", "ActApproved", "ApprovalWithdrawn", "ActWithdrawn", "ActExecuted")
PROPOSE, APPROVE, EXECUTE, AFTER = 3, 4, 5, 6
"""Stages of an act, and that of what needs it carried out."""


@dataclass(frozen=True, slots=True)
class ObservedAct:
    """An act that is neither carried out nor withdrawn; `approved` has the account of each approving role."""

    id: bytes
    target: str
    data: bytes
    approved: Mapping[int, str]
    ready_at: int
    last_second: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change to be made. `change_class` is 0 where no version changes."""

    key: str
    title: str
    target: str
    data: bytes
    change_class: int


async def observed_acts(chain: Chain, height: int) -> tuple[ObservedAct, ...]:
    """The acts of a chain that are under way, in the order of their proposals."""
    if chain.first_block > height:
        return ()
    address = chain.desired.addresses[APPROVALS]
    proposed, approved = {}, defaultdict[bytes, dict[int, str]](dict)
    for log in await chain.logs.read(address, codec(APPROVALS), _EVENTS, chain.first_block, height):
        id, role = log.args["id"], log.args.get("role", 0)
        if log.event == "ActProposed":
            proposed[id] = log.args
        elif log.event == "ActApproved":
            approved[id][role] = log.args["by"]
        elif log.event == "ApprovalWithdrawn":
            approved[id].pop(role, None)
        else:
            proposed.pop(id, None)
    if not proposed:
        return ()
    lifetime = await chain.contracts.view(APPROVALS, "LIFETIME", height=height)
    return tuple(
        ObservedAct(
            id, args["target"], args["data"], approved[id], args["readyAt"], args["readyAt"] + lifetime
        )
        for id, args in proposed.items()
    )


def act_steps(
    desired: EvmDesired, under_way: tuple[ObservedAct, ...], now: int, proposal: Proposal
) -> list[Step]:
    """What is left to do until a proposal is carried out; `now` is the chain's time."""
    act = next((one for one in reversed(under_way) if _is(one, proposal) and one.last_second >= now), None)
    if act is None:
        arguments = (role_id(PROPOSER), proposal.target, proposal.data, proposal.change_class, _reason())
        steps = [_step(desired, proposal, PROPOSE, "propose to", PROPOSER, "propose", *arguments)]
        waits = "its proposal"
    else:
        steps, waits = [], ""
    approvers = desired.upgrades.approvers
    given = act.approved if act else {}
    left = [role for role in approvers if role_id(role) not in given][: max(0, len(approvers) - len(given))]
    for role in left:
        arguments = (role_id(role), act.id if act else bytes(32))
        steps.append(_step(desired, proposal, APPROVE, "approve to", role, "approve", *arguments, waits=waits))
    if act and act.ready_at > now:
        waits = f"the end of its notice, {_utc(act.ready_at)}"
    elif left:
        waits = waits or "its approvals"
    arguments = (act.id if act else bytes(32), proposal.target, proposal.data)
    steps.append(
        _step(desired, proposal, EXECUTE, "carry out the act to", PROPOSER, "execute", *arguments, waits=waits)
    )
    return steps


def _is(act: ObservedAct, proposal: Proposal) -> bool:
    return act.target == proposal.target and act.data == proposal.data


def _step(
    desired: EvmDesired,
    proposal: Proposal,
    stage: int,
    words: str,
    signer: str,
    function: str,
    *arguments: object,
    waits: str = "",
) -> Step:
    return Step(
        ledger=desired.name,
        stage=stage,
        key=f"{function}/{proposal.key}/{signer}",
        title=f"{words} {proposal.title}",
        signer=signer,
        to=desired.addresses[APPROVALS],
        data=codec(APPROVALS).encode(function, *arguments),
        gas_estimate={PROPOSE: 150_000, APPROVE: 80_000, EXECUTE: 120_000}[stage],
        waits=waits,
    )


def _reason() -> bytes:
    """The reason of what a deployment proposes: the release that asks for it, as text."""
    text = f"pari deploy, {paripassu.__version__}".encode("ascii")
    return text.ljust(32, b"\0") if len(text) <= 32 else bytes(keccak256(text))


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
