"""Axelar's gateway with weighted signers, from the code that its npm package ships."""

from __future__ import annotations

from typing import Any, ClassVar

from eth_abi.abi import encode as abi_encode

from bench.bridges.peer import ORIGIN, Peer
from bench.bridges.system import PAYLOAD, THRESHOLD, USER
from bench.chain import Bench, call_data
from bench.compiling import PEERS, ROOT, compile_contracts, shipped
from bench.parties import account
from paripassu.identifiers import keccak256

_PACKAGE = "@axelar-network/axelar-gmp-sdk-solidity"
_SIGNERS = "((address,uint128)[],uint128,bytes32)"
_MESSAGE = "(string,string,string,address,bytes32)"
_APPROVE = f"approveMessages({_MESSAGE}[],({_SIGNERS},bytes[]))"
_EXECUTE = "execute(bytes32,string,string,bytes)"
_APPROVE_COMMAND = 0
_FROM = f"ledger-{ORIGIN}"


class Axelar(Peer):
    name = "axelar-amplifier"
    quorum = "three weighted signatures of five over each batch of approvals"
    remarks: ClassVar = {"execute_1": "two transactions: approval, then the application's own call"}

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("axelar owner")
        self._domain = bytes(keccak256(b"axelar domain"))
        members = [(one.address, 1) for one in self.signers]
        self._signers = (members, THRESHOLD, bytes(keccak256(b"axelar signers")))
        self._sent = self._number = 0

    def set_up(self) -> None:
        create, owner = self.bench.create, self._owner
        logic = create(
            owner,
            shipped(_PACKAGE, "gateway/AxelarAmplifierGateway"),
            ["uint256", "bytes32", "uint256"],
            [15, self._domain, 0],
        )
        set_up = abi_encode(["address", f"{_SIGNERS}[]"], [owner, [self._signers]])
        proxy = shipped(_PACKAGE, "gateway/AxelarAmplifierGatewayProxy")
        self._gateway = create(owner, proxy, ["address", "address", "bytes"], [logic, owner, set_up])
        self.receiver = create(USER, receiver(), ["address"], [self._gateway])

    def deliver(self, count: int, payload: bytes) -> int:
        approved, calls = self._approve(count, payload)
        if count > 1:
            apart = self._each_apart(count, payload)
            scenario = f"execute_{count}" + ("" if payload == PAYLOAD else "_record")
            self.figures.notes[scenario] = (
                "one transaction approves all, one makes all calls; "
                f"{apart // count:,} each where every call has a transaction of its own"
            )
        return approved + self.together([(self.receiver, call) for call in calls])

    def send(self) -> int:
        call = call_data("callContract(string,string,bytes)", _FROM, self.receiver, PAYLOAD)
        receipt = self.bench.send(USER, self._gateway, call)
        event = bytes(keccak256(b"ContractCall(address,string,string,bytes32,bytes)"))
        self._sent += sum(topics[0] == event for topics in receipt.topics)
        return receipt.gas

    def sent(self) -> int:
        return self._sent

    def _each_apart(self, count: int, payload: bytes) -> int:
        """The same with a transaction for every call; undone, as the receiver must not count it."""
        number = self._number
        with self.bench.undone():
            approved, calls = self._approve(count, payload)
            gas = approved + sum(self.bench.send(USER, self.receiver, call).gas for call in calls)
        self._number = number
        return gas

    def _approve(self, count: int, payload: bytes) -> tuple[int, list[bytes]]:
        """The gas of an approval of so many messages, and the calls that it allows."""
        messages: list[tuple[Any, ...]] = []
        calls = []
        for _ in range(count):
            self._number += 1
            name = f"0x{keccak256(str(self._number).encode()).hex().removeprefix('0x')}-{self._number}"
            messages.append((_FROM, name, USER, self.receiver, bytes(keccak256(payload))))
            command = bytes(keccak256(f"{_FROM}_{name}".encode()))
            calls.append(call_data(_EXECUTE, command, _FROM, USER, payload))
        said = keccak256(abi_encode(["uint8", f"{_MESSAGE}[]"], [_APPROVE_COMMAND, messages]))
        signers = keccak256(abi_encode([_SIGNERS], [self._signers]))
        digest = keccak256(b"\x19Ethereum Signed Message:\n96" + self._domain + bytes(signers) + bytes(said))
        proof = (self._signers, self.signed(digest))
        return self.bench.execute(USER, self._gateway, _APPROVE, messages, proof), calls


def receiver() -> bytes:
    """Creation code of the bench's receiver as an application of Axelar's; takes the gateway."""
    remappings = {"bench/": ROOT / "bench", "@axelar-network/": PEERS / "@axelar-network"}
    return compile_contracts(["bench/bridges/AxelarReceiver.sol"], remappings)["AxelarReceiver"]
