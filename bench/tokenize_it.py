"""tokenize.it 7.1.0: tokenised cap tables, from the code that its npm package ships."""

from __future__ import annotations

from typing import ClassVar

from eth_utils.address import to_checksum_address

from bench.chain import Bench
from bench.compiling import shipped
from bench.parties import COUNTRY, account
from bench.system import System
from paripassu.identifiers import keccak256

_PACKAGE = "@tokenize.it/contracts"
_ADMITTED = 1
"""The one attribute that the token requires of both sides."""

_FEE_TYPE = "(bytes32,uint32,uint32,address)[]"


class TokenizeIt(System):
    name = "tokenize.it-7.1.0"
    rules = (
        "one required attribute of both sides in an allow list that tokens share, pause; token behind a "
        "proxy, allow list a clone. It ships no rule about countries, expiry, lock-ups or a largest balance, "
        "and no freeze: an account is taken off the list"
    )
    remarks: ClassVar = {
        "onboard": "one entry of the allow list; a further token needs no other",
        "forced_transfer": "no such function: the issuer burns what the one has and issues to the other, two "
        "transactions, as the contract's notes say",
        "first_movement_after_record_time": "the first after a snapshot that was ordered at that moment; "
        "none can be set for a later one",
        "deploy_platform": "code of token, allow list and fee settings, their factories, the allow list and "
        "fee settings of one operator",
        "deploy_security": "one call of the factory",
    }

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._operator = account("tokenize.it operator")
        self._issuer = account("tokenize.it issuer")
        self._forwarder = account("tokenize.it forwarder")
        self._allowed = self._fees = self._tokens = ""

    def deploy_platform(self) -> int:
        pair = (self._forwarder, self._operator)
        with self.bench.meter() as gas:
            self._fees = self._made(
                self._factory("FeeSettings", "FeeSettingsCloneFactory"),
                "FeeSettingsClone",
                f"(bytes32,address,address,{_FEE_TYPE})",
                *pair,
                [(bytes(keccak256(b"TOKEN")), 1, 0, self._operator)],
            )
            self._allowed = self._made(
                self._factory("AllowList", "AllowListCloneFactory"),
                "AllowListClone",
                "(bytes32,address,address)",
                *pair,
            )
            self._tokens = self._factory("Token", "TokenProxyFactory")
        return gas[0]

    def deploy_security(self) -> int:
        parties = (self._forwarder, self._fees, self._issuer, self._allowed)
        kinds = "(bytes32,address,address,address,address,uint256,string,string)"
        with self.bench.meter() as gas:
            self.token = self._made(
                self._tokens, "TokenProxy", kinds, *parties, _ADMITTED, "Example share", "EXSH"
            )
        return gas[0]

    def onboard(self, holder: str, country: int = COUNTRY) -> int:
        return self._list(holder, _ADMITTED)

    def ban(self, holder: str) -> None:
        self._list(holder, 0)

    def issue(self, holder: str, amount: int) -> None:
        self._call("mint(address,uint256)", holder, amount)

    def forced_transfer(self, source: str, recipient: str, amount: int) -> int:
        burnt = self._call("burn(address,uint256)", source, amount)
        return burnt + self._call("mint(address,uint256)", recipient, amount)

    def pass_record_time(self) -> None:
        self._call("createSnapshot()")

    # ------------------------------------------------------------------ parts

    def _call(self, function: str, *values: object) -> int:
        return self.bench.execute(self._issuer, self.token, function, *values)

    def _list(self, holder: str, attributes: int) -> int:
        return self.bench.execute(self._operator, self._allowed, "set(address,uint256)", holder, attributes)

    def _factory(self, contract: str, factory: str) -> str:
        code = self.bench.create(self._operator, shipped(_PACKAGE, contract), ["address"], [self._forwarder])
        return self.bench.create(
            self._operator, shipped(_PACKAGE, f"factories/{factory}"), ["address"], [code]
        )

    def _made(self, factory: str, what: str, kinds: str, *values: object) -> str:
        """Let a factory make one; it makes what it predicts, at an address that the salt decides."""
        function, salt = f"create{what}{kinds}", bytes(keccak256(b"gas bench"))
        data = (salt, *values)
        made = self.bench.read(factory, function, *data, returns="address")
        self.bench.execute(self._operator, factory, function, *data)
        return to_checksum_address(made)
