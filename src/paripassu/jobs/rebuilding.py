"""The bridge's store made anew beside the live one, compared with it, and put in its place (REC-2)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paripassu.bridge.beats import ALIVE_SECONDS, alive
from paripassu.bridge.durable import Facts, differences, digest, read_facts
from paripassu.bridge.node import lanes_between
from paripassu.bridge.rebuilding import (
    NOT_KNOWN,
    LedgerReading,
    Rebuilt,
    build,
    catch_up,
    heights_of,
    read_ledgers,
)
from paripassu.config import NetworkConfig
from paripassu.deploy.opening import open_ledgers
from paripassu.errors import AuditLogUnreadable, RebuildDiffers, StoreInUse, StoreUnusable
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.jobs.storing import store_place
from paripassu.ledgers.port import Ledger
from paripassu.store import Store, audit
from paripassu.store.audit import AuditEntry
from paripassu.store.audit_file import from_lines
from paripassu.store.claims import live_relayers
from paripassu.store.moving import take_place
from paripassu.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to rebuild from, and to what.

    Args:
        log: an exported audit log; the live store's own table where None.
        without_log: from the ledgers alone.
        into: a path or SQLAlchemy URL for the new store, which then replaces nothing.
        accept: let the new store take its place although it holds other facts than the live one.
    """

    log: Path | None = None
    without_log: bool = False
    into: str = ""
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: where the new store is, where the old one is kept, both digests, what is not known."""

    store: str
    kept: Path | None
    made: Rebuilt
    digest: Bytes32
    live_digest: Bytes32 | None
    differences: tuple[str, ...]
    not_known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Live:
    """A store as it is before anything is done: its log, its facts, and how far its relayer has read."""

    log: tuple[AuditEntry, ...]
    facts: Facts
    heights: Mapping[LedgerId, int]


async def rebuild(network: NetworkConfig, workspace: Workspace, wanted: Wanted) -> Report:
    """Make the store anew.

    Raises:
        StoreInUse: somebody works on it, has it open, or wrote to it meanwhile.
        StoreTampered, AuditLogUnreadable: the audit log.
        RebuildContradicted: the log tells of what no ledger shows.
        RebuildDiffers: the new store holds other facts than the live one; the live one stays.
        StoreUnusable: there is no log, neither in a store nor in a file.
        IncompleteOutbox, LedgerError: a ledger.
    """
    place = store_place(network, workspace)
    if isinstance(place, str) and "://" in place and not wanted.into:
        raise StoreUnusable(
            "The store is another program's database, which is not replaced: name an empty one with --into.",
            next_command="pari relay rebuild --into URL",
        )
    given = _given_log(wanted)
    live = _open_live(place, bool(wanted.log) or wanted.without_log)
    if live is None:
        return await _make(network, workspace, wanted, given or (), None)
    with closing(live):
        seen = _read_live(live, network)
        log = seen.log if given is None else given
        if log and not wanted.without_log:
            audit.verify_entries(log)
        _require_alone(live, seen)
        return await _make(network, workspace, wanted, log, seen, live)


def _given_log(wanted: Wanted) -> Sequence[AuditEntry] | None:
    if wanted.without_log:
        return ()
    if wanted.log is None:
        return None
    try:
        with wanted.log.open(encoding="utf-8") as lines:
            return from_lines(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise AuditLogUnreadable(f"{wanted.log} cannot be read: {error}.") from error


def _open_live(place: Path | str, may_be_lost: bool) -> Store | None:
    """The live store; None where it is lost and there is something else to rebuild from."""
    if "://" not in str(place) and not Path(place).exists():
        if may_be_lost:
            return None
        raise StoreUnusable(
            f"There is no store at {place}, so that its audit log is lost with it.",
            next_command="pari relay rebuild --log FILE",
        )
    try:
        return Store.open(place)
    except StoreUnusable:
        if may_be_lost:
            return None
        raise


def _read_live(live: Store, network: NetworkConfig) -> _Live:
    with live.read() as connection:
        log, facts = audit.entries(connection), read_facts(connection)
    return _Live(log, facts, heights_of(live, [ledger.id for ledger in network.ledgers.values()]))


def _require_alone(live: Store, seen: _Live) -> None:
    """Raises StoreInUse where somebody works on the store, or has written to it since it was read."""
    with live.read() as connection:
        relayers = live_relayers(connection, live.clock)
        beating = alive(connection, live.clock())
        newer = audit.entries(connection)[len(seen.log) :]
    if relayers:
        raise StoreInUse(f"The relayer {relayers[0]}, works on the store: stop it first.")
    if beating:
        raise StoreInUse(
            f"{beating[0].task} of process {beating[0].process} works on the store: stop it, or wait "
            f"{ALIVE_SECONDS:g} s where it died."
        )
    if newer:
        raise StoreInUse("The store was written to while it was rebuilt: stop attestors, then rebuild again.")


async def _make(
    network: NetworkConfig,
    workspace: Workspace,
    wanted: Wanted,
    log: Sequence[AuditEntry],
    seen: _Live | None,
    live: Store | None = None,
) -> Report:
    place = Path(store_place(network, workspace))
    target = wanted.into or str(_emptied(place.with_name(f"{place.name}.rebuilding")))
    with Store.open(target) as store:
        ledgers = await open_ledgers(network, workspace, store.intents, decisions=store.decisions)
        try:
            made, readings = await _fill(store, ledgers, log, seen)
            if seen is None or tuple(log) != seen.log:  # else the log tells all up to where we read
                await catch_up(store, readings, ledgers)
        finally:
            for ledger in ledgers.values():
                await ledger.close()
        with store.read() as connection:
            facts = read_facts(connection)
        report = _report(target, wanted, made, facts, seen, bool(log))
        if report.differences and log and not wanted.accept and not wanted.into:
            raise RebuildDiffers(f"{report.differences[0]}. The rebuilt store is left at {target}.")
        with store.write() as connection:
            detail = {"digest": report.digest.text, "log_rows": made.log_rows, "beyond_log": made.beyond_log}
            audit.append(connection, store.clock(), "store.rebuilt", "", detail)
    if wanted.into:
        return report
    return _put_in_place(report, Path(target), place, seen, live)


async def _fill(
    store: Store, ledgers: Mapping[LedgerId, Ledger], log: Sequence[AuditEntry], seen: _Live | None
) -> tuple[Rebuilt, dict[LedgerId, LedgerReading]]:
    heights = seen.heights if seen is not None and log else None
    readings = await read_ledgers(ledgers, lanes_between(ledgers), heights)
    return build(store, readings, ledgers, log), readings


def _report(
    target: str, wanted: Wanted, made: Rebuilt, facts: Facts, seen: _Live | None, with_log: bool
) -> Report:
    return Report(
        store=target,
        kept=None,
        made=made,
        digest=digest(facts),
        live_digest=None if seen is None else digest(seen.facts),
        differences=() if seen is None else differences(seen.facts, facts),
        not_known=() if with_log else NOT_KNOWN,
    )


def _put_in_place(report: Report, new: Path, place: Path, seen: _Live | None, live: Store | None) -> Report:
    kept = _free(place.with_name(f"{place.name}.before-{int(time.time())}"))
    if live is not None and seen is not None:
        _require_alone(live, seen)
        live.close()  # our own connections would keep the file from being moved
    existed = place.exists()
    take_place(new, place, kept)
    return Report(
        str(place),
        kept if existed else None,
        report.made,
        report.digest,
        report.live_digest,
        report.differences,
        report.not_known,
    )


def _free(path: Path) -> Path:
    """The path, or where something is there already, the first one like it that is free."""
    number = 1
    chosen = path
    while chosen.exists():
        number += 1
        chosen = path.with_name(f"{path.name}-{number}")
    return chosen


def _emptied(path: Path) -> Path:
    """The path, with nothing there any more that an attempt before may have left."""
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    return path
