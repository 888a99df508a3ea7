"""The main job, start to report: one dividend over four ledgers.

up → deploy → issue and hold → announce → entitle → pay → reconcile. Each
stage is the job that an operator would run by hand; the demo adds nothing
but the order, the business calendar and the holders of `scenario`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Protocol

from paripassu import deploy
from paripassu.config import EventFile, NetworkConfig, holder_salt, load_breakdown, load_event, load_network
from paripassu.custody import Breakdown, holder_commitment
from paripassu.demo import holding
from paripassu.demo.document import Findings, document
from paripassu.demo.holding import Refusal
from paripassu.demo.scenario import (
    AFTER_RECORD_TIME,
    IN_TRANSIT,
    INELIGIBLE,
    PARTICIPANTS,
    STRANGER,
    displays,
)
from paripassu.devnet import running_nodes
from paripassu.errors import DeploymentError, ReconciliationError
from paripassu.identifiers import LedgerId
from paripassu.invariants import VerdictState
from paripassu.jobs import announcing, entitling, funding, local, movements, paying
from paripassu.jobs.bridging import Bridge
from paripassu.jobs.entitling import Struck
from paripassu.jobs.eventbook import write_table
from paripassu.jobs.reconciling import Subject, reconcile
from paripassu.jobs.session import Session, session_of
from paripassu.ledgers.port import KnownEvent
from paripassu.workspace import Workspace

_BEFORE_RECORD_TIME = 600
"""Seconds between the last dispatch and record time: room for the blocks that make it final."""


class Reporter(Protocol):
    """Where the demo says what it is doing."""

    seconds: dict[str, float]

    def stage(self, title: str) -> Any: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """The three files of the demo."""

    network: Path
    event: Path
    breakdown: Path


@dataclass
class _Demo:
    """What one stage leaves for the next."""

    session: Session
    bridge: Bridge
    event: EventFile
    breakdown: Breakdown
    report: Reporter
    refusals: tuple[Refusal, ...] = ()
    verdicts: tuple[VerdictState, ...] = ()
    known: dict[LedgerId, KnownEvent] = field(default_factory=dict)

    async def hold(self) -> None:
        accounts = await holding.onboard_and_issue(self.session)
        self.report.note(f"{accounts} accounts of {len(PARTICIPANTS) + 1} holders registered on four ledgers")
        self.report.note(
            f"{self.session.security.issue_size:,} shares of {self.session.security.isin} issued"
        )
        await holding.distribute(self.session)
        await self.bridge.drain()
        self.report.note("shares delivered to their holders on all four ledgers")
        self.refusals, self.verdicts = await holding.refused_everywhere(self.session)
        codes = sorted({refusal.code for refusal in self.refusals})
        self.report.note(f"ineligible holders refused with {', '.join(codes)} on every ledger")

    async def announce(self) -> None:
        issuer_agent = self.session.role("issuer_agent")
        record = self.event.record
        for _ in range(2):  # the second announcement changes nothing
            await announcing.announce(self.session.home, record, self.session.security, issuer_agent)
        self.known = await announcing.await_known(self.session.ledgers, record.official_event_id, patience=60)
        self.report.note(f"record {record.record_hash.text[:18]}… equal on {len(self.known)} ledgers")

    async def entitle(self) -> Struck:
        session, record = self.session, self.event.record
        await self._travel(record.record_time - _BEFORE_RECORD_TIME)
        await self.bridge.stop()
        await asyncio.gather(
            movements.attest(
                session.ledgers[self.breakdown.account.ledger], self.breakdown, session.role("custodian")
            ),
            holding.carry(session, IN_TRANSIT, "over record time"),
        )
        self.report.note(
            f"custodian attested {len(self.breakdown.lines)} client positions of its omnibus account"
        )
        self.report.note(
            f"{int(IN_TRANSIT.units):,} shares left {IN_TRANSIT.source}, not yet on {IN_TRANSIT.destination}"
        )
        await self._travel(record.record_time + 30)
        self.bridge.start()
        await entitling.await_record_time(session.ledgers, record, patience=60)
        await self.bridge.drain()
        struck = await entitling.strike_event(session.ledgers, record, [self.breakdown])
        write_table(session.workspace, struck)
        self.report.note(
            f"{int(struck.table.units):,} shares of {len(struck.table.holders)} holders entitled to "
            f"{int(struck.table.total):,} cents, residue {struck.table.residue}"
        )
        await asyncio.gather(self._publish(struck), self._fund(struck), self._trade_on())
        return struck

    async def _publish(self, struck: Struck) -> None:
        session, event_id = self.session, struck.event.official_event_id
        await entitling.publish(session.home, struck, session.role("paying_agent"))
        await announcing.await_known(session.ledgers, event_id, patience=60, with_root=True)
        self.report.note("root of the entitlement table known on every ledger")

    async def _fund(self, struck: Struck) -> None:
        session, agent = self.session, self.session.role("paying_agent")
        await asyncio.gather(
            funding.fund(session.ledgers, struck.event, struck.table, agent, session.role("cash_issuer")),
            paying.authorise(
                session.ledgers,
                struck.event,
                await paying.unpaid(session.ledgers, struck.event, struck.table, agent),
                agent,
            ),
        )
        self.report.note("paying agent funded on every ledger with what is due there")

    async def _trade_on(self) -> None:
        await asyncio.gather(
            *(holding.carry(self.session, item, "after record time") for item in AFTER_RECORD_TIME)
        )
        self.report.note("shares moved on after record time; entitlements did not")

    async def pay(self, struck: Struck) -> None:
        session, record, agent = self.session, self.event.record, self.session.role("paying_agent")
        opening = datetime.combine(record.payment_date, time(8), UTC)
        await self._travel(int(opening.timestamp()))
        first = await paying.pay(session.ledgers, record, struck.table, agent)
        again = await paying.pay(session.ledgers, record, struck.table, agent)
        if first != again:
            raise ReconciliationError("Paying a second time changed the payments on the ledgers.")
        count = sum(len(payments) for payments in first.values())
        self.report.note(f"{count} payments booked; paying again paid nobody")

    async def _travel(self, to: int) -> None:
        await local.travel(self.session.network, self.session.workspace, to)
        self.report.note(f"business clock at {datetime.fromtimestamp(to, UTC):%Y-%m-%d %H:%M} UTC")


async def run(inputs: Inputs, workspace: Workspace, report: Reporter) -> dict[str, Any]:
    """Run the demo in an empty workspace; returns its document (schema `paripassu.demo/1`).

    Nodes end with the call, however it ends.
    """
    network = load_network(inputs.network)
    async with AsyncExitStack() as stack:
        with report.stage("up: two Anvil chains, one Ganache chain, one book-entry ledger"):
            nodes = await asyncio.to_thread(stack.enter_context, running_nodes(local.node_specs(network)))
            network = network.with_rpc_urls({name: node.url for name, node in nodes.items()})
            await asyncio.to_thread(_prepare, network, workspace)
        with report.stage("deploy: same contracts, same addresses, same code hash"):
            await _deploy(network, workspace, report)
        session = await stack.enter_async_context(session_of(network, workspace))
        bridge = await stack.enter_async_context(Bridge(session))
        demo = _Demo(
            session=session,
            bridge=bridge,
            event=load_event(inputs.event, session.security),
            breakdown=load_breakdown(inputs.breakdown, network.environment),
            report=report,
        )
        return await _stages(demo)


async def _stages(demo: _Demo) -> dict[str, Any]:
    session, report = demo.session, demo.report
    demo.bridge.start()
    with report.stage("issue and hold: holders, omnibus account, shares on four ledgers"):
        await demo.hold()
    with report.stage("announce: one record, one hash, every ledger"):
        await demo.announce()
    with report.stage("entitle: positions at record time, units in transit counted once"):
        struck = await demo.entitle()
    with report.stage("pay: where the position sits, once"):
        await demo.pay(struck)
    with report.stage("reconcile: invariants I1 to I7 from the ledgers"):
        await demo.bridge.drain()
        reconciliation = await reconcile(
            session.ledgers,
            session.home.id,
            session.security.security_id,
            subject=Subject(struck.event, struck.holdings),
            breakdowns=[demo.breakdown],
            verdicts=demo.verdicts,
        )
        report.note("all hold" if reconciliation.ok else "broken: see the report")
    await demo.bridge.stop()
    findings = Findings(
        struck=struck,
        known=demo.known,
        refusals=demo.refusals,
        reconciliation=reconciliation,
        names={
            holder_commitment(holder_salt(session.network.environment), identity): name
            for identity, name in displays().items()
        },
        omnibus=frozenset({demo.breakdown.account}),
        seconds=report.seconds,
    )
    return document(session, findings)


def _prepare(network: NetworkConfig, workspace: Workspace) -> None:
    urls = {ledger.name: ledger.rpc_urls[0] for ledger in network.ledgers.values() if ledger.rpc_urls}
    local.prepare(network, workspace, urls)
    holders = [*(person.name for person in PARTICIPANTS), INELIGIBLE.name, STRANGER]
    local.give_coin(urls.values(), [local.dev_address(name) for name in holders])


async def _deploy(network: NetworkConfig, workspace: Workspace, report: Reporter) -> None:
    def say(step: deploy.Progress) -> None:
        report.note(f"{step.ledger}: {step.title} ({step.done}/{step.total})")

    await deploy.apply(network, workspace, say)
    left = await deploy.plan(network, workspace)
    if not left.is_empty:
        raise DeploymentError("The plan is not empty after the deployment.", next_command="pari deploy plan")
    report.note("plan is empty: file and ledgers agree")
