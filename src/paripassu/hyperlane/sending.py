"""Transactions to local nodes with keys that everybody knows; one sender a key, and no restart to survive."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from paripassu.devnet.rpc import call
from paripassu.errors import NodeCallFailed
from paripassu.ledgers.signers import KeySigner

_GWEI = 10**9
_PATIENCE = 60.0


def send_all(url: str, signer: KeySigner, wanted: Sequence[tuple[str, bytes]], gas: int) -> list[str]:
    """Send transactions (recipient, empty to create; data) one behind the other, and wait for all.

    Returns:
        The address that each created, empty where none.

    Raises:
        NodeCallFailed: one was refused or is in no block in time.
    """
    nonce = int(call(url, "eth_getTransactionCount", signer.address, "pending"), 16)
    chain_id = int(call(url, "eth_chainId"), 16)
    base = int(call(url, "eth_getBlockByNumber", "latest", False).get("baseFeePerGas", "0x0"), 16)
    hashes = []
    for number, (to, data) in enumerate(wanted):
        fields: dict[str, object] = {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce + number,
            "value": 0,
            "gas": gas,
            "data": "0x" + data.hex(),
            "maxFeePerGas": 2 * base + _GWEI,
            "maxPriorityFeePerGas": _GWEI,
        }
        if to:
            fields["to"] = to_checksum_address(to)
        raw, _ = signer.signed(fields)
        hashes.append(call(url, "eth_sendRawTransaction", "0x" + raw.hex()))
    return [str(_receipt(url, hash).get("contractAddress") or "") for hash in hashes]


def _receipt(url: str, hash: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while (receipt := call(url, "eth_getTransactionReceipt", hash)) is None:
        if time.monotonic() > deadline:
            raise NodeCallFailed(f"The transaction {hash} is in no block of {url} after {_PATIENCE:g} s.")
        time.sleep(0.05)
    if int(receipt["status"], 16) != 1:
        raise NodeCallFailed(f"The transaction {hash} was refused by {url}.")
    return dict(receipt)
