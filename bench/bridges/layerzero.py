"""LayerZero's endpoint with one verifier of several members, from the code that its npm packages ship."""

from __future__ import annotations

from typing import Any, ClassVar

from bench.bridges.peer import BATCHES, Peer, address_word
from bench.bridges.system import PAYLOAD, THRESHOLD, USER
from bench.chain import Bench, call_data
from bench.compiling import shipped
from bench.parties import EXPIRY, account
from paripassu.identifiers import keccak256

_HERE, _THERE = 30_301, 30_302
_NOBODY = "0x" + "0" * 40
_VERIFIER = 77
_CONFIRMATIONS = 15
_VERSION = b"\x01"
_OPTIONS = bytes.fromhex("0003" + "010011" + "01") + (200_000).to_bytes(16, "big")
"""Third kind of options: to the executor, 17 bytes, gas for the receipt."""

_EVERY_PRICE = 10**20
_DOLLAR = 10**18
_VERIFY = "verify(bytes,bytes32,uint64)"
_COMMIT = "commitVerification(bytes,bytes32)"
_RECEIVE = "lzReceive((uint32,bytes32,uint64),address,bytes32,bytes,bytes)"
_EXECUTE = "execute((uint32,address,bytes,uint256,bytes)[])"
_PARAMETERS = "(uint32,bytes32,bytes,bytes,bool)"
_ULN = "setDefaultUlnConfigs((uint32,(uint64,uint8,uint8,uint8,address[],address[]))[])"


class LayerZero(Peer):
    name = "layerzero-v2"
    quorum = "three signatures of five over each message, in the one verifier that the application asks for"
    remarks: ClassVar = {
        **dict.fromkeys(
            ("execute_1", *BATCHES),
            "two transactions: one has its verifier's word, one commits and receives",
        ),
        "send": "with its fees in the chain's own coin, to one verifier and its executor; the executor and "
        "the prices without their proxies",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._owner = account("layerzero owner")
        self._sender = address_word(account("layerzero sender on the other ledger"))
        self._number = 0

    # ------------------------------------------------------------------ set-up

    def set_up(self) -> None:
        owner, execute = self._owner, self.bench.execute
        types = ["uint32", "address"]
        endpoint = shipped("@layerzerolabs/lz-evm-protocol-v2", "EndpointV2")
        self._endpoint = self.bench.create(owner, endpoint, types, [_HERE, owner])
        self._inward = self._make("uln/uln302/ReceiveUln302", ["address"], [self._endpoint])
        parts = ["address", "uint256", "uint256"]
        self._outward = self._make("uln/uln302/SendUln302", parts, [self._endpoint, 200_000, _DOLLAR])
        self._prices = self._price_feed()
        self._dvn = self._verifier()
        lane: list[Any] = [(_THERE, (_CONFIRMATIONS, 1, 0, 0, [self._dvn], []))]
        for library in (self._inward, self._outward):
            execute(owner, library, _ULN, lane)
            execute(owner, self._endpoint, "registerLibrary(address)", library)
        executors = "setDefaultExecutorConfigs((uint32,(uint32,address))[])"
        execute(owner, self._outward, executors, [(_THERE, (10_000, self._executor()))])
        execute(owner, self._outward, "setTreasury(address)", self._make("Treasury"))
        execute(owner, self._endpoint, "setDefaultSendLibrary(uint32,address)", _THERE, self._outward)
        inward = "setDefaultReceiveLibrary(uint32,address,uint256)"
        execute(owner, self._endpoint, inward, _THERE, self._inward, 0)
        self.receiver = self.bench.create(USER, self.code["LayerZeroReceiver"], ["address"], [self._endpoint])

    def _make(self, contract: str, types: list[str] | None = None, values: list[Any] | None = None) -> str:
        code = shipped("@layerzerolabs/lz-evm-messagelib-v2", contract)
        return self.bench.create(self._owner, code, types or [], values or [])

    def _price_feed(self) -> str:
        made, owner, execute = self._make("PriceFeed"), self._owner, self.bench.execute
        execute(owner, made, "initialize(address)", owner)
        prices = "setPrice((uint32,(uint128,uint64,uint32))[])"
        execute(owner, made, prices, [(_THERE, (_EVERY_PRICE, 10**9, 16))])
        execute(owner, made, "setNativeTokenPriceUSD(uint128)", 3_000 * _EVERY_PRICE)
        return made

    def _verifier(self) -> str:
        owner, execute = self._owner, self.bench.execute
        types = ["uint32", "uint32", "address[]", "address", "address[]", "uint64", "address[]"]
        members = [one.address for one in self.signers]
        values = [_HERE, _VERIFIER, [self._outward], self._prices, members, THRESHOLD, [owner, USER]]
        made = self._make("uln/dvn/DVN", types, values)
        fees = self._make("uln/dvn/DVNFeeLib", ["uint32", "uint256"], [_HERE, _DOLLAR])
        execute(owner, made, "setWorkerFeeLib(address)", fees)
        lane = "setDstConfig((uint32,uint64,uint16,uint128)[])"
        execute(owner, made, lane, [(_THERE, 80_000, 0, 0)])
        return made

    def _executor(self) -> str:
        made, owner, execute = self._make("Executor"), self._owner, self.bench.execute
        initialise = "initialize(address,address,address[],address,address,address[])"
        libraries = [self._outward]
        execute(owner, made, initialise, self._endpoint, _NOBODY, libraries, self._prices, owner, [owner])
        fees = self._make("ExecutorFeeLib", ["uint32", "uint256"], [_HERE, _DOLLAR])
        execute(owner, made, "setWorkerFeeLib(address)", fees)
        lane = "setDstConfig((uint32,uint64,uint64,uint16,uint128,uint128)[])"
        execute(owner, made, lane, [(_THERE, 70_000, 0, 0, 0, _DOLLAR)])
        return made

    # ------------------------------------------------------------------ messages

    def deliver(self, count: int, payload: bytes) -> int:
        words, calls = [], []
        for _ in range(count):
            self._number += 1
            path = _THERE.to_bytes(4, "big") + self._sender + _HERE.to_bytes(4, "big")
            header = self._number.to_bytes(8, "big") + path + address_word(self.receiver)
            guid = bytes(keccak256(header))
            content = bytes(keccak256(guid + payload))
            words.append(self._word(_VERSION + header, content))
            calls.append((self._inward, call_data(_COMMIT, _VERSION + header, content)))
            origin = (_THERE, self._sender, self._number)
            receive = call_data(_RECEIVE, origin, self.receiver, guid, payload, b"")
            calls.append((self._endpoint, receive))
        return self.bench.execute(USER, self._dvn, _EXECUTE, words) + self.together(calls)

    def _word(self, header: bytes, content: bytes) -> tuple[Any, ...]:
        """What the verifier's members have signed: a call of the library."""
        call = call_data(_VERIFY, header, content, _CONFIRMATIONS)
        place = _VERIFIER.to_bytes(4, "big") + bytes.fromhex(self._inward[2:])
        said = keccak256(place + EXPIRY.to_bytes(32, "big") + call)
        digest = keccak256(b"\x19Ethereum Signed Message:\n32" + bytes(said))
        return _VERIFIER, self._inward, call, EXPIRY, b"".join(self.signed(digest))

    def send(self) -> int:
        message = (_THERE, address_word(self.receiver), PAYLOAD, _OPTIONS, False)
        asked = call_data(f"quote({_PARAMETERS},address)", message, USER)
        fee = int.from_bytes(self.bench.call(USER, self._endpoint, asked)[:32], "big")
        data = call_data(f"send({_PARAMETERS},address)", message, USER)
        return self.bench.send(USER, self._endpoint, data, value=fee).gas

    def sent(self) -> int:
        asked = "outboundNonce(address,uint32,bytes32)"
        to = address_word(self.receiver)
        return int(self.bench.read(self._endpoint, asked, USER, _THERE, to, returns="uint64"))
