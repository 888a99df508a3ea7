"""Reading back a signed transaction from its stored bytes (legacy and EIP-1559)."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address

from paripassu.ledgers.evm.fees import Fee


def unsigned_fields(raw: bytes) -> tuple[dict[str, object], Fee]:
    """The fields of a signed transaction without price and signature, and its price.

    Raises ValueError for a transaction type that is never sent from here.
    """
    if raw[:1] == b"\x02":
        chain_id, nonce, tip, most, gas, to, value, data = _list(raw[1:])[:8]
        fee = Fee(_number(most), _number(tip))
        chain = _number(chain_id)
    elif raw[:1] >= b"\xc0":
        nonce, price, gas, to, value, data, v = _list(raw)[:7]
        fee = Fee(_number(price), None)
        chain = (_number(v) - 35) // 2
    else:
        raise ValueError(f"transaction type {raw[:1].hex()} is not read")
    fields: dict[str, object] = {
        "chainId": chain,
        "nonce": _number(nonce),
        "gas": _number(gas),
        "value": _number(value),
        "data": "0x" + data.hex(),
    }
    if to:
        fields["to"] = to_checksum_address(to)
    return fields, fee


def _list(data: bytes) -> list[Any]:
    decoded: Any = rlp.decode(data)
    return list(decoded)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
