"""Where the bridge's store is: a file of the workspace, or a database that many machines share."""

from __future__ import annotations

import os
from pathlib import Path

from paripassu.config import NetworkConfig, load_network
from paripassu.store import Store
from paripassu.workspace import Workspace

STORE_VARIABLE = "PARI_STORE"


def store_place(network: NetworkConfig, workspace: Workspace) -> Path | str:
    """$PARI_STORE, else the network file's `store`, else the workspace's own file.

    The first two are a path or a URL: `postgresql://user:password@host/database`.
    """
    return os.environ.get(STORE_VARIABLE) or network.store or workspace.ensure().bridge_database


def open_store(network: NetworkConfig | Path, workspace: Workspace) -> Store:
    """Open (create, migrate) the store of a network, or of a network file.

    Raises:
        StoreError: it cannot be used, or not now.
        ConfigurationError, IdentifierError: the network file.
    """
    config = load_network(network) if isinstance(network, Path) else network
    return Store.open(store_place(config, workspace))
