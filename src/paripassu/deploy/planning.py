"""`plan`: read every ledger and list what is left to do. Sends nothing."""

from __future__ import annotations

import asyncio

from paripassu.config import NetworkConfig, load_securities
from paripassu.deploy.books import book_of, book_plan
from paripassu.deploy.chain import chain_of
from paripassu.deploy.desired import BookDesired, Desired
from paripassu.deploy.observe import observe
from paripassu.deploy.plan import steps_for
from paripassu.deploy.spec import desired_state
from paripassu.deploy.steps import LedgerPlan, Plan
from paripassu.workspace import Workspace


async def plan(network: NetworkConfig, workspace: Workspace) -> Plan:
    """The difference between network file and ledgers, read at final blocks.

    Raises:
        ConfigurationError, SignerUnusable: the files.
        LedgerError: a ledger that cannot be read, or is another one.
        CodeDrift: other code is where ours belongs.
    """
    desired = desired_state(network, list(load_securities(network).values()))
    found = await asyncio.gather(*(_plan_one(network, workspace, one) for one in desired.values()))
    return Plan(network.environment, {one.ledger: one for one in found})


async def _plan_one(network: NetworkConfig, workspace: Workspace, desired: Desired) -> LedgerPlan:
    config = network.ledgers[desired.name]
    if isinstance(desired, BookDesired):
        book = book_of(config, workspace)
        await book.open()
        try:
            return book_plan(desired, book.configuration())
        finally:
            await book.close()
    async with chain_of(network, workspace, desired) as chain:
        return LedgerPlan(desired.name, desired.ledger, steps_for(desired, await observe(chain)))
