"""The folder that holds what a network leaves on this machine.

    <workspace>/
      devnet.json      local nodes that `pari up` started (schema paripassu.devnet/1)
      client.json      what a client needs: RPC URLs, addresses, ABIs (schema paripassu.client/1)
      book.db          the book-entry ledger
      bridge.db        the bridge's store: messages, signatures, intents, audit log; unless it is elsewhere
      events/<id>/     entitlement tables and reports of one official event
      deployments/     records and journal of local networks

Records of networks that outlive this machine stand beside the network file
instead, so that they can be committed: `deployments/<environment>/`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

LOCAL_ENVIRONMENT = "local"
DEFAULT_FOLDER = ".pari"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths below one workspace folder. Nothing is created until it is written to."""

    root: Path

    @classmethod
    def at(cls, folder: Path | None) -> Workspace:
        """The folder given, else $PARI_WORKSPACE, else `.pari` in the current folder."""
        chosen = folder or Path(os.environ.get("PARI_WORKSPACE", DEFAULT_FOLDER))
        return cls(chosen.expanduser().absolute())

    def ensure(self) -> Workspace:
        self.root.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def devnet_file(self) -> Path:
        return self.root / "devnet.json"

    @property
    def client_file(self) -> Path:
        return self.root / "client.json"

    @property
    def book_database(self) -> Path:
        return self.root / "book.db"

    @property
    def bridge_database(self) -> Path:
        return self.root / "bridge.db"

    def event_folder(self, event_id: str) -> Path:
        return self.root / "events" / event_id

    def deployments(self, environment: str, network_file: Path) -> Path:
        """Where the records of an environment stand."""
        if environment == LOCAL_ENVIRONMENT:
            return self.root / "deployments" / environment
        return network_file.absolute().parent / "deployments" / environment
