"""The set-up of one chain's contracts: quorum, lanes, peers, instances, cash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paripassu.config import LedgerConfig, NetworkConfig
from paripassu.deploy.desired import Creation, Setting
from paripassu.identifiers import ZERO32, InteropAddress
from paripassu.ledgers.book import book_application, book_gateway
from paripassu.ledgers.evm.contracts import View, codec
from paripassu.ledgers.signers import signer_from_spec
from paripassu.messages import Purpose
from paripassu.securities import Security

CONTRACT_VERSION = 1 << 16
"""Version tag of the shipped contracts, packed major << 16 | minor << 8 | patch."""

_APPS = {Purpose.MOVEMENT: "TokenBridge", Purpose.CORPORATE_ACTION: "CorporateActions"}


def chain_settings(
    network: NetworkConfig,
    security: Security,
    ledger: LedgerConfig,
    addresses: dict[str, str],
    token_code: Creation,
) -> tuple[Setting, ...]:
    """Every setting of one chain, in the order in which they can be made."""
    others = [other for other in network.ledgers.values() if other.id != ledger.id]
    settings = [_security(security)]
    settings += [
        _instance(network, security, other, addresses, token_code) for other in network.ledgers.values()
    ]
    settings.append(_quorum(network))
    for purpose, app in _APPS.items():
        settings.append(
            _set("bridge_operator", "Gateway", "setApp", (int(purpose), addresses[app]), "appOf", 1)
        )
    for other in others:
        settings += _peer(other, addresses)
    key = bytes(security.security_id)
    for app, role in (("TokenBridge", "bridge_operator"), ("CorporateActions", "issuer_agent")):
        settings.append(_set(role, app, "setToken", (key, addresses["SecurityToken"]), "tokenOf", 1))
    currency = security.currency.encode("ascii")
    settings.append(
        _set("issuer_agent", "CorporateActions", "setCash", (currency, addresses["CashToken"]), "cashOf", 1)
    )
    return tuple(settings)


def _set(
    role: str, contract: str, function: str, args: tuple[Any, ...], getter: str, keys: int, title: str = ""
) -> Setting:
    """A plain setter: its first `keys` arguments are the key of `getter`, the others its result."""
    expected = args[keys] if len(args) == keys + 1 else args[keys:]
    return Setting(
        title=title or f"{contract}.{function}({', '.join(_shown(arg) for arg in args)})",
        role=role,
        contract=contract,
        call=codec(contract).encode(function, *args),
        read=View(contract, getter, args[:keys]),
        matches=_equals(expected),
    )


def _equals(expected: Any) -> Callable[[Any], bool]:
    return lambda found: bool(found == expected)


def _security(security: Security) -> Setting:
    isin = security.isin.encode("ascii")
    args = (isin, security.lei.encode("ascii"), bytes(security.terms_hash))
    return Setting(
        title=f"register the security {security.isin}",
        role="tokenizer",
        contract="InstanceRegistry",
        call=codec("InstanceRegistry").encode("registerSecurity", *args),
        read=View("InstanceRegistry", "securityIdOf", (isin,)),
        matches=_equals(bytes(security.security_id)),
    )


def _instance(
    network: NetworkConfig,
    security: Security,
    other: LedgerConfig,
    addresses: dict[str, str],
    token_code: Creation,
) -> Setting:
    """Trust the security's instance on a ledger; in book entry it is known by its ISIN."""
    account = addresses["SecurityToken"] if other.id.is_evm else str(security.isin)
    instance = (
        other.id.numeric,
        InteropAddress(other.id, account).encode(),
        bytes(token_code.code_hash if other.id.is_evm else ZERO32),
        CONTRACT_VERSION,
        other.name == network.home,
    )
    key = bytes(security.security_id)
    return Setting(
        title=f"trust the instance on {other.id}",
        role="tokenizer",
        contract="InstanceRegistry",
        call=codec("InstanceRegistry").encode("registerInstance", key, instance),
        read=View("InstanceRegistry", "instances", (key,)),
        matches=lambda found: instance in found,
    )


def _quorum(network: NetworkConfig) -> Setting:
    members = [
        (signer_from_spec(member.signer, network.environment).address, bytes(member.entity_id))
        for member in network.attestors.members
    ]
    threshold = network.attestors.threshold
    return Setting(
        title=f"attestors: {threshold} of {', '.join(member.name for member in network.attestors.members)}",
        role="bridge_operator",
        contract="AttestorSet",
        call=codec("AttestorSet").encode("rotate", members, threshold),
        read=View("AttestorSet", "current"),
        matches=lambda found: found[1] == threshold and set(found[2]) == set(members),
    )


def _peer(other: LedgerConfig, addresses: dict[str, str]) -> list[Setting]:
    """Open the lanes with another ledger and name its applications."""

    def app(purpose: Purpose) -> bytes:
        if other.id.is_evm:
            return InteropAddress(other.id, addresses[_APPS[purpose]]).encode()
        return book_application(other.id, purpose)

    gateway = (
        InteropAddress(other.id, addresses["Gateway"]).encode() if other.id.is_evm else book_gateway(other.id)
    )
    number = other.id.numeric
    found = [
        _set(
            "bridge_operator",
            "Gateway",
            "setPeer",
            (number, gateway, True),
            "peerOf",
            1,
            f"open the lanes with {other.id}",
        )
    ]
    for purpose, contract in _APPS.items():
        found.append(
            _set(
                "bridge_operator",
                contract,
                "setPeerApp",
                (number, app(purpose)),
                "peerAppOf",
                1,
                f"{contract}: its counterpart on {other.id}",
            )
        )
    return found


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
