"""The book-entry ledger: postings, rules, authority, gateway, events, payments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from paripassu.commands import (
    Announce,
    AttestBreakdown,
    AuthoriseDebit,
    Deliver,
    FundCash,
    Issue,
    Move,
    Onboard,
    Pay,
    PaymentLine,
    PublishEntitlements,
    Retry,
    Transfer,
)
from paripassu.controls import Freeze, Pause, Reason, Sanction
from paripassu.entitlements import EntitlementLine
from paripassu.errors import (
    BatchRefused,
    BookTampered,
    BreakdownRefused,
    CommandRefused,
    EventConflict,
    EventNotLegal,
    InconsistentFile,
    NotAuthorised,
    PaymentRefused,
    ReferenceConflict,
    RuleError,
    TimeNotFinal,
    Unfunded,
    WrongChain,
)
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, Bytes32, Cfi, CurrencyCode, LedgerId, commitment, keccak256
from paripassu.ledgers.book import BookConfiguration, BookLedger, gateway, journal
from paripassu.ledgers.book.schema import metadata
from paripassu.ledgers.port import AttestedBreakdown, Attestor, AttestorSet, DeliveryStatus, OutcomeState
from paripassu.merkle import MerkleTree
from paripassu.messages import Batch, GatewayDomain, Lane, Message, Purpose, batch_digest
from paripassu.quantities import ZERO_UNITS, Minor, Rate, Units
from paripassu.rules import Restriction
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    attestor_set,
    book_configuration,
    book_network,
    entity_of,
    issue,
    onboard,
)

START = 1_800_000_000
DESK = Desk()
WHY = Reason("court order 7")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
async def network(tmp_path: Path, clock: SettableClock) -> AsyncIterator[tuple[BookLedger, BookLedger]]:
    home, south = await book_network(tmp_path, ("home", "south"), clock)
    for ledger in (home, south):
        for account in ("holder_de", "holder_fr"):
            await onboard(ledger, account)
    await issue(home, "holder_de", 1_000)
    yield home, south
    await home.close()
    await south.close()


async def send(ledger: BookLedger, destination: LedgerId, units: int, reference: str) -> Message:
    """Move units of holder_de to holder_fr of another book and return the message."""
    command = Move("holder_de", destination, "holder_fr", Units(units))
    outcome = await ledger.execute(command, DESK["holder_de"], reference)
    assert outcome.block is not None
    (sent,) = await ledger.sent_messages(outcome.block.height, outcome.block.height)
    return sent.message


def signed(batch: Batch, ledger: LedgerId, names: tuple[str, ...] = ATTESTOR_NAMES[:2]) -> tuple[bytes, ...]:
    digest = batch_digest(batch, GatewayDomain(ledger))
    signers = sorted((DESK[name] for name in names), key=lambda signer: int(signer.address, 16))
    return tuple(signer.sign_digest(digest) for signer in signers)


def delivery(*messages: Message, version: int = 1) -> Deliver:
    batch = Batch(version, messages)
    return Deliver(batch, signed(batch, batch.lane.destination))


async def fates(ledger: BookLedger) -> list[tuple[int, DeliveryStatus, str]]:
    head = await ledger.head()
    return [(d.nonce, d.status, d.reason) for d in await ledger.deliveries(0, head.height)]


def test_migrations_build_exactly_the_tables_of_the_book(network: tuple[BookLedger, BookLedger]) -> None:
    with network[0]._db.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


async def test_every_posting_has_its_counterpart_and_supply_is_what_was_issued(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, _ = network
    await home.execute(Transfer("holder_de", "holder_fr", Units(300)), DESK["holder_de"], "t1")
    assert await home.position("holder_de") == 700
    assert await home.position("holder_fr") == 300
    assert await home.supply() == 1_000
    assert home.check() == 4
    with home._db.read() as connection:
        amounts = connection.execute(text("SELECT amount FROM posting")).scalars().all()
    assert sum(map(int, amounts)) == 0


async def test_a_command_takes_effect_once_by_its_reference(network: tuple[BookLedger, BookLedger]) -> None:
    home, _ = network
    command = Transfer("holder_de", "holder_fr", Units(10))
    first = await home.submit(command, DESK["holder_de"], "t1")
    assert await home.submit(command, DESK["holder_de"], "t1") == first
    assert await home.outcome("t1") == first
    assert first.state is OutcomeState.FINAL
    assert await home.position("holder_fr") == 10
    with pytest.raises(ReferenceConflict):
        await home.submit(Transfer("holder_de", "holder_fr", Units(11)), DESK["holder_de"], "t1")


async def test_a_refused_command_leaves_no_trace(network: tuple[BookLedger, BookLedger]) -> None:
    home, _ = network
    before = await home.head()
    with pytest.raises(RuleError) as refused:
        await home.submit(Transfer("holder_de", "nobody", Units(1)), DESK["holder_de"], "t1")
    assert refused.value.code == "PP-RUL-005"
    assert await home.head() == before
    assert (await home.outcome("t1")).state is OutcomeState.UNKNOWN


async def test_the_rules_give_their_code_for_each_refusal(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    await home.execute(Onboard("holder_us", commitment(b"us"), "US", 1, 0), DESK["registrar"], "onboard:us")
    await home.execute(Onboard("holder_retail", commitment(b"r"), "DE", 2, 0), DESK["registrar"], "onboard:r")
    await home.execute(
        Onboard("holder_late", commitment(b"l"), "DE", 1, START + 5), DESK["registrar"], "onboard:l"
    )
    clock.advance(10)
    seen = {
        target: await home.verdict("holder_de", target, Units(1))
        for target in ("holder_fr", "nobody", "holder_us", "holder_retail", "holder_late")
    }
    assert seen == {
        "holder_fr": Restriction.NONE,
        "nobody": Restriction.RECIPIENT_UNKNOWN,
        "holder_us": Restriction.RECIPIENT_COUNTRY,
        "holder_retail": Restriction.RECIPIENT_CLASS,
        "holder_late": Restriction.RECIPIENT_INACTIVE,
    }
    assert await home.verdict("holder_de", "holder_fr", Units(1_001)) is Restriction.INSUFFICIENT_BALANCE
    await home.execute(Freeze("holder_de", True, WHY), DESK["freezer"], "freeze")
    assert await home.verdict("holder_de", "holder_fr", Units(1)) is Restriction.SENDER_FROZEN
    await home.execute(Pause(True, WHY), DESK["pauser"], "pause")
    assert await home.verdict("holder_de", "holder_fr", Units(1)) is Restriction.TOKEN_PAUSED
    await home.execute(Pause(False, WHY), DESK["unpauser"], "unpause")
    assert await home.verdict("holder_de", "holder_fr", Units(1)) is Restriction.SENDER_FROZEN
    home.check()


async def test_units_are_issued_on_the_home_ledger_alone_and_within_the_limit(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    with pytest.raises(CommandRefused, match="1000000"):
        await home.execute(Issue("holder_de", Units(999_001)), DESK["transfer_agent"], "too-much")
    with pytest.raises(CommandRefused, match="not the home ledger"):
        await south.execute(Issue("holder_de", Units(1)), DESK["transfer_agent"], "elsewhere")


async def test_nobody_moves_units_of_an_account_that_is_neither_theirs_nor_serviced_by_them(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, _ = network
    command = Transfer("holder_de", "holder_fr", Units(1))
    for stranger in ("holder_fr", "registrar", "transfer_agent", "attestor_csd"):
        with pytest.raises(NotAuthorised):
            await home.submit(command, DESK[stranger], f"theft by {stranger}")
    await onboard(home, "omnibus", servicer="custodian_de")
    await home.execute(Transfer("holder_de", "omnibus", Units(5)), DESK["holder_de"], "in")
    await home.execute(Transfer("omnibus", "holder_fr", Units(2)), DESK["custodian_de"], "out")
    with pytest.raises(NotAuthorised, match="transfer_agent"):
        await home.submit(Issue("holder_de", Units(1)), DESK["holder_de"], "issue by a holder")


async def test_an_account_never_passes_to_another_holder(network: tuple[BookLedger, BookLedger]) -> None:
    home, _ = network
    with pytest.raises(CommandRefused, match="belongs to the holder"):
        await home.execute(
            Onboard("holder_de", commitment(b"someone else"), "DE", 1, 0), DESK["registrar"], "again"
        )


async def test_ubo_4_a_breakdown_above_the_balance_is_refused_and_a_lower_balance_makes_it_stale(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, _ = network
    await onboard(home, "omnibus", servicer="custodian_de")
    await home.execute(Transfer("holder_de", "omnibus", Units(100)), DESK["holder_de"], "in")
    custodian = DESK["custodian_de"]
    with pytest.raises(BreakdownRefused, match="by 1"):
        await home.execute(AttestBreakdown("omnibus", START, keccak256(b"root"), Units(101)), custodian, "a")
    with pytest.raises(NotAuthorised):
        await home.execute(
            AttestBreakdown("omnibus", START, keccak256(b"root"), Units(100)), DESK["holder_de"], "b"
        )
    await home.execute(AttestBreakdown("omnibus", START, keccak256(b"root"), Units(100)), custodian, "c")
    assert home.breakdown_of("omnibus") == (START, keccak256(b"root"), Units(100), 1, False)
    assert await home.breakdowns("omnibus") == (AttestedBreakdown(START, keccak256(b"root"), Units(100)),)
    await home.execute(Transfer("omnibus", "holder_de", Units(1)), custodian, "out")
    assert home.breakdown_of("omnibus") == (START, keccak256(b"root"), Units(100), 1, True)


async def test_ca_5_positions_at_a_time_are_those_after_its_last_posting_and_cannot_change_later(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    clock.advance(100)
    await home.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], "at T")
    record_time = clock.now()
    with pytest.raises(TimeNotFinal):
        await home.positions_at(record_time)
    clock.advance(1)
    await home.execute(Transfer("holder_de", "holder_fr", Units(50)), DESK["holder_de"], "after T")
    struck = await home.positions_at(record_time)
    assert struck.balances == {"holder_de": 999, "holder_fr": 1}
    assert struck.supply == 1_000
    assert await home.eligible_on_ledger("holder_fr", record_time) == 1
    clock.advance(-50)  # a clock that goes back must not put postings into a closed period
    await home.execute(Transfer("holder_de", "holder_fr", Units(7)), DESK["holder_de"], "late")
    assert await home.positions_at(record_time) == struck


async def test_a_quiet_period_is_closed_before_its_positions_are_given_out(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    record_time = START + 10
    clock.advance(11)
    before = await home.positions_at(record_time)
    clock.advance(-5)
    await home.execute(Transfer("holder_de", "holder_fr", Units(9)), DESK["holder_de"], "clock went back")
    assert await home.positions_at(record_time) == before
    home.check()


async def test_a_movement_leaves_one_book_and_arrives_in_the_other_once(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    message = await send(home, south.id, 40, "m1")
    lane = message.lane
    assert await home.supply() == 960
    assert await home.sent_counts([lane], (await home.head()).height) == (1,)
    assert await home.sent_counts([lane], 0) == (0,)
    await south.execute(delivery(message), DESK["relayer"], "d1")
    assert await south.position("holder_fr") == 40
    assert await south.inbound_nonce(lane) == 1
    assert await fates(south) == [(1, DeliveryStatus.EXECUTED, "")]
    home.check()
    south.check()


async def test_mov_3_a_storm_of_duplicates_shuffles_and_overlaps_has_one_effect_per_message(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    messages = [await send(home, south.id, 1 + n, f"m{n}") for n in range(5)]
    batches = [messages[:1], messages[2:], messages[:3], messages[1:3], messages, messages[3:], messages[4:]]
    for round_number in range(3):
        for number, part in enumerate(batches):
            deliver = south.submit(delivery(*part), DESK["relayer"], f"storm:{round_number}:{number}")
            if (round_number, number) == (0, 1):
                with pytest.raises(BatchRefused):  # a gap, as long as nonce 2 is missing
                    await deliver
            else:
                await deliver
    assert await south.position("holder_fr") == 1 + 2 + 3 + 4 + 5
    assert [nonce for nonce, _, _ in await fates(south)] == [1, 2, 3, 4, 5]
    south.check()


async def test_a_gap_in_a_lane_is_refused_whole(network: tuple[BookLedger, BookLedger]) -> None:
    home, south = network
    await send(home, south.id, 1, "m1")
    second = await send(home, south.id, 2, "m2")
    with pytest.raises(BatchRefused, match="has executed 0 messages"):
        await south.submit(delivery(second), DESK["relayer"], "d1")


async def test_a_message_is_not_executed_before_its_source_time(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, south = network
    first = await send(home, south.id, 1, "m1")
    clock.advance(30)
    second = await send(home, south.id, 2, "m2")
    clock.advance(-20)
    await south.submit(delivery(first, second), DESK["relayer"], "d1")
    assert await south.position("holder_fr") == 1
    with pytest.raises(BatchRefused, match=r"sent at 1800000030"):
        await south.submit(delivery(second), DESK["relayer"], "d2")
    clock.advance(20)
    await south.submit(delivery(first, second), DESK["relayer"], "d3")
    assert await south.position("holder_fr") == 3


async def test_a_message_that_fails_is_parked_its_neighbours_land_and_it_can_be_retried(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    await onboard(home, "holder_new")
    await home.execute(Transfer("holder_de", "holder_new", Units(10)), DESK["holder_de"], "t")
    before = await send(home, south.id, 1, "m1")
    outcome = await home.execute(
        Move("holder_new", south.id, "holder_new", Units(10)), DESK["holder_new"], "m2"
    )
    assert outcome.block is not None
    (poison,) = await home.sent_messages(outcome.block.height, outcome.block.height)
    after = await send(home, south.id, 2, "m3")
    await south.execute(delivery(before, poison.message, after), DESK["relayer"], "d1")
    statuses = await fates(south)
    assert [status for _, status, _ in statuses] == [
        DeliveryStatus.EXECUTED,
        DeliveryStatus.PARKED,
        DeliveryStatus.EXECUTED,
    ]
    assert statuses[1][2].startswith("PP-RUL-005: ")
    with pytest.raises(RuleError):
        await south.execute(Retry(poison.message), DESK["relayer"], "r1")
    await onboard(south, "holder_new")
    await south.execute(Retry(poison.message), DESK["relayer"], "r2")
    assert await south.position("holder_new") == 10
    with pytest.raises(CommandRefused, match="is not parked"):
        await south.execute(Retry(poison.message), DESK["relayer"], "r3")
    assert await south.supply() + await home.supply() == 1_000
    south.check()


async def test_a_parked_message_leaves_nothing_of_what_its_application_had_begun(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    command = delivery(await send(home, south.id, 5, "m1"))
    configuration = south.configuration()
    assert configuration is not None

    def fails_half_way(entry: journal.Entry, _: BookConfiguration, message: Message) -> None:
        entry.move("UNITS", "~ledger:elsewhere", "holder_fr", 5)
        raise CommandRefused("The second half is not possible.")

    with south._db.write() as connection:
        entry = journal.begin(connection, START, "d1", "Deliver", "relayer", keccak256(b""))
        receivers: dict[Purpose, gateway.Receiver] = {Purpose.MOVEMENT: fails_half_way}
        gateway.deliver(entry, configuration, command.batch, command.signatures, receivers)
        entry.close()
    assert await fates(south) == [(1, DeliveryStatus.PARKED, "PP-LED-107: The second half is not possible.")]
    assert await south.supply() == 0
    south.check()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2 << 16}, "VERSION_UNSUPPORTED"),
        ({"recipient": b"elsewhere"}, "RECEIVER_MISSING"),
        ({"sender": b"a stranger"}, "SENDER_UNTRUSTED"),
        ({"payload": b"not a movement"}, "PP-BRG-001"),
    ],
)
async def test_a_message_that_cannot_be_taken_is_parked_with_its_reason(
    network: tuple[BookLedger, BookLedger], change: dict[str, object], reason: str
) -> None:
    home, south = network
    message = replace(await send(home, south.id, 5, "m1"), **change)  # type: ignore[arg-type]
    await south.execute(delivery(message), DESK["relayer"], "d1")
    ((nonce, status, why),) = await fates(south)
    assert (nonce, status) == (1, DeliveryStatus.PARKED)
    assert why.startswith(reason)
    assert await south.supply() == 0


async def test_signatures_below_the_quorum_are_refused(network: tuple[BookLedger, BookLedger]) -> None:
    home, south = network
    batch = Batch(1, (await send(home, south.id, 5, "m1"),))
    cases = {
        "signatures of 0 entities": (),
        "signatures of 1 entities": signed(batch, south.id, ("attestor_csd",)),
        "listed twice": signed(batch, south.id, ("attestor_csd", "attestor_csd")),
        "is not in attestor set": signed(batch, south.id, ("attestor_csd", "holder_de")),
        "out of order": tuple(reversed(signed(batch, south.id))),
        "65 bytes": (b"\x01" * 64,),
        "belongs to no key": (b"\xff" * 32 + b"\x01" * 32 + b"\x1b",),
    }
    for number, (words, signatures) in enumerate(cases.items()):
        with pytest.raises(BatchRefused, match=words):
            await south.submit(Deliver(batch, signatures), DESK["relayer"], f"d{number}")
    assert await south.supply() == 0
    assert await fates(south) == []


async def test_a_malleated_signature_is_refused(network: tuple[BookLedger, BookLedger]) -> None:
    home, south = network
    batch = Batch(1, (await send(home, south.id, 5, "m1"),))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    genuine, other = signed(batch, south.id)
    s = int.from_bytes(genuine[32:64], "big")
    high = genuine[:32] + (order - s).to_bytes(32, "big") + bytes([55 - genuine[64]])
    with pytest.raises(BatchRefused, match="low s"):
        await south.submit(Deliver(batch, (high, other)), DESK["relayer"], "d1")


async def test_two_keys_of_one_entity_count_once(tmp_path: Path, clock: SettableClock) -> None:
    one, two, three = ATTESTOR_NAMES
    members = (
        Attestor(DESK[one].address, entity_of("bank")),
        Attestor(DESK[two].address, entity_of("bank")),
        Attestor(DESK[three].address, entity_of("csd")),
    )
    home, south = await book_network(tmp_path, ("home", "south"), clock, attestors=AttestorSet(1, 2, members))
    await onboard(home, "holder_de")
    await onboard(south, "holder_fr")
    await issue(home, "holder_de", 10)
    batch = Batch(1, (await send(home, south.id, 5, "m1"),))
    with pytest.raises(BatchRefused, match="signatures of 1 entities, 2 are needed"):
        await south.submit(
            Deliver(batch, signed(batch, south.id, (one, two))), DESK["relayer"], "same entity"
        )
    await south.submit(Deliver(batch, signed(batch, south.id, (two, three))), DESK["relayer"], "two")
    assert await south.position("holder_fr") == 5
    with pytest.raises(InconsistentFile):
        book_configuration(south.id, (), home=False, attestors=AttestorSet(1, 3, members))


async def test_a_signature_for_another_ledger_or_of_an_old_set_is_refused(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    batch = Batch(1, (await send(home, south.id, 5, "m1"),))
    foreign = signed(batch, home.id)  # the right messages, signed under another ledger's domain
    with pytest.raises(BatchRefused, match="is not in attestor set"):
        await south.submit(Deliver(batch, foreign), DESK["relayer"], "foreign domain")
    with pytest.raises(BatchRefused, match="is not for"):
        await home.submit(Deliver(batch, signed(batch, home.id)), DESK["relayer"], "wrong ledger")
    rotated = attestor_set(("attestor_csd", "attestor_issuer", "attestor_new"), version=2)
    south.configure(book_configuration(south.id, (home.id,), home=False, attestors=rotated))
    with pytest.raises(BatchRefused, match="attestor set 1, the current one is 2"):
        await south.submit(Deliver(batch, signed(batch, south.id)), DESK["relayer"], "old set")


async def test_attestors_change_only_with_a_higher_version_and_the_security_never(
    network: tuple[BookLedger, BookLedger],
) -> None:
    _, south = network
    known = south.configuration()
    assert known is not None
    assert south.configure(known) is False
    with pytest.raises(CommandRefused, match="version above 1"):
        south.configure(replace(known, attestors=attestor_set(threshold=3)))
    other = replace(known.security, security_id=keccak256(b"other"))
    with pytest.raises(CommandRefused, match="goes on to"):
        south.configure(replace(known, securities=(other,)))
    assert south.configuration() == known


async def test_a_book_of_another_ledger_is_refused(network: tuple[BookLedger, BookLedger]) -> None:
    stranger = BookLedger(network[0]._place, LedgerId("book:elsewhere"))
    with pytest.raises(WrongChain, match="book:home"):
        await stranger.open()
    await stranger.close()


def event_record(record_time: int, rate: str = "0.45") -> EventRecord:
    return EventRecord(
        official_event_id="DE0000000001",
        security_id=TEST_SECURITY,
        event_type="DVCA",
        participation=Participation.MAND,
        announcement_date=date(2027, 1, 11),
        ex_date=date(2027, 1, 18),
        record_date=date(2027, 1, 19),
        payment_date=date(2027, 1, 21),
        record_time=record_time,
        rate=Rate(rate),
        currency=CurrencyCode("EUR"),
        document_hash=keccak256(b"document"),
    )


RECORD_TIME = int(datetime(2027, 1, 19, 22, 59, 59, tzinfo=UTC).timestamp())


async def deliver_all(source: BookLedger, target: BookLedger, reference: str) -> None:
    lane = Lane(source.id, target.id, Purpose.CORPORATE_ACTION)
    sent = [s.message for s in await source.sent_messages(0, 10_000) if s.message.lane == lane]
    await target.execute(delivery(*sent), DESK["relayer"], reference)


def as_equity(configuration: BookConfiguration) -> BookConfiguration:
    """The same book with its security classified as a share."""
    (security,) = configuration.securities
    return replace(configuration, securities=(replace(security, cfi=Cfi("ESVUFR")),))


async def test_id_8_interest_on_an_equity_is_refused_at_home_and_parked_where_it_arrives(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    interest = replace(event_record(RECORD_TIME), event_type="INTR")
    classified = south.configuration()
    assert classified is not None
    south.configure(as_equity(classified))
    await home.execute(Announce(interest), DESK["issuer_agent"], "a home that knows no classification")
    await deliver_all(home, south, "d1")
    (_, status, reason) = (await fates(south))[-1]
    assert status is DeliveryStatus.PARKED
    assert reason.startswith("PP-EVT-003: The CFI ESVUFR is an equity")
    assert await south.event(interest.official_event_id) is None
    known = home.configuration()
    assert known is not None
    home.configure(as_equity(known))
    other = replace(interest, official_event_id="DE0000000002")
    with pytest.raises(EventNotLegal, match="has no event INTR"):
        await home.execute(Announce(other), DESK["issuer_agent"], "interest")
    await home.execute(Announce(replace(other, event_type="DVCA")), DESK["issuer_agent"], "a dividend")


async def test_ca_1_an_announcement_has_one_record_hash_on_every_ledger_and_repeating_changes_nothing(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, south = network
    record = event_record(RECORD_TIME)
    await home.execute(Announce(record), DESK["issuer_agent"], "a1")
    await home.execute(Announce(record), DESK["issuer_agent"], "a2")
    lane = Lane(home.id, south.id, Purpose.CORPORATE_ACTION)
    assert await home.sent_counts([lane], (await home.head()).height) == (1,)
    await deliver_all(home, south, "d1")
    for ledger in (home, south):
        known = await ledger.event(record.official_event_id)
        assert known is not None
        assert known.record == record
        assert known.record_hash == record.record_hash
    with pytest.raises(EventConflict):
        await home.execute(Announce(event_record(RECORD_TIME, "0.46")), DESK["issuer_agent"], "a3")
    with pytest.raises(CommandRefused, match="not the home ledger"):
        await south.execute(Announce(record), DESK["issuer_agent"], "a4")


def entitlements(
    ledger: LedgerId, amounts: dict[str, int], key: Bytes32
) -> tuple[Bytes32, dict[str, PaymentLine]]:
    leaves = {
        account: EntitlementLine(key, AccountId(ledger, account), ZERO_UNITS, Minor(amount)).leaf
        for account, amount in amounts.items()
    }
    tree = MerkleTree(leaves.values())
    lines = {
        account: PaymentLine(account, Minor(amount), tree.proof(leaves[account]))
        for account, amount in amounts.items()
    }
    return tree.root, lines


async def prepare_payment(
    home: BookLedger, clock: SettableClock, amounts: dict[str, int]
) -> dict[str, PaymentLine]:
    """Announce, let the record time pass, publish a table for holders of the home ledger."""
    clock.time = RECORD_TIME - 1_000
    record = event_record(RECORD_TIME)
    await home.execute(Announce(record), DESK["issuer_agent"], "announce")
    clock.time = RECORD_TIME + 10
    root, lines = entitlements(home.id, amounts, record.key)
    publish = PublishEntitlements(record.official_event_id, root, Minor(sum(amounts.values())), len(amounts))
    await home.execute(publish, DESK["paying_agent"], "publish")
    await home.execute(publish, DESK["paying_agent"], "publish again")
    return lines


EVENT_ID = "DE0000000001"
PAYMENT_DAY = int(datetime(2027, 1, 21, tzinfo=UTC).timestamp())


async def test_ca_11_an_account_is_paid_once_whatever_is_retried(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    await home.execute(Transfer("holder_de", "holder_fr", Units(100)), DESK["holder_de"], "t")
    lines = await prepare_payment(home, clock, {"holder_de": 40_500, "holder_fr": 4_500})
    agent = DESK["paying_agent"]
    both = Pay(EVENT_ID, (lines["holder_de"], lines["holder_fr"]))
    with pytest.raises(PaymentRefused, match="is paid from 2027-01-21"):
        await home.execute(both, agent, "too early")
    clock.time = PAYMENT_DAY
    with pytest.raises(Unfunded, match="has 0 minor units of EUR, 45000 are needed"):
        await home.execute(both, agent, "no cash")
    await home.execute(FundCash("paying_agent", Minor(50_000)), DESK["cash_issuer"], "fund")
    with pytest.raises(Unfunded, match="has authorised debits of 0"):
        await home.execute(both, agent, "no authority")
    assert await home.payments(EVENT_ID) == ()
    await home.execute(AuthoriseDebit(Minor(45_000)), agent, "authorise")
    await home.execute(Pay(EVENT_ID, (lines["holder_fr"],)), agent, "pay one")
    await home.execute(both, agent, "pay both")
    await home.execute(both, agent, "pay both again")
    assert {p.account: int(p.amount) for p in await home.payments(EVENT_ID)} == {
        "holder_de": 40_500,
        "holder_fr": 4_500,
    }
    assert await home.cash("holder_de") == 40_500
    assert await home.cash("paying_agent") == 5_000
    home.check()


async def test_ctl_1_a_payout_that_the_rules_forbid_is_held_and_the_others_go_on(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    await home.execute(Transfer("holder_de", "holder_fr", Units(100)), DESK["holder_de"], "t")
    lines = await prepare_payment(home, clock, {"holder_de": 40_500, "holder_fr": 4_500})
    clock.time = PAYMENT_DAY
    agent = DESK["paying_agent"]
    await home.execute(FundCash("paying_agent", Minor(45_000)), DESK["cash_issuer"], "fund")
    await home.execute(AuthoriseDebit(Minor(45_000)), agent, "authorise")
    await home.execute(Sanction("holder_fr", True, WHY), DESK["regulator"], "order 7")
    both = Pay(EVENT_ID, (lines["holder_de"], lines["holder_fr"]))
    await home.execute(both, agent, "while sanctioned")
    assert [payment.account for payment in await home.payments(EVENT_ID)] == ["holder_de"]
    with home._db.read() as connection:
        body = connection.execute(text("SELECT body FROM entry ORDER BY height DESC LIMIT 1")).scalar()
    assert '{"amount":"4500","code":14,"event":"DE0000000001","held":"holder_fr"}' in str(body)
    assert await home.cash("paying_agent") == 4_500
    await home.execute(Sanction("holder_fr", False, WHY), DESK["regulator"], "order 8")
    await home.execute(both, agent, "once released")
    assert await home.cash("holder_fr") == 4_500
    home.check()


async def test_a_payment_above_the_position_or_outside_the_table_is_refused(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, _ = network
    lines = await prepare_payment(home, clock, {"holder_de": 45_001, "holder_fr": 1})
    clock.time = PAYMENT_DAY
    await home.execute(FundCash("paying_agent", Minor(99_999)), DESK["cash_issuer"], "fund")
    await home.execute(AuthoriseDebit(Minor(99_999)), DESK["paying_agent"], "authorise")
    for line, words in (
        (lines["holder_de"], "held 1000 units at record time, which bring at most 45000"),
        (lines["holder_fr"], "held 0 units"),
        (replace(lines["holder_de"], amount=Minor(45_000)), "hold no line of 45000"),
        (replace(lines["holder_de"], account="holder_fr"), "hold no line"),
    ):
        with pytest.raises(PaymentRefused, match=words):
            await home.execute(Pay(EVENT_ID, (line,)), DESK["paying_agent"], f"pay {words}")
    assert await home.payments(EVENT_ID) == ()


async def test_ca_5_units_in_transit_at_record_time_count_for_the_account_that_they_reach(
    network: tuple[BookLedger, BookLedger], clock: SettableClock
) -> None:
    home, south = network
    clock.time = RECORD_TIME - 5
    in_transit = await send(home, south.id, 30, "before T")
    clock.time = RECORD_TIME + 1
    after = await send(home, south.id, 70, "after T")
    await south.execute(delivery(in_transit, after), DESK["relayer"], "d1")
    assert (await south.positions_at(RECORD_TIME)).balances == {}
    clock.advance(1)
    assert await south.eligible_on_ledger("holder_fr", RECORD_TIME) == 30
    assert await home.eligible_on_ledger("holder_de", RECORD_TIME) == 970


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE posting SET amount='400' WHERE id=2",
        "UPDATE posting SET account='holder_fr' WHERE id=2",
        "DELETE FROM posting WHERE id=2",
        "UPDATE position SET balance='1001' WHERE account='holder_de'",
        "UPDATE entry SET time=time+1 WHERE height=2",
        "UPDATE entry SET body='[]' WHERE height=3",
        "DELETE FROM entry WHERE height=1",
        "UPDATE counter SET count=2 WHERE direction='out'",
        "DELETE FROM outbox",
    ],
)
async def test_tampering_with_the_book_is_found(
    network: tuple[BookLedger, BookLedger], tampering: str
) -> None:
    home, south = network
    await send(home, south.id, 5, "m1")
    home.check()
    with home._db.write() as connection:
        assert connection.execute(text(tampering)).rowcount >= 1
    with pytest.raises(BookTampered):
        home.check()


async def test_the_local_networks_clock_offset_moves_the_books_time(
    network: tuple[BookLedger, BookLedger],
) -> None:
    home, _ = network
    home.set_time_offset(86_400)
    assert (await home.head()).time == START + 86_400
    assert home.time_offset() == 86_400
    outcome = await home.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], "t")
    assert outcome.block is not None
    assert outcome.block.time == START + 86_400
