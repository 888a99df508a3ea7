"""Hyperlane's mailbox with a multisig module, from the code that its npm package ships."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from eth_utils.address import to_checksum_address

from bench.bridges.peer import BATCHES, ORIGIN, Peer, address_word
from bench.bridges.system import PAYLOAD, THRESHOLD, USER
from bench.chain import CHAIN_ID, Bench, call_data
from bench.compiling import in_factory
from bench.parties import account
from paripassu.identifiers import keccak256

_PACKAGE = "@hyperlane-xyz/core"
_PROXIES = "@openzeppelin/contracts/proxy/transparent/"
_PROXY = f"{_PROXIES}TransparentUpgradeableProxy.sol/TransparentUpgradeableProxy"
_MULTISIG = "contracts/isms/multisig/StaticMultisigIsm.sol/Static{kind}MultisigIsmFactory"
_MOST_FEE = 10**18
_VERSION = 3
_DEPTH = 32


class HyperlaneMessageId(Peer):
    name = "hyperlane-messageid"
    quorum = "three signatures of five over each message"
    kind: ClassVar = "MessageId"
    sends_averaged: ClassVar = 16
    remarks: ClassVar = {
        **dict.fromkeys(BATCHES, "it has none: calls of process in one transaction, signatures in each"),
        "send": "into its tree of messages, a fee of zero; mean of sixteen, as no two take the same",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("hyperlane owner")
        self._nonce = 0
        self.sender = USER
        self._tree_there = address_word(account("hyperlane tree of the other ledger"))

    def set_up(self) -> None:
        create, owner, execute = self.bench.create, self._owner, self.bench.execute
        logic = create(owner, _code("contracts/Mailbox"), ["uint32"], [CHAIN_ID])
        admin = create(owner, _code(f"{_PROXIES}ProxyAdmin"))
        parts = ["address", "address", "bytes"]
        self.mailbox = create(owner, _code(_PROXY), parts, [logic, admin, b""])
        tree = create(owner, _code("contracts/hooks/MerkleTreeHook"), ["address"], [self.mailbox])
        fee = create(
            owner,
            _code("contracts/hooks/ProtocolFee"),
            ["uint256", "uint256", "address", "address"],
            [_MOST_FEE, 0, owner, owner],
        )
        initialise = "initialize(address,address,address,address)"
        execute(owner, self.mailbox, initialise, owner, self._module(), tree, fee)
        self.receiver = create(USER, self.code["HyperlaneReceiver"], ["address"], [self.mailbox])

    def deliver(self, count: int, payload: bytes) -> int:
        calls = []
        for _ in range(count):
            message = self._message(payload)
            call = call_data("process(bytes,bytes)", self.metadata(message), message)
            calls.append((self.mailbox, call))
        return self.together(calls)

    def send(self) -> int:
        dispatch = "dispatch(uint32,bytes32,bytes)"
        return self.bench.execute(USER, self.mailbox, dispatch, ORIGIN, address_word(self.receiver), PAYLOAD)

    def sent(self) -> int:
        return int(self.bench.read(self.mailbox, "nonce()", returns="uint32"))

    def metadata(self, message: bytes) -> bytes:
        """What the module is shown: tree, root, index in it, signatures."""
        root = bytes(keccak256(b"root after " + message))
        index = self._nonce.to_bytes(4, "big")
        return self._tree_there + root + index + self._signatures(root, index, keccak256(message))

    def _signatures(self, root: bytes, index: bytes, message_id: bytes) -> bytes:
        """Of a checkpoint: that the tree has this root once the message is in it."""
        domain = keccak256(ORIGIN.to_bytes(4, "big") + self._tree_there + b"HYPERLANE")
        said = keccak256(bytes(domain) + root + index + message_id)
        return b"".join(self.signed(keccak256(b"\x19Ethereum Signed Message:\n32" + bytes(said))))

    def _message(self, payload: bytes) -> bytes:
        self._nonce += 1
        head = bytes([_VERSION]) + self._nonce.to_bytes(4, "big") + ORIGIN.to_bytes(4, "big")
        to = CHAIN_ID.to_bytes(4, "big") + address_word(self.receiver)
        return head + address_word(self.sender) + to + payload

    def _module(self) -> str:
        factory = self.bench.create(self._owner, _code(_MULTISIG.format(kind=self.kind)))
        members = [one.address for one in self.signers]
        self.bench.execute(self._owner, factory, "deploy(address[],uint8)", members, THRESHOLD)
        get = "getAddress(address[],uint8)"
        return to_checksum_address(self.bench.read(factory, get, members, THRESHOLD, returns="address"))


class HyperlaneMerkleRoot(HyperlaneMessageId):
    name = "hyperlane-merkleroot"
    quorum = "three signatures of five over the root of the tree that the message is in, for each message"
    kind: ClassVar = "MerkleRoot"

    def metadata(self, message: bytes) -> bytes:
        """Tree, index of the message, signed message, proof, signed index, signatures."""
        message_id, index = bytes(keccak256(message)), self._nonce.to_bytes(4, "big")
        proof = [bytes(keccak256(f"sibling {level}".encode())) for level in range(_DEPTH)]
        root = _root(message_id, self._nonce, proof)
        head = self._tree_there + index + message_id + b"".join(proof) + index
        return head + self._signatures(root, index, message_id)


def _root(leaf: bytes, index: int, proof: list[bytes]) -> bytes:
    node = leaf
    for level, sibling in enumerate(proof):
        right = index >> level & 1
        node = bytes(keccak256(sibling + node if right else node + sibling))
    return node


@cache
def _code(contract: str) -> bytes:
    return in_factory(_PACKAGE, contract)
