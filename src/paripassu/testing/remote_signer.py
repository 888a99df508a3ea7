"""A server that speaks Web3Signer's JSON-RPC for keys that it holds, signing with eth-account; with faults.

with RemoteSigner(key) as server:
    signer = Web3Signer("csd", server.url, server.address)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from eth_account import Account
from eth_account.messages import encode_typed_data

TRANSACTION = ("to", "data", "value", "gas", "nonce", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")


class RemoteSigner:
    """Listens on 127.0.0.1 in a thread of its own.

    Attributes:
        hang: seconds that it waits before it answers.
        status: HTTP status of what it answers, where it is not 200 then without a body.
        cut: it closes the connection without an answer.
        signs_with: another key than that of its address signs.
        changes: fields of a transaction that it signs otherwise than it was asked.
        answer: what it answers in place of a signature.
        asked: the methods that were asked for.
    """

    def __init__(self, key: bytes, chain_id: int = 31001) -> None:
        self._key = key
        self._chain_id = chain_id
        self.address = str(Account.from_key(key).address)
        self.hang = 0.0
        self.status = 200
        self.cut = False
        self.signs_with: bytes | None = None
        self.changes: dict[str, Any] = {}
        self.answer: Any = None
        self.asked: list[str] = []
        remote = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(remote.hang)
                if remote.cut:
                    self.connection.close()
                    return
                content = remote.reply(body) if remote.status == 200 else b""
                self.send_response(remote.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, body: bytes) -> bytes:
        """What it answers to a request's body."""
        asked = json.loads(body)
        self.asked.append(asked["method"])
        known: dict[str, Callable[..., str]] = {
            "eth_signTypedData": self._typed,
            "eth_signTransaction": self._transaction,
        }
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            reply["result"] = self.answer or known[asked["method"]](*asked["params"])
        except (KeyError, TypeError, ValueError):
            reply["error"] = {"code": -32602, "message": "Invalid params"}
        return json.dumps(reply).encode()

    def _typed(self, address: str, document: str) -> str:
        self._require(address)
        signable = encode_typed_data(full_message=json.loads(document))
        signed = Account.sign_message(signable, self.signs_with or self._key)
        return f"0x{bytes(signed.signature).hex()}"

    def _transaction(self, asked: dict[str, str]) -> str:
        self._require(asked["from"])
        fields: dict[str, Any] = {name: asked[name] for name in TRANSACTION if name in asked}
        fields |= {"chainId": self._chain_id, **self.changes}
        signed = Account.sign_transaction(fields, self.signs_with or self._key)
        return f"0x{bytes(signed.raw_transaction).hex()}"

    def _require(self, address: str) -> None:
        if address.lower() != self.address.lower():
            raise ValueError(address)
