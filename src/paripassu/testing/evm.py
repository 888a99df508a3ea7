"""A chain inside the process: the shipped bytecode at thousands of calls a second.

    chain = EvmChain()
    holders = chain.deploy("HolderRegistry", authority, approvals)
    holders.send("setStatus", "holder_fr", False, reason, sender="registrar")
    holders.call("recordOf", "holder_fr")

For property tests, which need more calls than a node answers. Accounts are named by role; there
are no signatures, nonces, fees or mining, and time stands still until it is told to move. Code
runs at the hard fork that the contracts are compiled for (Paris). A refusal is a `Reverted` with
the custom error's name and arguments.

Needs `pyrevm`, which the development extra brings and the package does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, Log

from paripassu import artefacts
from paripassu.identifiers import keccak256
from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.testing.abi import Arguments, selector, signature

START = 1_803_888_000
"""2027-03-01 08:00 UTC: where the calendar of all test ledgers starts."""

GAS_LIMIT = 16_777_216
"""The cap of a transaction on mainnet (EIP-7825), so that nothing passes here that no chain takes."""

HARD_FORK = "Merge"
"""pyrevm's name for Paris; it takes a name that it does not know for the newest fork."""

PADDING = 33
"""Zero bytes that pyrevm's analysis leaves behind the code."""

_REVERT = re.compile(r"^Revert \{ gas_used: (\d+), output: 0x([0-9a-f]*) \}$")
_BUILT_IN = {
    "08c379a0": ("Error", Arguments([{"type": "string"}])),
    "4e487b71": ("Panic", Arguments([{"type": "uint256"}])),
}


class Reverted(Exception):
    """The contract refused.

    Attributes:
        error: name of the custom error, `Error` or `Panic`; empty when there was no reason,
            and `Halt` when the machine stopped (no gas, invalid opcode).
        arguments: its arguments; addresses are lower-case hex.
        data: the raw reason.
    """

    def __init__(self, error: str, arguments: tuple[Any, ...], data: bytes) -> None:
        super().__init__(f"{error}{arguments}" if error else "without a reason")
        self.error = error
        self.arguments = arguments
        self.data = data


@cache
def signer(name: str) -> KeySigner:
    """The account named `name`, with the same key and address as on every local network."""
    return KeySigner(name, dev_key(name))


@cache
def address_of(name: str) -> str:
    """Lower-case address of the account named `name`."""
    return signer(name).address.lower()


def name_or_address(given: object) -> str:
    """Lower-case address of a contract, an address in any form, or a name."""
    if isinstance(given, Contract):
        return given.address
    if isinstance(given, bytes):
        return "0x" + given.hex()
    text = str(given)
    return text.lower() if re.fullmatch(r"0x[0-9a-fA-F]{40}", text) else address_of(text)


@cache
def known_errors() -> dict[str, tuple[str, Arguments]]:
    """Custom errors of all shipped contracts, by selector."""
    found = dict(_BUILT_IN)
    for name in artefacts.names():
        for entry in artefacts.load(name).abi:
            if entry["type"] == "error":
                found[selector(entry).hex()] = (entry["name"], Arguments(entry["inputs"], name_or_address))
    return found


@cache
def known_events() -> dict[bytes, dict[str, Any]]:
    """Events of all shipped contracts, by first topic."""
    entries = [entry for name in artefacts.names() for entry in artefacts.load(name).abi]
    return {
        bytes(keccak256(signature(entry).encode())): entry
        for entry in entries
        if entry["type"] == "event" and not entry.get("anonymous")
    }


@dataclass(frozen=True, slots=True)
class Happening:
    """One decoded event; `name` is empty when no shipped contract has it."""

    contract: str
    name: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did: its answer, gas, and events."""

    value: Any
    gas: int
    logs: tuple[Log, ...]

    @property
    def events(self) -> list[Happening]:
        """The events in order; decoded when asked for, since most tests look at none."""
        return [_decoded(log) for log in self.logs]

    def named(self, name: str) -> list[Happening]:
        """The events of one name."""
        return [event for event in self.events if event.name == name]


def _decoded(log: Log) -> Happening:
    topics, data = log.data
    entry = known_events().get(bytes(topics[0])) if topics else None
    if entry is None:
        return Happening(str(log.address).lower(), "", {"topics": topics, "data": data})
    indexed = [item for item in entry["inputs"] if item["indexed"]]
    plain = [item for item in entry["inputs"] if not item["indexed"]]
    values: dict[str, Any] = {}
    for item, topic in zip(indexed, topics[1:], strict=True):
        hashed = item["type"] in ("string", "bytes", "tuple") or item["type"].endswith("]")
        values[item["name"]] = topic if hashed else decode([item["type"]], topic)[0]
    values |= {
        item["name"]: value
        for item, value in zip(plain, Arguments(plain, name_or_address).decoded(data), strict=True)
    }
    return Happening(str(log.address).lower(), entry["name"], values)


class Contract:
    """A contract at an address, called by the names of its ABI (several ABIs for a split contract)."""

    def __init__(self, chain: EvmChain, address: str, abi: Sequence[dict[str, Any]]) -> None:
        self.chain = chain
        self.address = address
        self._functions: dict[str, list[tuple[bytes, Arguments, Arguments]]] = {}
        known: set[bytes] = set()
        for entry in abi:
            if entry["type"] != "function" or selector(entry) in known:
                continue
            known.add(selector(entry))
            inputs, outputs = Arguments(entry["inputs"], name_or_address), Arguments(entry["outputs"])
            for key in (entry["name"], signature(entry)):
                self._functions.setdefault(key, []).append((selector(entry), inputs, outputs))

    def data(self, function: str, *arguments: Any) -> bytes:
        """Calldata. An overloaded function goes by its number of arguments, or by its signature."""
        return self._prepared(function, arguments)[0]

    def call(self, function: str, *arguments: Any, sender: object = "reader") -> Any:
        """What a view answers: one value as it is, several as a tuple. Raises Reverted."""
        calldata, outputs = self._prepared(function, arguments)
        return outputs.answer(self.chain.static(self.address, calldata, sender))

    def send(self, function: str, *arguments: Any, sender: object, value: int = 0) -> Receipt:
        """Carry out a transaction. Raises Reverted, and then nothing has changed."""
        calldata, outputs = self._prepared(function, arguments)
        output, gas, logs = self.chain.transact(self.address, calldata, sender, value)
        return Receipt(outputs.answer(output), gas, logs)

    def has(self, function: str) -> bool:
        """Whether the ABI has a function of this name or signature."""
        return function in self._functions

    def _prepared(self, function: str, arguments: tuple[Any, ...]) -> tuple[bytes, Arguments]:
        candidates = [item for item in self._functions[function] if len(item[1]) == len(arguments)]
        if len(candidates) != 1:
            raise TypeError(f"{function} with {len(arguments)} arguments: {len(candidates)} candidates")
        head, inputs, outputs = candidates[0]
        return head + inputs.encoded(arguments), outputs


class EvmChain:
    """One chain. `chain_id` and `timestamp` as contracts read them."""

    def __init__(self, chain_id: int = 31_001, timestamp: int = START) -> None:
        self.chain_id = chain_id
        self._evm = EVM(env=Env(cfg=CfgEnv(chain_id=chain_id)), gas_limit=GAS_LIMIT, spec_id=HARD_FORK)
        self._deployed: set[str] = set()
        self._block = 1
        self.now = timestamp
        self.advance(0)

    def advance(self, seconds: int) -> None:
        """Let time pass, and one block."""
        self._at(self._block + 1, self.now + seconds)

    def _at(self, block: int, time: int) -> None:
        self._block, self.now = block, time
        self._evm.set_block_env(BlockEnv(number=block, timestamp=time))

    def deploy(self, name: str, *arguments: Any, sender: object = "deployer") -> Contract:
        """Deploy the shipped contract `name`. Raises Reverted."""
        artefact = artefacts.load(name)
        inputs = [entry["inputs"] for entry in artefact.abi if entry["type"] == "constructor"]
        data = Arguments(inputs[0] if inputs else (), name_or_address).encoded(arguments)
        address = self._run(
            lambda: self._evm.deploy(name_or_address(sender), artefact.bytecode + data, gas=GAS_LIMIT)
        )
        self._deployed.add(str(address).lower())
        return Contract(self, str(address).lower(), artefact.abi)

    def at(self, address: object, *names: str) -> Contract:
        """The contract at an address, seen through the ABIs of one or more shipped contracts."""
        abi = [entry for name in names for entry in artefacts.load(name).abi]
        return Contract(self, name_or_address(address), abi)

    def static(self, target: str, data: bytes, sender: object) -> bytes:
        """Answer of a call that may change nothing. Raises Reverted."""
        caller = name_or_address(sender)
        output: bytes = self._run(lambda: self._evm.message_call(caller, target, data, is_static=True))
        return bytes(output)

    def transact(
        self, target: str, data: bytes, sender: object, value: int = 0
    ) -> tuple[bytes, int, tuple[Log, ...]]:
        """Answer, gas and logs of a transaction with raw calldata. Raises Reverted.

        The sender may be a contract; chains take no transaction from one that has code
        (EIP-3607), so meanwhile it has none and cannot be called back.
        """
        caller = name_or_address(sender)
        if value:
            self._evm.set_balance(caller, self._evm.get_balance(caller) + value)
        with self._without_code(caller):
            output = self._run(
                lambda: self._evm.message_call(caller, target, data, value=value, gas=GAS_LIMIT)
            )
        result = self._evm.result
        assert result is not None  # there was a call
        return bytes(output), result.gas_used, tuple(result.logs)

    def storage(self, target: object, slot: int) -> int:
        """One word of a contract's storage."""
        return int(self._evm.storage(name_or_address(target), slot))

    def code(self, target: object) -> bytes:
        """Runtime code at an address; empty where there is none."""
        padded: bytes = self._evm.get_code(name_or_address(target)) or b""
        return bytes(padded[:-PADDING])

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens in the block, the passing of time included, is undone after it."""
        state, block, now = self._evm.snapshot(), self._block, self.now
        try:
            yield
        finally:
            self._evm.revert(state)
            self._at(block, now)

    @contextmanager
    def _without_code(self, account: str) -> Iterator[None]:
        if account not in self._deployed:
            yield
            return
        before = self._evm.basic(account)
        self._evm.insert_account_info(account, AccountInfo(nonce=before.nonce))
        try:
            yield
        finally:
            self._evm.insert_account_info(account, before)

    def _run(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except RuntimeError as refused:
            found = _REVERT.match(str(refused))
            if found is None:
                raise Reverted("Halt", (str(refused),), b"") from None
            raise reverted(bytes.fromhex(found[2])) from None


def reverted(data: bytes) -> Reverted:
    """The refusal that `data` states."""
    name, arguments = known_errors().get(data[:4].hex(), ("", None))
    if arguments is None:
        return Reverted("" if not data else f"0x{data[:4].hex()}", (), data)
    return Reverted(name, tuple(arguments.decoded(data[4:])), data)
