"""JSON-RPC to local nodes, one blocking call at a time.

For the controls of a development node only (time, snapshots, balances). Ledgers are read
and written through `paripassu.ledgers`.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from paripassu.errors import NodeCallFailed

# a proxy of the environment has no way to this machine's loopback
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(url: str, method: str, *params: Any, timeout: float = 30.0) -> Any:
    """Result of one JSON-RPC call.

    Args:
        timeout: seconds.

    Raises:
        NodeCallFailed: no answer, no JSON, or a JSON-RPC error (with its message).
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with _OPENER.open(request, timeout=timeout) as response:
            answer = json.load(response)
    except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError) as error:
        raise NodeCallFailed(f"{method} got no answer from {url}: {error}.") from error
    if "error" in answer:
        message = str(answer["error"].get("message", answer["error"])).rstrip(".")
        raise NodeCallFailed(f"{method} was refused by {url}: {message}.")
    return answer.get("result")


def head_time(url: str) -> int:
    """Timestamp of the latest block, Unix seconds."""
    return int(call(url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def head_number(url: str) -> int:
    """Height of the latest block."""
    return int(call(url, "eth_blockNumber"), 16)


def is_anvil(url: str) -> bool:
    """Whether the client at `url` calls itself Anvil."""
    return str(call(url, "web3_clientVersion")).lower().startswith("anvil")


def is_ganache(url: str) -> bool:
    """Whether the client at `url` calls itself Ganache."""
    return str(call(url, "web3_clientVersion")).lower().startswith("ganache")
