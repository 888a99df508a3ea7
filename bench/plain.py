"""Plain ERC-20 tokens without any rule: what no token with rules can fall below."""

from __future__ import annotations

from pathlib import Path

from bench.chain import Bench
from bench.compiling import PEERS, ROOT, compile_contracts, compile_vyper
from bench.parties import account
from bench.system import System

_TOKENS = Path(__file__).resolve().parent / "tokens"
_REMAPPINGS = {
    "tokens/": _TOKENS,
    "@openzeppelin/contracts/": ROOT / "node_modules" / "@openzeppelin" / "contracts",
    "solady/": PEERS / "solady",
}


class Plain(System):
    """A token whose deployer starts with all units."""

    contract = ""
    rules = "nothing; it is here as the lower bound"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._issuer = account(f"{self.name} issuer")

    def deploy_security(self) -> int:
        receipt = self.bench.send(self._issuer, None, self._code())
        self.token = receipt.address
        return receipt.gas

    def issue(self, holder: str, amount: int) -> None:
        self.transfer(self._issuer, holder, amount)

    def _code(self) -> bytes:
        return compile_contracts([f"tokens/{self.contract}.sol"], _REMAPPINGS)[self.contract]


class OpenZeppelin(Plain):
    name = "openzeppelin-5.4.0"
    contract = "OpenZeppelinToken"


class Solady(Plain):
    name = "solady-0.1.26"
    contract = "SoladyToken"


class Snekmate(Plain):
    name = "snekmate-0.1.2"
    contract = "SnekmateToken"

    def _code(self) -> bytes:
        return compile_vyper(_TOKENS / f"{self.contract}.vy")
