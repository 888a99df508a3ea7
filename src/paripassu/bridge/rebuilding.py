"""A store made anew from what the ledgers show in final blocks, and the audit log where there is one (REC-2).

With the log, all durable facts come back as they were. Without it, messages, what became of them and where
they stand come back; `NOT_KNOWN` says what does not.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from paripassu.bridge import acknowledgements, records
from paripassu.bridge.columns import in_lane
from paripassu.bridge.observer import RelayerKeeper
from paripassu.bridge.replay import Replayed, Shown, replay
from paripassu.bridge.states import ENDS, REFUSALS, MessageState
from paripassu.errors import IncompleteOutbox
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, Ledger, Refunded, SentMessage, Standing
from paripassu.messages import Lane
from paripassu.store import Store, audit, cursors
from paripassu.store.audit import AuditEntry
from paripassu.store.schema import message as message_table

NOT_KNOWN = (
    "when the bridge took each step, and why a message waited",
    "which attestors signed which batch, and what each has bound itself to",
    "which transactions were sent, and under which references",
    "which ledgers were halted, and who lifted that",
    "what the rules said of instructions that no ledger tells of",
)
"""What the audit log alone tells."""

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """All that one ledger shows of its lanes up to one of its final blocks."""

    block: BlockRef
    sent: tuple[SentMessage, ...]
    deliveries: tuple[Delivery, ...]
    refunds: tuple[Refunded, ...]
    acknowledged: Mapping[Lane, int]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild made: log rows taken over, messages by state, messages of which the log did not tell,
    and kinds of log rows that this version does not understand."""

    log_rows: int
    states: Mapping[MessageState, int]
    beyond_log: int
    not_understood: tuple[str, ...]


async def read_ledgers(
    ledgers: Mapping[LedgerId, Ledger], lanes: Sequence[Lane], heights: Mapping[LedgerId, int] | None = None
) -> dict[LedgerId, LedgerReading]:
    """Everything in final blocks, ledger by ledger.

    Args:
        heights: up to where each ledger is read, none of one that is not named; to finality where not given.

    Raises:
        IncompleteOutbox: a ledger shows fewer messages or arrivals than its gateway counts.
        LedgerError: a ledger cannot be read.
    """
    wanted = [one for one in ledgers.values() if heights is None or one.id in heights]
    read = await asyncio.gather(
        *(_read(one, lanes, None if heights is None else heights[one.id]) for one in wanted)
    )
    return {one.id: reading for one, reading in zip(wanted, read, strict=True)}


async def _read(ledger: Ledger, lanes: Sequence[Lane], height: int | None) -> LedgerReading:
    outward = [lane for lane in lanes if lane.source == ledger.id]
    inward = [lane for lane in lanes if lane.destination == ledger.id]
    block = await (ledger.final() if height is None else ledger.block_at(height))
    sent = await ledger.sent_messages(0, block.height)
    sent = tuple(item for item in sent if item.message.lane in outward)
    deliveries = await ledger.deliveries(0, block.height)
    counts = await ledger.sent_counts(outward, block.height)
    for lane, count in zip(outward, counts, strict=True):
        _require(ledger, lane, count, {item.message.nonce for item in sent if item.message.lane == lane})
    for lane in inward:
        arrived = {item.nonce for item in deliveries if item.lane == lane}
        _require(ledger, lane, await ledger.inbound_nonce(lane, block.height), arrived)
    return LedgerReading(
        block,
        sent,
        deliveries,
        await ledger.refunds(0, block.height),
        {lane: await ledger.acknowledged_nonce(lane, block.height) for lane in outward},
    )


def _require(ledger: Ledger, lane: Lane, count: int, nonces: set[int]) -> None:
    """An empty answer is no evidence: the gateway's own counter says how many there have to be."""
    if nonces != set(range(1, count + 1)):
        raise IncompleteOutbox(
            f"The gateway of {ledger.name} counts {count} messages in lane {lane}, "
            f"{len(nonces)} could be read."
        )


def build(
    store: Store,
    readings: Mapping[LedgerId, LedgerReading],
    ledgers: Mapping[LedgerId, Ledger],
    log: Sequence[AuditEntry] = (),
) -> Rebuilt:
    """Fill an empty store from readings and log.

    Raises:
        RebuildContradicted: the log tells of what no ledger shows.
    """
    sent = {item.message.id.text: item for reading in readings.values() for item in reading.sent}
    deliveries = [item for reading in readings.values() for item in reading.deliveries]
    delivered = {one.message_id.text: one.block.height for one in deliveries}
    domains = {ledger.id: ledger.domain for ledger in ledgers.values()}
    made = replay(tuple(log), Shown(sent, delivered, domains))
    with store.write() as connection:
        audit.copy(connection, log)
        # before the messages, so that none of them is settled by it: the log says when that was
        records.record_deliveries(connection, store.clock(), deliveries)
        _insert(connection, made)
        beyond = _take_in(connection, store.clock(), sent, made)
        for ledger, reading in readings.items():
            cursors.move(connection, RelayerKeeper.party, ledger, reading.block)
        states = Counter(connection.execute(select(message_table.c.state)).scalars())
    return Rebuilt(
        len(log),
        {MessageState(name): count for name, count in states.items()},
        beyond,
        tuple(sorted(made.unknown)),
    )


def _insert(connection: Connection, made: Replayed) -> None:
    for table, rows in made.rows().items():
        if rows:
            connection.execute(insert(table), rows)


def _take_in(connection: Connection, at: float, sent: Mapping[str, SentMessage], made: Replayed) -> int:
    """Messages that the log does not tell of; how many."""
    by_lane: dict[Lane, list[SentMessage]] = defaultdict(list)
    for text, item in sent.items():
        if text not in made.messages:
            by_lane[item.message.lane].append(item)
    for lane, items in by_lane.items():
        records.record_sent(connection, at, lane, items)
    return sum(map(len, by_lane.values()))


async def catch_up(
    store: Store, readings: Mapping[LedgerId, LedgerReading], ledgers: Mapping[LedgerId, Ledger]
) -> None:
    """What the ledgers show and no log tells: arrivals, what came back, what is attested to have arrived."""
    open_states = [state.value for state in MessageState if state not in ENDS or state is MessageState.PARKED]
    with store.write() as connection:
        query = select(message_table.c.id).where(message_table.c.state.in_(open_states))
        waiting = list(connection.execute(query).scalars())
        for start in range(0, len(waiting), AT_ONCE):
            records.settle_from_deliveries(connection, store.clock(), waiting[start : start + AT_ONCE])
    await _learn_returns(store, readings, ledgers)


async def _learn_returns(
    store: Store, readings: Mapping[LedgerId, LedgerReading], ledgers: Mapping[LedgerId, Ledger]
) -> None:
    with store.read() as connection:
        query = select(message_table.c.id, message_table.c.source)
        refused = connection.execute(
            query.where(message_table.c.state.in_([state.value for state in REFUSALS]))
        ).all()
    returned = []
    for row in refused:
        source = LedgerId(row.source)
        standing = await ledgers[source].standing(Bytes32(row.id), readings[source].block.height)
        if standing in (Standing.RETURNED, Standing.REFUNDED):
            returned.append(Bytes32(row.id))
    now = store.clock()
    with store.write() as connection:
        acknowledgements.mark_returned(connection, returned)
        for reading in readings.values():
            for one in reading.refunds:
                detail = {
                    "ledger": str(one.lane.source),
                    "transaction": one.transaction,
                    "height": one.block.height,
                    "time": one.block.time,
                }
                ids = [one.message_id.text]
                records.transition(connection, now, ids, MessageState.REFUNDED, "", detail)
            for lane, nonce in reading.acknowledged.items():
                _acknowledged(connection, now, lane, nonce)


def _acknowledged(connection: Connection, at: float, lane: Lane, nonce: int) -> None:
    query = select(message_table.c.id).where(
        in_lane(message_table, lane),
        message_table.c.nonce <= nonce,
        message_table.c.state == MessageState.FINALISED.value,
    )
    ids = list(connection.execute(query).scalars())
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        records.transition(connection, at, some, MessageState.ACKED, "", {"ledger": str(lane.source)})


def heights_of(store: Store, ledgers: Iterable[LedgerId]) -> dict[LedgerId, int]:
    """How far the relayer of a store has read each ledger."""
    with store.read() as connection:
        found = {one: cursors.get(connection, RelayerKeeper.party, one) for one in ledgers}
    return {ledger: cursor.height for ledger, cursor in found.items() if cursor is not None}
