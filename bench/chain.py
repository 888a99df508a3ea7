"""One Anvil as the bench needs it: send from any address, insist on the receipt's status."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from paripassu.devnet import NodeSpec, controls, running_nodes
from paripassu.devnet.rpc import call as rpc

CHAIN_ID = 31001
TRANSACTION_GAS = 1 << 24
"""Most gas that a transaction may have (EIP-7825); also the limit of every one sent here."""

_RECEIPT_SECONDS = 20.0
_COIN = 10**24


class Reverted(Exception):
    """A transaction failed. `gas` is what it used."""

    def __init__(self, words: str, gas: int) -> None:
        super().__init__(f"{words} failed after {gas:,} gas")
        self.gas = gas


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a successful transaction cost, the contract it created, if any, and its events' topics."""

    gas: int
    address: str
    topics: tuple[tuple[bytes, ...], ...]


def call_data(signature: str, *values: Any) -> bytes:
    """Call data of `name(type,…)`; tuples are written `(a,b)`."""
    kinds = _types(signature)
    return keccak(text=signature)[:4] + abi_encode(kinds, values)


def _types(signature: str) -> list[str]:
    """The parameter types of a signature, split at the outermost commas."""
    inside = signature[signature.index("(") + 1 : -1]
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


class Bench:
    """The node, and how much gas everything sent since `meter()` has used."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._funded: set[str] = set()
        self._used = 0
        rpc(url, "anvil_autoImpersonateAccount", True)
        # what times go into, as the ids of acts, must cost the same in every run
        rpc(url, "anvil_setBlockTimestampInterval", 1)

    @property
    def client(self) -> str:
        """Name and version of the node."""
        return str(rpc(self.url, "web3_clientVersion")).split("-")[0]

    def send(self, sender: str, to: str | None, data: bytes, value: int = 0) -> Receipt:
        """Send a transaction with the highest gas limit there is, and wait for it.

        Args:
            value: of the chain's own coin, in its smallest unit.

        Raises:
            Reverted: its receipt does not say success.
        """
        if sender not in self._funded:
            rpc(self.url, "anvil_setBalance", sender, hex(_COIN))
            self._funded.add(sender)
        fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(TRANSACTION_GAS)}
        if value:
            fields["value"] = hex(value)
        if to is not None:
            fields["to"] = to
        receipt = self._receipt(rpc(self.url, "eth_sendTransaction", fields))
        gas = int(receipt["gasUsed"], 16)
        if receipt["status"] != "0x1":
            raise Reverted(f"0x{data[:4].hex()} to {to or 'a new contract'}", gas)
        self._used += gas
        created = receipt.get("contractAddress")
        topics = tuple(tuple(bytes.fromhex(one[2:]) for one in log["topics"]) for log in receipt["logs"])
        return Receipt(gas, to_checksum_address(created) if created else "", topics)

    def execute(self, sender: str, to: str, signature: str, *values: Any) -> int:
        """Call a function in a transaction; the gas it used."""
        return self.send(sender, to, call_data(signature, *values)).gas

    def create(self, sender: str, code: bytes, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        """Deploy; the new contract's address."""
        return self.send(sender, None, code + abi_encode(list(types), list(values))).address

    def call(self, sender: str, to: str, data: bytes) -> bytes:
        """What a transaction would return, without sending it."""
        fields = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return bytes.fromhex(rpc(self.url, "eth_call", fields, "latest")[2:])

    def read(self, to: str, signature: str, *values: Any, returns: str = "uint256") -> Any:
        """One result of a view function."""
        fields = {"to": to, "data": "0x" + call_data(signature, *values).hex()}
        answer = bytes.fromhex(rpc(self.url, "eth_call", fields, "latest")[2:])
        return abi_decode([returns], answer)[0]

    @contextlib.contextmanager
    def meter(self) -> Iterator[list[int]]:
        """Sum of the gas of all transactions in the block: the one item of the list, once it ends."""
        total: list[int] = []
        before = self._used
        yield total
        total.append(self._used - before)

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """What is done in the block is measured, and then has never been."""
        funded, state = set(self._funded), controls.snapshot(self.url)
        yield
        controls.revert(self.url, state)
        self._funded = funded

    def _receipt(self, transaction: str) -> dict[str, Any]:
        deadline = time.monotonic() + _RECEIPT_SECONDS
        while time.monotonic() < deadline:
            if found := rpc(self.url, "eth_getTransactionReceipt", transaction):
                return dict(found)
            time.sleep(0.002)
        raise TimeoutError(f"No receipt of {transaction} within {_RECEIPT_SECONDS:g} s.")


@contextlib.contextmanager
def fresh_bench() -> Iterator[Bench]:
    """A new Anvil on its newest hardfork, a block for each transaction."""
    with running_nodes([NodeSpec("bench", "anvil", CHAIN_ID)]) as nodes:
        yield Bench(nodes["bench"].url)
