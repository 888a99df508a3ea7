"""Identifiers of securities, entities, ledgers, accounts and assets.

Every class validates when it is made and raises a leaf of `IdentifierError`, so a
value of these types can be relied on everywhere else.
"""

from __future__ import annotations

from eth_abi.abi import encode as _abi_encode

from paripassu.identifiers.caip import (
    AccountId,
    AssetId,
    LedgerId,
    account_from_bytes,
    account_to_bytes,
    checksum_address,
)
from paripassu.identifiers.hashing import (
    COMMITMENT_BYTES,
    ZERO32,
    Bytes32,
    commitment,
    is_commitment,
    keccak256,
)
from paripassu.identifiers.interop import InteropAddress
from paripassu.identifiers.iso import Cfi, Country, CurrencyCode, Dti, Fisn, Isin, Lei
from paripassu.identifiers.roles import ROLES, role_id
from paripassu.identifiers.versions import version_tag, version_text

__all__ = [
    "COMMITMENT_BYTES",
    "ROLES",
    "ZERO32",
    "AccountId",
    "AssetId",
    "Bytes32",
    "Cfi",
    "Country",
    "CurrencyCode",
    "Dti",
    "Fisn",
    "InteropAddress",
    "Isin",
    "LedgerId",
    "Lei",
    "account_from_bytes",
    "account_to_bytes",
    "checksum_address",
    "commitment",
    "is_commitment",
    "keccak256",
    "role_id",
    "security_id",
    "version_tag",
    "version_text",
]


def security_id(isin: Isin, terms_hash: Bytes32) -> Bytes32:
    """The security's id on every ledger: keccak256(abi.encode(bytes12 isin, bytes32 termsHash)) (ID-1)."""
    return keccak256(_abi_encode(["bytes12", "bytes32"], [isin.encode("ascii"), bytes(terms_hash)]))
