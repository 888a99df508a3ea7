"""A key that a remote signer holds: Web3Signer's JSON-RPC over HTTP.

Nothing that comes back is believed: a signature must be that of the address over the very digest, a
transaction the one that was asked for. Its URL may hold credentials and is shown nowhere.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import aiohttp

from paripassu.errors import SignerRefused, SignerUnreachable, SignerUnusable
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.port import TypedData
from paripassu.ledgers.signatures import BadSignatureForm, recover

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORDS: tuple[str, ...] = ("to", "data")
_NUMBERS: tuple[str, ...] = ("nonce", "gas", "value", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")


class Web3Signer:
    """Implements `paripassu.ledgers.port.Signer` for a key of a Web3Signer.

    Args:
        url: where it answers; each `${VARIABLE}` is looked up when something is signed.
        address: the key's, checksummed.
        timeout: seconds for one answer.
    """

    def __init__(self, name: str, url: str, address: str, timeout: float = 10.0) -> None:
        self._name = name
        self._url = url
        self._address = address
        self._timeout = timeout

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        return self._address

    def __repr__(self) -> str:
        return f"Web3Signer({self._name}, {self._address})"

    def require_place(self) -> str:
        """Its URL, as the environment completes it. Raises SignerUnusable: a variable is not set."""
        for variable in _VARIABLE.findall(self._url):
            if not os.environ.get(variable):
                raise SignerUnusable(
                    f"The environment variable {variable} of the signer {self._name} is not set."
                )
        return _VARIABLE.sub(lambda match: os.environ[match[1]], self._url)

    async def sign_typed(self, digest: Bytes32, typed: TypedData) -> bytes:
        """Ask for an EIP-712 signature. Raises SignerUnreachable, SignerRefused, SignerUnusable."""
        answer = await self._call("eth_signTypedData", [self._address, json.dumps(typed())])
        signature = self._bytes(answer)
        if len(signature) == 65 and signature[64] < 27:
            signature = signature[:64] + bytes([signature[64] + 27])
        try:
            signer = recover(digest, signature)
        except BadSignatureForm as error:
            raise self._refused(str(error)) from None
        if signer != self._address:
            raise self._refused(f"what it signed is {signer}'s, or something else.")
        return signature

    async def sign_transaction(self, transaction: dict[str, object]) -> tuple[bytes, str]:
        """Ask for a signed transaction. Raises SignerUnreachable, SignerRefused, SignerUnusable."""
        raw = self._bytes(await self._call("eth_signTransaction", [self._request(transaction)]))
        self._require_same(raw, transaction)
        return raw, keccak256(raw).text

    def _request(self, transaction: dict[str, object]) -> dict[str, str]:
        numbers = {name: hex(int(str(transaction[name]))) for name in _NUMBERS if name in transaction}
        words = {name: str(transaction[name]) for name in _WORDS if name in transaction}
        return {"from": self._address, **words, **numbers}

    def _require_same(self, raw: bytes, asked: dict[str, object]) -> None:
        from eth_account import Account  # takes a while to import: only who sends pays for it

        from paripassu.ledgers.evm.raw import unsigned_fields

        try:
            fields, fee = unsigned_fields(raw)
            sender = Account.recover_transaction(raw)
        except Exception:  # whatever the bytes are, they are no transaction of ours
            raise self._refused("what it signed is no transaction.") from None
        if sender != self._address:
            raise self._refused(f"the transaction is {sender}'s.")
        if _comparable({**fields, **fee.fields()}) != _comparable(asked):
            raise self._refused("it signed another transaction than was asked for.")

    async def _call(self, method: str, params: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        url, limit = self.require_place(), aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(url, json=body) as response,
            ):
                status, content = response.status, await response.read()
        except TimeoutError:
            raise self._unreachable(f"gives no answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(f"cannot be reached ({type(error).__name__})") from None
        if status in (401, 403):
            raise self._refused(f"it refuses our credentials (HTTP {status}).")
        try:
            answer = json.loads(content)
        except ValueError:
            raise self._unreachable(f"answers what is not JSON (HTTP {status})") from None
        fault = answer.get("error") if isinstance(answer, dict) else None
        if fault or not isinstance(answer, dict) or "result" not in answer:
            code = fault.get("code") if isinstance(fault, dict) else None
            raise self._refused(f"it refuses {method} (HTTP {status}, error {code}).")
        return answer["result"]

    def _bytes(self, answer: Any) -> bytes:
        try:
            return bytes.fromhex(str(answer).removeprefix("0x"))
        except ValueError:
            raise self._refused("its answer is not hex.") from None

    def _refused(self, why: str) -> SignerRefused:
        return SignerRefused(f"The remote signer of {self._name} is not used: {why}")

    def _unreachable(self, why: str) -> SignerUnreachable:
        return SignerUnreachable(f"The remote signer of {self._name} {why}.")


def _comparable(fields: dict[str, object]) -> dict[str, object]:
    """A transaction's fields so that equal ones compare equal; `type` follows from the others."""
    found: dict[str, object] = {}
    for name, value in fields.items():
        if name in ("type", "from"):
            continue
        text = str(value)
        found[name] = text.lower() if name in ("to", "data") else int(text, 0)
    return {"value": 0, "data": "0x", **found}
