"""What a deployment record says of one chain: which code, from which commit, in which block."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import paripassu
from paripassu import artefacts
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import FACTORY, Creation
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.records import SCHEMA, Record
from paripassu.identifiers import checksum_address
from paripassu.ledgers.evm.codec import DecodedLog
from paripassu.ledgers.evm.contracts import codec


async def chain_record(chain: Chain, environment: str, observed: EvmObserved) -> Record:
    """The record of a deployed chain. Blocks and transactions are read from the factory's own log."""
    desired = chain.desired
    made = await _made_by_factory(chain, observed)
    contracts = {
        creation.name: _entry(creation, made.get(creation.address), observed)
        for creation in desired.creations
    }
    return {
        "schema": SCHEMA,
        "environment": environment,
        "ledger": desired.name,
        "caip2": str(desired.ledger),
        "chainId": desired.ledger.chain_id,
        "genesis": observed.genesis,
        "commit": _commit(),
        "paripassu": paripassu.__version__,
        "compiler": artefacts.load(FACTORY).compiler,
        "deployer": desired.deployer,
        "firstBlock": min((log.height for log in made.values()), default=0),
        "securities": {
            one.isin: {"securityId": one.security_id.text, "token": one.token, "cash": one.cash}
            for one in desired.securities
        },
        "contracts": contracts,
    }


async def _made_by_factory(chain: Chain, observed: EvmObserved) -> dict[str, DecodedLog]:
    deployer = "0x" + chain.desired.deployer[2:].lower().rjust(64, "0")
    logs = await chain.logs.read(
        chain.desired.addresses[FACTORY],
        codec(FACTORY),
        ("Deployed",),
        chain.first_block,
        observed.final.height,
        (deployer,),
    )
    return {log.args["deployed"]: log for log in logs}


def _entry(creation: Creation, log: DecodedLog | None, observed: EvmObserved) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "address": creation.address,
        "artefact": creation.artefact,
        "codeHash": creation.code_hash.text,
    }
    if creation.implementation:
        current = observed.implementations.get(creation.name, "")
        entry["implementation"] = (
            checksum_address(bytes.fromhex(current[2:])) if current else creation.implementation
        )
    if creation.name in observed.versions:
        entry["version"] = observed.versions[creation.name]
    if creation.arguments is not None:
        entry["arguments"] = {key: _plain(value) for key, value in creation.arguments.items()}
    if log is not None:
        entry |= {"transaction": log.transaction, "block": log.height, "blockHash": log.block_hash}
    return entry


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _commit() -> str:
    """Commit of the checkout that deploys; empty for an installed package."""
    folder = Path(__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
