"""Open every ledger of a deployed network: chains by their deployment records, the book by its database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from paripassu.bridge.seats import Observed
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.config.files import expand
from paripassu.config.types import AttestorMember
from paripassu.deploy import records
from paripassu.deploy.books import book_of
from paripassu.errors import InconsistentFile
from paripassu.identifiers import LedgerId
from paripassu.ledgers.agreed import AgreedLedger, Told
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.evm.rpc import RetryPolicy
from paripassu.ledgers.intents import IntentLog
from paripassu.ledgers.port import Ledger
from paripassu.workspace import Workspace

log = structlog.get_logger("paripassu.bridge.attestor")

_SHORT = RetryPolicy(attempts=2, timeout=8.0)
"""For one endpoint of several: the next look asks it again, and the others need not wait long for it."""


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


async def open_endpoints(
    network: NetworkConfig,
    workspace: Workspace,
    intents: IntentLog,
    member: AttestorMember,
    told: Told,
    environ: Mapping[str, str] | None = None,
) -> dict[LedgerId, Observed]:
    """All ledgers as one attestor reads them: each chain through the attestor's own endpoints, all of which
    must answer alike where there are several, unless its `agree` says how many suffice.

    Raises:
        MissingVariable: a variable of an endpoint is not set here.
        InconsistentFile: two of a ledger's endpoints are one.
        NotDeployed, RecordTampered, RecordUnreadable, WrongChain, ContractMissing: as `open_ledgers`.
        NodeUnreachable: the only endpoint of a chain. Nothing stays open.
    """
    opened: dict[LedgerId, Observed] = {}
    try:
        for config in network.ledgers.values():
            urls = _endpoints(network, config, member, environ)
            if len(urls) > 1:
                alone = [replace(config, rpc_urls=(url,)) for url in urls]
                adapters = [ledger_of(network, workspace, one, intents, retry=_SHORT) for one in alone]
                opened[config.id] = AgreedLedger(
                    adapters, min(member.agree or len(adapters), len(adapters)), told
                )
            else:
                if config.id.is_evm and not network.is_local:
                    log.warning("one endpoint alone is believed", attestor=member.name, ledger=config.name)
                opened[config.id] = ledger_of(network, workspace, replace(config, rpc_urls=urls), intents)
            await opened[config.id].open()
    except BaseException:
        for one in opened.values():
            await one.close()
        raise
    return opened


def _endpoints(
    network: NetworkConfig, config: LedgerConfig, member: AttestorMember, environ: Mapping[str, str] | None
) -> tuple[str, ...]:
    key = f"attestors.{member.name}.rpcUrls.{config.name}"
    written = member.rpc_urls.get(config.name)
    if written is None:
        return tuple(dict.fromkeys(config.rpc_urls))
    urls = tuple(expand(url, network.path, key, environ) for url in written)
    if len(set(urls)) < len(urls):
        raise InconsistentFile(f"{network.path}, {key}: two endpoints are one and the same.")
    return urls


def ledger_of(
    network: NetworkConfig,
    workspace: Workspace,
    config: LedgerConfig,
    intents: IntentLog,
    isin: str = "",
    decisions: DecisionLog | None = None,
    retry: RetryPolicy | None = None,
) -> Ledger:
    """The adapter of one ledger, not opened yet. Raises as `records.read` for a chain."""
    if not config.id.is_evm:
        return book_of(config, workspace, isin, decisions)
    record = records.read(records.path_of(network, workspace, config))
    settings = EvmSettings(
        reorg_period=config.blocks.reorg_period,
        block_time=config.blocks.estimate_block_time,
        first_block=int(record["firstBlock"]),
        retry=retry or RetryPolicy(),
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
