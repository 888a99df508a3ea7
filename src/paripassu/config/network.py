"""The network file: which ledgers, which attestors, who holds which role.

Schema `paripassu.network/1`. Field names are those that the field uses already
(`chainId`, `rpcUrls`, `blocks.reorgPeriod`, …). Secrets are named, never written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from paripassu.config.compatibility import CompatibilityModel, compatibilities
from paripassu.config.files import FileModel, expand, located, names_its_file, read_model
from paripassu.config.transports import TransportModel, transports
from paripassu.config.types import (
    LOCAL_ENVIRONMENT,
    ApprovalsConfig,
    AttestorMember,
    AttestorsConfig,
    Blocks,
    CashConfig,
    DevnetNode,
    LedgerConfig,
    NetworkConfig,
)
from paripassu.errors import InconsistentFile, MissingKey, SecretInFile
from paripassu.identifiers import CurrencyCode, LedgerId, Lei, account_to_bytes, checksum_address, role_id

_DAY = 86_400
_LONGEST_NOTICE = 366 * _DAY
_NOTICE = {
    "regulatory": 14 * _DAY,
    "corporateStructure": 28 * _DAY,
    "economicTerms": 28 * _DAY,
    "technical": 14 * _DAY,
    "roles": 2 * _DAY,
}
"""Seconds of notice outside of local networks: ten business days, twenty where holders' rights or
their issuer change, two days before somebody holds a role."""


class _Blocks(FileModel):
    confirmations: int = Field(default=1, ge=1)
    reorg_period: int = Field(default=1, ge=0)
    estimate_block_time: int = Field(default=12, ge=1)


class _Devnet(FileModel):
    client: Literal["anvil", "ganache"]
    hardfork: str | None = None


class _Ledger(FileModel):
    caip2: str
    protocol: Literal["evm", "book"]
    display_name: str = ""
    chain_id: int | None = Field(default=None, ge=1)
    rpc_urls: list[str] = Field(default_factory=list)
    blocks: _Blocks = _Blocks()
    devnet: _Devnet | None = None


class _Member(FileModel):
    name: str = Field(min_length=1)
    entity: str
    signer: str
    address: str = ""
    rpc_urls: dict[str, list[str]] = Field(default_factory=dict)
    agree: int = Field(default=0, ge=0)


class _Attestors(FileModel):
    threshold: int = Field(ge=2)
    members: list[_Member]


class _Cash(FileModel):
    name: str = Field(min_length=1)
    symbol: str = Field(min_length=1, max_length=11)


class _Notice(FileModel):
    regulatory: int | None = Field(default=None, ge=0, le=_LONGEST_NOTICE)
    corporate_structure: int | None = Field(default=None, ge=0, le=_LONGEST_NOTICE)
    economic_terms: int | None = Field(default=None, ge=0, le=_LONGEST_NOTICE)
    technical: int | None = Field(default=None, ge=0, le=_LONGEST_NOTICE)
    roles: int | None = Field(default=None, ge=0, le=_LONGEST_NOTICE)


class _Approvals(FileModel):
    threshold: int = Field(default=2, ge=2, le=5)
    correction_threshold: int = Field(default=2, ge=2, le=5)
    change_class: Literal["regulatory", "corporateStructure", "economicTerms", "technical"] = "technical"
    notice: _Notice = _Notice()
    administrator: Literal["approvals", "deployer"] | None = None


class _Network(FileModel):
    schema_: Literal["paripassu.network/1"] = Field(alias="schema")
    environment: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    home: str
    security: str | None = None
    securities: list[str] = Field(default_factory=list)
    ledgers: dict[str, _Ledger]
    attestors: _Attestors
    roles: dict[str, str | list[str]] = Field(default_factory=dict)
    cash: dict[str, _Cash] = Field(default_factory=dict)
    approvals: _Approvals | None = None
    compatibility: list[CompatibilityModel] = Field(default_factory=list)
    store: str = ""
    transports: list[TransportModel] = Field(default_factory=list)


@names_its_file
def load_network(path: Path | str, environ: Mapping[str, str] | None = None) -> NetworkConfig:
    """Read a network file.

    Args:
        environ: where `${VARIABLE}` is looked up; the process environment when None.

    Raises:
        ConfigurationError leaves (unreadable, unknown or missing key, bad value, missing variable,
        secret in the open, contradiction) and IdentifierError leaves; each names file and key.
    """
    path = Path(path)
    file = read_model(path, _Network)
    ledgers = {name: _ledger(path, name, raw, file, environ) for name, raw in file.ledgers.items()}
    _check_ledgers(path, file.home, ledgers)
    roles: dict[str, tuple[str, ...]] = {}
    for role, signers in file.roles.items():
        with located(path, f"roles.{role}"):
            role_id(role)
        listed = (signers,) if isinstance(signers, str) else tuple(signers)
        roles[role] = tuple(_signer(path, f"roles.{role}", each, file.environment) for each in listed)
    cash: dict[CurrencyCode, CashConfig] = {}
    for code, token in file.cash.items():
        with located(path, f"cash.{code}"):
            currency = CurrencyCode(code)
        cash[currency] = CashConfig(currency, token.name, token.symbol)
    return NetworkConfig(
        path=path.absolute(),
        environment=file.environment,
        home=file.home,
        security_paths=_securities(path, file),
        ledgers=ledgers,
        attestors=_attestors(path, file, ledgers),
        roles=roles,
        cash=cash,
        approvals=_approvals(file),
        compatibility=compatibilities(path, file.compatibility),
        store=_store(path, file, environ),
        transports=transports(path, file.transports, file.environment, ledgers),
    )


def _securities(path: Path, file: _Network) -> tuple[Path, ...]:
    """The file of `security` first, then those of `securities`, each once."""
    named = [] if file.security is None else [file.security]
    found = dict.fromkeys(path.absolute().parent / name for name in (*named, *file.securities))
    if not found:
        raise MissingKey(f"{path}: the key 'security' is missing.")
    return tuple(found)


def _store(path: Path, file: _Network, environ: Mapping[str, str] | None) -> str:
    _refuse_password(path, "store", file.store)
    return expand(file.store, path, "store", environ)


def _refuse_password(path: Path, key: str, url: str) -> None:
    if re.match(r"[a-z+]+://[^/@$]*:[^/@$]+@", url):
        raise SecretInFile(f"{path}, {key}: a URL holds a password; name it as ${{VARIABLE}}.")


def _approvals(file: _Network) -> ApprovalsConfig:
    given = file.approvals or _Approvals()
    local = file.environment == LOCAL_ENVIRONMENT
    usual = dict.fromkeys(_NOTICE, 0) if local else _NOTICE
    named = given.notice.model_dump(by_alias=True, exclude_none=True)
    return ApprovalsConfig(
        given.threshold,
        given.correction_threshold,
        given.change_class,
        {**usual, **named},
        given.administrator or ("deployer" if local else "approvals"),
    )


def _ledger(
    path: Path, name: str, raw: _Ledger, file: _Network, environ: Mapping[str, str] | None
) -> LedgerConfig:
    key = f"ledgers.{name}"
    with located(path, f"{key}.caip2"):
        id = LedgerId(raw.caip2)
    if id.is_evm != (raw.protocol == "evm"):
        raise InconsistentFile(f"{path}, {key}: protocol '{raw.protocol}' does not fit '{id}'.")
    if id.is_evm and raw.chain_id is None:
        raise MissingKey(f"{path}: the key '{key}.chainId' is missing.")
    if raw.chain_id is not None and (not id.is_evm or raw.chain_id != id.chain_id):
        raise InconsistentFile(f"{path}, {key}: chainId {raw.chain_id} does not fit caip2 '{id}'.")
    local = file.environment == LOCAL_ENVIRONMENT
    if raw.devnet is not None and not (local and id.is_evm):
        raise InconsistentFile(f"{path}, {key}.devnet: only EVM ledgers of a local network have local nodes.")
    if id.is_evm and not raw.rpc_urls and not local:
        raise MissingKey(f"{path}: '{key}.rpcUrls' needs at least one URL outside a local network.")
    return LedgerConfig(
        name=name,
        id=id,
        protocol=raw.protocol,
        display_name=raw.display_name or name.capitalize(),
        rpc_urls=_urls(path, f"{key}.rpcUrls", raw.rpc_urls, environ),
        blocks=Blocks(raw.blocks.confirmations, raw.blocks.reorg_period, raw.blocks.estimate_block_time),
        devnet=None if raw.devnet is None else DevnetNode(raw.devnet.client, raw.devnet.hardfork),
    )


def _urls(path: Path, key: str, urls: list[str], environ: Mapping[str, str] | None) -> tuple[str, ...]:
    _refuse_passwords(path, key, urls)
    return tuple(expand(url, path, key, environ) for url in urls)


def _refuse_passwords(path: Path, key: str, urls: list[str]) -> None:
    for url in urls:
        if re.match(r"(web3signer:)?[a-z0-9+]+://[^/@$]*:[^/@$]+@", url):
            raise SecretInFile(f"{path}, {key}: a URL holds a password; name it as ${{VARIABLE}}.")


def _check_ledgers(path: Path, home: str, ledgers: Mapping[str, LedgerConfig]) -> None:
    seen: dict[LedgerId, str] = {}
    for name, ledger in ledgers.items():
        if ledger.id in seen:
            raise InconsistentFile(
                f"{path}: ledgers '{seen[ledger.id]}' and '{name}' are both '{ledger.id}'."
            )
        seen[ledger.id] = name
    if home not in ledgers:
        raise InconsistentFile(f"{path}, home: '{home}' is none of the ledgers {', '.join(ledgers)}.")
    if not ledgers[home].id.is_evm:
        raise InconsistentFile(f"{path}, home: '{home}' is no EVM chain, and only those can be home so far.")


def _attestors(path: Path, file: _Network, ledgers: Mapping[str, LedgerConfig]) -> AttestorsConfig:
    members = []
    for index, member in enumerate(file.attestors.members):
        key = f"attestors.members[{index}]"
        with located(path, f"{key}.entity"):
            entity = Lei(member.entity)
        signer = _signer(path, f"{key}.signer", member.signer, file.environment)
        address = ""
        if member.address:
            with located(path, f"{key}.address"):
                address = checksum_address(account_to_bytes(ledgers[file.home].id, member.address))
        endpoints = {
            name: _endpoints(path, f"{key}.rpcUrls.{name}", name, urls, ledgers)
            for name, urls in member.rpc_urls.items()
        }
        seat = AttestorMember(member.name, entity, signer, address, endpoints, member.agree)
        _check_agreement(path, key, seat, ledgers)
        members.append(seat)
    if "relayer" in {member.name for member in members}:
        raise InconsistentFile(f"{path}, attestors.members: no attestor is called 'relayer'.")
    entities = {member.entity for member in members}
    if file.attestors.threshold > len(entities):
        raise InconsistentFile(
            f"{path}, attestors.threshold: {file.attestors.threshold} entities must sign, "
            f"but the attestors are {len(entities)} distinct entities."
        )
    for name in ("name", "signer"):
        if len({getattr(member, name) for member in members}) != len(members):
            raise InconsistentFile(f"{path}, attestors.members: two attestors have the same {name}.")
    return AttestorsConfig(file.attestors.threshold, tuple(members))


def _endpoints(
    path: Path,
    key: str,
    ledger: str,
    urls: list[str],
    ledgers: Mapping[str, LedgerConfig],
) -> tuple[str, ...]:
    """An attestor's own endpoints of a ledger: each another one, for one asked twice is no second opinion.
    They stay as written: their variables are set where the attestor runs, and nowhere else."""
    if ledger not in ledgers or not ledgers[ledger].id.is_evm:
        raise InconsistentFile(f"{path}, {key}: '{ledger}' is none of the network's chains.")
    _refuse_passwords(path, key, urls)
    if not urls or len(set(urls)) < len(urls):
        raise InconsistentFile(f"{path}, {key}: needs one endpoint or more, each of them once.")
    return tuple(urls)


def _check_agreement(path: Path, key: str, seat: AttestorMember, ledgers: Mapping[str, LedgerConfig]) -> None:
    for name, ledger in ledgers.items():
        count = len(seat.rpc_urls.get(name, ledger.rpc_urls))
        if seat.agree == 1 and count > 1:
            raise InconsistentFile(
                f"{path}, {key}.agree: of the {count} endpoints of '{name}' at least 2 must answer alike."
            )
        if name in seat.rpc_urls and seat.agree > count:
            raise InconsistentFile(
                f"{path}, {key}.agree: {seat.agree} endpoints of '{name}' must answer alike, it has {count}."
            )


def _signer(path: Path, key: str, spec: str, environment: str) -> str:
    if re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|keystore:.+", spec):
        return spec
    if re.fullmatch(r"web3signer:.+#0x[0-9a-fA-F]{40}", spec):
        _refuse_passwords(path, key, [spec])
        return spec
    if re.fullmatch(r"dev:[a-z0-9_-]+", spec):
        if environment == LOCAL_ENVIRONMENT:
            return spec
        raise InconsistentFile(
            f"{path}, {key}: '{spec}' is a key that everybody knows, refused in environment '{environment}'."
        )
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", spec):
        raise SecretInFile(f"{path}, {key}: a private key stands in the file; name it as ${{VARIABLE}}.")
    raise InconsistentFile(
        f"{path}, {key}: a signer is 'dev:<name>', '${{VARIABLE}}', 'keystore:<path>' or "
        "'web3signer:<url>#<address>'."
    )
