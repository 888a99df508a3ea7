"""The shortest way to see a message: two chains, one movement, every state that it went through.

The chains make a block for each transaction, final at once, as a permissioned chain does whose
consensus does not fork. All else is the demo's: the same deployment, the same bridge.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from paripassu import deploy
from paripassu.bridge.queries import MessageHistory, list_messages, message_history
from paripassu.commands import Onboard
from paripassu.config import Blocks, NetworkConfig, holder_salt, load_network
from paripassu.custody import holder_commitment
from paripassu.demo.holding import account_of, owner_of
from paripassu.demo.run import Reporter
from paripassu.devnet import NodeSpec, running_nodes
from paripassu.identifiers import Country
from paripassu.jobs import local, movements
from paripassu.jobs.bridging import Bridge
from paripassu.jobs.session import Session, session_of
from paripassu.quantities import Units
from paripassu.workspace import Workspace

SCHEMA = "paripassu.demo.movement/1"
HOLDER = "holder_fr"
UNITS = Units(100)

_AT_ONCE = Blocks(confirmations=1, reorg_period=0, estimate_block_time=1)


async def run(network_file: Path, workspace: Workspace, report: Reporter) -> dict[str, Any]:
    """Move some units of one holder from the home ledger to the other chain of a network file.

    Nodes end with the call, however it ends.
    """
    network = _two_chains(load_network(network_file))
    async with AsyncExitStack() as stack:
        with report.stage("up: two chains"):
            nodes = await asyncio.to_thread(stack.enter_context, running_nodes(_specs(network)))
            urls = {name: node.url for name, node in nodes.items()}
            network = network.with_rpc_urls(urls)
            await asyncio.to_thread(local.prepare, network, workspace, urls)
            await asyncio.to_thread(local.give_coin, urls.values(), [local.dev_address(HOLDER)])
        with report.stage("deploy: same contracts, same addresses"):
            await deploy.apply(network, workspace)
        session = await stack.enter_async_context(session_of(network, workspace))
        with report.stage("issue: one holder, known on both chains"):
            await _hold(session)
        bridge = await stack.enter_async_context(Bridge(session))
        bridge.start()
        with report.stage("move: burnt here, attested, created there"):
            await _move(session)
            await bridge.drain()
        await bridge.stop()
        (view,) = list_messages(session.store)
        return await _document(session, message_history(session.store, view.id.text))


def _two_chains(network: NetworkConfig) -> NetworkConfig:
    """The chains of a network alone, final at once."""
    chains = {
        name: replace(ledger, blocks=_AT_ONCE) for name, ledger in network.ledgers.items() if ledger.id.is_evm
    }
    return replace(network, ledgers=chains)


def _specs(network: NetworkConfig) -> list[NodeSpec]:
    return [replace(spec, slots_in_an_epoch=0) for spec in local.node_specs(network, automine=True)]


async def _hold(session: Session) -> None:
    for name in session.network.ledgers:
        command = Onboard(
            account=account_of(session, HOLDER, name).account,
            holder=holder_commitment(holder_salt(session.network.environment), f"holder {HOLDER}"),
            country=Country("FR"),
            investor_class=1,
            expiry=0,
        )
        ready = await movements.proven(session.ledger(name), command, owner_of(session, HOLDER))
        await movements.onboard(session.ledger(name), [ready], session.role("registrar"))
    account = account_of(session, HOLDER, session.network.home).account
    await movements.issue(session.home, account, UNITS, session.role("transfer_agent"), "demo")


async def _move(session: Session) -> None:
    home, other = session.network.home, _other(session)
    await movements.move(
        session.home,
        account_of(session, HOLDER, home).account,
        session.ledger(other),
        account_of(session, HOLDER, other),
        UNITS,
        owner_of(session, HOLDER),
        "demo",
    )


def _other(session: Session) -> str:
    return next(name for name in session.network.ledgers if name != session.network.home)


async def _document(session: Session, history: MessageHistory) -> dict[str, Any]:
    begun = history.steps[0].at
    held = {
        name: int(await session.ledger(name).position(account_of(session, HOLDER, name).account))
        for name in session.network.ledgers
    }
    return {
        "schema": SCHEMA,
        "ok": held == {session.network.home: 0, _other(session): int(UNITS)},
        "message": history.view.id.text,
        "lane": str(history.view.lane),
        "units": int(UNITS),
        "positions": held,
        "attestors": list(history.attestors),
        "history": [
            {"state": step.state.value, "milliseconds": round(1000 * (step.at - begun)), **step.detail}
            for step in history.steps
        ],
    }
