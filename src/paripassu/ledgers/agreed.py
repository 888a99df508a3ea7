"""A ledger as several endpoints show it together: what an attestor reads, and nothing else.

Each endpoint is an adapter of its own with one connection, so that its head, its counters and its logs come
from one node and are held against each other there first. What no endpoint was asked for cannot be read here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from paripassu.errors import ContractMissing, EndpointsDisagree, NodeUnreachable, PariError
from paripassu.identifiers import LedgerId
from paripassu.ledgers.agreement import Answer, agreed, common_height
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.port import Delivery, Ledger, SentMessage
from paripassu.messages import GatewayDomain, Lane

T = TypeVar("T")
Told = Callable[[LedgerId, str, str], None]
"""Told after each comparison: the ledger, what was compared, and what stands against it, empty where nothing
does."""

BLOCKS, COUNTERS, MESSAGES, ARRIVALS, DELIVERIES = (
    "final blocks",
    "messages sent",
    "contents of messages",
    "arrivals",
    "fates of messages",
)


class AgreedLedger:
    """Implements `paripassu.ledgers.observed.Observed` over endpoints that must agree.

    Args:
        endpoints: adapters of the same ledger, each with one connection.
        needed: how many of them must answer; whoever answers something else stops the others.
        told: hears of each comparison.
    """

    def __init__(self, endpoints: Sequence[Ledger], needed: int, told: Told) -> None:
        self._endpoints = tuple(endpoints)
        self._needed = needed
        self._told = told
        self._opened = [False] * len(self._endpoints)

    @property
    def id(self) -> LedgerId:
        return self._endpoints[0].id

    @property
    def name(self) -> str:
        return self._endpoints[0].name

    @property
    def domain(self) -> GatewayDomain:
        return self._endpoints[0].domain

    @property
    def first_block(self) -> int:
        return self._endpoints[0].first_block

    async def open(self) -> None:
        """Verify each endpoint; one that does not answer is verified before it is asked anything.

        Raises:
            WrongChain, ContractMissing: an endpoint of another chain.
        """
        for number in range(len(self._endpoints)):
            try:
                await self._verified(number)
            except NodeUnreachable:
                continue

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.close()

    async def final(self) -> BlockRef:
        """The highest block that as many as are needed hold for final, and hold alike."""
        finals = await self._ask(lambda endpoint: endpoint.final())
        height = common_height(self.name, finals, self._needed)
        told = {id(one): answer.value for one, answer in zip(self._endpoints, finals, strict=True)}

        async def held(endpoint: Ledger) -> BlockRef:
            known = told[id(endpoint)]  # is not asked for again where it is the very one
            return known if known and known.height == height else await endpoint.block_at(height)

        return await self._agree(BLOCKS, f"{BLOCKS}: number {height}", held)

    async def block_at(self, height: int) -> BlockRef:
        fact = f"{BLOCKS}: number {height}"
        return await self._agree(BLOCKS, fact, lambda endpoint: endpoint.block_at(height))

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        """Raises ContractMissing where they agree that there is no gateway at `height` yet."""

        async def counted(endpoint: Ledger) -> tuple[int, ...] | str:
            try:
                return await endpoint.sent_counts(lanes, height)
            except ContractMissing as error:
                return error.sentence

        found = await self._agree(COUNTERS, f"{COUNTERS} up to block {height}", counted)
        if isinstance(found, str):
            raise ContractMissing(found)
        return found

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        fact = f"{MESSAGES} in blocks {first} to {last}"
        return await self._agree(MESSAGES, fact, lambda endpoint: endpoint.sent_messages(first, last))

    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int:
        fact = f"{ARRIVALS} in lane {lane}"
        return await self._agree(ARRIVALS, fact, lambda endpoint: endpoint.inbound_nonce(lane, height))

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        fact = f"{DELIVERIES} in blocks {first} to {last}"
        return await self._agree(DELIVERIES, fact, lambda endpoint: endpoint.deliveries(first, last))

    async def _agree(self, kind: str, fact: str, ask: Callable[[Ledger], Awaitable[T]]) -> T:
        answers = await self._ask(ask)
        try:
            value = agreed(self.name, fact, answers, self._needed)
        except EndpointsDisagree as error:
            self._told(self.id, kind, error.sentence)
            raise
        self._told(self.id, kind, "")
        return value

    async def _ask(self, ask: Callable[[Ledger], Awaitable[T]]) -> list[Answer[T]]:
        async def one(number: int) -> Answer[T]:
            try:
                await self._verified(number)
                return Answer(number + 1, await ask(self._endpoints[number]))
            except (PariError, OSError, TimeoutError) as error:
                return Answer(number + 1, problem=_words(error))
            except Exception as error:  # a node that lies may answer anything: that must end nothing here
                return Answer(number + 1, problem=f"an answer that cannot be read ({type(error).__name__})")

        return await asyncio.gather(*(one(number) for number in range(len(self._endpoints))))

    async def _verified(self, number: int) -> None:
        if not self._opened[number]:
            await self._endpoints[number].open()
            self._opened[number] = True


def _words(error: Any) -> str:
    return error.sentence if isinstance(error, PariError) else type(error).__name__
