"""Same asset, same rights, same outcome: the entitlement rule over arbitrary books (CA-5 to CA-8)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from paripassu.custody import Breakdown, ClientLine, ShareholdingType
from paripassu.entitlements import InTransit, Position, consolidate, entitle, merkle_tree_of, strike
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, Bytes32, CurrencyCode, LedgerId, keccak256
from paripassu.invariants import ProceedsState, same_outcome
from paripassu.merkle import verify_proof
from paripassu.quantities import Rate, Units

T = 1_804_287_599
LEDGERS = tuple(LedgerId(text) for text in ("eip155:31001", "eip155:31002", "eip155:31003", "book:register"))
HOLDERS = tuple(keccak256(b"holder" + bytes([number])) for number in range(6))


def account(ledger: LedgerId, holder: int, copy: int = 0) -> AccountId:
    name = f"HOLDER-{holder}-{copy}"
    return AccountId(ledger, "0x" + keccak256(name.encode())[:20].hex() if ledger.is_evm else name)


def event(rate: Fraction, currency: str) -> EventRecord:
    return EventRecord(
        official_event_id="FR2027DVCA000042",
        security_id=keccak256(b"security"),
        event_type="DVCA",
        participation=Participation.MAND,
        announcement_date=date(2027, 3, 1),
        ex_date=date(2027, 3, 4),
        record_date=date(2027, 3, 5),
        payment_date=date(2027, 3, 8),
        record_time=T,
        rate=Rate(rate),
        currency=CurrencyCode(currency),
        document_hash=keccak256(b"document"),
    )


rates = st.builds(Fraction, st.integers(1, 10**6), st.integers(1, 10**6))
events = st.builds(event, rates, st.sampled_from(["EUR", "JPY", "KWD"]))
places = st.tuples(st.sampled_from(LEDGERS), st.integers(0, len(HOLDERS) - 1), st.integers(0, 1))
books = st.dictionaries(places, st.integers(1, 10**7), min_size=1, max_size=20)


def positions_of(book: dict[tuple[LedgerId, int, int], int]) -> list[Position]:
    return [Position(account(*place), Units(number)) for place, number in book.items()]


def holders_of(book: dict[tuple[LedgerId, int, int], int]) -> dict[AccountId, Bytes32]:
    return {account(*place): HOLDERS[place[1]] for place in book}


@given(events, books)
def test_ca_7_proceeds_do_not_depend_on_how_positions_are_split(
    dividend: EventRecord, book: dict[tuple[LedgerId, int, int], int]
) -> None:
    split = entitle(dividend, consolidate(positions_of(book), holders_of(book)))
    gathered: dict[tuple[LedgerId, int, int], int] = defaultdict(int)
    for (_, holder, _), number in book.items():
        gathered[LEDGERS[0], holder, 0] += number
    together = entitle(dividend, consolidate(positions_of(gathered), holders_of(gathered)))
    assert {each.holder: each.amount for each in split.holders} == {
        each.holder: each.amount for each in together.holders
    }
    assert (split.total, split.residue) == (together.total, together.residue)


@given(events, books)
def test_ca_8_lines_holders_and_residue_add_up_exactly(
    dividend: EventRecord, book: dict[tuple[LedgerId, int, int], int]
) -> None:
    table = entitle(dividend, consolidate(positions_of(book), holders_of(book)))
    exact = dividend.rate.fraction * sum(book.values()) * 10**dividend.currency.exponent
    assert sum(int(line.amount) for line in table.lines) == table.total
    assert int(table.total) + table.residue == exact
    assert all(0 <= each.residue < 1 for each in table.holders)
    assert all(sum(int(part.amount) for part in each.parts) == each.amount for each in table.holders)
    assert table.units == sum(book.values())


@given(events, books, st.randoms(use_true_random=False))
def test_the_order_in_which_positions_are_read_changes_nothing(
    dividend: EventRecord, book: dict[tuple[LedgerId, int, int], int], random: object
) -> None:
    shuffled = positions_of(book)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    holders = holders_of(book)
    assert entitle(dividend, consolidate(shuffled, holders)) == entitle(
        dividend, consolidate(positions_of(book), holders)
    )


@given(
    books,
    st.lists(st.tuples(places, st.integers(1, 10**6), st.integers(-3, 3), st.integers(0, 4)), max_size=12),
)
def test_ca_5_units_in_transit_count_once_whenever_they_are_looked_at(
    book: dict[tuple[LedgerId, int, int], int],
    moves: list[tuple[tuple[LedgerId, int, int], int, int, int]],
) -> None:
    """The balances a ledger shows at T, plus units in transit at T, never lose or double a unit."""
    shown: dict[AccountId, int] = defaultdict(int)
    for place, number in book.items():
        shown[account(*place)] += number
    issued, in_transit = sum(book.values()), []
    for index, (place, number, offset, delay) in enumerate(moves):
        source = LEDGERS[(LEDGERS.index(place[0]) + 1) % len(LEDGERS)]
        dispatched, executed = T + offset, T + offset + delay if delay else None
        issued += number  # units that the source's holder had besides
        if dispatched > T:
            shown[account(source, place[1], 9)] += number
        elif executed is not None and executed <= T:
            shown[account(*place)] += number
        message = keccak256(index.to_bytes(4, "big"))
        in_transit.append(InTransit(message, source, account(*place), Units(number), dispatched, executed))
    positions = [Position(each, Units(number)) for each, number in shown.items()]
    assert sum(int(position.units) for position in strike(positions, in_transit, T)) == issued


@given(
    events,
    books,
    st.dictionaries(st.integers(0, 5), st.integers(1, 10**6), min_size=1),
    st.integers(0, 10**6),
)
def test_ubo_2_omnibus_clients_and_unknown_rest_are_all_counted_and_bounded(
    dividend: EventRecord,
    book: dict[tuple[LedgerId, int, int], int],
    clients: dict[int, int],
    rest: int,
) -> None:
    custodian = AccountId(LEDGERS[3], "CUSTODIAN-DE")
    lines = tuple(
        ClientLine(HOLDERS[number], ShareholdingType.BENE, Units(units)) for number, units in clients.items()
    )
    balance = sum(clients.values()) + rest
    positions = [*positions_of(book), Position(custodian, Units(balance))]
    holdings = consolidate(positions, holders_of(book), [Breakdown(custodian, T, lines)])
    table = entitle(dividend, holdings)
    assert table.units == sum(book.values()) + balance
    assert sum(int(h.units) for h in table.holders if h.kind is ShareholdingType.UKWN) == rest
    # the contract lets an account have units x rate rounded up, and one minor unit more for each
    # client but one: each client's part may be rounded up because of what it holds elsewhere
    per_unit = dividend.rate.fraction * 10**dividend.currency.exponent
    for line in table.lines:
        ceiling = -(-line.units * per_unit.numerator // per_unit.denominator)
        extra = len(clients) + (rest > 0) - 1 if line.account == custodian else 0
        assert int(line.amount) <= ceiling + extra
        assert extra <= max(int(line.units) - 1, 0)


@given(events, books)
def test_every_payable_line_has_a_proof_and_no_raised_amount_has_one(
    dividend: EventRecord, book: dict[tuple[LedgerId, int, int], int]
) -> None:
    table = entitle(dividend, consolidate(positions_of(book), holders_of(book)))
    if not table.lines:
        return
    tree = merkle_tree_of(table)
    for line in table.lines:
        assert verify_proof(tree.root, line.leaf, tree.proof(line.leaf))
    known = {line.leaf for line in table.lines}
    for line in table.lines:
        raised = type(line)(line.event_key, line.account, line.units, line.amount + 1)
        assert raised.leaf not in known
        assert not verify_proof(tree.root, raised.leaf, tree.proof(line.leaf))


@given(events, books, st.integers(-2, 2), st.data())
def test_i5_holds_exactly_when_every_account_is_paid_its_line(
    dividend: EventRecord, book: dict[tuple[LedgerId, int, int], int], change: int, data: st.DataObject
) -> None:
    holdings = consolidate(positions_of(book), holders_of(book))
    table = entitle(dividend, holdings)
    paid = {line.account: line.amount for line in table.lines}
    if paid:
        one = data.draw(st.sampled_from(sorted(paid, key=str)))
        change = max(change, -int(paid[one]))
        paid[one] = type(paid[one])(int(paid[one]) + change)
    else:
        change = 0
    assert same_outcome(ProceedsState(dividend, holdings, paid)).ok == (change == 0)
