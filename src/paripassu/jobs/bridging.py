"""Seats of the bridge from a network file, and a bridge that runs beside other work in one process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Literal, overload

from paripassu.bridge.doubts import Doubts
from paripassu.bridge.node import RELAYER, Seat, await_drained, run_bridge
from paripassu.bridge.seats import AttestorSeat
from paripassu.config import NetworkConfig
from paripassu.deploy.opening import open_endpoints, open_now_or_later
from paripassu.errors import InconsistentFile
from paripassu.jobs.session import Session
from paripassu.ledgers.port import Signer
from paripassu.ledgers.signers import signer_from_spec
from paripassu.ledgers.web3signer import Web3Signer
from paripassu.store import Store
from paripassu.workspace import Workspace

RELAYER_VARIABLE = "PARI_RELAYER"


def relayer_spec(network: NetworkConfig) -> str:
    """The relayer's signer: $PARI_RELAYER, else `dev:relayer` locally, else the key in $PARI_RELAYER_KEY."""
    return os.environ.get(RELAYER_VARIABLE, "dev:relayer" if network.is_local else "${PARI_RELAYER_KEY}")


@overload  # "relayer" is a name too, and no attestor's
async def seat_of(  # type: ignore[overload-overlap]
    network: NetworkConfig,
    workspace: Workspace,
    store: Store,
    name: Literal["relayer"],
    stack: AsyncExitStack,
) -> Seat: ...


@overload
async def seat_of(
    network: NetworkConfig, workspace: Workspace, store: Store, name: str, stack: AsyncExitStack
) -> AttestorSeat: ...


async def seat_of(
    network: NetworkConfig, workspace: Workspace, store: Store, name: str, stack: AsyncExitStack
) -> Seat | AttestorSeat:
    """The seat of the relayer or of an attestor, with connections of its own that `stack` closes.

    Raises:
        InconsistentFile: the network has no attestor of that name, or states another address for its key.
        SignerUnusable, MissingVariable, LedgerError, DeploymentError: key, endpoints or ledgers.
    """
    if name == RELAYER:
        signer = _signer(relayer_spec(network), network, name)
        ledgers = await open_now_or_later(network, workspace, store.intents, store.decisions)
        for ledger in ledgers.values():
            stack.push_async_callback(ledger.close)
        return Seat(name, signer, ledgers)
    member = next((one for one in network.attestors.members if one.name == name), None)
    if member is None:
        raise InconsistentFile(
            f"{network.path}: the network has no attestor '{name}'; it has "
            f"{', '.join(member.name for member in network.attestors.members)}."
        )
    signer = _signer(member.signer, network, name)
    if member.address and member.address != signer.address:
        raise InconsistentFile(
            f"{network.path}: the key of the attestor '{name}' is {signer.address}, not {member.address}."
        )
    doubts = Doubts(store, name, network.ledger_ids)
    observed = await open_endpoints(network, workspace, store.intents, member, doubts.tell)
    for one in observed.values():
        stack.push_async_callback(one.close)
    return AttestorSeat(name, signer, observed)


def _signer(spec: str, network: NetworkConfig, name: str) -> Signer:
    signer = signer_from_spec(spec, network.environment, name)
    if isinstance(signer, Web3Signer):
        signer.require_place()
    return signer


class Bridge:
    """Relayer and all attestors as tasks of this process; started and stopped at will.

    `drain` waits until all that is final on the sources is final on the destinations,
    and raises what stopped the bridge if something did.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stack = AsyncExitStack()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._relayer: Seat | None = None
        self._attestors: Sequence[AttestorSeat] = ()

    async def __aenter__(self) -> Bridge:
        session = self._session
        place = (session.network, session.workspace, session.store)
        self._relayer = await seat_of(*place, "relayer", self._stack)
        self._attestors = [
            await seat_of(*place, member.name, self._stack) for member in session.network.attestors.members
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            await self._stack.aclose()

    def start(self) -> None:
        if self._task is None:
            self._stop = asyncio.Event()
            self._task = asyncio.create_task(
                run_bridge(
                    self._session.store, relayer=self._relayer, attestors=self._attestors, stop=self._stop
                )
            )

    async def stop(self) -> None:
        """Stop at the next step boundary; what is under way is taken up by the next start."""
        task, self._task = self._task, None
        if task is not None:
            self._stop.set()
            await task

    async def drain(self, patience: float = 120.0) -> None:
        """Wait until everything that is final now is delivered and final, or parked.

        Raises:
            DrainTimeout: after `patience` seconds; names the messages still under way.
            LaneHalted, StoreError: what stopped the bridge.
        """
        assert self._task is not None, "the bridge is not running"
        assert self._relayer is not None
        waiting = asyncio.create_task(
            await_drained(self._session.store, self._relayer.ledgers, patience=patience)
        )
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            task, self._task = self._task, None
            await task
        else:
            await waiting
