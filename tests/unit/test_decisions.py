"""The decision log in book entry: each verdict is kept with its inputs, chained, and made again (CTL-11)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from paripassu import acts, controls
from paripassu.commands import Deliver, Issue, Move, Retry, Transfer
from paripassu.controls import BatchTransfer, EndPledge, Freeze, Pledge, Reason, SetMinimumLot, SetStatus
from paripassu.errors import CommandRefused, DecisionUnreadable, RuleError, StoreTampered
from paripassu.identifiers import AccountId, Country, LedgerId
from paripassu.jobs import movements
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.decisions import movements_of, moves_units
from paripassu.messages import Batch, GatewayDomain, batch_digest
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    Case,
    DecisionRecord,
    Kind,
    Movement,
    Restriction,
    RuleSet,
    RuleVersion,
    Standing,
    inputs_of,
)
from paripassu.store import Store
from paripassu.store.decisions import kept
from paripassu.store.schema import audit
from paripassu.testing.books import (
    ATTESTOR_NAMES,
    Desk,
    SettableClock,
    book_configuration,
    issue,
    onboard,
)

START = 1_800_000_000
DESK = Desk()
WHY = Reason("court order 7")
HOME, SOUTH = LedgerId("book:home"), LedgerId("book:south")
RULES = RuleSet(
    frozenset({Country("DE"), Country("FR")}), frozenset({1}), holding_cap=Units(900), holder_limit=4
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "bridge.db") as opened:
        yield opened


@pytest.fixture
async def books(tmp_path: Path, store: Store) -> AsyncIterator[tuple[BookLedger, BookLedger]]:
    """Two books, which keep their decisions in one store; holder_de has 500 units at home."""
    ledgers = []
    for id in (HOME, SOUTH):
        ledger = BookLedger(
            tmp_path / f"{id.reference}.db", id, clock=SettableClock(START), decisions=store.decisions
        )
        await ledger.open()
        ledger.configure(book_configuration(id, (HOME, SOUTH), home=id == HOME, rules=RULES))
        for name in ("holder_de", "holder_fr"):
            await onboard(ledger, name)
        ledgers.append(ledger)
    await issue(ledgers[0], "holder_de", 500)
    home, south = ledgers
    yield home, south
    for ledger in ledgers:
        ledger.check()
        await ledger.close()


def told(store: Store) -> list[tuple[str, str, int, str]]:
    """Ledger, kind, units and verdict of each decision, all of them made again first."""
    with store.read() as connection:
        found = [one.record for one in kept(connection)]
    assert all(one.replayed() is one.verdict for one in found)
    return [
        (one.ledger.reference, one.movement.kind.name, int(one.movement.units), one.verdict.name)
        for one in found
    ]


async def test_ctl_11_what_is_allowed_and_what_is_refused_is_kept_and_made_again(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    await home.execute(Transfer("holder_de", "holder_fr", Units(40)), DESK["holder_de"], "pays")
    await home.execute(Freeze("holder_fr", True, WHY), DESK["freezer"], "freeze")
    with pytest.raises(RuleError):
        await home.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], "frozen")
    with pytest.raises(RuleError):
        await home.execute(Issue("holder_de", Units(600)), DESK["transfer_agent"], "above the cap")
    assert told(store) == [
        ("home", "ISSUE", 500, "NONE"),
        ("home", "TRANSFER", 40, "NONE"),
        ("home", "TRANSFER", 1, "RECIPIENT_FROZEN"),
        ("home", "ISSUE", 600, "HOLDING_CAP"),
    ]
    with store.read() as connection:
        allowed, refused = (one.record for one in kept(connection)[1:3])
    assert allowed.reference == "pays"
    assert allowed.transaction == (await home.outcome("pays")).transaction
    assert (refused.reference, refused.transaction) == ("frozen", "")
    assert refused.inputs["to"]["frozen"] is True  # type: ignore[index,call-overload]


async def test_ctl_11_the_rules_of_then_count_whatever_they_are_now(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    await home.execute(Transfer("holder_de", "holder_fr", Units(4)), DESK["holder_de"], "small")
    await home.execute(SetMinimumLot(Units(10), WHY), DESK["rule_manager"], "lot")
    with pytest.raises(RuleError):
        await home.execute(Transfer("holder_de", "holder_fr", Units(4)), DESK["holder_de"], "small again")
    with store.read() as connection:
        before, after = (one.record for one in kept(connection)[1:])
    assert (before.verdict, after.verdict) == (Restriction.NONE, Restriction.MINIMUM_LOT)
    assert before.replayed() is Restriction.NONE
    assert (before.rules.changes, after.rules.changes) == (0, 1)
    assert before.inputs_hash != after.inputs_hash


async def test_ctl_11_of_a_batch_that_is_refused_the_refusal_alone_is_kept(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    await home.execute(
        BatchTransfer("holder_de", (("holder_fr", Units(1)), ("holder_fr", Units(2)))),
        DESK["holder_de"],
        "both",
    )
    with pytest.raises(RuleError):
        await home.execute(
            BatchTransfer("holder_de", (("holder_fr", Units(1)), ("nobody", Units(2)))),
            DESK["holder_de"],
            "none",
        )
    assert told(store)[1:] == [
        ("home", "TRANSFER", 1, "NONE"),
        ("home", "TRANSFER", 2, "NONE"),
        ("home", "TRANSFER", 2, "RECIPIENT_UNKNOWN"),
    ]


async def test_ctl_11_pledges_and_acts_of_law_are_kept(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    await home.execute(Pledge("holder_de", "holder_fr", Units(30)), DESK["holder_de"], "pledge")
    (pledge,) = await home.controls.pledges("holder_de")
    await home.execute(EndPledge(pledge.id, True), DESK["holder_fr"], "enforce")
    for number, (target, refused) in enumerate((("holder_fr", False), ("nobody", True))):
        act = acts.ForcedTransfer("holder_de", target, Units(5))
        await home.execute(acts.ProposeAct(act, "registrar", WHY), DESK["registrar"], f"propose {number}")
        id = (await home.controls.acts())[-1].id
        await home.execute(acts.ApproveAct(id, "regulator"), DESK["regulator"], f"approve {number}")
        execute = acts.ExecuteAct(id, "", b"")
        if refused:
            with pytest.raises(RuleError):
                await home.execute(execute, DESK["registrar"], f"execute {number}")
        else:
            await home.execute(execute, DESK["registrar"], f"execute {number}")
    assert told(store)[1:] == [
        ("home", "PLEDGE", 30, "NONE"),
        ("home", "TRANSFER", 30, "NONE"),
        ("home", "FORCED", 5, "NONE"),
        ("home", "FORCED", 5, "RECIPIENT_UNKNOWN"),
    ]


async def test_ctl_11_an_arrival_that_is_parked_is_a_refusal_and_its_retry_a_decision_of_its_own(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, south = books
    await home.execute(Move("holder_de", SOUTH, "holder_fr", Units(70)), DESK["holder_de"], "leaves")
    await south.execute(SetStatus("holder_fr", False, WHY), DESK["registrar"], "suspend")
    (sent,) = await home.sent_messages(0, 1_000)
    batch = Batch(1, (sent.message,))
    digest = batch_digest(batch, GatewayDomain(SOUTH))
    signers = sorted((DESK[name] for name in ATTESTOR_NAMES[:2]), key=lambda one: int(one.address, 16))
    signatures = tuple(one.sign_digest(digest) for one in signers)
    await south.execute(Deliver(batch, signatures), DESK["relayer"], "delivered")
    await south.execute(SetStatus("holder_fr", True, WHY), DESK["registrar"], "reinstate")
    await south.execute(Retry(sent.message), DESK["relayer"], "again")
    assert told(store)[1:] == [
        ("home", "BRIDGE_OUT", 70, "NONE"),
        ("south", "BRIDGE_IN", 70, "RECIPIENT_INACTIVE"),
        ("south", "BRIDGE_IN", 70, "NONE"),
    ]


async def test_ctl_11_a_movement_that_the_destination_would_refuse_is_kept_as_its_decision(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, south = books
    await south.execute(Freeze("holder_fr", True, WHY), DESK["freezer"], "freeze")
    target = AccountId(SOUTH, "holder_fr")
    with pytest.raises(RuleError):
        await movements.move(home, "holder_de", south, target, Units(5), DESK["holder_de"], "over")
    assert told(store)[1:] == [("south", "ISSUE", 5, "RECIPIENT_FROZEN")]


async def test_ctl_11_what_no_rule_refuses_leaves_no_decision(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    before = told(store)
    with pytest.raises(CommandRefused):  # the issue limit is no rule of movements
        await home.execute(Issue("holder_de", Units(2_000_000)), DESK["transfer_agent"], "limit")
    await home.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], "one")
    await home.execute(Transfer("holder_de", "holder_fr", Units(1)), DESK["holder_de"], "one")
    assert len(told(store)) == len(before) + 1  # the same reference again decides nothing


async def test_ctl_11_a_changed_line_is_found_by_the_chain_of_hashes(
    books: tuple[BookLedger, BookLedger], store: Store
) -> None:
    home, _ = books
    await home.execute(Transfer("holder_de", "holder_fr", Units(40)), DESK["holder_de"], "pays")
    with store.write() as connection:
        (first, _) = kept(connection)
        document = first.record.document() | {"verdict": int(Restriction.HOLDING_CAP)}
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        connection.execute(update(audit).where(audit.c.seq == first.seq).values(detail=text))
    with store.read() as connection, pytest.raises(StoreTampered, match=f"Row {first.seq} "):
        kept(connection)


def test_ctl_11_inputs_that_do_not_fit_their_hash_are_no_decision() -> None:
    made = _decision()
    document = made.document()
    assert DecisionRecord.from_document(document) == made
    other = replace(made, inputs={**made.inputs, "units": "6"}).document()
    with pytest.raises(DecisionUnreadable, match="hash to"):
        DecisionRecord.from_document(document | {"inputs": other["inputs"]})
    with pytest.raises(DecisionUnreadable):
        DecisionRecord.from_document(document | {"inputs": {**made.inputs, "mood": "good"}})
    with pytest.raises(DecisionUnreadable):
        DecisionRecord.from_document({"ledger": "book:home"})


def test_ctl_11_another_verdict_than_the_rules_give_is_told_by_the_replay() -> None:
    made = _decision()
    assert made.replayed() is made.verdict is Restriction.RECIPIENT_UNKNOWN
    forged = replace(made, verdict=Restriction.NONE)
    assert forged.replayed() is not forged.verdict


def _decision() -> DecisionRecord:
    case = Case(
        RULES,
        Standing(),
        Movement(Kind.ISSUE, "", "nobody", Units(5)),
        None,
        AccountState(None),
        START,
    )
    version = RuleVersion(0, "1.0.0", "terms")
    return DecisionRecord(HOME, 1, "r", "", 0, version, inputs_of(case), Restriction.RECIPIENT_UNKNOWN)


def test_ctl_11_controls_that_move_nothing_are_no_instructions_of_movements() -> None:
    pause = controls.Pause(True, WHY)
    assert movements_of(pause) == []
    assert not moves_units(pause)
    assert moves_units(Transfer("a", "b", Units(1)))
