"""A node's JSON-RPC seen through a connection that lies, hides, lags or is down, whatever the node says.

with LyingNode(url) as liar:
    liar.lies["eth_getLogs"] = lambda params, answer: []
    ...   # use liar.url in place of url
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Lie = Callable[[list[Any], Any], Any]
"""From a call's parameters and the node's true answer to the answer that is given."""


class LyingNode:
    """Forwards to a node, and changes what comes back. It listens on 127.0.0.1 in a thread of its own.

    Attributes:
        lies: by method, how its answers are changed.
        down: every request is answered with HTTP 503.
        asked: the methods that were asked for, in order.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self.lies: dict[str, Lie] = {}
        self.down = False
        self.asked: list[str] = []
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content = liar.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
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

    def honest(self) -> None:
        """Answer as the node does from here on."""
        self.lies.clear()
        self.down = False

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """HTTP status and content for a request's body."""
        asked = json.loads(body)
        calls = asked if isinstance(asked, list) else [asked]
        self.asked += [call["method"] for call in calls]
        if self.down:
            return 503, b""
        request = urllib.request.Request(self._node, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                said = json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        replies = {reply["id"]: reply for reply in (said if isinstance(said, list) else [said])}
        for call in calls:
            lie, reply = self.lies.get(call["method"]), replies[call["id"]]
            if lie is not None and "result" in reply:
                reply["result"] = lie(call["params"], reply["result"])
        told = [replies[call["id"]] for call in calls]
        return 200, json.dumps(told if isinstance(asked, list) else told[0]).encode()
