"""Open every ledger of a deployed network: chains by their deployment records, the book by its database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, cast

import structlog

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.config.files import expand
from paripassu.config.types import AttestorMember
from paripassu.deploy import records
from paripassu.deploy.books import book_of
from paripassu.errors import InconsistentFile, NodeUnreachable
from paripassu.identifiers import LedgerId
from paripassu.ledgers.agreed import AgreedLedger, Told
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.evm.adapter import EvmLedger, EvmSettings
from paripassu.ledgers.evm.rpc import RetryPolicy
from paripassu.ledgers.intents import IntentLog
from paripassu.ledgers.observed import Observed
from paripassu.ledgers.port import Ledger
from paripassu.workspace import Workspace

log = structlog.get_logger("paripassu.deploy.opening")

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
            Nothing stays open. Who does not answer is verified later, before anything is taken from it.
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
            try:
                await opened[config.id].open()
            except NodeUnreachable as error:
                log.warning("ledger cannot be reached", ledger=config.name, why=str(error))
                opened[config.id] = cast(Observed, _OpenedLater(opened[config.id]))
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


class _OpenedLater:
    """A ledger that could not be reached: it is verified before the first answer is taken from it."""

    def __init__(self, ledger: Ledger | Observed) -> None:
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
