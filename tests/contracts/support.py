"""What the contract tests share: refusals by name, events, ERC-7930 addresses, times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from brownie import chain, web3
from eth_abi import decode
from eth_utils import event_abi_to_log_topic, function_abi_to_4byte_selector

from paripassu import artefacts
from paripassu.ledgers.evm.contracts import abi_of

World = SimpleNamespace
DAY = 86_400


def refusal(call: Any, *arguments: Any, sender: Any) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of the custom error that a call would meet; ("", ()) when it would succeed.

    The call is made raw: Anvil and Ganache both put the error's bytes into `error.data`.
    """
    request = {"from": str(sender), "to": call._address, "data": call.encode_input(*arguments)}
    answer = web3.provider.make_request("eth_call", [request, "latest"])
    if "error" not in answer:
        return "", ()
    data = answer["error"].get("data")
    if isinstance(data, dict):
        data = data.get("result") or data["data"]
    raw = bytes.fromhex(str(data)[2:])
    entry = _errors()[raw[:4]]
    types = [parameter["type"] for parameter in entry["inputs"]]
    return entry["name"], decode(types, raw[4:])


def _errors() -> dict[bytes, dict[str, Any]]:
    entries = [entry for name in artefacts.names() for entry in artefacts.load(name).abi]
    return {function_abi_to_4byte_selector(e): e for e in entries if e["type"] == "error"}


def events_of(transaction: Any, contract: str, event: str) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """(indexed, other) values of each event of that name in a receipt, decoded by our ABI alone."""
    entry = next(e for e in abi_of(contract) if e["type"] == "event" and e["name"] == event)
    topic = event_abi_to_log_topic(entry)
    types = [parameter["type"] for parameter in entry["inputs"] if not parameter["indexed"]]
    found = []
    for log in web3.eth.get_transaction_receipt(transaction.txid)["logs"]:
        if bytes(log["topics"][0]) == topic:
            found.append((tuple(bytes(t) for t in log["topics"][1:]), decode(types, bytes(log["data"]))))
    return found


def interop(chain_id: int, address: str) -> bytes:
    """ERC-7930 address of a contract on an EVM chain."""
    reference = chain_id.to_bytes((chain_id.bit_length() + 7) // 8, "big")
    return (
        bytes.fromhex("00010000")
        + bytes([len(reference)])
        + reference
        + bytes([20])
        + bytes.fromhex(address[2:])
    )


def today() -> date:
    return datetime.fromtimestamp(chain.time(), UTC).date()


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def yyyymmdd(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


def travel_to(time: int) -> None:
    """Mine a block at `time` or just after it."""
    # one second more: both clocks cut fractions off, the node's and Brownie's idea of it
    chain.sleep(max(0, time - chain.time()) + 1)
    chain.mine()
    assert chain[-1].timestamp >= time
