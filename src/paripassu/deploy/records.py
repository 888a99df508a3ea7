"""Deployment records: what stands where, for everyone who uses the network.

`deployments/<environment>/<chainId>-<name>.json` for a chain, `book-<name>.json` for a
book-entry ledger, and Brownie's `map.json` beside them. A record holds no RPC address and
no secret. Its `digest` covers its content, so that a change by hand is noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.errors import DeploymentError, NotDeployed, RecordTampered, RecordUnreadable
from paripassu.identifiers import keccak256
from paripassu.workspace import Workspace

SCHEMA = "paripassu.deployment/1"

Record = dict[str, Any]


def folder_of(network: NetworkConfig, workspace: Workspace) -> Path:
    """Where the environment's records and journal stand."""
    return workspace.deployments(network.environment, network.path)


def path_of(network: NetworkConfig, workspace: Workspace, ledger: LedgerConfig) -> Path:
    """The record of one ledger."""
    number = str(ledger.id.chain_id) if ledger.id.is_evm else "book"
    return folder_of(network, workspace) / f"{number}-{ledger.name}.json"


def digest_of(record: Record) -> str:
    """keccak-256 over the canonical JSON of everything but the digest itself."""
    content = {key: value for key, value in record.items() if key != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return keccak256(text.encode("utf-8")).text


def write(path: Path, record: Record) -> None:
    """Write a record with its digest, whole or not at all."""
    sealed = {**record, "digest": digest_of(record)}
    _replace(path, json.dumps(sealed, indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> Record:
    """Read and verify a record.

    Raises:
        NotDeployed: there is none.
        RecordUnreadable: it is not JSON of this schema.
        RecordTampered: its content does not match its digest.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotDeployed(f"There is no deployment record {path.name}.") from None
    except (OSError, ValueError) as error:
        raise RecordUnreadable(
            f"The deployment record {path} cannot be read ({type(error).__name__})."
        ) from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise RecordUnreadable(f"The deployment record {path} is not of schema {SCHEMA}.")
    if record.get("digest") != digest_of(record):
        raise RecordTampered(
            f"The deployment record {path} was changed by hand: its digest is not that of its content.",
            next_command="pari deploy apply",
        )
    return record


def first_block(network: NetworkConfig, workspace: Workspace, ledger: LedgerConfig) -> int:
    """Block before which no contract of ours is; 0 where no record tells. A local chain may have
    been started anew since its record was written, and is short enough to be read whole."""
    if network.is_local:
        return 0
    try:
        return int(read(path_of(network, workspace, ledger))["firstBlock"])
    except DeploymentError:
        return 0


def addresses_in(record: Record, isin: str = "") -> dict[str, str]:
    """Contract name to address, code behind proxies left out.

    Args:
        isin: the security whose token and cash are `SecurityToken` and `CashToken`; the first of
            the record where none is named.

    Raises:
        NotDeployed: the record has no such security.
    """
    found = _places(record)
    securities = record.get("securities", {})
    if isin and isin not in securities:
        raise NotDeployed(f"The deployment record of {record['ledger']} has no security {isin}.")
    if place := securities.get(isin or next(iter(securities), "")):
        found |= {"SecurityToken": found[place["token"]], "CashToken": found[place["cash"]]}
    return found


def _places(record: Record) -> dict[str, str]:
    return {
        name: str(entry["address"])
        for name, entry in record["contracts"].items()
        if not name.endswith(".implementation")
    }


def write_map(folder: Path, records: Iterable[Record]) -> None:
    """Brownie's map of deployments: chain id to contract to addresses, newest first."""
    path = folder / "map.json"
    known: dict[str, dict[str, list[str]]] = {}
    if path.is_file():
        known = json.loads(path.read_text("utf-8"))
    for record in records:
        contracts = known.setdefault(str(record["chainId"]), {})
        # of several of a kind the first one shall come first
        for name, address in reversed(_places(record).items()):
            kind = name.partition("/")[0]
            others = [one for one in contracts.get(kind, []) if one != address]
            contracts[kind] = [address, *others]
    _replace(path, json.dumps(known, indent=2, sort_keys=True) + "\n")


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_text("utf-8") == text:
        return
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
