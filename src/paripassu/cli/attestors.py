"""`pari attestors`: the set that each ledger checks batches against, beside the one of the network file."""

from __future__ import annotations

from collections import defaultdict

from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.config import NetworkConfig
from paripassu.deploy.attestors import rotation_command, same_set, wanted_set
from paripassu.identifiers import Bytes32
from paripassu.jobs.session import open_session
from paripassu.ledgers.port import AttestorSet

Found = tuple[NetworkConfig, AttestorSet, dict[str, AttestorSet]]


def show(*, place: Place = Place(), json: JsonFlag = False) -> None:
    """Show every ledger's attestors: version, threshold, members, and whether they are the file's."""

    async def job() -> Found:
        async with open_session(place.network_file, place.folder) as session:
            sets = {ledger.name: await ledger.attestor_set() for ledger in session.ledgers.values()}
            return session.network, wanted_set(session.network), sets

    network, wanted, sets = run(job())
    names = _names(network, wanted)
    if json:
        ledgers = {name: _as_json(one, wanted, names) for name, one in sets.items()}
        print_json({"schema": "paripassu.attestors/1", "ledgers": ledgers})
        return
    rows: list[list[object]] = [
        [
            name,
            one.version,
            f"{one.threshold} of {len(one.members)}",
            ", ".join(names.get(member.signer, member.signer) for member in one.members),
            "as the file says" if same_set(one, wanted) else "differ from the file",
        ]
        for name, one in sets.items()
    ]
    print_table("", ["ledger", "set#", "threshold", "members", ""], rows)
    for name, one in sets.items():
        if not same_set(one, wanted):
            print(f"next: {rotation_command(name)}")


def _names(network: NetworkConfig, wanted: AttestorSet) -> dict[str, str]:
    by_entity = defaultdict[Bytes32, list[str]](list)
    for member in network.attestors.members:
        by_entity[member.entity_id].append(member.name)
    return {one.signer: "/".join(by_entity[one.entity]) for one in wanted.members}


def _as_json(found: AttestorSet, wanted: AttestorSet, names: dict[str, str]) -> dict[str, object]:
    return {
        "version": found.version,
        "threshold": found.threshold,
        "asTheFileSays": same_set(found, wanted),
        "members": [
            {"name": names.get(one.signer, ""), "signer": one.signer, "entity": one.entity.text}
            for one in found.members
        ],
    }
