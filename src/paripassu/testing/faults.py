"""Faults on purpose: processes killed at every seam, ledgers that lie, lag or lose answers.

for point in crash_points(target, arguments, limit=200):
    ...   # the process was killed at seam number `point`; start it again and look

lying = FaultyLedger(ledger)
lying.hide_messages = True
bridge_over(lying.port)
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from paripassu.bridge import seams
from paripassu.commands import Command
from paripassu.errors import ContractMissing, NodeUnreachable
from paripassu.identifiers import keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Arriving, Delivery, Ledger, Outcome, SentMessage, Signer
from paripassu.messages import Lane

Target = Callable[..., None]


def run_until_crash(
    target: Target, arguments: Sequence[object], crash_at: str | int, *, patience: float = 60.0
) -> bool:
    """Run a function in a process of its own that is killed (-9) at a seam; False where it ended by itself.

    The process is forked from a server that has opened nothing, so it shares no file, lock or
    connection with the test. `target` and `arguments` must be importable and picklable.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["paripassu.testing.bridge_process"])
    process = context.Process(target=_armed, args=(str(crash_at), target, tuple(arguments)))
    process.start()
    process.join(patience)
    try:
        if process.exitcode is None:
            raise AssertionError(f"The process was still running after {patience:g} s (seam {crash_at}).")
        if process.exitcode not in (0, -signal.SIGKILL):
            raise AssertionError(f"The process ended with status {process.exitcode} (seam {crash_at}).")
        return process.exitcode == -signal.SIGKILL
    finally:
        if process.exitcode is None:
            process.kill()
            process.join()
        process.close()


def crash_points(
    target: Target, arguments: Callable[[], Sequence[object]], *, limit: int = 500
) -> Iterator[int]:
    """Kill a process at its first seam, its second, and so on, until one run ends by itself.

    Yields the number of the seam after each kill, for the caller to restart and to check.
    `arguments` is called before each run, so that there is something new to do in each.
    """
    for point in range(1, limit + 1):
        if not run_until_crash(target, arguments(), point):
            return
        yield point
    raise AssertionError(f"The process still has seams after {limit} of them.")


def seams_passed(target: Target, arguments: Sequence[object]) -> list[str]:
    """Names of the seams that a whole run passes, in order."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "seams"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["paripassu.testing.bridge_process"])
        process = context.Process(target=_logged, args=(str(log), target, tuple(arguments)))
        process.start()
        process.join()
        if process.exitcode:
            raise AssertionError(f"The process ended with status {process.exitcode}.")
        return log.read_text("utf-8").split() if log.exists() else []


def _armed(crash_at: str, target: Target, arguments: tuple[object, ...]) -> None:
    seams.arm(crash_at)
    target(*arguments)


def _logged(log: str, target: Target, arguments: tuple[object, ...]) -> None:
    seams.arm("", log)
    target(*arguments)


class FaultyLedger:
    """A ledger seen through a connection that has faults; each is switched on by its attribute.

    Attributes:
        unreachable: every call fails.
        hide_messages: reads of sent messages come back empty, as from a node that lags behind.
        hide_deliveries: reads of deliveries come back empty.
        gateway_from: at earlier heights there is no gateway yet.
        hide_counters: the gateway's counters are said to be zero, as by a node that lies.
        lag: final block and head are so many blocks behind.
        rewrite: replaces each sent message, as a node would that forges logs.
        changed_blocks: heights that now show another hash, as after a reorganisation of final blocks.
        hidden: how often a read of messages came back empty on purpose.
        lose_answers: so many submissions are carried out, but their answers are lost.
        refuse_submissions: so many submissions do not get through.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.unreachable = False
        self.hide_messages = False
        self.hide_deliveries = False
        self.hide_counters = False
        self.gateway_from = 0
        self.hidden = 0
        self.lag = 0
        self.rewrite: Callable[[SentMessage], SentMessage] | None = None
        self.changed_blocks: set[int] = set()
        self.lose_answers = 0
        self.refuse_submissions = 0
        self.submissions: list[str] = []

    @property
    def port(self) -> Ledger:
        """The ledger as the code under test gets it."""
        return cast(Ledger, self)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.ledger, name)
        if not callable(value):
            return value

        async def call(*args: object, **kwargs: object) -> object:
            self._reach()
            return await value(*args, **kwargs)

        return call

    def _reach(self) -> None:
        if self.unreachable:
            raise NodeUnreachable(f"The node of {self.ledger.name} does not answer (a fault on purpose).")

    async def final(self) -> BlockRef:
        self._reach()
        return await self._behind(await self.ledger.final())

    async def head(self) -> BlockRef:
        self._reach()
        return await self._behind(await self.ledger.head())

    async def arriving(self, lane: Lane) -> Arriving:
        self._reach()
        found = await self.ledger.arriving(lane)
        return replace(found, time=(await self.head()).time) if self.lag else found

    async def _behind(self, block: BlockRef) -> BlockRef:
        return await self.block_at(max(0, block.height - self.lag))

    async def block_at(self, height: int) -> BlockRef:
        self._reach()
        block = await self.ledger.block_at(height)
        if height in self.changed_blocks:
            return BlockRef(block.height, keccak256(b"another block " + block.hash), block.time)
        return block

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        self._reach()
        if height < self.gateway_from:
            raise ContractMissing(f"There is no Gateway on {self.ledger.name} at block {height}.")
        return (0,) * len(lanes) if self.hide_counters else await self.ledger.sent_counts(lanes, height)

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        self._reach()
        if self.hide_messages:
            self.hidden += 1
            return ()
        sent = await self.ledger.sent_messages(first, last)
        return sent if self.rewrite is None else tuple(map(self.rewrite, sent))

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        self._reach()
        return () if self.hide_deliveries else await self.ledger.deliveries(first, last)

    async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
        self._reach()
        self.submissions.append(reference)
        if self.refuse_submissions:
            self.refuse_submissions -= 1
            raise NodeUnreachable(f"The node of {self.ledger.name} took nothing (a fault on purpose).")
        outcome = await self.ledger.submit(command, signer, reference)
        if self.lose_answers:
            self.lose_answers -= 1
            raise NodeUnreachable(f"The answer of {self.ledger.name} was lost (a fault on purpose).")
        return outcome
