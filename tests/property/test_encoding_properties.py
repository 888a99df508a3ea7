"""Encodings lose nothing and confuse nothing: addresses, messages, payloads, records (ID-1, MOV-3)."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from paripassu.custody import ClientLine, MerkleSumTree, ShareholdingType, verify_line
from paripassu.errors import PariError
from paripassu.events import BusinessCalendar, EventRecord, Participation
from paripassu.identifiers import (
    AccountId,
    Bytes32,
    CurrencyCode,
    InteropAddress,
    Isin,
    LedgerId,
    Lei,
    account_from_bytes,
    account_to_bytes,
    keccak256,
)
from paripassu.identifiers.iso import isin_check_digit, lei_check_digits
from paripassu.messages import (
    Batch,
    EntitlementPayload,
    EventPayload,
    GatewayDomain,
    Lane,
    Message,
    MovementPayload,
    Purpose,
    batch_digest,
    decode_corporate_action,
)
from paripassu.quantities import Minor, Rate, Units

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHANUMERIC = LETTERS + "0123456789"
book_names = st.text(LETTERS.lower() + "0123456789-_", min_size=1, max_size=32)
evm_ledgers = st.integers(1, 2**64).map(LedgerId.evm)
book_ledgers = book_names.map(lambda name: LedgerId(f"book:{name}"))
evm_accounts = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
book_accounts = st.text(ALPHANUMERIC + "-.%_", min_size=1, max_size=128)
accounts = st.one_of(st.tuples(evm_ledgers, evm_accounts), st.tuples(book_ledgers, book_accounts))
hashes = st.binary(min_size=32, max_size=32).map(Bytes32)
lanes = (
    st.tuples(evm_ledgers, st.one_of(evm_ledgers, book_ledgers), st.sampled_from(Purpose))
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: Lane(*ends))
)
messages = st.builds(
    Message,
    lane=lanes,
    nonce=st.integers(1, 2**64 - 1),
    timestamp=st.integers(0, 2**64 - 1),
    expiry=st.integers(0, 2**64 - 1),
    version=st.integers(0, 2**32 - 1),
    sender=st.binary(max_size=70),
    recipient=st.binary(max_size=70),
    payload=st.binary(max_size=200),
)
dates = st.dates(date(1990, 1, 1), date(2100, 12, 31))
records = st.builds(
    EventRecord,
    official_event_id=st.text(ALPHANUMERIC, min_size=1, max_size=16),
    security_id=hashes,
    event_type=st.text(LETTERS, min_size=4, max_size=4),
    participation=st.sampled_from(Participation),
    announcement_date=dates,
    ex_date=st.none() | dates,
    record_date=dates,
    payment_date=dates,
    record_time=st.integers(1, 2**64 - 1),
    rate=st.builds(lambda n, d: Rate(Fraction(n, d)), st.integers(1, 2**128 - 1), st.integers(1, 2**128 - 1)),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]).map(CurrencyCode),
    document_hash=hashes,
)


@given(accounts)
def test_erc_7930_address_round_trips(place: tuple[LedgerId, str]) -> None:
    address = InteropAddress(*place)
    assert InteropAddress.decode(address.encode()) == address


@given(st.binary(max_size=80))
def test_any_bytes_are_one_address_or_refused(data: bytes) -> None:
    try:
        address = InteropAddress.decode(data)
    except PariError:
        return
    assert address.encode() == data


@given(accounts, st.binary(max_size=3), st.integers(0, 200))
def test_a_damaged_address_never_reads_as_the_same(
    place: tuple[LedgerId, str], noise: bytes, at: int
) -> None:
    good = InteropAddress(*place).encode()
    at %= len(good)
    bad = good[:at] + noise + good[at + 1 :]
    assume(bad != good)
    with contextlib.suppress(PariError):
        assert InteropAddress.decode(bad) != InteropAddress(*place)


@given(accounts)
def test_accounts_round_trip_through_payload_bytes(place: tuple[LedgerId, str]) -> None:
    ledger, account = place
    canonical = account_from_bytes(ledger, account_to_bytes(ledger, account))
    assert canonical.lower() == account.lower()
    assert AccountId.parse(str(AccountId(ledger, account))) == AccountId(ledger, canonical)


@given(messages, messages)
def test_message_ids_are_equal_only_for_equal_messages(first: Message, second: Message) -> None:
    assert (first.id == second.id) == (first == second)


@given(messages, st.binary(min_size=1, max_size=8), st.integers(0, 70))
def test_moving_a_byte_between_sender_recipient_and_payload_changes_the_id(
    message: Message, tail: bytes, cut: int
) -> None:
    joined = message.sender + message.recipient + tail
    cut = min(cut, len(joined))
    moved = dataclasses.replace(message, sender=joined[:cut], recipient=joined[cut:])
    assume(moved != message)
    assert moved.id != message.id


@given(messages)
def test_message_comes_back_from_abi_values(message: Message) -> None:
    assert Message.from_abi(message.abi_tuple(), [message.lane.destination]) == message


@given(messages, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), evm_ledgers)
def test_digest_binds_attestor_set_and_ledger(message: Message, one: int, two: int, ledger: LedgerId) -> None:
    here = GatewayDomain(message.lane.destination)
    digest = batch_digest(Batch(one, (message,)), here)
    assert (digest == batch_digest(Batch(two, (message,)), here)) == (one == two)
    assume(ledger != message.lane.destination)
    assert digest != batch_digest(Batch(one, (message,)), GatewayDomain(ledger))


@given(hashes, st.binary(max_size=128), st.binary(max_size=128), st.integers(0, 2**128 - 1))
def test_movement_payload_round_trips(security: Bytes32, source: bytes, target: bytes, amount: int) -> None:
    payload = MovementPayload(security, source, target, Units(amount))
    assert MovementPayload.decode(payload.encode()) == payload


@given(hashes, hashes, st.integers(0, 2**256 - 1), st.integers(0, 2**32 - 1))
def test_entitlement_payload_round_trips(key: Bytes32, root: Bytes32, total: int, lines: int) -> None:
    payload = EntitlementPayload(key, root, Minor(total), lines)
    assert decode_corporate_action(payload.encode()) == payload


@given(records)
def test_ca_1_event_record_round_trips_with_its_hash(record: EventRecord) -> None:
    decoded = decode_corporate_action(EventPayload(record).encode())
    assert decoded == EventPayload(record)
    assert EventRecord.from_abi(record.abi_tuple()).record_hash == record.record_hash


@given(records, records)
def test_ca_1_record_hashes_are_equal_only_for_equal_records(first: EventRecord, second: EventRecord) -> None:
    assert (first.record_hash == second.record_hash) == (first == second)


@given(st.text(ALPHANUMERIC, min_size=9, max_size=9), st.integers(0, 9))
def test_id_2_exactly_one_check_digit_makes_an_isin(body: str, digit: int) -> None:
    base = "FR" + body
    good = isin_check_digit(base)
    assert Isin(base + good)
    if str(digit) != good:
        try:
            Isin(base + str(digit))
        except PariError:
            return
        raise AssertionError("a wrong check digit was accepted")


@given(st.text(ALPHANUMERIC, min_size=18, max_size=18), st.integers(0, 17), st.sampled_from(ALPHANUMERIC))
def test_id_2_one_changed_character_breaks_a_lei(base: str, at: int, other: str) -> None:
    good = base + lei_check_digits(base)
    assert Lei(good)
    changed = good[:at] + other + good[at + 1 :]
    # MOD 97-10 finds every digit put for a digit and every letter put for a letter
    assume(changed != good and other.isdigit() == good[at].isdigit())
    try:
        Lei(changed)
    except PariError:
        return
    raise AssertionError("a changed character was accepted")


@given(st.dictionaries(st.integers(0, 1000), st.integers(1, 10**9), min_size=1, max_size=20), st.data())
def test_ubo_5_every_client_line_is_proved_alone(clients: dict[int, int], data: st.DataObject) -> None:
    lines = tuple(
        ClientLine(keccak256(number.to_bytes(4, "big")), ShareholdingType.BENE, Units(units))
        for number, units in clients.items()
    )
    tree, total = MerkleSumTree.over(lines), Units(sum(clients.values()))
    line = data.draw(st.sampled_from(lines))
    assert verify_line(tree.root, total, line, tree.proof(line))
    assert not verify_line(
        tree.root, total, dataclasses.replace(line, units=line.units + 1), tree.proof(line)
    )


@given(dates, st.integers(-30, 30), st.sets(st.integers(0, 60), max_size=10))
def test_ca_4_shifting_by_business_days_lands_on_one_and_comes_back(
    day: date, steps: int, holidays: set[int]
) -> None:
    calendar = BusinessCalendar("any", frozenset(day + timedelta(days=offset) for offset in holidays))
    start = calendar.shift(day, 1)
    there = calendar.shift(start, steps)
    assert calendar.is_business_day(there)
    assert calendar.shift(there, -steps) == start
    if steps > 0:
        assert calendar.between(start, there) == steps
