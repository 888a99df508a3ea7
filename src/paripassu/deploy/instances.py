"""The trusted instances of a security in one chain's registry, each with the version that it runs (VER-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paripassu import artefacts
from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.desired import TOKEN, Calls, Creation, Running, SecurityPlace, Setting, TokenCode
from paripassu.identifiers import ZERO32, InteropAddress
from paripassu.ledgers.evm.contracts import View, codec

INSTANCES = "InstanceRegistry"
_NO_DTI = bytes(9)


def shipped_code(token_code: Creation) -> TokenCode:
    """The code that this package puts behind every token."""
    version = artefacts.load(TOKEN).version
    assert version is not None, "every release of the token has a version tag"
    return TokenCode(version, token_code.code_hash)


def instances(
    network: NetworkConfig,
    place: SecurityPlace,
    ledger: LedgerConfig,
    addresses: Mapping[str, str],
    shipped: TokenCode,
) -> tuple[Setting, Setting]:
    """Trust a security's instances as they run, and no others.

    The second setting shows what follows once this chain's own token runs the shipped code.
    """
    key, abi, own = bytes(place.security_id), codec(INSTANCES), (ledger.id, place.token)
    names = {one.id.numeric: str(one.id) for one in network.ledgers.values()}

    def wanted(running: Running, known: Mapping[int, Any]) -> list[Any]:
        """One entry a ledger; what a chain does not tell now stays as it is known."""
        entries = []
        for one in network.ledgers.values():
            # in book entry there is no token code: the program speaks with each chain in its version
            code = running.get((one.id, place.token) if one.id.is_evm else own, shipped)
            if code is not None:
                entries.append(_instance(network, place, one, addresses, code))
            elif one.id.numeric in known:
                entries.append(known[one.id.numeric])
        return entries

    def register(entries: Sequence[Any]) -> Calls:
        if not entries:
            return ()
        listed = ", ".join(names[entry[0]] for entry in entries)
        call = abi.encode("registerInstances", key, entries)
        return ((f"trust the instances of {place.isin} on {listed}", call),)

    def calls(found: Any, running: Running) -> Calls:
        known = {instance[0]: instance for instance in found or ()}
        made = register([one for one in wanted(running, known) if known.get(one[0]) != one])
        return made + tuple(
            (
                f"trust no instance of {place.isin} on ledger {number}",
                abi.encode("revokeInstance", key, number),
            )
            for number in sorted(known.keys() - names.keys())
        )

    def once_upgraded(found: Any, running: Running) -> Calls:
        known = {instance[0]: instance for instance in found or ()}
        before = wanted(running, known)
        return register([one for one in wanted({**running, own: shipped}, known) if one not in before])

    title, view = f"the trusted instances of {place.isin}", View(INSTANCES, "instances", (key,))
    return (
        Setting(title, "tokenizer", INSTANCES, view, calls),
        Setting(f"{title}, once upgraded", "tokenizer", INSTANCES, view, once_upgraded, TOKEN),
    )


def _instance(
    network: NetworkConfig,
    place: SecurityPlace,
    ledger: LedgerConfig,
    addresses: Mapping[str, str],
    code: TokenCode,
) -> tuple[Any, ...]:
    """The entry of one ledger; in book entry the security is known by its ISIN."""
    account = addresses[place.token] if ledger.id.is_evm else place.isin
    return (
        ledger.id.numeric,
        InteropAddress(ledger.id, account).encode(),
        bytes(code.code_hash if ledger.id.is_evm else ZERO32),
        code.version,
        ledger.name == network.home,
        _NO_DTI,
    )
