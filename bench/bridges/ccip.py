"""Chainlink's CCIP 1.6, from the code that its npm package ships."""

from __future__ import annotations

from typing import Any, ClassVar

from eth_abi.abi import encode as abi_encode

from bench.bridges.peer import BATCHES, Peer, address_word
from bench.bridges.system import PAYLOAD, USER
from bench.chain import Bench, call_data
from bench.compiling import PEERS, compile_contracts, plain_code
from bench.parties import account
from paripassu.identifiers import keccak256
from paripassu.ledgers.signers import KeySigner, dev_key

_PACKAGE = "@chainlink/contracts-ccip"
_HERE, _THERE = 5_009_297_550_715_157_269, 4_949_039_107_694_359_620
_NOBODY = "0x" + "0" * 40
_COMMIT, _EXECUTION = 0, 1
_FAULTY = 2
"""How many oracles may be faulty: one more has to sign, more than three times as many have to be there."""

_SEND_GAS = 200_000
_GENERIC_ARGS = bytes.fromhex("181dcf10")
_EVM_FAMILY = bytes.fromhex("2812d52c")

_HEADER = "(bytes32,uint64,uint64,uint64,uint64)"
_TOKENS = "(bytes,address,uint32,bytes,uint256)[]"
_MESSAGE = f"({_HEADER},bytes,bytes,address,uint256,{_TOKENS})"
_REPORT = f"(uint64,{_MESSAGE}[],bytes[][],bytes32[],uint256)[]"
_ROOTS = "(uint64,bytes,uint64,uint64,bytes32)[]"
_PRICES = "((address,uint224)[],(uint64,uint224)[])"
_COMMITMENT = f"({_PRICES},{_ROOTS},{_ROOTS},(bytes32,bytes32)[])"
_SEND = "ccipSend(uint64,(bytes,bytes,(address,uint256)[],address,bytes))"
_CONFIGS = "setOCR3Configs((bytes32,uint8,uint8,bool,address[],address[])[])"
_LANE = (
    "(uint64,(bool,uint16,uint32,uint32,uint32,uint8,uint8,uint16,uint32,uint16,uint16,bytes4,bool,uint16,"
    "uint32,uint32,uint64,uint32,uint32))[]"
)


class Ccip(Peer):
    name = "ccip-1.6"
    quorum = "three signatures of seven, its least for three, over the root of a batch; each message isolated"
    remarks: ClassVar = {
        **dict.fromkeys(
            ("execute_1", *BATCHES),
            "two transactions, the root and the execution; without the blessing of its second network, and "
            "in no order",
        ),
        "send": "with its fee in the chain's own coin",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        more = [KeySigner(name, dev_key(name)) for name in ("sixth oracle", "seventh oracle")]
        self._oracles = [one.address for one in [*self.signers, *more]]
        self._owner = account("ccip owner")
        self._on_ramp_there = address_word(account("ccip on-ramp of the other ledger"))
        self._digests = {one: bytes(keccak256(f"plugin {one}".encode())) for one in (_COMMIT, _EXECUTION)}
        self._reports = self._number = 0

    # ------------------------------------------------------------------ set-up

    def set_up(self) -> None:
        create, owner = self.bench.create, self._owner
        self._coin = create(owner, _wrapped_coin())
        remote = create(owner, _code("1_6_0/rmn_remote"), ["uint64", "address"], [_HERE, _NOBODY])
        self._remote = create(owner, _code("1_0_0/rmn_proxy_contract"), ["address"], [remote])
        wired = [self._coin, self._remote]
        self._router = create(owner, _code("1_2_0/router"), ["address", "address"], wired)
        self._nonces = create(owner, _code("1_6_0/nonce_manager"), ["address[]"], [[]])
        self._fees = self._fee_quoter()
        self._off_ramp = self._make_off_ramp()
        self._on_ramp = self._make_on_ramp()
        ramps = "applyRampUpdates((uint64,address)[],(uint64,address)[],(uint64,address)[])"
        outward, inward = [(_THERE, self._on_ramp)], [(_THERE, self._off_ramp)]
        self.bench.execute(owner, self._router, ramps, outward, [], inward)
        self.receiver = create(USER, self.code["CcipReceiver"], ["address"], [self._router])

    def _fee_quoter(self) -> str:
        """With one lane, priced in the chain's coin."""
        owner, link = self._owner, account("ccip link")
        lane = (True, 1, 30_000, 3_000_000, 300_000, 16, 40, 3_000, 0, 16, 0, _EVM_FAMILY, False)
        fees = (25, 90_000, _SEND_GAS, 11 * 10**17, 0, 10)
        types = {
            "(uint96,address,uint32)": (10**24, link, 86_400),
            "address[]": [owner],
        }
        rest = ["address[]", "(address,(address,uint8,bool))[]"]
        rest += [
            "(uint64,(address,(uint32,uint32,uint16,uint32,uint32,bool))[])[]",
            "(address,uint64)[]",
            _LANE,
        ]
        values = [[self._coin], [], [], [(self._coin, 10**18)], [(_THERE, (*lane, *fees))]]
        code = _code("1_6_3/fee_quoter")
        made = self.bench.create(owner, code, [*types, *rest], [*types.values(), *values])
        prices = ([(self._coin, 3_000 * 10**18), (link, 20 * 10**18)], [(_THERE, 10**12)])
        self.bench.execute(owner, made, f"updatePrices({_PRICES})", prices)
        return made

    def _make_off_ramp(self) -> str:
        types = [
            "(uint64,uint16,address,address,address)",
            "(address,uint32,address)",
            "(address,uint64,bool,bool,bytes)[]",
        ]
        values = [
            (_HERE, 5_000, self._remote, self._owner, self._nonces),
            (self._fees, 3_600, _NOBODY),
            [(self._router, _THERE, True, True, self._on_ramp_there)],
        ]
        made = self.bench.create(self._owner, _code("1_6_0/offramp"), types, values)
        committing = (self._digests[_COMMIT], _COMMIT, _FAULTY, True, self._oracles, [USER])
        executing: tuple[Any, ...] = (self._digests[_EXECUTION], _EXECUTION, _FAULTY, False, [], [USER])
        self.bench.execute(self._owner, made, _CONFIGS, [committing, executing])
        return made

    def _make_on_ramp(self) -> str:
        owner = self._owner
        types = [
            "(uint64,address,address,address)",
            "(address,bool,address,address,address)",
            "(uint64,address,bool)[]",
        ]
        values: list[Any] = [
            (_HERE, self._remote, self._nonces, owner),
            (self._fees, False, _NOBODY, owner, owner),
            [(_THERE, self._router, False)],
        ]
        return self.bench.create(owner, _code("1_6_0/onramp"), types, values)

    # ------------------------------------------------------------------ messages

    def deliver(self, count: int, payload: bytes) -> int:
        first = self._number + 1
        messages = [self._message(payload) for _ in range(count)]
        return self._commit(first, _root([self._leaf(one) for one in messages])) + self._execute(messages)

    def _message(self, payload: bytes) -> tuple[Any, ...]:
        self._number += 1
        name = bytes(keccak256(f"ccip message {self._number}".encode()))
        header = (name, _THERE, _HERE, self._number, 0)
        return header, address_word(USER), payload, self.receiver, _SEND_GAS, []

    def _leaf(self, message: tuple[Any, ...]) -> bytes:
        (name, _, _, number, nonce), sender, payload, receiver, gas, tokens = message
        version = bytes(keccak256(b"Any2EVMMessageHashV1"))
        lane = _hashed(
            ["bytes32", "uint64", "uint64", "bytes32"],
            [version, _THERE, _HERE, bytes(keccak256(self._on_ramp_there))],
        )
        fixed = _hashed(
            ["bytes32", "address", "uint64", "uint256", "uint64"], [name, receiver, number, gas, nonce]
        )
        rest = [bytes(keccak256(sender)), bytes(keccak256(payload)), _hashed([_TOKENS], [tokens])]
        return _hashed(["bytes32"] * 6, [b"\0" * 32, lane, fixed, *rest])

    def _commit(self, first: int, root: bytes) -> int:
        roots = [(_THERE, self._on_ramp_there, first, self._number, root)]
        report = abi_encode([_COMMITMENT], [(([], []), [], roots, [])])
        context = self._context(_COMMIT)
        signatures = self.signed(keccak256(bytes(keccak256(report)) + b"".join(context)))
        function = "commit(bytes32[2],bytes,bytes32[],bytes32[],bytes32)"
        parities = bytes(one[64] - 27 for one in signatures).ljust(32, b"\0")
        halves = [one[:32] for one in signatures], [one[32:64] for one in signatures]
        return self.bench.execute(USER, self._off_ramp, function, context, report, *halves, parities)

    def _execute(self, messages: list[tuple[Any, ...]]) -> int:
        every_pair = (1 << len(messages) - 1) - 1
        report = abi_encode([_REPORT], [[(_THERE, messages, [[]] * len(messages), [], every_pair)]])
        function = "execute(bytes32[2],bytes)"
        return self.bench.execute(USER, self._off_ramp, function, self._context(_EXECUTION), report)

    def _context(self, plugin: int) -> list[bytes]:
        self._reports += 1
        return [self._digests[plugin], self._reports.to_bytes(32, "big")]

    def send(self) -> int:
        arguments = _GENERIC_ARGS + abi_encode(["uint256", "bool"], [_SEND_GAS, True])
        message: tuple[Any, ...] = (address_word(self.receiver), PAYLOAD, [], _NOBODY, arguments)
        asked = call_data(_SEND.replace("ccipSend", "getFee"), _THERE, message)
        fee = int.from_bytes(self.bench.call(USER, self._router, asked), "big")
        return self.bench.send(USER, self._router, call_data(_SEND, _THERE, message), value=fee).gas

    def sent(self) -> int:
        asked = "getExpectedNextSequenceNumber(uint64)"
        return int(self.bench.read(self._on_ramp, asked, _THERE, returns="uint64"))


def _root(leaves: list[bytes]) -> bytes:
    """Pairs from the front, each result to the end, until one is left."""
    nodes = list(leaves)
    while len(nodes) > 1:
        pair = sorted(nodes[:2])
        nodes = [*nodes[2:], _hashed(["uint256", "bytes32", "bytes32"], [1, *pair])]
    return nodes[0]


def _hashed(types: list[str], values: list[Any]) -> bytes:
    return bytes(keccak256(abi_encode(types, values)))


def _code(name: str) -> bytes:
    return plain_code(_PACKAGE, f"bytecode/v{name}.bin")


def _wrapped_coin() -> bytes:
    return compile_contracts(["solady/src/tokens/WETH.sol"], {"solady/": PEERS / "solady"})["WETH"]
