"""Signers: one key each, named by the network file as `dev:<name>`, `${VARIABLE}`, `keystore:<path>` or
`web3signer:<url>#<address>`.

Keys of the kind `dev:` are derived from their name and known to everyone who reads this
file: they are refused outside the environment `local`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from paripassu.errors import SignerUnusable
from paripassu.identifiers import Bytes32, checksum_address
from paripassu.ledgers.port import TypedData
from paripassu.ledgers.web3signer import Web3Signer

LOCAL_ENVIRONMENT = "local"
PASSWORD_VARIABLE = "PARI_KEYSTORE_PASSWORD"


class KeySigner:
    """A signer that holds its private key in memory. Never prints it."""

    def __init__(self, name: str, key: bytes) -> None:
        self._name = name
        self._key = PrivateKey(key)
        self._address = self._key.public_key.to_checksum_address()

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        return str(self._address)

    def __repr__(self) -> str:
        return f"KeySigner({self._name}, {self._address})"

    def sign_digest(self, digest: Bytes32) -> bytes:
        """r || s || v with low s and v in {27, 28}; the nonce is RFC 6979's."""
        signature = self._key.sign_msg_hash(bytes(digest)).to_bytes()
        return signature[:64] + bytes([signature[64] + 27])

    async def sign_typed(self, digest: Bytes32, typed: TypedData) -> bytes:
        """As `sign_digest`: the key is here, and needs no more than the digest."""
        return self.sign_digest(digest)

    async def sign_transaction(self, transaction: dict[str, object]) -> tuple[bytes, str]:
        """Raw signed transaction and its hash."""
        return self.signed(transaction)

    def signed(self, transaction: dict[str, object]) -> tuple[bytes, str]:
        """As `sign_transaction`: the key is here, and nothing has to be waited for."""
        from eth_account import Account  # takes a while to import: only who sends pays for it

        fields: Any = transaction
        signed = Account.sign_transaction(fields, self._key.to_bytes())
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()


def dev_key(name: str) -> bytes:
    """The well-known key of a role on local networks."""
    return bytes(keccak(text=f"pari passu devnet key {name}"))


def signer_from_spec(spec: str, environment: str, name: str = "") -> KeySigner | Web3Signer:
    """Make the signer that a network file names.

    Args:
        spec: `dev:<name>`, `${VARIABLE}` (a hex key in the environment), `keystore:<path>` (an encrypted
            key file, its password in $PARI_KEYSTORE_PASSWORD, else in that of `keystore:<path>#${VARIABLE}`)
            or `web3signer:<url>#<address>` (a key that a remote signer holds).
        environment: the network's environment; `dev:` keys work in `local` alone.
        name: what the signer is called in reports and in book entry; else taken from the spec.

    Raises:
        SignerUnusable: unknown form, key missing or malformed. The message never holds the key.
    """
    kind, _, rest = spec.partition(":")
    variable = re.fullmatch(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", spec)
    if variable:
        return KeySigner(name or variable[1].lower(), _key_from_variable(variable[1]))
    if kind == "dev" and rest:
        if environment != LOCAL_ENVIRONMENT:
            raise SignerUnusable(
                f"The signer {spec} is a public key pair, refused in environment {environment}."
            )
        return KeySigner(name or rest, dev_key(rest))
    if kind == "keystore" and rest:
        place, _, password = rest.partition("#")
        chosen = password.removeprefix("${").removesuffix("}") or PASSWORD_VARIABLE
        return KeySigner(name or Path(place).stem, _key_from_keystore(Path(place), chosen))
    remote = re.fullmatch(r"web3signer:(.+)#(0x[0-9a-fA-F]{40})", spec)
    if remote:
        return Web3Signer(name or remote[2], remote[1], checksum_address(bytes.fromhex(remote[2][2:])))
    shown = spec if kind in ("dev", "keystore") else f"of {len(spec)} characters"
    raise SignerUnusable(
        f"The signer {shown} is not dev:<name>, ${{VARIABLE}}, keystore:<path> or web3signer:<url>#<address>."
    )


def _key_from_variable(variable: str) -> bytes:
    text = os.environ.get(variable, "")
    if not text:
        raise SignerUnusable(f"The environment variable {variable} of a signer is not set.")
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text):
        raise SignerUnusable(f"The environment variable {variable} does not hold a key of 32 bytes in hex.")
    return bytes.fromhex(text.removeprefix("0x"))


def _key_from_keystore(path: Path, variable: str) -> bytes:
    password = os.environ.get(variable)
    if password is None:
        raise SignerUnusable(f"The keystore {path} needs its password in {variable}.")
    from eth_account import Account

    try:
        return bytes(Account.decrypt(json.loads(path.read_text("utf-8")), password))
    except OSError as error:
        raise SignerUnusable(f"The keystore {path} cannot be read ({type(error).__name__}).") from None
    except (ValueError, KeyError, TypeError):
        raise SignerUnusable(f"The keystore {path} cannot be opened with the password given.") from None
