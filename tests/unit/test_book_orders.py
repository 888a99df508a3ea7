"""Orders against holders in book entry: given here or elsewhere, in force on every book (CTL-8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paripassu import controls
from paripassu.commands import Deliver, Move, Onboard, Retry, Transfer
from paripassu.controls import SANCTION, SUSPENSION, Order, Reason, order_name, order_role
from paripassu.errors import CommandImpossible, CommandRefused, NotAuthorised, OrderUnknown, RuleError
from paripassu.identifiers import Bytes32, Country, commitment
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Batch, GatewayDomain, Message, OrderPayload, Purpose, batch_digest
from paripassu.quantities import Units
from paripassu.rules import Kind, Restriction
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    TEST_SECURITY,
    Desk,
    SettableClock,
    book_network,
    issue,
    onboard,
)

START = 1_800_000_000
DESK = Desk()
WHY = Reason("court order 7")
SCOPES = (SANCTION, SUSPENSION, TEST_SECURITY)
SENDS = (Restriction.SENDER_SANCTIONED, Restriction.SENDER_INACTIVE, Restriction.SENDER_FROZEN)
RECEIVES = (Restriction.RECIPIENT_SANCTIONED, Restriction.RECIPIENT_INACTIVE, Restriction.RECIPIENT_FROZEN)

Books = tuple[BookLedger, BookLedger]


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    """Two books; holder_de has 900 units on the first and 100 on the second."""
    home, south = await book_network(tmp_path, ("home", "south"), SettableClock(START))
    for book in (home, south):
        for name in ("holder_de", "holder_fr"):
            await onboard(book, name)
    await issue(home, "holder_de", 1_000)
    await deliver(south, await move(home, south, "holder_de", 100))
    yield home, south
    for book in (home, south):
        book.check()
        await book.close()


class References:
    """A reference of its own for each command."""

    number = 0


def fresh() -> str:
    References.number += 1
    return f"reference {References.number}"


async def last_sent(book: BookLedger) -> Message:
    height = (await book.head()).height
    (sent,) = await book.sent_messages(height, height)
    return sent.message


async def move(source: BookLedger, target: BookLedger, to: str, units: int) -> Message:
    await source.execute(Move("holder_de", target.id, to, Units(units)), DESK["holder_de"], fresh())
    return await last_sent(source)


async def ordered(book: BookLedger, scope: Bytes32, stands: bool, holder: str = "holder_fr") -> Message:
    record = await book.holder(holder)
    assert record is not None
    command = Order(record.holder, scope, stands, WHY)
    await book.execute(command, DESK[command.role], fresh())
    return await last_sent(book)


async def deliver(book: BookLedger, *messages: Message) -> None:
    batch = Batch(1, messages)
    digest = batch_digest(batch, GatewayDomain(book.id))
    signers = sorted((DESK[name] for name in ATTESTOR_NAMES[:2]), key=lambda one: int(one.address, 16))
    signatures = tuple(signer.sign_digest(digest) for signer in signers)
    await book.execute(Deliver(batch, signatures), DESK["relayer"], fresh())


async def status(book: BookLedger, message: Message) -> DeliveryStatus:
    found = await book.deliveries(0, (await book.head()).height)
    return [one.status for one in found if one.message_id == message.id][-1]


async def verdicts(book: BookLedger) -> tuple[Restriction, Restriction]:
    """On a delivery of nothing by holder_fr, and on a receipt."""
    return (
        await book.verdict("holder_fr", "holder_de", Units(0)),
        await book.verdict("holder_de", "holder_fr", Units(1)),
    )


CLEAR = (Restriction.NONE, Restriction.NONE)


@pytest.mark.parametrize(("scope", "sends", "receives"), list(zip(SCOPES, SENDS, RECEIVES, strict=True)))
async def test_ctl_8_an_order_is_in_force_here_at_once_and_there_with_one_message(
    books: Books, scope: Bytes32, sends: Restriction, receives: Restriction
) -> None:
    home, south = books
    message = await ordered(home, scope, True)
    assert message.lane.purpose is Purpose.ORDER
    record = await home.holder("holder_fr")
    assert record is not None
    assert OrderPayload.decode(message.payload) == OrderPayload(record.holder, scope, 1, WHY.word)
    assert await verdicts(home) == (sends, receives)
    assert await verdicts(south) == CLEAR
    await deliver(south, message)
    assert await verdicts(south) == (sends, receives)
    with pytest.raises(RuleError) as refused:
        await south.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], fresh())
    assert refused.value.code == f"PP-RUL-{int(receives):03}"
    for book in books:
        (known,) = await book.controls.orders(record.holder)
        assert (known.scope, known.origin, known.stands, known.reason) == (scope, home.id, True, WHY.text)

    await deliver(south, await ordered(home, scope, False))
    assert await verdicts(home) == await verdicts(south) == CLEAR
    await south.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], fresh())


@pytest.mark.parametrize("scope", [SANCTION, TEST_SECURITY])
async def test_ctl_8_units_in_transit_land_and_do_not_move(books: Books, scope: Bytes32) -> None:
    home, south = books
    movement = await move(home, south, "holder_fr", 40)
    await deliver(south, await ordered(home, scope, True))
    await deliver(south, movement)
    assert await status(south, movement) is DeliveryStatus.EXECUTED
    assert await south.position("holder_fr") == 40
    assert await home.supply() + await south.supply() == 1_000
    for target in (Transfer("holder_fr", "holder_de", Units(1)), Move("holder_fr", home.id, "x", Units(1))):
        with pytest.raises(RuleError):
            await south.execute(target, DESK["holder_fr"], fresh())
    await deliver(south, await ordered(home, scope, False))
    await south.execute(Transfer("holder_fr", "holder_de", Units(40)), DESK["holder_fr"], fresh())


async def test_ctl_8_other_rules_still_park_what_arrives(books: Books) -> None:
    home, south = books
    movement = await move(home, south, "holder_fr", 40)
    await deliver(south, await ordered(home, SUSPENSION, True))
    await deliver(south, movement)
    assert await status(south, movement) is DeliveryStatus.PARKED
    await deliver(south, await ordered(home, SUSPENSION, False))
    await south.execute(Retry(movement), DESK["relayer"], fresh())
    assert await south.position("holder_fr") == 40


async def test_ctl_8_nothing_else_is_sent_to_a_frozen_account(books: Books) -> None:
    _, south = books
    await south.execute(controls.Freeze("holder_fr", True, WHY), DESK["freezer"], fresh())
    assert await south.verdict("", "holder_fr", Units(1)) is Restriction.RECIPIENT_FROZEN
    assert await south.controls.restriction(Kind.BRIDGE_IN, "", "holder_fr", Units(1)) is Restriction.NONE
    assert (await south.controls.allowed("", "holder_fr")).code is Restriction.RECIPIENT_FROZEN


async def test_ctl_8_an_account_that_comes_later_comes_up_under_the_order(books: Books) -> None:
    home, south = books
    message = await ordered(home, SANCTION, True)
    await deliver(south, message)
    await deliver(south, await ordered(home, TEST_SECURITY, True))
    holder = OrderPayload.decode(message.payload).holder
    later = Onboard("later", holder, Country("FR"), 1, 0, "", additional=True)
    await south.execute(later, DESK["registrar"], fresh())
    record = await south.holder("later")
    assert record is not None
    assert record.sanctioned
    assert (await south.controls.holding("later")).frozen
    rotation = controls.Rotate("later", "next", WHY)
    await south.execute(rotation, DESK["registrar"], fresh())
    await south.execute(controls.Succeed("later", "next"), DESK["transfer_agent"], fresh())
    assert (await south.controls.holding("next")).frozen
    # the order went over with the holder, it is no freeze of the account itself
    await deliver(south, await ordered(home, TEST_SECURITY, False))
    assert not (await south.controls.holding("next")).frozen


async def test_ctl_8_a_release_lifts_only_what_its_own_ledger_ordered(books: Books) -> None:
    home, south = books
    await deliver(south, await ordered(home, SANCTION, True))
    with pytest.raises(OrderUnknown) as refused:
        await ordered(south, SANCTION, False)
    assert refused.value.code == "PP-LED-112"
    await deliver(home, await ordered(south, SANCTION, True))
    await deliver(south, await ordered(home, SANCTION, False))
    for book in books:
        assert (await verdicts(book))[1] is Restriction.RECIPIENT_SANCTIONED
    await deliver(home, await ordered(south, SANCTION, False))
    for book in books:
        assert await verdicts(book) == CLEAR


async def test_ctl_8_said_again_it_is_sent_again_and_changes_nothing(books: Books) -> None:
    home, south = books
    first, second = await ordered(home, SANCTION, True), await ordered(home, SANCTION, True)
    assert first.payload == second.payload
    await deliver(south, first, second, await ordered(home, SANCTION, False))
    assert await verdicts(south) == CLEAR


async def test_ctl_8_each_order_has_its_role(books: Books) -> None:
    home, _ = books
    assert [order_role(scope) for scope in SCOPES] == ["regulator", "registrar", "freezer"]
    assert [order_name(scope) for scope in SCOPES] == ["sanction", "suspension", "freeze"]
    for scope in SCOPES:
        command = Order(commitment(b"holder_fr"), scope, True, WHY)
        for role in {"regulator", "registrar", "freezer", "csd"} - {command.role}:
            with pytest.raises(NotAuthorised):
                await home.execute(command, DESK[role], fresh())
    with pytest.raises(CommandImpossible):
        Order(Bytes32(b"\x01" * 32), SANCTION, True, WHY)
    with pytest.raises(CommandRefused, match="is not kept in the book"):
        await home.execute(
            Order(commitment(b"holder_fr"), Bytes32(b"\x07" * 32), True, WHY), DESK["freezer"], fresh()
        )
