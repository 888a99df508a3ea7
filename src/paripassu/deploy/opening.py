"""Open every ledger of a deployed network: chains by their deployment records, the book by its database."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, cast

import structlog

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy import records
from paripassu.deploy.books import book_of
from paripassu.errors import NodeUnreachable
from paripassu.identifiers import LedgerId
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.intents import IntentLog
from paripassu.ledgers.port import Ledger
from paripassu.workspace import Workspace

log = structlog.get_logger("paripassu.deploy.opening")


async def open_ledgers(
    network: NetworkConfig,
    workspace: Workspace,
    intents: IntentLog,
    isin: str = "",
    decisions: DecisionLog | None = None,
) -> dict[LedgerId, Ledger]:
    """All ledgers of the network, opened and verified, in the file's order.

    Args:
        isin: the security that is meant; where none is, as for the bridge, the first one is.
        decisions: where the rules' verdicts on instructions are kept; nowhere where none is given.

    Raises:
        NotDeployed, RecordTampered, RecordUnreadable: a deployment record.
        WrongChain, ContractMissing, NodeUnreachable: a chain. Nothing stays open.
    """
    opened: dict[LedgerId, Ledger] = {}
    try:
        for config in network.ledgers.values():
            ledger = ledger_of(network, workspace, config, intents, isin, decisions)
            opened[config.id] = ledger
            await ledger.open()
    except BaseException:
        for ledger in opened.values():
            await ledger.close()
        raise
    return opened


class _OpenedLater:
    """A ledger that could not be reached: it is verified before the first answer is taken from it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._opened = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._ledger, name)
        if self._opened or not iscoroutinefunction(value) or name == "close":
            return value

        async def verified(*arguments: object, **more: object) -> object:
            if not self._opened:
                await self._ledger.open()
                self._opened = True
            return await value(*arguments, **more)

        return verified


async def open_now_or_later(
    network: NetworkConfig, workspace: Workspace, intents: IntentLog, decisions: DecisionLog | None = None
) -> dict[LedgerId, Ledger]:
    """All ledgers for a bridge, which serves those that answer and takes up the others once they do (REC-3).

    Raises: as `open_ledgers`, but for NodeUnreachable.
    """
    ledgers, lost = await open_reachable(network, workspace, intents, decisions=decisions)
    for config in network.ledgers.values():
        if config.name in lost:
            log.warning("ledger cannot be reached", ledger=config.name, why=lost[config.name])
            later = ledger_of(network, workspace, config, intents, decisions=decisions)
            ledgers[config.id] = cast(Ledger, _OpenedLater(later))
    return {config.id: ledgers[config.id] for config in network.ledgers.values()}


async def open_reachable(
    network: NetworkConfig,
    workspace: Workspace,
    intents: IntentLog,
    isin: str = "",
    decisions: DecisionLog | None = None,
) -> tuple[dict[LedgerId, Ledger], dict[str, str]]:
    """The ledgers that answer, opened and verified; and by name why the others cannot be reached (REC-3).

    Raises: as `open_ledgers`, but for NodeUnreachable.
    """
    opened: dict[LedgerId, Ledger] = {}
    lost: dict[str, str] = {}
    try:
        for config in network.ledgers.values():
            ledger = ledger_of(network, workspace, config, intents, isin, decisions)
            opened[config.id] = ledger
            try:
                await ledger.open()
            except NodeUnreachable as error:
                lost[config.name] = str(error)
                await opened.pop(config.id).close()
    except BaseException:
        for ledger in opened.values():
            await ledger.close()
        raise
    return opened, lost


def ledger_of(
    network: NetworkConfig,
    workspace: Workspace,
    config: LedgerConfig,
    intents: IntentLog,
    isin: str = "",
    decisions: DecisionLog | None = None,
) -> Ledger:
    """The adapter of one ledger, not opened yet. Raises as `records.read` for a chain."""
    if not config.id.is_evm:
        return book_of(config, workspace, isin, decisions)
    record = records.read(records.path_of(network, workspace, config))
    settings = EvmSettings(
        reorg_period=config.blocks.reorg_period,
        block_time=config.blocks.estimate_block_time,
        first_block=int(record["firstBlock"]),
    )
    return EvmLedger(
        config.id,
        config.name,
        config.rpc_urls,
        settings,
        records.addresses_in(record, isin),
        intents,
        peers=network.ledger_ids,
        isin=isin,
        decisions=decisions,
    )
