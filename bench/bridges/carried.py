"""Pari Passu's gateway with its lanes over Hyperlane: what sending, carrying and executing cost."""

from __future__ import annotations

from typing import Any

from bench.bridges.hyperlane import HyperlaneMessageId
from bench.bridges.ours import GATEWAY, THERE, PariPassuBridge
from bench.bridges.peer import ORIGIN
from bench.bridges.system import PAYLOAD, USER
from bench.chain import Bench
from paripassu import artefacts
from paripassu.deploy.desired import APPROVALS, MANAGER
from paripassu.ledgers.evm.codec import Parameters
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.messages import Batch, Purpose, execution

TRANSPORT = "HyperlaneTransport"
COUNTS = (1, 10, 100)


class CarriedBridge(PariPassuBridge):
    """The same lanes, receiver and payload; Hyperlane's mailbox asks for three signatures of five."""

    name = "paripassu over hyperlane"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._post = HyperlaneMessageId(bench)

    def figures_of_carrying(self) -> dict[str, int]:
        """Gas by what is done; of many, one message's share."""
        self._set_up()
        self._carry()
        self._post_and_execute(1)
        self._send()
        self._flush(1)
        gas = {"send": self._send()}
        gas["flush_1"] = self._flush(1)
        for count in COUNTS[1:]:
            for _ in range(count):
                self._send()
            gas[f"flush_{count}"] = self._flush(count) // count
        for count in COUNTS:
            posted, executed = self._post_and_execute(count)
            gas[f"process_{count}"], gas[f"execute_{count}"] = posted // count, executed // count
        return gas

    def _carry(self) -> None:
        """Put up Hyperlane and the transport, and let it vouch for the lanes that are measured."""
        self._post.set_up()
        address_of = self._platform.address_of
        places = [address_of(MANAGER), address_of(APPROVALS), address_of("Kernel"), self._gateway]
        artefact = artefacts.load(TRANSPORT)
        peers = [(THERE.numeric, ORIGIN, USER)]
        values = [*places, self._post.mailbox, ZERO_ADDRESS, peers]
        arguments = Parameters.of(artefact.constructor_inputs()).encode(values)
        self._transport = self.bench.create(USER, artefact.bytecode + arguments)
        self._post.receiver, self._post.sender = self._transport, USER
        purposes, why = [int(Purpose.RECEIPT), int(Purpose.QUOTA)], b"change of transport".ljust(32, b"\0")
        act = codec(GATEWAY).encode("setTransport", THERE.numeric, purposes, self._transport)
        self._operate("stopLane", THERE.numeric, int(Purpose.RECEIPT), why)
        self.bench.send(address_of(APPROVALS), self._gateway, act)
        self._operate("resumeLane", THERE.numeric, int(Purpose.RECEIPT), why)

    def _flush(self, count: int) -> int:
        """Send on what waits, which must be so many identifiers."""
        asked: tuple[Any, ...] = ("queued(uint256)", THERE.numeric)
        assert self.bench.read(self._transport, *asked) == count
        return self.bench.send(USER, self._transport, codec(TRANSPORT).encode("flush", THERE.numeric)).gas

    def _post_and_execute(self, count: int) -> tuple[int, int]:
        """Gas of Hyperlane's message that vouches for so many, and of their execution in one batch."""
        purpose = Purpose.RECEIPT
        first = self._nonces.get(purpose, 0) + 1
        self._nonces[purpose] = first + count - 1
        messages = tuple(self._message(purpose, first + number, PAYLOAD) for number in range(count))
        posted = self._post.deliver(1, b"".join(bytes(message.id) for message in messages))
        arguments = execution(Batch(0, messages), 0, (), known=True)
        before = self._received()
        executed = self.bench.send(USER, self._gateway, codec(GATEWAY).encode("execute", *arguments)).gas
        assert self._received() == before + count, "a message had no effect"
        return posted, executed

