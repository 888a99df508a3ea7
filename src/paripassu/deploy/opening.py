"""Open every ledger of a deployed network: chains by their deployment records, the book by its database."""

from __future__ import annotations

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy import records
from paripassu.deploy.books import book_of
from paripassu.identifiers import LedgerId
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.intents import IntentLog
from paripassu.ledgers.port import Ledger
from paripassu.workspace import Workspace


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
