"""The decision log brought up to date, and past decisions made again (CTL-11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from paripassu.errors import FinalityViolated, LedgerError
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Ledger
from paripassu.rules import DecisionRecord, Restriction
from paripassu.store import cursors, decisions
from paripassu.store.decisions import KeptDecision

OBSERVER = "decisions"
_BLOCKS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision made again by the rules on what was kept, and `there`: what the ledger itself says on its
    state of then, beside what the rules say at that block's time. None where it was not asked, where its
    state is not what was judged (`DecisionRecord.exact`), or where it does not have it any more."""

    kept: KeptDecision
    verdict: Restriction
    there: tuple[Restriction, Restriction] | None

    @property
    def same(self) -> bool:
        agreed = self.there is None or self.there[0] is self.there[1]
        return self.verdict is self.kept.record.verdict and agreed


async def bring_up_to_date(session: Session) -> int:
    """Keep what final blocks tell of and the log does not have yet; returns how many decisions that were.

    Raises:
        FinalityViolated: a ledger holds another block now than the last one that was read.
        LedgerError: a node has no longer the state of blocks that were not read in time.
    """
    return sum([await _catch_up(session, ledger) for ledger in session.ledgers.values()])


async def _catch_up(session: Session, ledger: Ledger) -> int:
    with session.store.read() as connection:
        cursor = cursors.get(connection, OBSERVER, ledger.id)
    if cursor is not None and (await ledger.block_at(cursor.height)).hash != cursor.hash:
        raise FinalityViolated(
            f"{ledger.name} holds another block {cursor.height} than the decision log was read up to."
        )
    final, found = (await ledger.final()).height, 0
    height = 0 if cursor is None else cursor.height
    while height < final:
        last = min(height + _BLOCKS_AT_ONCE, final)
        made = await ledger.decisions(height + 1, last)
        block = await ledger.block_at(last)
        with session.store.write() as connection:
            named = _named(session, made)
            found += decisions.keep(connection, session.store.clock(), named)
            cursors.move(connection, OBSERVER, ledger.id, block)
        height = last
    return found


def _named(session: Session, made: Sequence[DecisionRecord]) -> list[DecisionRecord]:
    """With the reference under which a transaction was sent from here."""
    names = session.store.intents.references(one.transaction for one in made)
    return [replace(one, reference=names.get(one.transaction, "")) for one in made]


async def replay(session: Session, kept: KeptDecision, *, ask: bool = False) -> Replay:
    """Make a decision again; with `ask` the chain is asked too, as of the block that it was made on."""
    record = kept.record
    there = None
    ledger = session.ledgers.get(record.ledger)
    if ask and record.exact and ledger is not None and record.ledger.is_evm:
        try:
            said = await ledger.controls.restriction_at(record.movement, record.height)
            time = (await ledger.block_at(record.height)).time
            there = (said, record.replayed(time))
        except LedgerError:
            there = None
    return Replay(kept, record.replayed(), there)
