"""The set-up of one chain's contracts: securities, instances, quorum, lanes, peers, cash, subscribers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paripassu.config import COMPATIBILITY_LEVELS, Compatibility, LedgerConfig, NetworkConfig
from paripassu.deploy.attestors import rotation_command, rotation_to, wanted_set
from paripassu.deploy.desired import (
    APPROVALS,
    CASH,
    TOKEN,
    Calls,
    Creation,
    Running,
    SecurityPlace,
    Setting,
)
from paripassu.deploy.instances import INSTANCES, instances, shipped_code
from paripassu.deploy.policies import acts, policies
from paripassu.deploy.rights import APPROVED
from paripassu.deploy.transports import transport_settings
from paripassu.identifiers import InteropAddress, version_text
from paripassu.ledgers.book import book_application
from paripassu.ledgers.evm.contracts import View, codec
from paripassu.messages import Purpose
from paripassu.securities import Security

APPS = {
    Purpose.MOVEMENT: "TokenBridge",
    Purpose.CORPORATE_ACTION: "CorporateActions",
    Purpose.QUOTA: "Quotas",
    Purpose.ORDER: "HolderRegistry",
}
"""The application of each purpose on chains."""

_HOLDERS = "HolderRegistry"


def chain_settings(
    network: NetworkConfig,
    securities: Mapping[SecurityPlace, Security],
    ledger: LedgerConfig,
    addresses: Mapping[str, str],
    token_code: Creation,
) -> tuple[Setting, ...]:
    """Every setting of one chain, in the order in which they can be made.

    Args:
        securities: the network's securities.
        addresses: of the contracts, equal on every chain.
        token_code: the code behind every security token.
    """
    settings = [*_policies(network), *_subscription(token_code)]
    shipped = shipped_code(token_code)
    for place, security in securities.items():
        settings.append(_security(security))
        settings += instances(network, place, ledger, addresses, shipped)
        settings += _blackouts(place, security)
    settings += [_judgement(one) for one in network.compatibility]
    settings += _quorum(network, ledger)
    for other in network.ledgers.values():
        if other.id != ledger.id:
            settings += _lanes(other, addresses)
    settings += transport_settings(network, ledger, addresses, tuple(APPS))
    for currency in network.cash:
        code, token = currency.encode("ascii"), addresses[f"{CASH}/{currency}"]
        settings.append(_set("issuer_agent", "CorporateActions", "setCash", (code, token), "cashOf", 1))
    return tuple(settings)


def _set(
    role: str, contract: str, function: str, args: tuple[Any, ...], getter: str, keys: int, title: str = ""
) -> Setting:
    """A plain setter: its first `keys` arguments are the key of `getter`, the others its result."""
    expected = args[keys] if len(args) == keys + 1 else args[keys:]
    title = title or f"{contract}.{function}({', '.join(_shown(arg) for arg in args)})"
    call = codec(contract).encode(function, *args)
    view = View(contract, getter, args[:keys])
    return Setting(title, role, contract, view, _unless(lambda found: bool(found == expected), title, call))


def _unless(matches: Callable[[Any], bool], title: str, call: bytes) -> Callable[[Any, Running], Calls]:
    """One call, unless what was found is right."""
    return lambda found, _: () if found is not None and matches(found) else ((title, call),)


def _policies(network: NetworkConfig) -> list[Setting]:
    """Who decides on which act; set by the constructor, changed by an act."""
    abi = codec(APPROVALS)
    signatures = {selector: signature for signature, selector in acts(network.approvals)}

    def setting(selector: bytes, policy: tuple[int, ...]) -> Setting:
        title = f"decide on {signatures[selector]} as the network file says"
        call = abi.encode("setPolicy", selector, policy)
        calls = _unless(lambda found: bool(found == policy), title, call)
        # before the contract is there, its constructor is to be told
        return Setting(
            title,
            APPROVED,
            APPROVALS,
            View(APPROVALS, "policyOf", (selector,)),
            lambda found, running: () if found is None else calls(found, running),
        )

    return [setting(selector, policy) for selector, policy in policies(network.approvals)]


def _subscription(token_code: Creation) -> tuple[Setting, Setting]:
    """The token code caches verdicts of the registry, so the registry tells it of every change.

    Code that no token runs any more is told no longer, once all run the new one.
    """
    abi, address = codec(_HOLDERS), token_code.address
    title = f"tell the token code {address} of changes of the policy"
    view = View(_HOLDERS, "subscribers")
    subscribe = _unless(lambda found: address in found, title, abi.encode("addSubscriber", address))

    def others(found: Any, _: Running) -> Calls:
        return tuple(
            (f"tell the former token code {one} no longer", abi.encode("removeSubscriber", one))
            for one in found or ()
            if one != address
        )

    return (
        Setting(title, "tokenizer", _HOLDERS, view, subscribe),
        Setting("tell no other code of changes of the policy", "tokenizer", _HOLDERS, view, others, TOKEN),
    )


def _security(security: Security) -> Setting:
    isin, title = security.isin.encode("ascii"), f"register the security {security.isin}"
    args = (isin, security.lei.encode("ascii"), bytes(security.terms_hash))
    call = codec(INSTANCES).encode("registerSecurity", *args)
    view, expected = View(INSTANCES, "securityIdOf", (isin,)), bytes(security.security_id)
    calls = _unless(lambda found: bool(found == expected), title, call)
    return Setting(title, "tokenizer", INSTANCES, view, calls)


def _blackouts(place: SecurityPlace, security: Security) -> list[Setting]:
    """The windows of the terms are in force; a rule manager may have set others too."""
    wanted = [(window.start, window.end) for window in security.rules.blackout]
    if not wanted:
        return []
    title = f"the blackout windows of {place.isin}"

    def calls(found: Any, _: Running) -> Calls:
        known = [tuple(window) for window in found or ()]
        if all(window in known for window in wanted):
            return ()
        windows = sorted({*known, *wanted})
        return ((title, codec(TOKEN).encode("setBlackouts", windows, bytes(security.terms_hash))),)

    return [Setting(title, "rule_manager", place.token, View(place.token, "blackouts"), calls)]


def _judgement(one: Compatibility) -> Setting:
    """What two versions may do; other pairs are left as they are, for the tokenizer may have judged them."""
    first, second = (version_text(tag) for tag in one.versions)
    title = f"versions {first} and {second}: {COMPATIBILITY_LEVELS[one.level]}"
    args = (*one.versions, one.level)
    return _set("tokenizer", INSTANCES, "setCompatibility", args, "compatibility", 2, title)


def _quorum(network: NetworkConfig, ledger: LedgerConfig) -> tuple[Setting, Setting]:
    """The first set is appointed with the set-up; another one takes over by an act that people propose."""
    act = rotation_to(wanted_set(network))
    members = [(signer, bytes(entity)) for signer, entity in act.members]
    title = f"attestors: {act.threshold} of {', '.join(member.name for member in network.attestors.members)}"
    view, encode = View("Gateway", "attestors"), codec("Gateway").encode

    def appoint(found: Any, _: Running) -> Calls:
        known = found is not None and found[0] != 0
        return () if known else ((title, encode("appoint", members, act.threshold)),)

    def rotate(found: Any, _: Running) -> Calls:
        differs = found is not None and found[0] != 0
        differs = differs and not (found[1] == act.threshold and set(found[2]) == set(members))
        return ((title, encode("rotate", members, act.threshold)),) if differs else ()

    return (
        Setting(title, "bridge_operator", "Gateway", view, appoint),
        Setting(title, APPROVED, "Gateway", view, rotate, command=rotation_command(ledger.name)),
    )


def _lanes(other: LedgerConfig, addresses: Mapping[str, str]) -> Sequence[Setting]:
    """Open the lanes with another ledger: by purpose, who speaks in them here and there."""

    def peer(purpose: Purpose) -> bytes:
        if other.id.is_evm:
            return InteropAddress(other.id, addresses[APPS[purpose]]).encode()
        return book_application(other.id, purpose)

    def setting(purpose: Purpose, contract: str) -> Setting:
        key, wanted = (other.id.numeric, int(purpose)), (addresses[contract], peer(purpose))
        title = f"{contract}: its lanes with {other.id}"
        call = codec("Gateway").encode("setLane", *key, *wanted)
        # whether lanes are stopped is the operator's, not the network file's
        calls = _unless(lambda found: tuple(found[:2]) == wanted, title, call)
        return Setting(title, "bridge_operator", "Gateway", View("Gateway", "laneOf", key), calls)

    return [setting(purpose, contract) for purpose, contract in APPS.items()]


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
