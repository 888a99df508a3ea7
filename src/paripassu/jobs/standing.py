"""Where every ledger, every lane and every task stands, look after look: what `pari status` shows."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from paripassu.bridge.columns import lane_between
from paripassu.bridge.node import lanes_between
from paripassu.bridge.queries import halted_ledgers, resume_command
from paripassu.bridge.states import ENDS
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.opening import ledger_of
from paripassu.errors import PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Ledger
from paripassu.messages import Lane
from paripassu.store import Store
from paripassu.store.schema import message
from paripassu.watch.facts import TaskFacts
from paripassu.watch.upkeep import tasks, wallets
from paripassu.workspace import Workspace


@dataclass(frozen=True, slots=True)
class LedgerStanding:
    """One ledger: its blocks where it can be read, else what is wrong and what to run next; and how many
    deliveries the relayer's coin still pays for there, None where that is not known or it takes no fees."""

    name: str
    id: str
    head: BlockRef | None = None
    final: BlockRef | None = None
    problem: str = ""
    remedy: str = ""
    deliveries_left: int | None = None


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """One lane by its ledgers' own counters in final blocks: messages sent and executed; and by the bridge's
    store: messages by state, and the source time of the first that has not arrived."""

    lane: Lane
    sent: int
    executed: int
    oldest: int | None
    stopped: bool
    states: Mapping[str, int]

    @property
    def lag(self) -> int:
        return max(0, self.sent - self.executed)


@dataclass(frozen=True, slots=True)
class Standing:
    """One look at everything. `time` is the newest block's, in seconds since the epoch."""

    time: int
    ledgers: tuple[LedgerStanding, ...]
    lanes: tuple[LaneStanding, ...]
    tasks: tuple[TaskFacts, ...]


@dataclass(slots=True)
class _Kept:
    """What the store says of a lane."""

    states: Counter[str] = field(default_factory=Counter)
    oldest: int | None = None


class Looker:
    """Looks again and again through connections that stay open; a ledger that failed is opened anew.

    Args:
        relayer: the account whose coin is counted; empty counts none.
    """

    def __init__(self, network: NetworkConfig, workspace: Workspace, store: Store, relayer: str = "") -> None:
        self._network = network
        self._workspace = workspace
        self._store = store
        self._relayer = relayer
        self._open: dict[LedgerId, Ledger] = {}

    async def look(self) -> Standing:
        """One look. No ledger keeps it from showing the others."""
        found = await asyncio.gather(*map(self._ledger, self._network.ledgers.values()))
        finals = {LedgerId(one.id): one.final for one in found if one.final is not None}
        readable = {id: self._open[id] for id in finals if id in self._open}
        left = await wallets(readable, self._relayer) if self._relayer else ()
        coins = {str(one.ledger): one.deliveries_left for one in left}
        ledgers = tuple(_with_coin(one, coins.get(one.id)) for one in found)
        kept = self._kept()
        pairs = [
            lane for lane in lanes_between(readable) if not {lane.source, lane.destination} - finals.keys()
        ]
        lanes = await asyncio.gather(*(self._lane(lane, finals, kept[lane]) for lane in pairs))
        return Standing(
            max((one.head.time for one in found if one.head is not None), default=0),
            ledgers,
            tuple(one for one in lanes if one is not None and (one.sent or one.states or one.stopped)),
            tasks(self._store),
        )

    async def close(self) -> None:
        for ledger in self._open.values():
            await ledger.close()
        self._open = {}

    async def _ledger(self, config: LedgerConfig) -> LedgerStanding:
        try:
            if config.id not in self._open:
                ledger = ledger_of(self._network, self._workspace, config, self._store.intents)
                try:
                    await ledger.open()
                except BaseException:
                    await ledger.close()
                    raise
                self._open[config.id] = ledger
            opened = self._open[config.id]
            head, final = await opened.head(), await opened.final()
        except PariError as error:
            if config.id in self._open:
                await self._open.pop(config.id).close()
            return LedgerStanding(config.name, config.id, problem=str(error), remedy=error.next_command)
        halted = halted_ledgers(self._store)
        reason = f"halted: {halted[config.id]}" if config.id in halted else ""
        return LedgerStanding(config.name, config.id, head, final, reason, resume_command(config.name))

    async def _lane(
        self, lane: Lane, finals: Mapping[LedgerId, BlockRef], kept: _Kept
    ) -> LaneStanding | None:
        source, destination = self._open[lane.source], self._open[lane.destination]
        try:
            (sent,) = await source.sent_counts([lane], finals[lane.source].height)
            executed = await destination.inbound_nonce(lane, finals[lane.destination].height)
            stopped = await destination.lane_stopped(lane.source, lane.purpose)
        except PariError:
            return None  # its ledger says why at the next look
        return LaneStanding(lane, sent, executed, kept.oldest, stopped, kept.states)

    def _kept(self) -> dict[Lane, _Kept]:
        ends = {state.value for state in ENDS}
        key = (message.c.source, message.c.destination, message.c.purpose)
        query = select(*key, message.c.state, func.count(), func.min(message.c.timestamp))
        found: dict[Lane, _Kept] = defaultdict(_Kept)
        with self._store.read() as connection:
            for *lane, state, count, oldest in connection.execute(query.group_by(*key, message.c.state)):
                one = found[lane_between(*lane)]
                one.states[state] = count
                if state not in ends:
                    one.oldest = oldest if one.oldest is None else min(oldest, one.oldest)
        return found


def _with_coin(one: LedgerStanding, left: int | None) -> LedgerStanding:
    return LedgerStanding(one.name, one.id, one.head, one.final, one.problem, one.remedy, left)
