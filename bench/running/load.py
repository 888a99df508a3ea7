"""Movements of one unit each, as many as are asked for, and what the destination's gateway counts of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Any

from eth_account import Account

from bench.chain import call_data
from bench.running.world import HOLDER, World
from paripassu.devnet.rpc import call
from paripassu.identifiers import LedgerId
from paripassu.ledgers.signers import dev_key

MOVEMENT = 1
_GAS = 200_000
_PRICE = 10**10
_IN_A_BLOCK = 125
"""So few that a block stays below half of its gas, and the base fee does not rise."""


class Lane:
    """The movements from one chain of the world to the other."""

    def __init__(self, world: World, source: str, destination: str) -> None:
        self._world = world
        self.source, self.destination = source, destination
        self._urls = world.urls[source], world.urls[destination]
        ids = {one.name: one.id for one in world.network.ledgers.values()}
        self._to: LedgerId = ids[destination]
        self._from: LedgerId = ids[source]
        here, there = world.contracts[source], world.contracts[destination]
        self._bridge, self._gateways = here["TokenBridge"], (here["Gateway"], there["Gateway"])
        self._token = next(address for name, address in here.items() if name.startswith("SecurityToken/"))
        self._key = dev_key(HOLDER)
        self._node = _Node(self._urls[0])

    def send(self, count: int) -> float:
        """Send so many movements; the time after the last was taken by the node (monotonic seconds)."""
        data = call_data(
            "move(address,uint256,bytes,uint256,uint64)",
            self._token,
            self._to.numeric,
            bytes.fromhex(self._world.holder[2:]),
            1,
            0,
        )
        before = self.sent()
        nonce = int(call(self._urls[0], "eth_getTransactionCount", self._world.holder, "pending"), 16)
        if count <= _IN_A_BLOCK:
            self._send_each(data, range(nonce, nonce + count))
        else:
            self._send_by_blocks(data, range(nonce, nonce + count))
        at = time.monotonic()
        while self.sent() < before + count:
            time.sleep(0.002)
        return at

    def _send_each(self, data: bytes, nonces: Iterable[int]) -> None:
        for nonce in nonces:
            self._node("eth_sendRawTransaction", self._raw(data, nonce))

    def _send_by_blocks(self, data: bytes, nonces: range) -> None:
        """Full blocks, one after the other: a block for each of many transactions would take Anvil longer
        the more of them wait."""
        self._node("evm_setAutomine", False)
        for start in range(0, len(nonces), _IN_A_BLOCK):
            self._send_each(data, nonces[start : start + _IN_A_BLOCK])
            self._node("evm_mine")
        self._node("evm_setAutomine", True)

    def _raw(self, data: bytes, nonce: int) -> str:
        fields = {
            "chainId": self._from.chain_id,
            "nonce": nonce,
            "to": self._bridge,
            "data": data,
            "gas": _GAS,
            "gasPrice": _PRICE,
            "value": 0,
        }
        return "0x" + bytes(Account.sign_transaction(fields, self._key).raw_transaction).hex()

    def sent(self) -> int:
        return self._count(0, "outboundNonce(uint256,uint8)", self._to)

    def executed(self) -> int:
        return self._count(1, "inboundNonce(uint256,uint8)", self._from)

    def _count(self, side: int, signature: str, ledger: LedgerId) -> int:
        data = call_data(signature, ledger.numeric, MOVEMENT)
        fields = {"to": self._gateways[side], "data": "0x" + data.hex()}
        return int(call(self._urls[side], "eth_call", fields, "latest"), 16)


class _Node:
    """One connection to a node that is kept: calls one after the other, as fast as it answers.

    Not many at once: Anvil takes those of one JSON-RPC batch in any order, and may never answer.
    """

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=60)

    def __call__(self, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answer = json.load(self._connection.getresponse())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]
