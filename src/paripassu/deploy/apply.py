"""`apply`: carry the plan out, chains side by side, so that a kill at any point loses and repeats nothing.

On each chain: first whatever an earlier run sent is waited for, then the chain is read at
a final block and what is missing is planned anew, so a resumed run is no special case.
Each transaction is in the journal before it is sent. A stage ends when its transactions
are final; after the last one the chain is read again, and what could not be sent before is
planned with what is known now. At the end nothing is left but what waits for its notice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paripassu.config import NetworkConfig, load_securities
from paripassu.deploy import records
from paripassu.deploy.books import adjusted, book_of, book_plan
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import BookDesired, Desired
from paripassu.deploy.execution import Executor
from paripassu.deploy.journal import Journal, seam
from paripassu.deploy.observe import EvmObserved, observe
from paripassu.deploy.plan import steps_for
from paripassu.deploy.provenance import chain_record
from paripassu.deploy.spec import deployer_of, desired_state
from paripassu.deploy.steps import Step
from paripassu.errors import DeploymentError, NotConverged
from paripassu.ledgers.book.configuration import to_json
from paripassu.ledgers.port import Signer
from paripassu.ledgers.signers import signer_from_spec
from paripassu.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened: `done` of `total` steps of the ledger are final."""

    ledger: str
    title: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class AppliedLedger:
    """One ledger after apply: how many steps were carried out, where its contracts are, what waits.

    `waiting` has the steps that a later apply carries out, once the notice of their act is over.
    """

    ledger: str
    caip2: str
    steps: int
    gas_used: int
    addresses: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    waiting: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedDeployment:
    """The network after apply."""

    environment: str
    seconds: float
    ledgers: Mapping[str, AppliedLedger]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "paripassu.applied/1",
            "environment": self.environment,
            "seconds": round(self.seconds, 1),
            "ledgers": {
                name: {
                    "caip2": one.caip2,
                    "steps": one.steps,
                    "gasUsed": one.gas_used,
                    "addresses": dict(one.addresses),
                    "record": one.record,
                    "waiting": [step.as_json() for step in one.waiting],
                }
                for name, one in self.ledgers.items()
            },
        }


Report = Callable[[Progress], None]


async def apply(
    network: NetworkConfig, workspace: Workspace, progress: Report | None = None
) -> AppliedDeployment:
    """Bring every ledger to the desired state; nothing is sent where it is so already.

    Raises:
        ApplyRunning: another apply holds the journal.
        StepFailed: a ledger refused a step; the next apply goes on from there.
        CodeDrift, NotConverged, LedgerError leaves.
    """
    started = time.monotonic()
    report = progress or (lambda _: None)
    desired = desired_state(network, list(load_securities(network).values()))
    folder = records.folder_of(network, workspace)
    with Journal(folder / "journal.jsonl").opened() as journal:
        done = await _all([_apply_one(network, workspace, journal, one, report) for one in desired.values()])
        chains = [
            records.read(records.path_of(network, workspace, ledger))
            for ledger in network.ledgers.values()
            if ledger.id.is_evm
        ]
        records.write_map(folder, chains)
    return AppliedDeployment(
        network.environment, time.monotonic() - started, {one.ledger: one for one in done}
    )


async def _all(work: Sequence[Any]) -> list[AppliedLedger]:
    """Run side by side; a failure of one lets the others finish their stage before it is raised."""
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise next((one for one in failures if isinstance(one, DeploymentError)), failures[0])
    return [result for result in results if isinstance(result, AppliedLedger)]


async def _apply_one(
    network: NetworkConfig, workspace: Workspace, journal: Journal, desired: Desired, report: Report
) -> AppliedLedger:
    config = network.ledgers[desired.name]
    if isinstance(desired, BookDesired):
        return await _apply_book(network, workspace, desired, report)
    async with Chain(config, desired, records.first_block(network, workspace, config)) as chain:
        log = journal.intents_of(await chain.genesis())
        executor = Executor(chain, log, _signers(network))
        await executor.finish_earlier()
        count, gas, observed, left = await _converge(chain, executor, report)
        path = records.path_of(network, workspace, config)
        seam()
        records.write(path, await chain_record(chain, network.environment, observed))
        seam()
        return AppliedLedger(desired.name, desired.ledger, count, gas, desired.addresses, str(path), left)


async def _converge(
    chain: Chain, executor: Executor, report: Report
) -> tuple[int, int, EvmObserved, tuple[Step, ...]]:
    """Read, plan and carry out until nothing is left that can be sent.

    Returns:
        Steps carried out, their gas, the chain as it was read last, and the steps that wait.

    Raises:
        NotConverged: a step that was carried out is still needed.
    """
    count = gas = 0
    done: set[tuple[str, bytes]] = set()
    while True:
        observed = await observe(chain)
        steps = steps_for(chain.desired, observed)
        ready = tuple(step for step in steps if not step.waits)
        if not ready:
            return count, gas, observed, steps
        if again := next((step for step in ready if (step.to, step.data) in done), None):
            raise NotConverged(f"{chain.desired.name} still needs: {again.title}.")
        gas += await _carry_out(executor, ready, report)
        count += len(ready)
        done |= {(step.to, step.data) for step in ready}


async def _carry_out(executor: Executor, steps: tuple[Step, ...], report: Report) -> int:
    gas = done = 0
    for stage in sorted({step.stage for step in steps}):
        chosen = [step for step in steps if step.stage == stage]
        report(Progress(chosen[0].ledger, f"{len(chosen)} transactions", done, len(steps)))
        async for step, used in executor.run_stage(chosen):
            done, gas = done + 1, gas + used
            report(Progress(step.ledger, step.title, done, len(steps)))
    return gas


async def _apply_book(
    network: NetworkConfig, workspace: Workspace, desired: BookDesired, report: Report
) -> AppliedLedger:
    """Configure the book: one database transaction, so there is nothing to resume."""
    config = network.ledgers[desired.name]
    book = book_of(config, workspace)
    await book.open()
    try:
        known = book.configuration()
        steps = book_plan(desired, known).steps
        for step in steps:
            book.configure(adjusted(desired, known))
            report(Progress(step.ledger, step.title, 1, 1))
        configuration = book.configuration() or desired.configuration
    finally:
        await book.close()
    path = records.path_of(network, workspace, config)
    records.write(
        path,
        {
            "schema": records.SCHEMA,
            "environment": network.environment,
            "ledger": desired.name,
            "caip2": str(desired.ledger),
            "configuration": to_json(configuration),
            "contracts": {},
        },
    )
    return AppliedLedger(desired.name, desired.ledger, len(steps), 0, {}, str(path))


def _signers(network: NetworkConfig) -> dict[str, Signer]:
    """The first signer of each role, and the deployer."""
    found: dict[str, Signer] = {
        role: signer_from_spec(specs[0], network.environment)
        for role, specs in network.roles.items()
        if specs
    }
    return {**found, "deployer": deployer_of(network)}
