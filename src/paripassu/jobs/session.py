"""An open network: its ledgers, its store, its signers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paripassu.config import NetworkConfig, load_network, security_of
from paripassu.deploy.opening import open_ledgers, open_reachable
from paripassu.devnet import network as devnet
from paripassu.errors import InconsistentFile
from paripassu.identifiers import LedgerId
from paripassu.jobs.storing import open_store
from paripassu.ledgers.port import Ledger, Signer
from paripassu.ledgers.signers import signer_from_spec
from paripassu.securities import Security
from paripassu.store import Store
from paripassu.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """What every job needs, opened once."""

    network: NetworkConfig
    security: Security
    workspace: Workspace
    store: Store
    ledgers: Mapping[LedgerId, Ledger]
    lost: Mapping[str, str] = field(default_factory=dict)
    """Why ledgers cannot be reached, by name; where that is allowed at all."""

    @property
    def home(self) -> Ledger:
        return self.ledgers[self.network.home_ledger.id]

    def ledger(self, name: str) -> Ledger:
        """A ledger by its name in the network file or by its CAIP-2 id. Raises InconsistentFile."""
        for config in self.network.ledgers.values():
            if name in (config.name, config.id):
                return self.ledgers[config.id]
        raise InconsistentFile(
            f"The network has no ledger '{name}'; it has {', '.join(self.network.ledgers)}."
        )

    def role(self, role: str) -> Signer:
        """The first signer of a role of the network file. Raises InconsistentFile, SignerUnusable."""
        specs = self.network.roles.get(role)
        if not specs:
            raise InconsistentFile(f"{self.network.path}: no signer holds the role '{role}'.")
        return self.signer(specs[0])

    def signer(self, spec: str) -> Signer:
        """A signer by its specification: `dev:<name>`, `${VARIABLE}` or `keystore:<path>`."""
        return signer_from_spec(spec, self.network.environment)


def read_network(path: Path, workspace: Workspace) -> NetworkConfig:
    """The network file, with the RPC URLs of local nodes filled in where the network is local.

    Raises:
        ConfigurationError, IdentifierError: the file.
        DevnetDown: a local network that does not run.
    """
    network = load_network(path)
    needs_nodes = network.is_local and any(
        ledger.id.is_evm and not ledger.rpc_urls for ledger in network.ledgers.values()
    )
    if needs_nodes:
        network = network.with_rpc_urls(devnet.read(workspace.root).rpc_urls)
    return network


@asynccontextmanager
async def open_session(path: Path, workspace: Workspace, isin: str = "") -> AsyncIterator[Session]:
    """Open all ledgers of a deployed network; closes them on exit.

    Args:
        isin: the security that is meant, the network's first one where none is named.

    Raises:
        ConfigurationError, DevnetError, LedgerError, DeploymentError (not deployed), StoreError,
        InvalidArgument: the network has no such security.
    """
    async with session_of(read_network(path, workspace), workspace, isin) as session:
        yield session


@asynccontextmanager
async def open_reachable_session(path: Path, workspace: Workspace, isin: str) -> AsyncIterator[Session]:
    """As `open_session`, but ledgers that cannot be reached are left out, and named in `lost`."""
    network = read_network(path, workspace)
    security = security_of(network, isin)
    store = open_store(network, workspace)
    place = (network, workspace, store.intents, security.isin, store.decisions)
    ledgers, lost = await open_reachable(*place)
    try:
        yield Session(network, security, workspace, store, ledgers, lost)
    finally:
        for ledger in ledgers.values():
            await ledger.close()
        store.close()


@asynccontextmanager
async def session_of(network: NetworkConfig, workspace: Workspace, isin: str = "") -> AsyncIterator[Session]:
    """Open all ledgers of a network that has been read already; as `open_session`."""
    security = security_of(network, isin)
    store = open_store(network, workspace)
    ledgers = await open_ledgers(network, workspace, store.intents, security.isin, store.decisions)
    try:
        yield Session(network, security, workspace, store, ledgers)
    finally:
        for ledger in ledgers.values():
            await ledger.close()
        store.close()
