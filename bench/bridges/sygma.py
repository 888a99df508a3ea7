"""Sygma's bridge with its handler for calls, from the code that its npm package ships."""

from __future__ import annotations

from typing import ClassVar

from eth_abi.abi import encode as abi_encode

from bench.bridges.peer import Peer, address_word
from bench.bridges.system import PAYLOAD, USER
from bench.chain import CHAIN_ID, Bench
from bench.compiling import built
from bench.parties import account
from paripassu.identifiers import keccak256

_PACKAGE = "@buildwithsygma/sygma-contracts"
_HERE, _THERE = 1, 2
_RESOURCE = bytes(keccak256(b"sygma resource"))
_MOST_GAS = 200_000
_PROPOSAL = "Proposal(uint8 originDomainID,uint64 depositNonce,bytes32 resourceID,bytes data)"
_PROPOSAL_TYPE = bytes(keccak256(_PROPOSAL.encode()))
_PROPOSALS_TYPE = bytes(keccak256(b"Proposals(Proposal[] proposals)" + _PROPOSAL.encode()))
_DOMAIN_TYPE = bytes(
    keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
)
_RECEIVE = bytes(keccak256(b"receiveFrom(address,bytes)"))[:4]


class Sygma(Peer):
    name = "sygma-2.10"
    quorum = "one signature over the batch, of a key that its relayers hold in shares; each message isolated"
    signatures = 1
    remarks: ClassVar = {"send": "no fee handler"}

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("sygma owner")
        self._nonce = 0

    def set_up(self) -> None:
        create, owner, execute = self.bench.create, self._owner, self.bench.execute
        access = create(owner, self.code["SygmaAccess"])
        code = built(_PACKAGE, "Bridge")
        self._bridge = create(owner, code, ["uint8", "address"], [_HERE, access])
        handler = create(owner, built(_PACKAGE, "GmpHandler"), ["address"], [self._bridge])
        set_resource = "adminSetResource(address,bytes32,address,bytes)"
        execute(owner, self._bridge, set_resource, handler, _RESOURCE, handler, b"")
        execute(owner, self._bridge, "endKeygen(address)", self.signers[0].address)
        self.receiver = create(USER, self.code["SygmaReceiver"], ["address"], [handler])

    def deliver(self, count: int, payload: bytes) -> int:
        proposals = []
        for _ in range(count):
            self._nonce += 1
            proposals.append((_THERE, self._nonce, _RESOURCE, self._data(payload)))
        signature = self.signed(self._digest(proposals))[0]
        function = "executeProposals((uint8,uint64,bytes32,bytes)[],bytes)"
        return self.bench.execute(USER, self._bridge, function, proposals, signature)

    def send(self) -> int:
        function = "deposit(uint8,bytes32,bytes,bytes)"
        return self.bench.execute(USER, self._bridge, function, _THERE, _RESOURCE, self._data(PAYLOAD), b"")

    def sent(self) -> int:
        return int(self.bench.read(self._bridge, "_depositCounts(uint8)", _THERE, returns="uint64"))

    def _data(self, payload: bytes) -> bytes:
        """Most gas, function, receiver and depositor, packed; then what follows the depositor in the call."""
        to, depositor = bytes.fromhex(self.receiver[2:]), bytes.fromhex(USER[2:])
        head = _MOST_GAS.to_bytes(32, "big") + len(_RECEIVE).to_bytes(2, "big") + _RECEIVE
        rest = abi_encode(["address", "bytes"], [USER, payload])[32:]
        return head + bytes([len(to)]) + to + bytes([len(depositor)]) + depositor + rest

    def _digest(self, proposals: list[tuple[int, int, bytes, bytes]]) -> bytes:
        """EIP-712."""
        hashes = b"".join(
            bytes(
                keccak256(
                    abi_encode(
                        ["bytes32", "uint8", "uint64", "bytes32", "bytes32"],
                        [_PROPOSAL_TYPE, origin, nonce, resource, bytes(keccak256(data))],
                    )
                )
            )
            for origin, nonce, resource, data in proposals
        )
        name, version = bytes(keccak256(b"Bridge")), bytes(keccak256(b"3.1.0"))
        parts = _DOMAIN_TYPE + name + version + CHAIN_ID.to_bytes(32, "big") + address_word(self._bridge)
        said = keccak256(_PROPOSALS_TYPE + bytes(keccak256(hashes)))
        return bytes(keccak256(b"\x19\x01" + bytes(keccak256(parts)) + bytes(said)))
