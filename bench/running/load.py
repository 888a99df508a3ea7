"""Movements of one unit each, as many as are asked for, and what the destination's gateway counts of them."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from bench.chain import call_data
from bench.running.world import HOLDER, World
from paripassu.devnet.rpc import call
from paripassu.identifiers import LedgerId
from paripassu.ledgers.signers import signer_from_spec

MOVEMENT = 1
_GAS = 200_000
_PRICE = 10**10
_AT_ONCE = 250


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
        self._signer = signer_from_spec(f"dev:{HOLDER}", "local")

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
        for start in range(nonce, nonce + count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, nonce + count))
            _batch(self._urls[0], [("eth_sendRawTransaction", [self._raw(data, one)]) for one in numbers])
        at = time.monotonic()
        while self.sent() < before + count:
            time.sleep(0.002)
        return at

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
        return "0x" + self._signer.sign_transaction(fields)[0].hex()

    def sent(self) -> int:
        return self._count(0, "outboundNonce(uint256,uint8)", self._to)

    def executed(self) -> int:
        return self._count(1, "inboundNonce(uint256,uint8)", self._from)

    def acknowledged(self) -> int:
        return self._count(0, "acknowledgedNonce(uint256,uint8)", self._to)

    def _count(self, side: int, signature: str, ledger: LedgerId) -> int:
        data = call_data(signature, ledger.numeric, MOVEMENT)
        fields = {"to": self._gateways[side], "data": "0x" + data.hex()}
        return int(call(self._urls[side], "eth_call", fields, "latest"), 16)


def _batch(url: str, calls: list[tuple[str, list[Any]]]) -> None:
    body = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(calls)
    ]
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        for answer in json.load(response):
            if "error" in answer:
                raise RuntimeError(answer["error"])
