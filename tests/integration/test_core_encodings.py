"""What the contracts compute is what the pure core computes: ids, digests, hashes, leaves, codes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from web3 import Web3

from paripassu.artefacts import load
from paripassu.devnet import NodeSpec, running_nodes
from paripassu.entitlements import EntitlementLine
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import (
    AccountId,
    CurrencyCode,
    InteropAddress,
    LedgerId,
    checksum_address,
    keccak256,
)
from paripassu.identifiers.iso import isin_check_digit
from paripassu.messages import (
    PROTOCOL_VERSION,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    MovementPayload,
    Purpose,
    batch_digest,
)
from paripassu.quantities import Minor, Rate, Units
from paripassu.rules import Restriction

ALPHA, REGISTER = LedgerId("eip155:31001"), LedgerId("book:register")
HOLDER_FR = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@pytest.fixture(scope="module")
def alpha() -> Iterator[Web3]:
    with running_nodes([NodeSpec("alpha", "anvil", 31001)]) as nodes:
        yield Web3(Web3.HTTPProvider(nodes["alpha"].url))


def deployed(chain: Web3, name: str, *arguments: Any) -> Any:
    """Deploy a contract; without arguments, each address that its constructor takes is somebody's."""
    artefact = load(name)
    arguments = arguments or (chain.eth.accounts[9],) * len(artefact.constructor_inputs())
    factory = chain.eth.contract(abi=artefact.abi, bytecode=artefact.bytecode)
    sent = factory.constructor(*arguments).transact({"from": chain.eth.accounts[0]})
    address = chain.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    return chain.eth.contract(address=address, abi=artefact.abi)


def message(nonce: int, purpose: Purpose = Purpose.MOVEMENT) -> Message:
    return Message(
        lane=Lane(REGISTER, ALPHA, purpose),
        nonce=nonce,
        timestamp=1_804_000_000 + nonce,
        expiry=0,
        version=PROTOCOL_VERSION,
        sender=InteropAddress(REGISTER, "movement").encode(),
        recipient=InteropAddress(ALPHA, HOLDER_FR).encode(),
        payload=MovementPayload(
            keccak256(b"security"), b"HOLDER-FR", bytes.fromhex(HOLDER_FR[2:]), Units(nonce)
        ).encode(),
    )


def record(**changes: Any) -> EventRecord:
    fields: dict[str, Any] = {
        "official_event_id": "FR2027DVCA42",
        "security_id": keccak256(b"security"),
        "event_type": "DVCA",
        "participation": Participation.MAND,
        "announcement_date": date(2027, 3, 1),
        "ex_date": date(2027, 3, 4),
        "record_date": date(2027, 3, 5),
        "payment_date": date(2027, 3, 8),
        "record_time": 1_804_287_599,
        "rate": Rate(Fraction(2**127 - 1, 3**70)),
        "currency": CurrencyCode("KWD"),
        "document_hash": keccak256(b"document"),
    }
    return EventRecord(**(fields | changes))


def test_message_ids_and_batch_digests_are_equal(alpha: Web3) -> None:
    implementation = deployed(alpha, "Gateway")
    proxy = deployed(alpha, "ERC1967Proxy", implementation.address, b"")
    gateway = alpha.eth.contract(address=proxy.address, abi=load("Gateway").abi)
    batch = Batch(7, (message(1), message(2), message(3)))
    for each in (*batch.messages, message(9, Purpose.RECEIPT)):
        assert gateway.functions.messageId(each.abi_tuple()).call() == each.id
    domain = GatewayDomain(ALPHA, bytes.fromhex(gateway.address[2:]))
    assert gateway.functions.digest(7, batch.ids).call() == batch_digest(batch, domain)


def test_ca_1_record_hashes_and_entitlement_leaves_are_equal(alpha: Web3) -> None:
    actions = deployed(alpha, "CorporateActions")
    for event in (record(), record(ex_date=None, currency=CurrencyCode("JPY"), rate=Rate("0.37"))):
        assert actions.functions.recordHashOf(event.abi_tuple()).call() == event.record_hash
    line = EntitlementLine(record().key, AccountId(ALPHA, HOLDER_FR), Units(3), Minor(2**200))
    assert actions.functions.leafOf(bytes(record().key), HOLDER_FR, 2**200).call() == line.leaf


def test_id_2_the_chain_accepts_exactly_the_isin_check_digit_that_the_core_does(alpha: Web3) -> None:
    registry = deployed(alpha, "InstanceRegistry")
    for base in ("FR0014ZZPPS", "US037833100", "XS217885728", "DE000716460", "GB00B03MLX2"):
        for digit in "0123456789":
            accepted = registry.functions.isValidIsin((base + digit).encode("ascii")).call()
            assert accepted == (digit == isin_check_digit(base))


def test_i3_restriction_codes_have_the_same_sentences(alpha: Web3) -> None:
    token = deployed(alpha, "SecurityTokenReadings")
    for restriction in Restriction:
        said = token.functions.messageForTransferRestriction(int(restriction)).call()
        assert said == restriction.sentence


def test_addresses_have_the_same_checksum_as_in_web3() -> None:
    for number in range(50):
        raw = keccak256(number.to_bytes(2, "big"))[:20]
        assert checksum_address(raw) == Web3.to_checksum_address(raw)
