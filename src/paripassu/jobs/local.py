"""A local network: its nodes, its business clock, coin for its keys, and what a client needs to use it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping
from typing import Any

from paripassu import artefacts
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy import AppliedDeployment, records
from paripassu.devnet import GENESIS_TIME, NodeSpec, controls, head_time
from paripassu.devnet import network as devnet
from paripassu.errors import DeploymentError, DevnetDown
from paripassu.hyperlane.contracts import put_up
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.evm.contracts import abi_of
from paripassu.ledgers.signers import signer_from_spec
from paripassu.workspace import LOCAL_ENVIRONMENT, Workspace

CLIENT_SCHEMA = "paripassu.client/1"
_COIN = 10**22


NEW_BEHIND = 60
"""Seconds that a node is behind others where it was started after the business clock was moved."""


def node_specs(network: NetworkConfig, *, automine: bool = False) -> list[NodeSpec]:
    """The nodes that a local network's file asks for; with `automine`, a block for each transaction."""
    return [
        NodeSpec(
            name=ledger.name,
            client=ledger.devnet.client,
            chain_id=ledger.id.chain_id,
            block_time=None if automine else ledger.blocks.estimate_block_time,
            hardfork=ledger.devnet.hardfork,
        )
        for ledger in network.ledgers.values()
        if ledger.devnet is not None
    ]


def bring_up(network: NetworkConfig, workspace: Workspace) -> dict[str, Any]:
    """Start the nodes, set the book's clock, give every role its coin; returns what a client needs.

    Raises:
        DevnetDown: the network is not a local one.
        DevnetError: a node is missing or does not start; nothing is left running.
    """
    if not network.is_local:
        raise DevnetDown(
            f"{network.path} describes environment {network.environment}, which has no local nodes."
        )
    if not devnet.is_running(workspace.ensure().root):
        forget(network, workspace)
    record = devnet.up(node_specs(network), workspace.root)
    prepare(network, workspace, record.rpc_urls)
    client = describe(network, workspace, record.rpc_urls)
    workspace.client_file.write_text(json.dumps(client, indent=2) + "\n", encoding="utf-8")
    return client


def forget(network: NetworkConfig, workspace: Workspace) -> None:
    """Remove what is kept of an earlier local network: its chains ended with their nodes, and books,
    bridge store and records that speak of them would contradict the new ones."""
    for database in (workspace.book_database, workspace.bridge_database):
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
    workspace.client_file.unlink(missing_ok=True)
    for folder in (workspace.root / "events", workspace.deployments(LOCAL_ENVIRONMENT, network.path)):
        shutil.rmtree(folder, ignore_errors=True)


def prepare(network: NetworkConfig, workspace: Workspace, urls: Mapping[str, str]) -> None:
    """Give the network's keys coin, put up what its transports need, set the books' clocks to the nodes'.

    Args:
        urls: of the nodes, by ledger name.
    """
    give_coin(urls.values(), role_addresses(network).values())
    for one in network.transports:
        for name in one.ledgers:
            if name not in one.mailbox and name in urls:
                put_up(urls[name], one.domain[name])
    times = {url: head_time(url) for url in urls.values()}
    now = max(times.values(), default=GENESIS_TIME)
    if new := [url for url, time in times.items() if now - time > NEW_BEHIND]:
        controls.travel_to(new, now)
    asyncio.run(_set_books(network, workspace, now))


def role_addresses(network: NetworkConfig) -> dict[str, str]:
    """Address of each signer that the network file names (and of deployer and relayer), by role."""
    specs = {role: signers[0] for role, signers in network.roles.items()}
    specs |= {member.name: member.signer for member in network.attestors.members}
    for name in ("deployer", "relayer"):
        specs.setdefault(name, f"dev:{name}")
    return {name: signer_from_spec(spec, network.environment).address for name, spec in specs.items()}


def dev_address(name: str) -> str:
    """Address of the well-known key `dev:<name>` of local networks."""
    return signer_from_spec(f"dev:{name}", LOCAL_ENVIRONMENT).address


def give_coin(urls: Iterable[str], addresses: Iterable[str]) -> None:
    """Give each address coin for fees on each node."""
    owed = list(dict.fromkeys(addresses))
    for url in urls:
        for address in owed:
            controls.set_balance(url, address, _COIN)


def describe(network: NetworkConfig, workspace: Workspace, urls: Mapping[str, str]) -> dict[str, Any]:
    """What a client needs, as JSON: RPC URLs, accounts, ABIs; addresses once deployed."""
    ledgers = {ledger.name: _ledger_entry(ledger, workspace, urls) for ledger in network.ledgers.values()}
    for ledger in network.ledgers.values():
        with contextlib.suppress(DeploymentError):  # not deployed yet
            record = records.read(records.path_of(network, workspace, ledger))
            ledgers[ledger.name]["contracts"] = records.addresses_in(record)
    return {
        "schema": CLIENT_SCHEMA,
        "environment": network.environment,
        "home": network.home,
        "ledgers": ledgers,
        "accounts": role_addresses(network),
        "abis": {name: abi_of(name) for name in artefacts.names()},
    }


def publish_addresses(network: NetworkConfig, workspace: Workspace, applied: AppliedDeployment) -> None:
    """Add the contracts' addresses to what a local network's clients were told."""
    if not workspace.client_file.exists():
        return
    client = json.loads(workspace.client_file.read_text("utf-8"))
    for name, ledger in applied.ledgers.items():
        client["ledgers"][name]["contracts"] = dict(ledger.addresses)
    workspace.client_file.write_text(json.dumps(client, indent=2) + "\n", encoding="utf-8")


def _ledger_entry(ledger: LedgerConfig, workspace: Workspace, urls: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"caip2": str(ledger.id), "displayName": ledger.display_name}
    if ledger.id.is_evm:
        return entry | {
            "client": ledger.devnet.client if ledger.devnet else "remote",
            "chainId": ledger.id.chain_id,
            "rpcUrl": urls.get(ledger.name, ""),
        }
    return entry | {"client": "book", "database": str(workspace.book_database)}


async def clock_of(network: NetworkConfig, workspace: Workspace) -> dict[str, int]:
    """Head time of each ledger, in seconds since the epoch."""
    times = {
        ledger.name: head_time(ledger.rpc_urls[0]) for ledger in network.ledgers.values() if ledger.rpc_urls
    }
    for ledger in network.ledgers.values():
        if not ledger.id.is_evm:
            book = await _open_book(ledger, workspace)
            times[ledger.name] = (await book.head()).time
            await book.close()
    return times


async def travel(network: NetworkConfig, workspace: Workspace, to: int) -> dict[str, int]:
    """Move every ledger to time `to` at least; a ledger that is later already stays.

    Raises:
        DevnetDown: not a local network.
    """
    if not network.is_local:
        raise DevnetDown(
            f"Environment {network.environment} runs on the real clock; only local networks travel."
        )
    urls = [ledger.rpc_urls[0] for ledger in network.ledgers.values() if ledger.id.is_evm]
    reached = await asyncio.to_thread(controls.travel_to, urls, to)
    for ledger in network.ledgers.values():
        if ledger.id.is_evm:
            # The time passed over would have held many blocks; a few make the arrival final.
            await asyncio.to_thread(controls.mine, ledger.rpc_urls[0], ledger.blocks.reorg_period + 2)
    await _set_books(network, workspace, max(reached.values(), default=to))
    return await clock_of(network, workspace)


async def _set_books(network: NetworkConfig, workspace: Workspace, now: int) -> None:
    for ledger in network.ledgers.values():
        if not ledger.id.is_evm:
            book = await _open_book(ledger, workspace)
            if now - int(time.time()) > book.time_offset() or book.time_offset() == 0:
                book.set_time_offset(now - int(time.time()))
            await book.close()


async def _open_book(ledger: LedgerConfig, workspace: Workspace) -> BookLedger:
    book = BookLedger(workspace.ensure().book_database, ledger.id, ledger.name)
    await book.open()
    return book
