"""Several securities in one book: one register of holders, and everything else kept apart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from paripassu import acts, controls
from paripassu.commands import (
    AttestBreakdown,
    AuthoriseDebit,
    Command,
    FundCash,
    Issue,
    Move,
    Transfer,
)
from paripassu.controls import Reason
from paripassu.deploy.books import adjusted
from paripassu.deploy.desired import BookDesired
from paripassu.errors import BreakdownRefused, CommandRefused, InconsistentFile, ReferenceConflict
from paripassu.identifiers import Country, Isin, LedgerId, keccak256
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.book.configuration import FORMER_ASSET, from_json, to_json
from paripassu.ledgers.book.schema import BOOK_SCHEMA
from paripassu.ledgers.port import Outcome
from paripassu.messages import MovementPayload
from paripassu.quantities import Minor, Units
from paripassu.rules import Restriction, RuleSet
from paripassu.testing.books import (
    TEST_ISIN,
    Desk,
    SettableClock,
    book_configuration,
    book_security,
    onboard,
)
from paripassu.testing.databases import database_at

START = 1_800_000_000
BOOK = LedgerId("book:home")
PEER = LedgerId("book:south")
FIRST, SECOND = TEST_ISIN, Isin("US5949181045")
GERMAN = RuleSet(frozenset({Country("DE")}), frozenset({1}))
DESK = Desk()
WHY = Reason("court order 7")


@dataclass(slots=True)
class Shelf:
    """One book, opened once for each of its two securities."""

    place: Path
    clock: SettableClock
    first: BookLedger
    second: BookLedger

    async def do(self, ledger: BookLedger, command: Command, signer: str, reference: str) -> Outcome:
        return await ledger.execute(command, DESK[signer], reference)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """holder_de holds 500 of the first security in euro and 70 of the second in dollar; holder_fr none."""
    clock, place = SettableClock(START), tmp_path / "home.db"
    first, second = (BookLedger(place, BOOK, clock=clock, isin=isin) for isin in (FIRST, SECOND))
    for ledger in (first, second):
        await ledger.open()
    first.configure(
        book_configuration(BOOK, (PEER,), home=True, others=[book_security(SECOND, "USD", rules=GERMAN)])
    )
    await onboard(first, "holder_de", country="DE")
    await onboard(first, "holder_fr", country="FR")
    opened = Shelf(place, clock, first, second)
    await opened.do(first, Issue("holder_de", Units(500)), "transfer_agent", "issue/1")
    await opened.do(second, Issue("holder_de", Units(70)), "transfer_agent", "issue/1")
    yield opened
    assert first.check() == second.check()
    for ledger in (first, second):
        await ledger.close()


async def test_units_of_each_security_are_posted_and_struck_apart(shelf: Shelf) -> None:
    await shelf.do(shelf.first, Transfer("holder_de", "holder_fr", Units(100)), "holder_de", "t1")
    assert [await one.position("holder_de") for one in (shelf.first, shelf.second)] == [400, 70]
    assert [await one.supply() for one in (shelf.first, shelf.second)] == [500, 70]
    assert [await one.issued() for one in (shelf.first, shelf.second)] == [500, 70]
    shelf.clock.advance(10)
    assert (await shelf.first.positions_at(START)).balances == {"holder_de": 400, "holder_fr": 100}
    assert (await shelf.second.positions_at(START)).balances == {"holder_de": 70}
    assert await shelf.second.eligible_on_ledger("holder_de", START) == 70
    with pytest.raises(CommandRefused, match="exceeds the issue limit"):
        await shelf.do(shelf.second, Issue("holder_de", Units(999_931)), "transfer_agent", "issue/2")


async def test_one_reference_stands_for_one_command_in_each_security(shelf: Shelf) -> None:
    again = await shelf.do(shelf.second, Issue("holder_de", Units(70)), "transfer_agent", "issue/1")
    assert again.reference == "issue/1"
    assert again == await shelf.second.outcome("issue/1") != await shelf.first.outcome("issue/1")
    assert await shelf.second.supply() == 70
    with pytest.raises(ReferenceConflict):
        await shelf.do(shelf.second, Issue("holder_de", Units(71)), "transfer_agent", "issue/1")


async def test_ctl_4_rules_are_those_of_the_security_and_change_for_it_alone(shelf: Shelf) -> None:
    assert await shelf.first.verdict("holder_de", "holder_fr", Units(1)) is Restriction.NONE
    assert await shelf.second.verdict("holder_de", "holder_fr", Units(1)) is Restriction.RECIPIENT_COUNTRY
    change = controls.SetMinimumLot(Units(5), WHY)
    await shelf.do(shelf.second, change, "rule_manager", "lot")
    assert int((await shelf.second.controls.rules()).rules.minimum_lot) == 5
    assert (await shelf.second.controls.rules()).changes == 1
    assert int((await shelf.first.controls.rules()).rules.minimum_lot) == 1
    assert (await shelf.first.controls.rules()).changes == 0


async def test_ctl_5_freezes_blocks_and_pauses_hold_one_security_and_a_sanction_all(shelf: Shelf) -> None:
    de = Country("DE")
    await shelf.do(
        shelf.second, controls.SetCountries(frozenset({de, Country("FR")}), False, WHY), "rule_manager", "c"
    )

    async def verdicts() -> list[Restriction]:
        return [await one.verdict("holder_de", "holder_fr", Units(70)) for one in (shelf.first, shelf.second)]

    steps: list[tuple[controls.Control, str, Restriction, controls.Control]] = [
        (
            controls.Freeze("holder_de", True, WHY),
            "freezer",
            Restriction.SENDER_FROZEN,
            controls.Freeze("holder_de", False, WHY),
        ),
        (
            controls.FreezeUnits("holder_de", Units(1), WHY),
            "freezer",
            Restriction.UNITS_BLOCKED,
            controls.FreezeUnits("holder_de", Units(0), WHY),
        ),
    ]
    for command, role, expected, undone in steps:
        await shelf.do(shelf.second, command, role, f"do {expected}")
        assert await verdicts() == [Restriction.NONE, expected]
        await shelf.do(shelf.second, undone, role, f"undo {expected}")
    await shelf.do(shelf.second, controls.Pause(True, WHY), "pauser", "pause")
    assert await verdicts() == [Restriction.NONE, Restriction.TOKEN_PAUSED]
    await shelf.do(shelf.second, controls.Pause(False, WHY), "unpauser", "unpause")
    await shelf.do(shelf.first, controls.Sanction("holder_fr", True, WHY), "regulator", "sanction")
    assert await verdicts() == [Restriction.RECIPIENT_SANCTIONED] * 2


async def test_ctl_10_pledges_and_lots_are_of_one_security(shelf: Shelf) -> None:
    await shelf.do(
        shelf.second, controls.Lock("holder_de", Units(20), START + 99, WHY), "transfer_agent", "l"
    )
    await shelf.do(shelf.first, controls.Pledge("holder_de", "holder_fr", Units(300)), "holder_de", "p")
    first = await shelf.first.controls.holding("holder_de")
    second = await shelf.second.controls.holding("holder_de")
    assert (first.lots, len(second.lots)) == ((), 1)
    (pledged,) = await shelf.first.controls.pledges("holder_de")
    assert await shelf.second.controls.pledges("holder_de") == ()
    # the pledgee's command may come through either: the pledge says which units it holds
    await shelf.do(shelf.second, controls.EndPledge(pledged.id, True), "holder_fr", "enforce")
    assert await shelf.first.position("holder_fr") == 300
    assert await shelf.second.position("holder_fr") == 0


async def test_ctl_7_an_act_corrects_the_security_that_it_was_proposed_for(shelf: Shelf) -> None:
    act = acts.Cancel("holder_de", Units(10), "1")
    proposed = await shelf.do(shelf.second, acts.ProposeAct(act, "registrar", WHY), "registrar", "propose")
    assert proposed.reference == "propose"
    (record,) = await shelf.second.controls.acts()
    (elsewhere,) = await shelf.first.controls.acts()
    assert (record.contract, elsewhere.contract) == ("book", f"book/{SECOND}")
    await shelf.do(shelf.first, acts.ApproveAct(record.id, "transfer_agent"), "transfer_agent", "approve")
    await shelf.do(shelf.first, acts.ExecuteAct(record.id), "registrar", "execute")
    assert [await one.supply() for one in (shelf.first, shelf.second)] == [500, 60]


async def test_ubo_10_recovery_moves_the_holder_once_and_units_security_by_security(shelf: Shelf) -> None:
    act = acts.Recover("holder_de", "holder_new")
    await shelf.do(shelf.first, acts.ProposeAct(act, "registrar", WHY), "registrar", "propose")
    (record,) = await shelf.first.controls.acts()
    await shelf.do(shelf.first, acts.ApproveAct(record.id, "transfer_agent"), "transfer_agent", "approve")
    await shelf.do(shelf.first, acts.ExecuteAct(record.id), "registrar", "execute")
    await shelf.do(shelf.second, controls.Succeed("holder_de", "holder_new"), "holder_new", "succeed")
    assert [await one.position("holder_new") for one in (shelf.first, shelf.second)] == [0, 70]
    await shelf.do(shelf.first, controls.Succeed("holder_de", "holder_new"), "holder_new", "succeed")
    assert await shelf.first.position("holder_new") == 500


async def test_ubo_4_a_breakdown_is_bounded_by_the_units_of_its_security(shelf: Shelf) -> None:
    await onboard(shelf.first, "omnibus", country="DE", servicer="custodian")
    await shelf.do(shelf.second, Transfer("holder_de", "omnibus", Units(30)), "holder_de", "t")
    attested = AttestBreakdown("omnibus", START, keccak256(b"root"), Units(30))
    await shelf.do(shelf.second, attested, "custodian", "b")
    with pytest.raises(BreakdownRefused, match="exceeds the 0"):
        await shelf.do(shelf.first, attested, "custodian", "b")
    assert len(await shelf.second.breakdowns("omnibus")) == 1
    assert await shelf.first.breakdowns("omnibus") == ()
    assert shelf.first.breakdown_of("omnibus") is None


async def test_mov_1_a_message_says_which_security_moves(shelf: Shelf) -> None:
    sent = await shelf.do(shelf.second, Move("holder_de", PEER, "holder_fr", Units(7)), "holder_de", "m")
    assert sent.block is not None
    ((one,), known) = (
        await shelf.first.sent_messages(sent.block.height, sent.block.height),
        shelf.first.configuration(),
    )
    assert known is not None
    payload = MovementPayload.decode(one.message.payload)
    assert payload.security_id == known.of(SECOND).security.security_id
    assert [await one.supply() for one in (shelf.first, shelf.second)] == [500, 63]


async def test_cash_and_debit_authority_are_in_the_currency_of_the_security(shelf: Shelf) -> None:
    for ledger, amount in ((shelf.first, 11), (shelf.second, 22)):
        await shelf.do(ledger, FundCash("paying_agent", Minor(amount)), "cash_issuer", "fund")
        await shelf.do(ledger, AuthoriseDebit(Minor(amount)), "paying_agent", "authorise")
    assert [int(await one.cash("paying_agent")) for one in (shelf.first, shelf.second)] == [11, 22]
    with shelf.first._db.read() as connection:
        rows = connection.execute(text("SELECT currency, amount FROM debit_authority ORDER BY currency"))
        assert [tuple(row) for row in rows] == [("EUR", "11"), ("USD", "22")]


async def test_a_security_that_the_book_does_not_keep_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    stranger = BookLedger(shelf.place, BOOK, clock=shelf.clock, isin="DE000BASF111")
    await stranger.open()
    try:
        with pytest.raises(CommandRefused, match="DE000BASF111 is not kept"):
            await stranger.supply()
    finally:
        await stranger.close()


def test_a_set_up_names_each_security_once_and_at_least_one() -> None:
    known = book_configuration(BOOK, (), home=True)
    for securities in ((), known.securities * 2):
        with pytest.raises(InconsistentFile, match="no security, or one of them twice"):
            replace(known, securities=securities)


async def test_a_kept_security_stays_and_another_one_may_be_added(shelf: Shelf) -> None:
    known = shelf.first.configuration()
    assert known is not None
    with pytest.raises(CommandRefused, match="goes on to"):
        shelf.first.configure(replace(known, securities=known.securities[1:]))
    third = book_security(Isin("DE000BASF111"))
    assert shelf.first.configure(replace(known, securities=(third, *known.securities)))
    assert [await one.supply() for one in (shelf.first, shelf.second)] == [500, 70]
    assert shelf.first.configuration() == from_json(
        to_json(replace(known, securities=(third, *known.securities)))
    )


# -- a book of before -------------------------------------------------------------------

FORMER_ROWS = (
    "INSERT INTO account (account, active, expiry, servicer, frozen, blocked, pledged) "
    "VALUES ('holder_de', 1, 0, '', 0, '5', '0'), ('holder_fr', 1, 0, '', 1, '0', '0'), "
    "('holder_es', 1, 0, '', 0, '0', '0')",
    "INSERT INTO entry (height, time, reference, kind, signer, command, body, last_posting, previous, hash) "
    "VALUES (0, 1, 'configure:0', 'Configure', '', '', '[]', '', '', '0x" + "00" * 32 + "')",
    "INSERT INTO position (asset, account, balance) VALUES ('UNITS', 'holder_de', '10')",
    "INSERT INTO setting (name, value) VALUES ('paused', '1'), ('time_offset', '7')",
    "INSERT INTO debit_authority (account, amount) VALUES ('paying_agent', '9')",
    "INSERT INTO lot (account, units, until) VALUES ('holder_de', '3', 4000000000)",
    "INSERT INTO pledge (id, pledgor, pledgee, units) VALUES ('0x"
    + "ab" * 32
    + "', 'holder_de', 'holder_fr', '2')",
    "INSERT INTO breakdown (account, sequence, as_of, root, total, height) "
    "VALUES ('holder_de', 1, 2, '0x" + "cd" * 32 + "', '4', 0)",
)


async def test_a_book_of_one_security_goes_on_as_it_was_posted(tmp_path: Path) -> None:
    place = tmp_path / "old.db"
    old = database_at(place, BOOK_SCHEMA, "book_0003", tmp_path / "versions")
    wanted = book_configuration(BOOK, (), home=True, others=[book_security(SECOND, "USD")])
    document = json.loads(to_json(wanted))
    (first, _) = document.pop("securities")
    with old.write() as connection:
        for row in FORMER_ROWS:
            connection.execute(text(row))
        connection.execute(
            text("INSERT INTO configuration (height, document) VALUES (0, :document)"),
            {"document": json.dumps(document | first)},
        )
    old.close()

    clock = SettableClock(START)
    book = BookLedger(place, BOOK, clock=clock, isin=FIRST)
    await book.open()
    try:
        held = await book.controls.holding("holder_de")
        assert held.balance == await book.position("holder_de") == 10
        assert (sum(int(lot.units) for lot in held.lots), held.frozen) == (3, False)
        assert (await book.controls.holding("holder_fr")).frozen
        assert (await book.controls.rules()).standing.paused
        assert book.time_offset() == 7
        assert len(await book.controls.pledges("holder_fr")) == 1
        assert [int(one.total) for one in await book.breakdowns("holder_de")] == [4]
        with book._db.read() as connection:
            rows = connection.execute(text("SELECT asset, account, blocked FROM holding ORDER BY account"))
            assert [tuple(row) for row in rows] == [("UNITS", "holder_de", "5"), ("UNITS", "holder_fr", "0")]
            granted = connection.execute(text("SELECT currency FROM debit_authority")).scalars().all()
            assert granted == ["EUR"]

        known = book.configuration()
        assert known is not None
        assert known.asset == FORMER_ASSET
        assert known.stored("issue/1") == "issue/1", "what was done under a reference is not done again"
        with pytest.raises(CommandRefused, match="goes on to"):
            book.configure(wanted)
        extended = adjusted(BookDesired("home", BOOK, wanted), known)
        assert [one.asset for one in extended.securities] == [FORMER_ASSET, SECOND]
        assert book.configure(extended)
        assert book.configuration() == from_json(to_json(extended)) == extended
    finally:
        await book.close()
