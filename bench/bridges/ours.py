"""Pari Passu's gateway as `pari deploy` puts it on a chain; the other ledger's side is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from bench.chain import CHAIN_ID, Bench, call_data
from bench.ours import PariPassu
from paripassu.identifiers import Bytes32, InteropAddress, LedgerId, keccak256
from paripassu.ledgers.evm.contracts import codec
from paripassu.messages import (
    PROTOCOL_VERSION,
    Acknowledgement,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    acknowledgement_digest,
    acknowledgement_head,
    batch_digest,
    execution,
    packed_signatures,
)

HERE, THERE = LedgerId(f"eip155:{CHAIN_ID}"), LedgerId("eip155:31002")
SENT_AT = 1_803_888_000
GATEWAY = "Gateway"
ROTATORS = ("bridge_operator", "issuer")
"""The roles that agree to another set of attestors."""


class PariPassuBridge(Bridge):
    name = "paripassu"
    quorum = "three signatures of five legal entities over the batch; each message isolated, in order, once"
    remarks: ClassVar = {
        "send": "by an application, here an account of its own, in the ERC-7786 event",
        "round_trip_1": "sent, executed, acknowledged at its source, each in a transaction of its own",
        "round_trip_100": "a hundred sent by one application in one transaction, executed in one, "
        "acknowledged in one",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._platform = PariPassu(bench)
        self._signers = attestors()
        self._nonces: dict[Purpose, int] = {}
        self._sent: dict[Purpose, int] = {}
        self._recipients: dict[Purpose, str] = {}

    def measure(self) -> Figures:
        self._set_up()
        gas = self.figures.gas
        gas["execute_1"] = self._execute(1, PAYLOAD)
        gas["execute_10"] = self._execute(10, PAYLOAD) // 10
        hundred = self._execute(100, PAYLOAD)
        gas["execute_100"] = hundred // 100
        gas["execute_100_record"] = self._execute(100, RECORD) // 100
        self._send()
        gas["send"] = self._send()
        self._acknowledge(Purpose.QUOTA)
        self._send()
        gas["round_trip_1"] = gas["send"] + gas["execute_1"] + self._acknowledge(Purpose.QUOTA)
        self._send_many(100)
        self._acknowledge(Purpose.ORDER)
        many = self._send_many(100)
        gas["round_trip_100"] = (many + hundred + self._acknowledge(Purpose.ORDER)) // 100
        self.figures.notes = dict(self.remarks)
        return self.figures

    def _set_up(self) -> None:
        """The platform, a set of five, a lane to receive in, and two to send in; then the first message."""
        self._platform.deploy_platform()
        self._gateway = self._platform.address_of(GATEWAY)
        code = receivers()
        receiver = self.bench.create(USER, code["Erc7786Receiver"])
        self._sender = self.bench.create(USER, code["Erc7786Sender"])
        members = [(one.address, bytes(keccak256(one.name.encode()))) for one in self._signers]
        rotation = codec(GATEWAY).encode("rotate", members, THRESHOLD)
        self._platform.agree(self._gateway, rotation, ROTATORS)
        self._set_version = int(self.bench.read(self._gateway, "attestors()", returns="uint32"))
        for purpose, app in (
            (Purpose.RECEIPT, receiver),
            (Purpose.QUOTA, USER),
            (Purpose.ORDER, self._sender),
        ):
            self._recipients[purpose] = app
            self._operate("setLane", THERE.numeric, int(purpose), app, InteropAddress(THERE, app).encode())
        self._must_refuse_strangers()
        self._execute(1, PAYLOAD)

    def _must_refuse_strangers(self) -> None:
        members, nonces = self._signers, dict(self._nonces)
        self._signers = strangers()
        self.must_refuse(lambda: self._execute(1, PAYLOAD), self._received)
        self._signers, self._nonces = members, nonces

    def _operate(self, function: str, *values: object) -> None:
        self._platform.restricted(self._gateway, GATEWAY, function, *values)

    def _execute(self, count: int, payload: bytes) -> int:
        """Deliver so many messages in one batch; the gas of the transaction. Each must have taken effect."""
        purpose = Purpose.RECEIPT
        first = self._nonces.get(purpose, 0) + 1
        self._nonces[purpose] = first + count - 1
        batch = Batch(
            self._set_version,
            tuple(self._message(purpose, first + number, payload) for number in range(count)),
        )
        signatures = self._signed(batch_digest(batch, self._domain))
        arguments = execution(batch, (1 << THRESHOLD) - 1, signatures, known=True)
        before = self._received()
        gas = self.bench.send(USER, self._gateway, codec(GATEWAY).encode("execute", *arguments)).gas
        assert self._received() == before + count, "a message had no effect"
        return gas

    def _message(self, purpose: Purpose, nonce: int, payload: bytes) -> Message:
        app = self._recipients[purpose]
        return Message(
            lane=Lane(THERE, HERE, purpose),
            nonce=nonce,
            timestamp=SENT_AT,
            expiry=0,
            version=PROTOCOL_VERSION,
            sender=InteropAddress(THERE, app).encode(),
            recipient=InteropAddress(HERE, app).encode(),
            payload=payload,
        )

    def _send(self) -> int:
        """Send one message from an application that is an account; the gas of the transaction."""
        data = codec(GATEWAY).encode("dispatch", THERE.numeric, int(Purpose.QUOTA), 0, PAYLOAD)
        return self._count(Purpose.QUOTA, 1, lambda: self.bench.send(USER, self._gateway, data).gas)

    def _send_many(self, count: int) -> int:
        """Send so many messages from one contract in one transaction."""
        data = call_data(
            "send(address,uint256,uint8,bytes,uint256)",
            self._gateway,
            THERE.numeric,
            int(Purpose.ORDER),
            PAYLOAD,
            count,
        )
        return self._count(Purpose.ORDER, count, lambda: self.bench.send(USER, self._sender, data).gas)

    def _count(self, purpose: Purpose, count: int, send: Callable[[], int]) -> int:
        gas = send()
        self._sent[purpose] = self._sent.get(purpose, 0) + count
        asked = ("outboundNonce(uint256,uint8)", THERE.numeric, int(purpose))
        assert self.bench.read(self._gateway, *asked, returns="uint64") == self._sent[purpose]
        return gas

    def _acknowledge(self, purpose: Purpose) -> int:
        """Attest at the source that all that was sent has arrived; the gas of the transaction."""
        said = Acknowledgement(self._set_version, Lane(HERE, THERE, purpose), self._sent[purpose], ())
        signatures = packed_signatures(self._signed(acknowledgement_digest(said, self._domain)))
        head = acknowledgement_head(said, (1 << THRESHOLD) - 1)
        data = codec(GATEWAY).encode("acknowledge", THERE.numeric, head, [], signatures)
        return self.bench.send(USER, self._gateway, data).gas

    @property
    def _domain(self) -> GatewayDomain:
        return GatewayDomain(HERE, bytes.fromhex(self._gateway[2:]))

    def _signed(self, digest: Bytes32) -> Sequence[bytes]:
        return [one.sign_digest(digest) for one in self._signers[:THRESHOLD]]

    def _received(self) -> int:
        return int(self.bench.read(self._recipients[Purpose.RECEIPT], "count()"))
