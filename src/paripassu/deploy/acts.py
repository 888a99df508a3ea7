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

_STAGES = {
    PROPOSE: ("propose", "propose to", 150_000),
    APPROVE: ("approve", "approve to", 80_000),
    EXECUTE: ("execute", "carry out the act to", 120_000),
}
"""Name, words and estimated gas of each."""


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
    encode, id = codec(APPROVALS).encode, act.id if act else bytes(32)
    steps, waits = [], ""
    if act is None:
        call = (proposal.target, proposal.data, proposal.change_class, _reason())
        data = encode("propose", role_id(PROPOSER), *call)
        steps.append(_step(desired, proposal, PROPOSE, PROPOSER, data))
        waits = "its proposal"
    given = act.approved if act else {}
    approvers = desired.upgrades.approvers
    needed = max(0, len(approvers) - len(given))
    for role in [role for role in approvers if role_id(role) not in given][:needed]:
        steps.append(_step(desired, proposal, APPROVE, role, encode("approve", role_id(role), id), waits))
    if needed:
        waits = waits or "its approvals"
    elif act and act.ready_at > now:
        waits = f"the end of its notice, {_utc(act.ready_at)}"
    data = encode("execute", id, proposal.target, proposal.data)
    steps.append(_step(desired, proposal, EXECUTE, PROPOSER, data, waits))
    return steps


def _is(act: ObservedAct, proposal: Proposal) -> bool:
    return act.target == proposal.target and act.data == proposal.data


def _step(
    desired: EvmDesired, proposal: Proposal, stage: int, signer: str, data: bytes, waits: str = ""
) -> Step:
    name, words, gas = _STAGES[stage]
    return Step(
        ledger=desired.name,
        stage=stage,
        key=f"{name}/{proposal.key}/{signer}",
        title=f"{words} {proposal.title}",
        signer=signer,
        to=desired.addresses[APPROVALS],
        data=data,
        gas_estimate=gas,
        waits=waits,
    )


def _reason() -> bytes:
    """The reason of what a deployment proposes: the release that asks for it, as text."""
    text = f"pari deploy, {paripassu.__version__}".encode("ascii")
    return text.ljust(32, b"\0") if len(text) <= 32 else bytes(keccak256(text))


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
