"""Reads of the transports that vouch for a chain's messages in place of attestors (MOV-11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.evm.contracts import ContractReader, View
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.messages import Lane, Purpose

TRANSPORTS = {"hyperlane": "HyperlaneTransport"}
"""Contract of each kind of transport that a network file may name."""


class TransportReader:
    """What the transports of one chain have to say."""

    def __init__(self, contracts: ContractReader) -> None:
        self._contracts = contracts

    async def carrier(self, peer: LedgerId, purpose: Purpose) -> str:
        """Kind of the transport that vouches for a purpose's lanes with a ledger; empty where attestors do.
        Its address where the deployment record has no such transport: nothing is known of it."""
        asked = (peer.numeric, [int(purpose)])
        (address,) = await self._contracts.view("Gateway", "transportsOf", *asked)
        if address == ZERO_ADDRESS:
            return ""
        for kind, contract in self._known():
            if self._contracts.address(contract) == address:
                return kind
        return str(address)

    async def vouched(self, kind: str, lane: Lane, ids: Sequence[Bytes32]) -> int:
        """How many of these messages, from the first on, a transport vouches for."""
        if kind not in TRANSPORTS:
            return 0
        views = [View(TRANSPORTS[kind], "isAuthentic", (lane.source.numeric, bytes(id))) for id in ids]
        found = await self._contracts.views(views)
        return found.index(False) if False in found else len(found)

    async def queued(self, peers: Sequence[LedgerId]) -> dict[tuple[str, LedgerId], int]:
        """How many identifiers wait in each transport for each of some ledgers, none left out but zeros."""
        asked = [(kind, contract, peer) for kind, contract in self._known() for peer in peers if peer.is_evm]
        views = [View(contract, "queued", (peer.numeric,)) for _, contract, peer in asked]
        counts = await self._contracts.views(views) if views else []
        return {
            (kind, peer): int(count) for (kind, _, peer), count in zip(asked, counts, strict=True) if count
        }

    async def fee(self, kind: str, destination: LedgerId) -> int:
        """What the transport's network asks for now to send on what waits for a ledger, wei."""
        return int(await self._contracts.view(TRANSPORTS[kind], "feeOf", destination.numeric))

    def _known(self) -> Iterator[tuple[str, str]]:
        return ((kind, name) for kind, name in TRANSPORTS.items() if self._contracts.has(name))
