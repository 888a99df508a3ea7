"""What is measured of every peer, in the same order as of ours."""

from __future__ import annotations

from typing import ClassVar

from bench.bridges.system import (
    PAYLOAD,
    RECORD,
    THRESHOLD,
    USER,
    Bridge,
    Figures,
    attestors,
    receivers,
    strangers,
)
from bench.chain import Bench
from paripassu.identifiers import Bytes32

ORIGIN = 31002
"""Chain id of the ledger that messages come from; that side is computed."""

BATCHES = ("execute_10", "execute_100", "execute_100_record")

ISOLATING_CALLS = "run((address,bytes)[])"


class Peer(Bridge):
    """A bridge of others. It says how to set it up, to deliver and to send; the scenarios are here."""

    remarks: ClassVar[dict[str, str]] = {}
    sends_averaged: ClassVar[int] = 1
    """Over how many messages `send` is the average, where one differs from the next."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.signers = attestors()
        self.code = receivers()
        self.receiver = ""
        self._calls = bench.create(USER, self.code["Calls"])

    def set_up(self) -> None:
        """Deploy, with five signers of whom three have to sign; sets `receiver`."""
        raise NotImplementedError

    def deliver(self, count: int, payload: bytes) -> int:
        """Bring so many messages to the receiver, as cheaply as can be; the gas of all it takes."""
        raise NotImplementedError

    def send(self) -> int:
        """Send PAYLOAD to a receiver on another ledger; the gas of the transaction."""
        raise NotImplementedError

    def sent(self) -> int:
        """How many messages the chain says were sent, or the events of this run."""
        raise NotImplementedError

    def measure(self) -> Figures:
        self.set_up()
        self._must_refuse_strangers()
        self._delivered(1, PAYLOAD)
        gas = self.figures.gas
        gas["execute_1"] = self._delivered(1, PAYLOAD)
        gas["execute_10"] = self._delivered(10, PAYLOAD) // 10
        gas["execute_100"] = self._delivered(100, PAYLOAD) // 100
        gas["execute_100_record"] = self._delivered(100, RECORD) // 100
        self._send_many(2 * self.sends_averaged)
        gas["send"] = self._send_many(self.sends_averaged) // self.sends_averaged
        self.figures.notes = self.remarks | self.figures.notes
        return self.figures

    def together(self, calls: list[tuple[str, bytes]]) -> int:
        """One transaction that makes all calls, none of which stops another; one alone is sent as it is."""
        if len(calls) == 1:
            return self.bench.send(USER, *calls[0]).gas
        return self.bench.execute(USER, self._calls, ISOLATING_CALLS, calls)

    def signed(self, digest: bytes) -> list[bytes]:
        """The signatures of as many as have to sign, in the order of their addresses."""
        return [one.sign_digest(Bytes32(digest)) for one in self.signers[:THRESHOLD]]

    def _must_refuse_strangers(self) -> None:
        before = dict(vars(self))
        self.signers = strangers()
        self.must_refuse(lambda: self.deliver(1, PAYLOAD), self._received)
        vars(self).update(before)

    def _delivered(self, count: int, payload: bytes) -> int:
        before = self._received()
        gas = self.deliver(count, payload)
        assert self._received() == before + count, "a message had no effect"
        return gas

    def _send_many(self, times: int) -> int:
        before = self.sent()
        gas = sum(self.send() for _ in range(times))
        assert self.sent() == before + times, "a message was not sent"
        return gas

    def _received(self) -> int:
        return int(self.bench.read(self.receiver, "count()"))


def address_word(address: str) -> bytes:
    """An address as 32 bytes."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
