"""`apply`: carry the plan out, chains side by side, so that a kill at any point loses and repeats nothing.

On each chain: first whatever an earlier run sent is waited for, then the chain is read at
a final block and what is missing is planned anew, so a resumed run is no special case.
Each transaction is in the journal before it is sent. A stage ends when its transactions
are final; after the last one the chain is read again, and what could not be sent before is
planned with what is known now. A chain that was done before another one took up a new version
is told of it. At the end nothing is left but what waits for its notice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paripassu.config import NetworkConfig, load_securities
from paripassu.deploy import records
from paripassu.deploy.applied import AppliedDeployment, AppliedLedger, Progress
from paripassu.deploy.books import adjusted, book_of, book_plan
from paripassu.deploy.chain import Chain, chain_of
from paripassu.deploy.desired import BookDesired, Desired, EvmDesired
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
        while behind := _behind(done):
            again = await _all([_apply_one(network, workspace, journal, one, report) for one in behind])
            done = _merged(done, again)
        chains = [
            records.read(records.path_of(network, workspace, ledger))
            for ledger in network.ledgers.values()
            if ledger.id.is_evm
        ]
        records.write_map(folder, chains)
    return AppliedDeployment(
        network.environment, time.monotonic() - started, {one.applied.ledger: one.applied for one in done}
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """A ledger after apply, and a chain as it was read last."""

    applied: AppliedLedger
    chain: tuple[EvmDesired, EvmObserved] | None = None


def _behind(done: Sequence[_Done]) -> list[Desired]:
    """The chains that have something to do now that the others are done too."""
    chains = [one.chain for one in done if one.chain]
    running = {
        key: code
        for desired, observed in chains
        for key, code in observed.running.items()
        if key[0] == desired.ledger
    }
    return [
        desired
        for desired, observed in chains
        if _ready(desired, replace(observed, running={**observed.running, **running}))
    ]


def _merged(done: Sequence[_Done], again: Sequence[_Done]) -> list[_Done]:
    """Both rounds of each ledger as one.

    Raises:
        NotConverged: the second one found nothing to do, or the same would be found once more.
    """
    later = {one.applied.ledger: one for one in again}
    merged = []
    for one in done:
        new = later.get(one.applied.ledger)
        if new is not None and not new.applied.steps:
            raise NotConverged(f"The node of {new.applied.ledger} does not show what other chains run yet.")
        merged.append(one if new is None else _Done(one.applied.then(new.applied), new.chain))
    return merged


def _ready(desired: EvmDesired, observed: EvmObserved) -> tuple[Step, ...]:
    return tuple(step for step in steps_for(desired, observed) if not step.waits)


async def _all(work: Sequence[Any]) -> list[_Done]:
    """Run side by side; a failure of one lets the others finish their stage before it is raised."""
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise next((one for one in failures if isinstance(one, DeploymentError)), failures[0])
    return [result for result in results if isinstance(result, _Done)]


async def _apply_one(
    network: NetworkConfig, workspace: Workspace, journal: Journal, desired: Desired, report: Report
) -> _Done:
    config = network.ledgers[desired.name]
    if isinstance(desired, BookDesired):
        return _Done(await _apply_book(network, workspace, desired, report))
    async with chain_of(network, workspace, desired) as chain:
        log = journal.intents_of(await chain.genesis())
        executor = Executor(chain, log, _signers(network))
        await executor.finish_earlier()
        count, gas, observed, left = await _converge(chain, executor, report)
        path = records.path_of(network, workspace, config)
        seam()
        records.write(path, await chain_record(chain, network.environment, observed))
        seam()
        place = (desired.addresses, str(path), left)
        return _Done(AppliedLedger(desired.name, desired.ledger, count, gas, *place), (desired, observed))


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
        planned = book_plan(desired, known).steps
        steps = tuple(step for step in planned if not step.waits)
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
    left = tuple(step for step in planned if step.waits)
    return AppliedLedger(desired.name, desired.ledger, len(steps), 0, {}, str(path), left)


def _signers(network: NetworkConfig) -> dict[str, Signer]:
    """The first signer of each role, and the deployer."""
    found: dict[str, Signer] = {
        role: signer_from_spec(specs[0], network.environment)
        for role, specs in network.roles.items()
        if specs
    }
    return {**found, "deployer": deployer_of(network)}
