"""Transports of a network: their contracts, their counterparts, and the lanes they vouch for (pure; MOV-11).

A transport stands at one address on every chain. What it is told when it is created, and later changes of
that, decide whose messages take effect: each change is an approved act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paripassu.config import LedgerConfig, NetworkConfig, TransportConfig
from paripassu.deploy.creations import Site, direct_creation
from paripassu.deploy.desired import Calls, Creation, Running, Setting
from paripassu.deploy.rights import APPROVED
from paripassu.hyperlane.places import local_mailbox
from paripassu.ledgers.evm.contracts import View, codec
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.ledgers.evm.transports import TRANSPORTS
from paripassu.messages import Purpose

_PEER_GAS = 60_000
_GATEWAY = "Gateway"


def transport_creations(network: NetworkConfig, site: Site, ledger: LedgerConfig) -> list[Creation]:
    """The transports of one chain, each told of its mailbox and counterparts as it is created."""
    return [
        direct_creation(
            site,
            TRANSPORTS[one.kind],
            {
                "mailbox": _mailbox(one, ledger.name),
                "module": one.module.get(ledger.name, ZERO_ADDRESS),
                "peers": [
                    (peer.id.numeric, *there) for peer, there in _peers(network, one, ledger, site.address)
                ],
            },
            200_000 + _PEER_GAS * len(one.ledgers),
        )
        for one in network.transports
        if ledger.name in one.ledgers
    ]


def transport_settings(
    network: NetworkConfig, ledger: LedgerConfig, addresses: Mapping[str, str], purposes: Sequence[Purpose]
) -> list[Setting]:
    """What each transport knows, and which transport vouches for the lanes with each other ledger."""
    settings: list[Setting] = []
    for one in network.transports:
        if ledger.name in one.ledgers:
            settings.append(_mailbox_setting(one, ledger))
            peers = _peers(network, one, ledger, lambda name: addresses[name])
            settings += [_peer_setting(one, peer, there) for peer, there in peers]
    others = [other for other in network.ledgers.values() if other.id != ledger.id]
    return settings + [_lanes_setting(network, ledger, other, addresses, purposes) for other in others]


def _mailbox(one: TransportConfig, ledger: str) -> str:
    return one.mailbox.get(ledger) or local_mailbox()


def _peers(
    network: NetworkConfig, one: TransportConfig, ledger: LedgerConfig, address: Callable[[str], str]
) -> list[tuple[LedgerConfig, tuple[int, str]]]:
    """The other ledgers of a transport, each with its domain and the transport there."""
    there = address(TRANSPORTS[one.kind])
    return [
        (network.ledgers[name], (one.domain[name], there)) for name in one.ledgers if name != ledger.name
    ]


def _mailbox_setting(one: TransportConfig, ledger: LedgerConfig) -> Setting:
    contract = TRANSPORTS[one.kind]
    wanted = (_mailbox(one, ledger.name), one.module.get(ledger.name, ZERO_ADDRESS))
    title = f"let {contract} use the mailbox {wanted[0]}"
    call = codec(contract).encode("setMailbox", *wanted)
    return Setting(title, APPROVED, contract, View(contract, "mailbox"), _later(wanted, title, call))


def _peer_setting(one: TransportConfig, peer: LedgerConfig, there: tuple[int, str]) -> Setting:
    contract = TRANSPORTS[one.kind]
    title = f"name the counterpart of {contract} on {peer.id}"
    call = codec(contract).encode("setPeer", (peer.id.numeric, *there))
    view = View(contract, "peerOf", (peer.id.numeric,))
    return Setting(title, APPROVED, contract, view, _later(there, title, call))


def _later(wanted: tuple[Any, ...], title: str, call: bytes) -> Callable[[Any, Running], Calls]:
    """One call where something else was found; a contract that is not there yet is told as it is created."""
    return lambda found, _: () if found is None or found == wanted else ((title, call),)


def _lanes_setting(
    network: NetworkConfig,
    ledger: LedgerConfig,
    other: LedgerConfig,
    addresses: Mapping[str, str],
    purposes: Sequence[Purpose],
) -> Setting:
    """Who vouches for what comes from a ledger: a transport, or attestors where none connects the two."""
    both = {ledger.name, other.name}
    kind = next((one.kind for one in network.transports if both <= set(one.ledgers)), None)
    wanted = addresses[TRANSPORTS[kind]] if kind else ZERO_ADDRESS
    numbers = [int(purpose) for purpose in purposes]
    title = f"let {kind or 'attestors'} vouch for the lanes with {other.id}"

    def calls(found: Any, _: Running) -> Calls:
        known = found or [ZERO_ADDRESS] * len(numbers)
        wrong = [number for number, address in zip(numbers, known, strict=True) if address != wanted]
        if not wrong:
            return ()
        return ((title, codec(_GATEWAY).encode("setTransport", other.id.numeric, wrong, wanted)),)

    view = View(_GATEWAY, "transportsOf", (other.id.numeric, numbers))
    return Setting(title, APPROVED, _GATEWAY, view, calls)
