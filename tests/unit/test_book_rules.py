"""The book-entry ledger applies the rules of the core (CTL-2): by what it stores, with the same codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from paripassu.commands import Issue, Onboard, Transfer
from paripassu.controls import Freeze, PauseClasses, Reason, Sanction
from paripassu.database import Database, Schema
from paripassu.errors import CommandRefused, InvalidQuantity, NotAuthorised, RuleError
from paripassu.identifiers import Bytes32, Country, LedgerId, commitment, keccak256
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.configuration import from_json, to_json
from paripassu.ledgers.book.schema import BOOK_SCHEMA
from paripassu.quantities import Units
from paripassu.rules import Restriction, RuleSet, Window
from paripassu.testing.books import (
    TEST_RULES,
    Desk,
    SettableClock,
    book_configuration,
    issue,
    onboard,
)

START = 1_800_000_000
DESK = Desk()
WHY = Reason("court order 7")
BOOK = LedgerId("book:home")
FULL = RuleSet(
    frozenset({Country("BR")}),
    frozenset({1, 2}),
    deny_list=True,
    holding_cap=Units(600),
    holder_limit=2,
    minimum_lot=Units(10),
    blackout=(Window(START + 100, START + 200),),
)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
async def book(tmp_path: Path, clock: SettableClock) -> AsyncIterator[BookLedger]:
    """A book with every rule that it can store; two holders, one of them with 500 units."""
    ledger = BookLedger(tmp_path / "home.db", BOOK, clock=clock)
    await ledger.open()
    ledger.configure(book_configuration(BOOK, (), home=True, rules=FULL))
    for name in ("holder_de", "holder_fr", "holder_lu"):
        await onboard(ledger, name)
    await issue(ledger, "holder_de", 500)
    yield ledger
    ledger.check()
    await ledger.close()


async def register(book: BookLedger, account: str, holder: str, **changes: object) -> None:
    command = replace(Onboard(account, commitment(holder.encode()), "DE", 1, 0), **changes)  # type: ignore[arg-type]
    await book.execute(command, DESK["registrar"], f"{account} {changes}")


async def test_ctl_4_holding_cap_in_book_entry(book: BookLedger) -> None:
    assert await book.verdict("", "holder_de", Units(101)) is Restriction.HOLDING_CAP
    assert await book.verdict("", "holder_de", Units(100)) is Restriction.NONE
    with pytest.raises(RuleError) as refused:
        await book.execute(Issue("holder_de", Units(101)), DESK["transfer_agent"], "more")
    assert refused.value.code == "PP-RUL-015"


async def test_ctl_4_an_additional_account_in_book_entry_has_no_cap_of_its_own(book: BookLedger) -> None:
    await register(book, "second", "holder holder_de", additional=True)
    found = await book.holder("second")
    assert found is not None
    assert found.additional
    assert await book.verdict("holder_de", "second", Units(10)) is Restriction.HOLDING_CAP
    await register(book, "second", "holder holder_de", additional=False)
    assert await book.verdict("holder_de", "second", Units(10)) is Restriction.NONE


async def test_ctl_4_minimum_lot_in_book_entry(book: BookLedger) -> None:
    assert await book.verdict("holder_de", "holder_fr", Units(9)) is Restriction.MINIMUM_LOT
    assert await book.verdict("holder_de", "", Units(9)) is Restriction.MINIMUM_LOT
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE
    assert await book.verdict("", "holder_fr", Units(9)) is Restriction.NONE


async def test_ctl_4_blackout_in_book_entry(book: BookLedger, clock: SettableClock) -> None:
    seen = []
    for seconds in (99, 1, 99, 1):
        clock.advance(seconds)
        seen.append(await book.verdict("holder_de", "holder_fr", Units(10)))
    assert seen == [Restriction.NONE, Restriction.BLACKOUT, Restriction.BLACKOUT, Restriction.NONE]


async def test_ctl_4_holder_limit_in_book_entry(book: BookLedger) -> None:
    await book.execute(Transfer("holder_de", "holder_fr", Units(100)), DESK["holder_de"], "second holder")
    assert await book.verdict("holder_de", "holder_lu", Units(100)) is Restriction.HOLDER_COUNT
    assert await book.verdict("holder_fr", "holder_lu", Units(100)) is Restriction.NONE
    await register(book, "second", "holder holder_de")
    assert await book.verdict("holder_de", "second", Units(100)) is Restriction.NONE


async def test_ctl_4_a_deny_list_in_book_entry(book: BookLedger) -> None:
    await register(book, "holder_br", "br", country="BR")
    await register(book, "holder_us", "us", country="US")
    assert await book.verdict("holder_de", "holder_br", Units(10)) is Restriction.RECIPIENT_COUNTRY
    assert await book.verdict("holder_de", "holder_us", Units(10)) is Restriction.NONE


async def test_ctl_5_inventory_of_a_class_is_paused_in_book_entry_by_different_roles(
    book: BookLedger,
) -> None:
    await register(book, "holder_pro", "pro", investor_class=2)
    both, one = frozenset({1, 2}), frozenset({1})
    with pytest.raises(NotAuthorised, match="unpauser"):
        await book.execute(PauseClasses(both, False, WHY), DESK["pauser"], "not mine")
    await book.execute(PauseClasses(both, True, WHY), DESK["pauser"], "pause")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.INVENTORY_PAUSED
    with pytest.raises(NotAuthorised, match="pauser"):
        await book.execute(PauseClasses(one, True, WHY), DESK["unpauser"], "not mine")
    await book.execute(PauseClasses(one, False, WHY), DESK["unpauser"], "one of them")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE
    assert await book.verdict("holder_de", "holder_pro", Units(10)) is Restriction.INVENTORY_PAUSED


async def test_ctl_4_sanctions_in_book_entry_are_the_regulators_and_outlast_a_renewal(
    book: BookLedger,
) -> None:
    await book.execute(Sanction("holder_de", True, WHY), DESK["regulator"], "order 7")
    await register(book, "holder_de", "holder holder_de", country="FR")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.SENDER_SANCTIONED
    assert await book.verdict("", "holder_de", Units(10)) is Restriction.RECIPIENT_SANCTIONED
    await book.execute(Sanction("holder_de", False, WHY), DESK["regulator"], "order 8")
    assert await book.verdict("holder_de", "holder_fr", Units(10)) is Restriction.NONE
    with pytest.raises(NotAuthorised, match="regulator"):
        await book.execute(Sanction("holder_de", True, WHY), DESK["freezer"], "order 9")
    with pytest.raises(CommandRefused, match="not registered"):
        await book.execute(Sanction("nobody", True, WHY), DESK["regulator"], "order 9")


async def test_a_frozen_account_in_book_entry_refuses_a_departure(book: BookLedger) -> None:
    await book.execute(Freeze("holder_de", True, WHY), DESK["freezer"], "freeze")
    assert await book.verdict("holder_de", "", Units(10)) is Restriction.SENDER_FROZEN


async def test_ubo_10_the_book_asks_for_no_proof_of_a_key(book: BookLedger) -> None:
    assert await book.key_control("holder_de", commitment(b"x")) is None
    await register(book, "proven", "p", proof=b"\1" * 65)
    again = Onboard("proven", commitment(b"p"), "DE", 1, 0)
    outcome = await book.execute(again, DESK["registrar"], f"proven {{'proof': {bytes([1]) * 65!r}}}")
    assert outcome.block is not None  # the book ignores the proof: it is the same command


def test_an_onboarding_that_no_ledger_can_store_is_refused() -> None:
    for holder, expiry in ((keccak256(b"h"), 0), (commitment(b"h"), 1 << 32)):
        with pytest.raises(InvalidQuantity):
            Onboard("a", holder, "DE", 1, expiry)


@pytest.mark.parametrize("rules", [TEST_RULES, FULL], ids=["least", "full"])
def test_the_set_up_keeps_every_rule(rules: RuleSet) -> None:
    configuration = book_configuration(BOOK, (), home=True, rules=rules)
    assert from_json(to_json(configuration)) == configuration


def test_a_set_up_without_further_rules_is_written_as_ever() -> None:
    document = to_json(book_configuration(BOOK, (), home=True))
    for key in ("denyList", "holdingCap", "holderLimit", "minimumLot", "blackout"):
        assert key not in document


async def test_an_earlier_book_is_brought_up_to_date(tmp_path: Path) -> None:
    place = tmp_path / "old.db"
    versions = tmp_path / "versions"
    versions.mkdir()
    first = BOOK_SCHEMA.versions / "book_0001_first.py"
    (versions / first.name).write_text(first.read_text("utf-8"), "utf-8")
    old = Database.open(place, Schema(BOOK_SCHEMA.name, versions, ("book_0001",)))
    digest = keccak256(b"salt and identity")
    row = (
        "INSERT INTO account (account, holder, country, investor_class, active, expiry, servicer, frozen) "
        f"VALUES ('holder_de', '{digest}', 'DE', 1, 1, {1 << 33}, '', 0), "
        "('unknown', NULL, NULL, NULL, 1, 0, '', 1)"
    )
    with old.write() as connection:
        connection.execute(text(row))
    old.close()
    ledger = BookLedger(place, BOOK)
    await ledger.open()
    holders = await ledger.holders()
    await ledger.close()
    assert list(holders) == ["holder_de"]
    assert holders["holder_de"].holder == commitment(b"salt and identity")
    assert holders["holder_de"].holder == Bytes32(bytes(digest)[:24] + bytes(8))
    assert holders["holder_de"].expiry == (1 << 32) - 1
    assert not holders["holder_de"].sanctioned
    assert not holders["holder_de"].additional
