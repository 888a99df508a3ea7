"""The pure parts of the EVM adapter: finality, fees, error meanings, codec, revert decoding, signers."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from paripassu.errors import ContractRefused, LedgerError, RuleError, SignerUnusable
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.evm.codec import Contract
from paripassu.ledgers.evm.faults import Fault, NodeFault, meaning_of, revert_data
from paripassu.ledgers.evm.fees import Fee, FeePolicy, raised_fee, replacement_fee
from paripassu.ledgers.evm.finality import final_height
from paripassu.ledgers.evm.preparation import Call, Patience, Preparation
from paripassu.ledgers.evm.raw import unsigned_fields
from paripassu.ledgers.evm.reverts import RevertDecoder, revived
from paripassu.ledgers.intents import Intent, MemoryIntentLog, Settled
from paripassu.ledgers.signers import KeySigner, dev_key, signer_from_spec

HEIGHTS = st.integers(0, 10**9)


@given(HEIGHTS, st.none() | HEIGHTS, st.integers(0, 1000))
def test_final_block_has_the_depth_and_is_never_above_the_tag(
    latest: int, finalized: int | None, period: int
) -> None:
    height = final_height(latest, finalized, period)
    assert height == 0 or latest - height >= period
    assert finalized is None or height <= finalized


def test_client_whose_finalized_tag_is_its_head_relies_on_depth() -> None:
    assert final_height(100, 100, 3) == 97


def test_tag_that_lags_more_than_the_depth_decides() -> None:
    assert final_height(100, 36, 3) == 36


@pytest.mark.parametrize(
    ("code", "message", "data", "fault"),
    [
        (-32003, "nonce too low", b"", Fault.NONCE_TOO_LOW),
        (-32603, "nonce too low: next nonce 5, tx nonce 4", b"", Fault.NONCE_TOO_LOW),
        (
            -32000,
            "the tx doesn't have the correct nonce. account has nonce of: 3 tx has nonce of: 2",
            b"",
            Fault.NONCE_TOO_LOW,
        ),
        (-32000, "already known", b"", Fault.ALREADY_KNOWN),
        (-32000, "replacement transaction underpriced", b"", Fault.UNDERPRICED),
        (-32000, "transaction underpriced", b"", Fault.UNDERPRICED),
        (-32003, "max fee per gas less than block base fee", b"", Fault.UNDERPRICED),
        (-32000, "insufficient funds for gas * price + value", b"", Fault.INSUFFICIENT_FUNDS),
        (-32000, "sender doesn't have enough funds to send tx", b"", Fault.INSUFFICIENT_FUNDS),
        (3, "execution reverted: custom error 0x12345678", b"\x12\x34\x56\x78", Fault.REVERTED),
        (-32000, "VM Exception while processing transaction: revert", b"", Fault.REVERTED),
        (-32000, "unknown block", b"", Fault.UNKNOWN_BLOCK),
        (-32000, "BlockOutOfRangeError: block height is 5 but requested was 9", b"", Fault.UNKNOWN_BLOCK),
        (-32005, "query returned more than 10000 results", b"", Fault.RANGE_TOO_LARGE),
        (-32005, "daily request count exceeded", b"", Fault.RATE_LIMITED),
        (-32601, "the method eth_foo does not exist", b"", Fault.METHOD_MISSING),
        (-32000, "something else", b"", Fault.OTHER),
    ],
)
def test_error_answers_are_judged_by_meaning(code: int, message: str, data: bytes, fault: Fault) -> None:
    assert meaning_of(code, message, data) is fault


def test_revert_data_is_found_wherever_a_client_puts_it() -> None:
    assert revert_data("0x1234") == b"\x12\x34"
    assert revert_data({"hash": "0x00", "result": "0x1234"}) == b"\x12\x34"
    assert revert_data({"data": {"data": "0x1234"}}) == b"\x12\x34"
    assert revert_data("Reverted") == b""
    assert revert_data(None) == b""


ABI = [
    {
        "type": "function",
        "name": "pay",
        "inputs": [
            {"name": "key", "type": "bytes32"},
            {
                "name": "lines",
                "type": "tuple[]",
                "components": [
                    {"name": "account", "type": "address"},
                    {"name": "amount", "type": "uint256"},
                    {"name": "proof", "type": "bytes32[]"},
                ],
            },
        ],
        "outputs": [{"name": "", "type": "address"}],
    },
    {
        "type": "event",
        "name": "Moved",
        "inputs": [
            {"name": "from", "type": "address", "indexed": True},
            {"name": "note", "type": "string", "indexed": True},
            {"name": "amount", "type": "uint256", "indexed": False},
        ],
    },
    {
        "type": "error",
        "name": "TransferRestricted",
        "inputs": [
            {"name": "code", "type": "uint8"},
            {"name": "from", "type": "address"},
            {"name": "to", "type": "address"},
            {"name": "amount", "type": "uint256"},
        ],
    },
    {"type": "error", "name": "Closed", "inputs": [{"name": "until", "type": "uint64"}]},
]
HOLDER = "0x52908400098527886E0F7030069857D2E4169EE7"
PROBE = Contract("Probe", ABI)


def test_call_data_of_nested_structs_reads_back_with_checksummed_addresses() -> None:
    line = (HOLDER.lower(), 7, [b"\1" * 32])
    data = PROBE.encode("pay", b"\2" * 32, [line])
    assert data[:4] == keccak256(b"pay(bytes32,(address,uint256,bytes32[])[])")[:4]
    assert PROBE.decode_call(data) == ("pay", (b"\2" * 32, ((HOLDER, 7, (b"\1" * 32,)),)))


def test_log_is_decoded_by_name_and_an_indexed_string_stays_its_hash() -> None:
    log = {
        "address": HOLDER.lower(),
        "topics": [
            PROBE.topic("Moved"),
            "0x" + encode(["address"], [HOLDER]).hex(),
            keccak256(b"note").text,
        ],
        "data": "0x" + encode(["uint256"], [9]).hex(),
        "blockNumber": "0x10",
        "blockHash": "0xab",
        "transactionHash": "0xcd",
        "logIndex": "0x2",
    }
    decoded = PROBE.decode_log(log)
    assert decoded is not None
    assert decoded.args == {"from": HOLDER, "note": bytes(keccak256(b"note")), "amount": 9}
    assert (decoded.height, decoded.index, decoded.address) == (16, 2, HOLDER)
    assert PROBE.decode_log({**log, "topics": [keccak256(b"Other()").text]}) is None


def selector(error: str) -> bytes:
    return next(found for found, (name, _) in PROBE.errors.items() if name == error)


DECODER = RevertDecoder("alpha", [PROBE])


def test_restriction_becomes_the_rule_error_with_its_code() -> None:
    values = encode(["uint8", "address", "address", "uint256"], [4, HOLDER, HOLDER, 12])
    error = DECODER.error(selector("TransferRestricted") + values)
    assert isinstance(error, RuleError)
    assert (error.code, error.restriction) == ("PP-RUL-004", 4)


def test_other_reverts_are_named_in_words() -> None:
    closed = selector("Closed") + encode(["uint64"], [99])
    reason = bytes.fromhex("08c379a0") + encode(["string"], ["too late."])
    panic = bytes.fromhex("4e487b71") + encode(["uint256"], [0x11])
    for data, words in (
        (closed, "Closed(until=99)"),
        (reason, "too late"),
        (panic, "Panic(0x11)"),
        (b"", "no reason given"),
        (b"\xde\xad\xbe\xef", "unknown error 0xdeadbeef"),
        (selector("Closed") + b"\0", "unknown error"),
    ):
        error = DECODER.error(data)
        assert isinstance(error, ContractRefused)
        assert words in error.sentence


def test_stored_reason_is_revived_as_the_same_error() -> None:
    values = encode(["uint8", "address", "address", "uint256"], [8, HOLDER, HOLDER, 12])
    for error in (
        DECODER.error(selector("TransferRestricted") + values),
        DECODER.error(selector("Closed") + encode(["uint64"], [99])),
    ):
        again = revived(str(error))
        assert (type(again), again.code, again.sentence) == (type(error), error.code, error.sentence)
    assert isinstance(revived("something without a code"), LedgerError)


@pytest.mark.parametrize(
    "fields", [{"gasPrice": 5}, {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 2}]
)
async def test_signed_bytes_read_back_as_what_was_signed(fields: dict[str, object]) -> None:
    unsigned = {"chainId": 31001, "nonce": 3, "gas": 21_000, "value": 8, "to": HOLDER, "data": "0x1234"}
    raw, transaction = await KeySigner("issuer", dev_key("issuer")).sign_transaction({**unsigned, **fields})
    read, fee = unsigned_fields(raw)
    assert read == unsigned
    assert fee.fields() == fields
    assert transaction == keccak256(raw).text


def test_replacement_rises_by_an_eighth_at_least_and_never_above_the_cap() -> None:
    policy = FeePolicy(most=1_000)
    raised = raised_fee(Fee(80, 8), Fee(40, 4), policy)
    assert raised is not None
    assert raised.tip is not None
    assert raised.most * 8 >= 80 * 9
    assert raised.tip * 8 >= 8 * 9
    assert raised_fee(Fee(80, 8), Fee(500, 4), policy) == Fee(500, 10)
    assert raised_fee(Fee(950, 8), Fee(40, 4), policy) is None
    assert raised_fee(Fee(905, 8), Fee(40, 4), policy) == Fee(1_000, 10)  # the cap is a tenth above


def test_fault_replacement_underpriced_rises_from_the_highest_price_ever_sent() -> None:
    """hyperlane 2924: a bump from the newest price is refused for ever where an older one was higher."""
    sent = [Fee(80, 20), Fee(160, 8), Fee(90, 9)]
    raised = replacement_fee(sent, [], Fee(40, 4), FeePolicy(most=1_000))
    assert raised is not None
    assert raised.tip is not None
    assert raised.most * 8 >= 160 * 9
    assert raised.tip * 8 >= 20 * 9


def test_fault_a_cap_that_was_reached_never_ends_a_nonce() -> None:
    """oz-relayer 808: thrown out at the cap, neither to be raised nor sent again."""
    policy, capped = FeePolicy(most=1_000), Fee(1_000, 50)
    assert replacement_fee([capped], [capped], Fee(1_000, 50), policy) is None  # it is the market's: wait
    assert replacement_fee([capped], [], Fee(300, 4), policy) == Fee(300, 4)  # thrown out: down
    cheap = Fee(300, 4)
    assert replacement_fee([capped, cheap], [], cheap, policy) is None  # the same bytes once more will do
    risen = replacement_fee([capped, cheap], [cheap], cheap, policy)  # and it rises again from there
    assert risen is not None
    assert 300 * 9 <= risen.most * 8 < 8_000
    assert replacement_fee([capped, cheap, risen], [risen], cheap, policy) not in (None, risen)


def test_prices_without_a_base_fee_are_replaced_by_the_same_rules() -> None:
    policy = FeePolicy(most=1_000)
    assert replacement_fee([Fee(80, None)], [], Fee(40, None), policy) == Fee(91, None)
    assert replacement_fee([Fee(1_000, None)], [], Fee(40, None), policy) == Fee(40, None)


@pytest.mark.parametrize("code", [-32000, -32603, -32010, 3000])
def test_fault_nonce_too_low_under_any_code_is_no_failure_of_the_transport(code: int) -> None:
    """oz-relayer 681: it came as an internal error, was taken for a broken provider, and all were paused."""
    assert meaning_of(code, "nonce too low: next nonce 5, tx nonce 4", b"") is Fault.NONCE_TOO_LOW


def test_signature_is_low_s_with_v_27_or_28_and_recovers() -> None:
    signer = KeySigner("attestor_csd", dev_key("attestor_csd"))
    for number in range(20):
        digest = keccak256(bytes([number]))
        signature = signer.sign_digest(digest)
        assert signature[64] in (27, 28)
        assert (
            int.from_bytes(signature[32:64], "big")
            <= 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
        )
        assert Account._recover_hash(bytes(digest), signature=signature) == signer.address


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1's group."""

ONE = (1).to_bytes(32, "big")


def rfc_6979_nonce(key: bytes, digest: bytes) -> int:
    """The nonce of RFC 6979 3.2 with SHA-256, written down here anew."""
    reduced = (int.from_bytes(digest, "big") % ORDER).to_bytes(32, "big")
    k, v = bytes(32), b"\1" * 32
    for separator in (b"\0", b"\1"):
        k = hmac.digest(k, v + separator + key + reduced, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        if 0 < (nonce := int.from_bytes(v, "big")) < ORDER:
            return nonce
        k = hmac.digest(k, v + b"\0", "sha256")
        v = hmac.digest(k, v, "sha256")


@pytest.mark.parametrize(
    ("key", "digest", "signature"),
    [
        (  # published with several secp256k1 libraries, of a SHA-256 digest
            ONE,
            hashlib.sha256(b"Satoshi Nakamoto").digest(),
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
            "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
        ),
        (
            ONE,
            hashlib.sha256(
                b"All those moments will be lost in time, like tears in rain. Time to die..."
            ).digest(),
            "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b"
            "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
        ),
        (  # the example of EIP-712, of a Keccak digest
            bytes(keccak256(b"cow")),
            bytes.fromhex("be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"),
            "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
            "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
            "1c",
        ),
    ],
    ids=["sha-256", "sha-256, long", "EIP-712"],
)
def test_a12_signatures_are_the_published_ones(key: bytes, digest: bytes, signature: str) -> None:
    made = KeySigner("attestor_csd", key).sign_digest(Bytes32(digest))
    assert made.hex().startswith(signature)


def test_a12_the_nonce_is_that_of_rfc_6979_and_no_two_digests_share_one() -> None:
    """Anyswap 2021: two signatures of one r gave the key away."""
    points: dict[bytes, bytes] = {}
    for name in ("attestor_csd", "attestor_auditor"):
        key = dev_key(name)
        signer = KeySigner(name, key)
        for number in range(32):
            digest = keccak256(number.to_bytes(2, "big"))
            signature = signer.sign_digest(digest)
            assert signer.sign_digest(digest) == signature, "the same again"
            nonce = rfc_6979_nonce(key, bytes(digest))
            x = PrivateKey(nonce.to_bytes(32, "big")).public_key.to_bytes()[:32]
            assert int.from_bytes(signature[:32], "big") == int.from_bytes(x, "big") % ORDER
            assert 0 < int.from_bytes(signature[32:64], "big") <= ORDER // 2
            assert signature[64] in (27, 28)
            assert points.setdefault(signature[:32], bytes(digest) + key) == bytes(digest) + key
    assert len(points) == 64


async def test_a12_transactions_of_one_account_share_no_nonce_either() -> None:
    signer = KeySigner("relayer", dev_key("relayer"))
    fields = {"chainId": 31001, "to": HOLDER, "value": 0, "gas": 21_000, "gasPrice": 10, "data": "0x"}
    found = set()
    for number in range(16):
        raw, digest = await signer.sign_transaction({**fields, "nonce": number})
        assert (raw, digest) == await signer.sign_transaction({**fields, "nonce": number})
        *_, r, _s = rlp.decode(raw)
        found.add(bytes(r))
    assert len(found) == 16


def test_dev_signer_is_its_name_and_refused_outside_local() -> None:
    signer = signer_from_spec("dev:registrar", "local")
    assert signer.name == "registrar"
    assert signer.address == KeySigner("x", keccak256(b"pari passu devnet key registrar")).address
    with pytest.raises(SignerUnusable, match="refused in environment production"):
        signer_from_spec("dev:registrar", "production")


def test_key_from_the_environment_and_from_a_keystore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = dev_key("issuer")
    monkeypatch.setenv("ISSUER_KEY", "0x" + key.hex())
    expected = KeySigner("issuer", key).address
    assert signer_from_spec("${ISSUER_KEY}", "production").address == expected
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps(Account.encrypt(key, "secret", kdf="pbkdf2", iterations=2)))
    monkeypatch.setenv("PARI_KEYSTORE_PASSWORD", "secret")
    assert signer_from_spec(f"keystore:{path}", "production").address == expected
    monkeypatch.setenv("PARI_KEYSTORE_PASSWORD", "wrong")
    with pytest.raises(SignerUnusable):
        signer_from_spec(f"keystore:{path}", "production")


@pytest.mark.parametrize("spec", ["${NOT_SET_AT_ALL}", "nonsense", "dev:", "keystore:/no/such/file"])
def test_unusable_signer_is_refused_without_showing_what_was_written(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARI_KEYSTORE_PASSWORD", "secret")
    with pytest.raises(SignerUnusable):
        signer_from_spec(spec, "local")
    with pytest.raises(SignerUnusable) as shown:
        signer_from_spec("4c0883a69102937d6231471b5dbb6204fe512961708279f8", "local")
    assert "4c0883a6" not in str(shown.value)


def test_signer_never_shows_its_key() -> None:
    signer = KeySigner("issuer", dev_key("issuer"))
    assert dev_key("issuer").hex() not in repr(signer)


def test_dead_intent_frees_its_reference_and_final_ends_it() -> None:
    log = MemoryIntentLog()
    first = Intent("pay", "eip155:1", HOLDER, 4, "0x01", b"\1")
    second = Intent("pay", "eip155:1", HOLDER, 5, "0x02", b"\2")
    log.record(first)
    log.settle(Settled("pay", "0x01", "DEAD", 9))
    assert log.settled("pay") == Settled("pay", "0x01", "DEAD", 9)
    assert log.outstanding("eip155:1", HOLDER) == ()
    log.record(second)
    assert log.settled("pay") is None
    assert log.outstanding("eip155:1", HOLDER) == (second,)
    log.settle(Settled("pay", "0x02", "FINAL", 12))
    assert log.outstanding("eip155:1", HOLDER) == ()
    assert log.find("pay") == (first, second)


class _Node:
    """Answers simulations with what it was told, in turn; the last answer stays."""

    ledger = "alpha"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def batch_with_faults(self, requests: list[Any]) -> list[Any]:
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] for _ in requests]


def _preparation(node: _Node) -> Preparation:
    def refusal(data: bytes) -> ContractRefused:
        return ContractRefused("refused")

    rpc: Any = node
    blocks: Any = None
    return Preparation(rpc, blocks, 1, refusal, FeePolicy(), Patience(0.001, 1))


_REFUSED = NodeFault("alpha", "eth_estimateGas", 3, "execution reverted", b"\1\2\3\4")


async def _nothing_under_way() -> bool:
    return False


async def test_refusal_given_just_before_the_call_that_it_builds_on_is_not_believed() -> None:
    """That call was in no block when the node refused, and in one when its nonce was looked at."""
    gas = await _preparation(_Node(_REFUSED, "0x5208"))._gas(Call("0x", b""), "0x", _nothing_under_way)
    assert gas == 21_000 * 13 // 10 + 20_000


async def test_refusal_given_twice_with_nothing_under_way_is_believed() -> None:
    with pytest.raises(ContractRefused):
        await _preparation(_Node(_REFUSED))._gas(Call("0x", b""), "0x", _nothing_under_way)
