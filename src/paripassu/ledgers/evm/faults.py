"""What a node's error answer means.

Clients word the same refusal differently (Anvil, Ganache, geth, Besu …), and
some give the wrong code, so an error is judged by its meaning: code, text and
attached data together. A business answer is never retried as if the
transport had failed, and never counts against a node.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

from paripassu.errors import NodeRefused


class Fault(Enum):
    """Meaning of an error answer."""

    REVERTED = "reverted"
    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    ALREADY_KNOWN = "already known"
    UNDERPRICED = "underpriced"
    INSUFFICIENT_FUNDS = "insufficient funds"
    UNKNOWN_BLOCK = "unknown block"
    RANGE_TOO_LARGE = "range too large"
    RATE_LIMITED = "rate limited"
    OUT_OF_GAS = "out of gas"
    METHOD_MISSING = "method missing"
    OTHER = "other"


_MEANINGS: tuple[tuple[Fault, re.Pattern[str]], ...] = tuple(
    (fault, re.compile(pattern, re.IGNORECASE))
    for fault, pattern in (
        (Fault.ALREADY_KNOWN, r"already known|already imported|known transaction|already in (the )?pool"),
        (Fault.NONCE_TOO_LOW, r"nonce (is )?too low|correct nonce|nonce has already been used|old nonce"),
        (Fault.NONCE_TOO_HIGH, r"nonce (is )?too high|nonce gap"),
        (
            Fault.UNDERPRICED,
            r"underpriced|fee too low|gas price too low|less than (the )?(block )?base ?fee|price bump",
        ),
        (Fault.INSUFFICIENT_FUNDS, r"insufficient (funds|balance)|enough funds"),
        (Fault.REVERTED, r"revert"),
        (
            Fault.UNKNOWN_BLOCK,
            r"unknown block|header not found|block not found|blockoutofrange|out of range|missing trie node|"
            r"cannot be found|no state available",
        ),
        (
            Fault.RANGE_TOO_LARGE,
            r"more than \d+ results|query timeout|block range|range (is )?too (large|wide)|response size|"
            r"too many (results|logs)",
        ),
        (Fault.RATE_LIMITED, r"rate limit|too many requests|limit exceeded|capacity"),
        (
            Fault.OUT_OF_GAS,
            r"out of gas|gas required exceeds|exceeds (block )?gas limit|intrinsic gas",
        ),
        (Fault.METHOD_MISSING, r"method .*not (found|supported|exist)|unsupported method|does not exist"),
    )
)


class NodeFault(NodeRefused):
    """A node answered a request with an error.

    Attributes:
        fault: its meaning.
        data: revert data, empty where there was none.
        message: the node's own words.
    """

    def __init__(self, ledger: str, method: str, code: int, message: str, data: bytes) -> None:
        self.fault = meaning_of(code, message, data)
        self.data = data
        self.message = message
        words = " ".join(message.split())[:200].rstrip(".") or f"error {code}"
        super().__init__(f"The node of {ledger} refused {method}: {words}.")


def meaning_of(code: int, message: str, data: bytes) -> Fault:
    """Classify an error answer; revert data decides before any wording does."""
    if code == 3 or len(data) >= 4:
        return Fault.REVERTED
    for fault, pattern in _MEANINGS:
        if pattern.search(message):
            return fault
    if code == -32601:
        return Fault.METHOD_MISSING
    if code in (-32005, 429):
        return Fault.RATE_LIMITED
    return Fault.OTHER


def revert_data(data: Any) -> bytes:
    """The revert bytes in an error's `data`, which clients give as hex text or inside an object."""
    if isinstance(data, dict):
        for key in ("data", "result", "return"):
            found = revert_data(data.get(key))
            if found:
                return found
        return b""
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return b""
    return b""
