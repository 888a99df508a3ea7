"""Signers behind one protocol: keys here, in files, and with a remote signer that has faults (OPS-3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

from paripassu.errors import SignerRefused, SignerUnreachable, SignerUnusable
from paripassu.identifiers import InteropAddress, LedgerId, keccak256
from paripassu.ledgers.signatures import recover
from paripassu.ledgers.signers import KeySigner, dev_key, signer_from_spec
from paripassu.ledgers.web3signer import Web3Signer
from paripassu.messages import (
    PROTOCOL_VERSION,
    Acknowledgement,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    acknowledgement_digest,
    acknowledgement_typed_data,
    batch_digest,
    batch_typed_data,
)
from paripassu.testing.remote_signer import RemoteSigner

ALPHA, BRAVO, REGISTER = LedgerId("eip155:31001"), LedgerId("eip155:31002"), LedgerId("book:register")
KEY = dev_key("attestor_csd")
FIELDS: dict[str, object] = {
    "chainId": 31001,
    "nonce": 3,
    "gas": 21_000,
    "value": 8,
    "to": "0x" + "00" * 19 + "0A",
    "data": "0x1234",
}
PRICES: list[dict[str, object]] = [
    {"gasPrice": 5},
    {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 2},
]


def batch(source: LedgerId, destination: LedgerId) -> Batch:
    lane = Lane(source, destination, Purpose.MOVEMENT)
    sender, recipient = (
        InteropAddress(one, "0x" + "11" * 20 if one.is_evm else "movement") for one in (source, destination)
    )
    return Batch(
        7,
        tuple(
            Message(
                lane, nonce, 100, 0, PROTOCOL_VERSION, sender.encode(), recipient.encode(), b"\x01" * nonce
            )
            for nonce in (4, 5)
        ),
    )


@pytest.mark.parametrize(("source", "destination"), [(ALPHA, BRAVO), (REGISTER, ALPHA), (ALPHA, REGISTER)])
def test_ops_3_typed_data_hash_to_what_gateways_verify(source: LedgerId, destination: LedgerId) -> None:
    content, gateway = batch(source, destination), GatewayDomain(destination, b"\x22" * 20)
    typed = encode_typed_data(full_message=json.loads(json.dumps(batch_typed_data(content, gateway))))
    assert _hash_eip191_message(typed) == bytes(batch_digest(content, gateway))
    told = GatewayDomain(source, b"\x33" * 20)
    for refused in ((), (keccak256(b"one"), keccak256(b"two"))):
        said = Acknowledgement(7, content.lane, 5, refused)
        typed = encode_typed_data(full_message=json.loads(json.dumps(acknowledgement_typed_data(said, told))))
        assert _hash_eip191_message(typed) == bytes(acknowledgement_digest(said, told))


@pytest.fixture
def remote() -> Iterator[RemoteSigner]:
    with RemoteSigner(KEY) as server:
        yield server


def signer_of(remote: RemoteSigner) -> Web3Signer:
    made = signer_from_spec(f"web3signer:{remote.url}#{remote.address.lower()}", "production", "csd")
    assert isinstance(made, Web3Signer)
    return made


async def attested(signer: Web3Signer | KeySigner) -> str:
    """Sign a batch; who signed it."""
    content, gateway = batch(ALPHA, BRAVO), GatewayDomain(BRAVO, b"\x22" * 20)
    digest = batch_digest(content, gateway)
    return recover(digest, await signer.sign_typed(digest, lambda: batch_typed_data(content, gateway)))


async def test_ops_3_a_remote_key_signs_batches_and_transactions_like_one_that_is_here(
    remote: RemoteSigner,
) -> None:
    here, there = KeySigner("csd", KEY), signer_of(remote)
    assert (there.name, there.address) == ("csd", here.address)
    assert await attested(there) == await attested(here) == here.address
    for price in PRICES:
        asked = {**FIELDS, **price}
        assert await there.sign_transaction(asked) == await here.sign_transaction(asked)
    assert remote.asked == ["eth_signTypedData", *["eth_signTransaction"] * 2]


async def test_ops_3_a_signature_of_another_key_is_never_used(remote: RemoteSigner) -> None:
    remote.signs_with = dev_key("stranger")
    with pytest.raises(SignerRefused, match="or something else"):
        await attested(signer_of(remote))
    with pytest.raises(SignerRefused, match="the transaction is"):
        await signer_of(remote).sign_transaction({**FIELDS, **PRICES[0]})


@pytest.mark.parametrize(
    "changes",
    [{"to": "0x" + "22" * 20}, {"value": 9}, {"nonce": 4}, {"data": "0x"}, {"chainId": 1}, {"gasPrice": 6}],
)
async def test_ops_3_another_transaction_than_was_asked_for_is_never_used(
    remote: RemoteSigner, changes: dict[str, object]
) -> None:
    remote.changes = changes
    with pytest.raises(SignerRefused, match="another transaction"):
        await signer_of(remote).sign_transaction({**FIELDS, **PRICES[0]})


@pytest.mark.parametrize("answer", ["0x", "rubbish", "0x" + "00" * 65, "0x" + "ff" * 65, {"a": 1}, 5])
async def test_fault_an_answer_that_is_no_signature_is_refused(remote: RemoteSigner, answer: object) -> None:
    remote.answer = answer
    with pytest.raises(SignerRefused) as found:
        await attested(signer_of(remote))
    assert found.value.code == "PP-LED-014"
    with pytest.raises(SignerRefused):
        await signer_of(remote).sign_transaction({**FIELDS, **PRICES[0]})


async def test_fault_a_signer_that_hangs_refuses_or_is_gone_is_said_without_its_address(
    remote: RemoteSigner,
) -> None:
    where = remote.url.replace("http://", "http://operator:secret@")
    signer = Web3Signer("csd", where, remote.address, timeout=0.3)
    remote.hang = 1.0
    with pytest.raises(SignerUnreachable, match=r"no answer within 0\.3 s") as hanging:
        await attested(signer)
    remote.hang, remote.status = 0.0, 401
    with pytest.raises(SignerRefused, match="credentials") as refused:
        await attested(signer)
    remote.status = 500
    with pytest.raises(SignerUnreachable, match="not JSON"):
        await attested(signer)
    remote.status, remote.cut = 200, True
    with pytest.raises(SignerUnreachable, match="cannot be reached") as cut:
        await attested(signer)
    gone = Web3Signer("csd", "http://operator:secret@127.0.0.1:1", remote.address)
    with pytest.raises(SignerUnreachable, match="cannot be reached") as lost:
        await attested(gone)
    errors = [one.value for one in (hanging, refused, cut, lost)]
    assert not any("secret" in str(one) or "127.0.0.1" in str(one) for one in errors)
    assert "secret" not in repr(gone)


async def test_ops_3_a_signer_without_the_key_refuses_and_one_whose_variable_is_missing_is_unusable(
    remote: RemoteSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = KeySigner("other", dev_key("other")).address
    with pytest.raises(SignerRefused, match=r"it refuses eth_signTypedData \(HTTP 200, error -32602\)"):
        await attested(Web3Signer("csd", remote.url, other))
    monkeypatch.delenv("CSD_SIGNER", raising=False)
    signer = signer_from_spec(f"web3signer:${{CSD_SIGNER}}#{remote.address}", "production", "csd")
    assert signer.address == remote.address  # whoever needs no more than that has it
    with pytest.raises(SignerUnusable, match="CSD_SIGNER"):
        await attested(signer)
    monkeypatch.setenv("CSD_SIGNER", remote.url)
    assert await attested(signer) == remote.address


async def test_ops_3_keystores_have_passwords_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "csd.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "right", kdf="pbkdf2", iterations=2)), "utf-8")
    monkeypatch.setenv("PARI_KEYSTORE_PASSWORD", "wrong")
    monkeypatch.setenv("CSD_PASSWORD", "right")
    signer = signer_from_spec(f"keystore:{path}#${{CSD_PASSWORD}}", "production")
    assert await attested(signer) == KeySigner("csd", KEY).address
    with pytest.raises(SignerUnusable, match="password"):
        signer_from_spec(f"keystore:{path}", "production")
    monkeypatch.delenv("CSD_PASSWORD")
    with pytest.raises(SignerUnusable, match="CSD_PASSWORD"):
        signer_from_spec(f"keystore:{path}#${{CSD_PASSWORD}}", "production")


def test_unknown_signers_are_refused_without_showing_them() -> None:
    for spec in ("web3signer:http://secret.example", "web3signer:http://secret.example#0x12", "secret"):
        with pytest.raises(SignerUnusable) as found:
            signer_from_spec(spec, "production")
        assert "secret" not in str(found.value)
