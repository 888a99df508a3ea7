"""Limits over all ledgers in book entry: what a book does not use counts on another one instead (CTL-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.commands import Command, Deliver, Issue, Move, MovePlaces, MoveQuota, Onboard, Retry, Transfer
from paripassu.controls import Reason, Rotate, Succeed
from paripassu.errors import InvalidQuantity, NotAuthorised, QuotaRefused, RuleError
from paripassu.identifiers import LedgerId, commitment
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import (
    Batch,
    GatewayDomain,
    Message,
    PlacesPayload,
    QuotaPayload,
    batch_digest,
    decode_quota,
)
from paripassu.quantities import Units
from paripassu.rules import Restriction
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_RULES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    book_network,
    issue,
    onboard,
)

DESK = Desk()
RULES = replace(TEST_RULES, holding_cap=Units(101), holder_limit=5)
HOLDER = commitment(b"holder holder_de")
Books = tuple[BookLedger, BookLedger]


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    """Two books with a cap of 101 and 5 holders over both: 51 and 3 at home, 50 and 2 in the other."""
    home, south = await book_network(tmp_path, ("home", "south"), SettableClock(1_800_000_000), rules=RULES)
    for ledger in (home, south):
        for account in ("holder_de", "holder_fr"):
            await onboard(ledger, account)
        second = Onboard("second_de", HOLDER, "DE", 1, 0, additional=True)
        await ledger.execute(second, DESK["registrar"], "second_de")
    yield home, south
    for ledger in (home, south):
        ledger.check()
        await ledger.close()


async def sent(ledger: BookLedger, command: Command, signer: str, reference: str = "quota") -> Message:
    outcome = await ledger.execute(command, DESK[signer], reference)
    assert outcome.block is not None
    (found,) = await ledger.sent_messages(outcome.block.height, outcome.block.height)
    return found.message


async def deliver(ledger: BookLedger, message: Message) -> tuple[DeliveryStatus, str]:
    batch = Batch(1, (message,))
    digest = batch_digest(batch, GatewayDomain(ledger.id))
    signers = sorted((DESK[name] for name in ATTESTOR_NAMES[:2]), key=lambda one: int(one.address, 16))
    command = Deliver(batch, tuple(signer.sign_digest(digest) for signer in signers))
    outcome = await ledger.execute(command, DESK["relayer"], f"deliver {message.id}")
    assert outcome.block is not None
    (found,) = await ledger.deliveries(outcome.block.height, outcome.block.height)
    return found.status, found.reason


async def quota(ledger: BookLedger, account: str) -> int:
    most = (await ledger.controls.holding(account)).quota
    assert most is not None
    return int(most)


async def places(ledger: BookLedger) -> int | None:
    return (await ledger.controls.rules()).rules.holder_limit


async def test_ctl_4_caps_over_all_chains_quota_leaves_at_once_and_counts_once_in_the_other_book(
    books: Books,
) -> None:
    home, south = books
    message = await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(30)), "holder_de")
    assert decode_quota(message.payload) == QuotaPayload(TEST_SECURITY, HOLDER, b"holder_de", Units(30))
    assert (await quota(home, "holder_de"), await quota(south, "holder_de")) == (21, 50)
    assert await home.verdict("", "holder_de", Units(22)) is Restriction.HOLDING_CAP
    assert await deliver(south, message) == (DeliveryStatus.EXECUTED, "")
    assert (await quota(home, "holder_de"), await quota(south, "holder_de")) == (21, 80)
    assert await south.verdict("", "holder_de", Units(80)) is Restriction.NONE
    assert await quota(home, "holder_fr") == 51


async def test_ctl_4_caps_over_all_chains_only_what_is_not_used_leaves_a_book(books: Books) -> None:
    home, south = books
    await issue(home, "holder_de", 40)
    with pytest.raises(QuotaRefused, match="does not use 11 units"):
        await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(12)), "holder_de")
    with pytest.raises(QuotaRefused, match="not registered"):
        await sent(home, MoveQuota("nobody", south.id, "holder_de", Units(1)), "transfer_agent")
    await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(11)), "holder_de")
    with pytest.raises(RuleError):
        await home.execute(Issue("holder_de", Units(1)), DESK["transfer_agent"], "one more")


async def test_ctl_4_caps_over_all_chains_the_quota_follows_units_that_found_no_room(books: Books) -> None:
    home, south = books
    await issue(home, "holder_de", 51)
    units = await sent(home, Move("holder_de", south.id, "holder_de", Units(51)), "holder_de", "units")
    status, reason = await deliver(south, units)
    assert status is DeliveryStatus.PARKED, reason
    await deliver(
        south, await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(1)), "holder_de")
    )
    await south.execute(Retry(units), DESK["relayer"], "retry")
    assert await south.position("holder_de") == 51


async def test_ctl_4_caps_over_all_chains_an_additional_account_shares_in_its_book(books: Books) -> None:
    home, south = books
    command = MoveQuota("holder_de", home.id, "second_de", Units(20))
    await home.execute(command, DESK["holder_de"], "here")
    assert (await quota(home, "holder_de"), await quota(home, "second_de")) == (31, 20)
    message = await sent(home, MoveQuota("second_de", south.id, "second_de", Units(15)), "second_de")
    await deliver(south, message)
    assert (await quota(home, "second_de"), await quota(south, "second_de")) == (5, 15)


async def test_ctl_4_caps_over_all_chains_no_quota_goes_to_another_holder_of_a_book(books: Books) -> None:
    home, south = books
    message = await sent(home, MoveQuota("holder_de", south.id, "holder_fr", Units(10)), "holder_de")
    status, reason = await deliver(south, message)
    assert status is DeliveryStatus.PARKED
    assert "another holder" in reason
    assert await quota(south, "holder_fr") == 50
    command = MoveQuota("holder_de", home.id, "holder_fr", Units(10))
    with pytest.raises(QuotaRefused, match="another holder"):
        await home.execute(command, DESK["holder_de"], "here")
    assert await quota(home, "holder_de") == 41


async def test_ubo_10_quota_reaches_the_account_that_took_the_named_ones_place_in_a_book(
    books: Books,
) -> None:
    home, south = books
    message = await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(10)), "holder_de")
    rotated = Rotate("holder_de", "new_de", Reason("lost"))
    await south.execute(rotated, DESK["registrar"], "rotate")
    assert await deliver(south, message) == (DeliveryStatus.EXECUTED, "")
    assert await quota(south, "new_de") == 60


async def test_ubo_10_a_successor_in_a_book_has_what_its_predecessor_had_left(books: Books) -> None:
    home, south = books
    await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(10)), "holder_de")
    await home.execute(Rotate("holder_de", "new_de", Reason("lost")), DESK["registrar"], "rotate")
    await home.execute(Succeed("holder_de", "new_de"), DESK["new_de"], "succeed")
    assert await quota(home, "new_de") == 41
    await home.execute(Succeed("holder_de", "new_de"), DESK["new_de"], "again")
    assert await quota(home, "new_de") == 41
    with pytest.raises(QuotaRefused, match="took its place"):
        await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(1)), "transfer_agent", "old")


async def test_ctl_12_quota_of_a_book_is_moved_by_its_owner_or_the_transfer_agent_alone(books: Books) -> None:
    home, south = books
    command = MoveQuota("holder_de", south.id, "holder_de", Units(1))
    with pytest.raises(NotAuthorised):
        await sent(home, command, "holder_fr")
    await sent(home, command, "transfer_agent", "agent")
    await sent(home, command, "csd", "csd")
    with pytest.raises(NotAuthorised):
        await sent(home, MovePlaces(south.id, 1), "holder_de", "places")


async def test_ctl_4_caps_over_all_chains_places_of_holders_move_between_books(books: Books) -> None:
    home, south = books
    await issue(home, "holder_de", 1)
    with pytest.raises(QuotaRefused, match="2 free places"):
        await sent(home, MovePlaces(south.id, 3), "transfer_agent")
    message = await sent(home, MovePlaces(south.id, 2), "transfer_agent")
    assert decode_quota(message.payload) == PlacesPayload(TEST_SECURITY, 2)
    assert (await places(home), await places(south)) == (1, 2)
    assert await home.verdict("", "holder_fr", Units(1)) is Restriction.HOLDER_COUNT
    assert await deliver(south, message) == (DeliveryStatus.EXECUTED, "")
    assert (await places(home), await places(south)) == (1, 4)


async def test_ctl_4_caps_over_all_chains_no_transfer_in_a_book_waits_for_a_message(books: Books) -> None:
    home, south = books
    await issue(home, "holder_fr", 20)
    await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(10)), "holder_de")
    await sent(south, MoveQuota("holder_de", home.id, "holder_de", Units(10)), "holder_de")
    outcome = await home.execute(Transfer("holder_fr", "holder_de", Units(10)), DESK["holder_fr"], "transfer")
    assert outcome.block is not None
    assert await home.sent_messages(outcome.block.height, outcome.block.height) == ()
    assert await home.position("holder_de") == 10


async def test_ctl_4_a_security_without_limits_has_no_quotas(tmp_path: Path) -> None:
    home, south = await book_network(tmp_path, ("home", "south"), SettableClock(1_800_000_000))
    await onboard(home, "holder_de")
    with pytest.raises(QuotaRefused, match="no holding cap"):
        await sent(home, MoveQuota("holder_de", south.id, "holder_de", Units(1)), "holder_de")
    with pytest.raises(QuotaRefused, match="no limit of holders"):
        await sent(home, MovePlaces(south.id, 1), "transfer_agent")
    for ledger in (home, south):
        await ledger.close()


@pytest.mark.parametrize("number", [0, -1, 1 << 32])
def test_ctl_4_places_are_a_number_that_a_chain_can_hold(number: int) -> None:
    with pytest.raises(InvalidQuantity):
        MovePlaces(LedgerId("book:south"), number)


@pytest.mark.parametrize("number", [0, 1 << 64])
def test_ctl_4_quota_is_a_number_of_units_that_a_chain_can_hold(number: int) -> None:
    with pytest.raises(InvalidQuantity):
        MoveQuota("holder_de", LedgerId("book:south"), "holder_de", Units(number))
