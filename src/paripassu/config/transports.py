"""`[[transports]]` of the network file: lanes for which a transport vouches, not the attestors (MOV-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from paripassu.config.files import FileModel, located
from paripassu.config.types import LOCAL_ENVIRONMENT, LedgerConfig, TransportConfig
from paripassu.errors import InconsistentFile, MissingKey
from paripassu.identifiers import account_to_bytes, checksum_address

_DOMAIN_LIMIT = 1 << 32


class TransportModel(FileModel):
    kind: Literal["hyperlane"]
    ledgers: list[str] = Field(min_length=2)
    mailbox: dict[str, str] = Field(default_factory=dict)
    module: dict[str, str] = Field(default_factory=dict)
    domain: dict[str, int] = Field(default_factory=dict)


def transports(
    path: Path, models: Sequence[TransportModel], environment: str, ledgers: Mapping[str, LedgerConfig]
) -> tuple[TransportConfig, ...]:
    """The transports of a network file.

    Raises:
        InconsistentFile: a ledger that the network lacks, that is no chain or is named twice; a kind named
            twice; two ledgers with one domain; a domain of more than 32 bits.
        InvalidAccount: a mailbox or module that is no address.
        MissingKey: a ledger without a mailbox outside a local network.
    """
    kinds = [model.kind for model in models]
    if len(set(kinds)) != len(kinds):
        raise InconsistentFile(f"{path}, transports: there is one transport of a kind, with all its ledgers.")
    return tuple(
        _transport(path, f"transports[{number}]", model, environment, ledgers)
        for number, model in enumerate(models)
    )


def _transport(
    path: Path, key: str, model: TransportModel, environment: str, ledgers: Mapping[str, LedgerConfig]
) -> TransportConfig:
    for name in model.ledgers:
        if name not in ledgers:
            raise InconsistentFile(f"{path}, {key}.ledgers: the network has no ledger '{name}'.")
        if not ledgers[name].id.is_evm:
            raise InconsistentFile(
                f"{path}, {key}.ledgers: '{name}' is book entry and has no mailbox; "
                f"attestors vouch for its lanes."
            )
    if len(set(model.ledgers)) != len(model.ledgers):
        raise InconsistentFile(f"{path}, {key}.ledgers: a ledger is named twice.")
    for field, values in (("mailbox", model.mailbox), ("module", model.module), ("domain", model.domain)):
        for name in values.keys() - set(model.ledgers):
            raise InconsistentFile(f"{path}, {key}.{field}: '{name}' is none of the transport's ledgers.")
    domains = {name: model.domain.get(name, ledgers[name].id.chain_id) for name in model.ledgers}
    if len(set(domains.values())) != len(domains):
        raise InconsistentFile(f"{path}, {key}.domain: two ledgers have the same domain.")
    for name, domain in domains.items():
        if not 0 < domain < _DOMAIN_LIMIT:
            raise InconsistentFile(
                f"{path}, {key}.domain: {domain} of '{name}' is no number from 1 to 2^32 - 1."
            )
    if environment != LOCAL_ENVIRONMENT:
        for name in model.ledgers:
            if name not in model.mailbox:
                raise MissingKey(f"{path}: the key '{key}.mailbox.{name}' is missing.")
    return TransportConfig(
        model.kind,
        tuple(model.ledgers),
        _addresses(path, f"{key}.mailbox", ledgers, model.mailbox),
        _addresses(path, f"{key}.module", ledgers, model.module),
        domains,
    )


def _addresses(
    path: Path, key: str, ledgers: Mapping[str, LedgerConfig], given: Mapping[str, str]
) -> dict[str, str]:
    found = {}
    for name, address in given.items():
        with located(path, f"{key}.{name}"):
            found[name] = checksum_address(account_to_bytes(ledgers[name].id, address))
    return found
