"""Local nodes that outlive the command that starts them: what `pari up` and `pari down` do.

`<workspace>/devnet.json` records them, schema `paripassu.devnet/1`:

    {"schema": "paripassu.devnet/1",
     "ledgers": {"alpha": {"caip2": "eip155:31001", "rpcUrl": "http://127.0.0.1:40001",
                           "client": "anvil", "blockTime": 1, "pid": 4711, "started": "…"}},
     "accounts": {},        role or holder name -> address, added by whoever creates them
     "contracts": {}}       contract name -> address, added after a deployment
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from paripassu.devnet.nodes import Client, Launch, NodeSpec, RunningNode
from paripassu.devnet.processes import ProcessIdentity
from paripassu.errors import DevnetBusy, DevnetDown, DevnetRecordUnreadable

SCHEMA = "paripassu.devnet/1"
_FILE = "devnet.json"


@dataclass(frozen=True, slots=True)
class DevnetRecord:
    """What runs from a workspace, and under which addresses."""

    ledgers: Mapping[str, RunningNode]
    accounts: Mapping[str, str] = field(default_factory=dict)
    contracts: Mapping[str, str] = field(default_factory=dict)

    @property
    def rpc_urls(self) -> dict[str, str]:
        return {name: node.url for name, node in self.ledgers.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "ledgers": {name: _ledger_json(node) for name, node in self.ledgers.items()},
            "accounts": dict(self.accounts),
            "contracts": dict(self.contracts),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> DevnetRecord:
        ledgers = {name: _node(name, entry) for name, entry in raw["ledgers"].items()}
        return cls(ledgers, raw.get("accounts", {}), raw.get("contracts", {}))


def up(specs: Sequence[NodeSpec], workspace: Path) -> DevnetRecord:
    """Start `specs` and leave them running; what runs already as asked stays as it is.

    Nodes of this workspace of which some have died are stopped and all are started anew:
    chains whose peers have lost their state are of no use. Where all that runs is asked for again, and
    more, only these others are started (OPS-5).

    Raises:
        DevnetBusy: other ledgers than these run from this workspace.
        NodeMissing, NodeStartFailed: as `running_nodes`; nothing is left running.
    """
    with _exclusive(workspace):
        present = _read_or_none(workspace)
        if present is not None:
            alive = [name for name, node in present.ledgers.items() if node.process.alive]
            more = [spec for spec in specs if spec.name not in present.ledgers]
            if len(alive) == len(specs) - len(more) == len(present.ledgers):
                known = [spec for spec in specs if spec.name in present.ledgers]
                _as_asked(present, known, workspace)
                return _started(more, workspace, present) if more else present
            _stop(present, workspace)
        return _started(specs, workspace, DevnetRecord({}))


def _started(specs: Sequence[NodeSpec], workspace: Path, present: DevnetRecord) -> DevnetRecord:
    """The record with some more nodes, which are started; none of them runs where one does not start."""
    launch = Launch(log_folder=workspace / "logs")
    try:
        more = {node.name: node for node in launch.start(specs)}
        record = replace(present, ledgers={**present.ledgers, **more})
        save(record, workspace)
    except BaseException:
        launch.stop()
        raise
    launch.release()
    return record


def down(workspace: Path) -> list[str]:
    """Stop exactly the nodes that `up` started here and wait until they are gone.

    Returns:
        The names of the ledgers that were stopped; empty when none ran.
    """
    with _exclusive(workspace):
        present = _read_or_none(workspace)
        return [] if present is None else _stop(present, workspace)


def read(workspace: Path) -> DevnetRecord:
    """The record of the nodes that run from `workspace`.

    Raises:
        DevnetDown: nothing was started, or a node has died since.
        DevnetRecordUnreadable: the file is damaged or of another schema.
    """
    record = _read_or_none(workspace)
    if record is None:
        raise DevnetDown(f"No local network runs from {workspace}.")
    if dead := [name for name, node in record.ledgers.items() if not node.process.alive]:
        raise DevnetDown(f"Of the local network in {workspace}, {', '.join(dead)} no longer runs.")
    return record


def is_running(workspace: Path) -> bool:
    """Whether a local network runs from `workspace`, with all its nodes.

    Raises:
        DevnetRecordUnreadable: as `read`.
    """
    record = _read_or_none(workspace)
    return record is not None and all(node.process.alive for node in record.ledgers.values())


def annotate(
    workspace: Path, *, accounts: Mapping[str, str] | None = None, contracts: Mapping[str, str] | None = None
) -> DevnetRecord:
    """Add account and contract addresses to the record."""
    with _exclusive(workspace):
        record = read(workspace)
        record = replace(
            record,
            accounts={**record.accounts, **(accounts or {})},
            contracts={**record.contracts, **(contracts or {})},
        )
        save(record, workspace)
        return record


def save(record: DevnetRecord, workspace: Path) -> None:
    """Write the record whole or not at all."""
    workspace.mkdir(parents=True, exist_ok=True)
    half = workspace / f"{_FILE}.{os.getpid()}"
    half.write_text(json.dumps(record.as_json(), indent=2) + "\n", encoding="utf-8")
    half.replace(workspace / _FILE)


def _as_asked(record: DevnetRecord, specs: Sequence[NodeSpec], workspace: Path) -> None:
    wanted = {spec.name: (spec.client, spec.chain_id, spec.block_time) for spec in specs}
    running = {name: (node.client, node.chain_id, node.block_time) for name, node in record.ledgers.items()}
    if wanted != running:
        raise DevnetBusy(
            f"A local network of {', '.join(running)} runs from {workspace}, other than the one asked for."
        )


def _stop(record: DevnetRecord, workspace: Path) -> list[str]:
    stopped = [name for name, node in record.ledgers.items() if node.process.stop()]
    (workspace / _FILE).unlink(missing_ok=True)
    return stopped


def _read_or_none(workspace: Path) -> DevnetRecord | None:
    path = workspace / _FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["schema"] != SCHEMA:
            raise DevnetRecordUnreadable(f"{path} has schema {raw['schema']!r}, not {SCHEMA!r}.")
        return DevnetRecord.from_json(raw)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DevnetRecordUnreadable(f"{path} is damaged: {error}.", next_command=f"rm {path}") from error


@contextlib.contextmanager
def _exclusive(workspace: Path) -> Iterator[None]:
    """One `up` or `down` of a workspace at a time; the others wait."""
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / "devnet.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ledger_json(node: RunningNode) -> dict[str, Any]:
    return {
        "caip2": f"eip155:{node.chain_id}",
        "rpcUrl": node.url,
        "client": node.client,
        "blockTime": node.block_time,
        "pid": node.process.pid,
        "started": node.process.started,
    }


def _node(name: str, entry: Mapping[str, Any]) -> RunningNode:
    client: Client = "ganache" if entry["client"] == "ganache" else "anvil"
    chain_id = int(str(entry["caip2"]).removeprefix("eip155:"))
    identity = ProcessIdentity(int(entry["pid"]), str(entry["started"]))
    return RunningNode(name, entry["rpcUrl"], chain_id, client, entry["blockTime"], identity)
