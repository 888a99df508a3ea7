"""Units that wander over ledgers at random: none is lost, each lot has one location, no lock-up gets shorter
(MOV-5, MOV-8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from paripassu.identifiers import AccountId, Bytes32, LedgerId, keccak256
from paripassu.lots import (
    Dispatched,
    Ended,
    InTransit,
    Issued,
    Landed,
    Locked,
    OnLedger,
    Record,
    Transferred,
    UnitLot,
    location_of,
    trace,
)
from paripassu.quantities import Units
from paripassu.rules import AccountState, Lot, land_lots, lock, take_lots

LEDGERS = tuple(LedgerId(f"book:{name}") for name in ("a", "b", "c"))
HOLDERS = ("holder_de", "holder_fr")
ACCOUNTS = tuple(AccountId(ledger, name) for ledger in LEDGERS for name in HOLDERS)
COMMITMENTS = {account: keccak256(account.account.encode()) for account in ACCOUNTS}
START = 1_800_000_000

acts = st.lists(
    st.tuples(
        st.sampled_from(("issue", "end", "transfer", "lock", "move", "move", "land", "land", "return")),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(1, 60),
        st.integers(0, 40),
    ),
    max_size=40,
)


@dataclass
class Model:
    """The ledgers themselves, by the core's own rules for lock-ups, and what they tell."""

    now: int = START
    states: dict[AccountId, AccountState] = field(
        default_factory=lambda: defaultdict(lambda: AccountState(None))
    )
    told: dict[LedgerId, list[Record]] = field(default_factory=lambda: defaultdict(list))
    moving: dict[Bytes32, tuple[Dispatched, tuple[Lot, ...]]] = field(default_factory=dict)
    issued: int = 0
    number: int = 0

    def tell(self, record: Record) -> None:
        self.told[record.account.ledger].append(record)

    def change(self, account: AccountId, units: int) -> None:
        held = self.states[account]
        self.states[account] = AccountState(
            None,
            balance=Units(int(held.balance) + units),
            lots=tuple(x for x in held.lots if x.until > self.now),
        )

    def act(self, kind: str, one: int, other: int, units: int, wait: int) -> None:
        self.now += wait
        self.number += 1
        account, target = ACCOUNTS[one], ACCOUNTS[other]
        available = int(self.states[account].available(self.now))
        amount = Units(min(units, available))
        if kind == "issue":
            self.change(account, units)
            self.issued += units
            self.tell(Issued(account, self.now, Units(units), f"issue {self.number}"))
        elif kind == "land" or kind == "return":
            self.land(back=kind == "return")
        elif kind == "move":
            self.move(account, target, units)
        elif not amount:
            return
        elif kind == "end":
            self.change(account, -int(amount))
            self.issued -= int(amount)
            self.tell(Ended(account, self.now, amount))
        elif kind == "transfer" and target.ledger == account.ledger and target != account:
            self.change(account, -int(amount))
            self.change(target, int(amount))
            self.tell(Transferred(account, self.now, amount, target))
        elif kind == "lock" and len(self.states[account].lots) < 8:
            until = self.now + 1 + 20 * other
            self.states[account] = lock(self.states[account], amount, until, self.now)
            self.tell(Locked(account, self.now, amount, until))

    def move(self, account: AccountId, target: AccountId, units: int) -> None:
        """Free units, and of the first lot as many as asked for, to the same holder."""
        if target.ledger == account.ledger or target.account != account.account:
            return
        state = self.states[account]
        wanted = [Lot(Units(min(units, int(x.units))), x.until) for x in state.lots if x.until > self.now][:1]
        free = min(units, int(state.available(self.now)))
        left, taken = take_lots(state, wanted, self.now)
        total = free + sum(int(lot.units) for lot in taken)
        if not total:
            return
        self.states[account] = left
        self.change(account, -total)
        message_id = keccak256(str(self.number).encode())
        sent = Dispatched(account, self.now, Units(total), message_id, target, taken)
        self.moving[message_id] = (sent, taken)
        self.tell(sent)

    def land(self, *, back: bool) -> None:
        if not self.moving:
            return
        message_id = next(iter(self.moving))
        sent, lots = self.moving.pop(message_id)
        account = sent.account if back else sent.target
        self.change(account, int(sent.units))
        self.states[account] = land_lots(self.states[account], lots, self.now)
        self.tell(Landed(account, self.now, message_id))

    def lots(self) -> tuple[UnitLot, ...]:
        return trace(self.told, COMMITMENTS)


def ran(steps: list[tuple[str, int, int, int, int]]) -> Model:
    model = Model()
    for step in steps:
        model.act(*step)
    return model


@given(acts)
def test_mov_1_and_5_no_unit_is_lost_and_each_lot_has_one_location(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    model = ran(steps)
    lots = model.lots()
    assert sum(int(lot.units) for lot in lots) == model.issued
    places: Counter[object] = Counter()
    for lot in lots:
        place = location_of(lot)
        places[place.account if isinstance(place, OnLedger) else place.message_id] += int(lot.units)
    held = {account: int(state.balance) for account, state in model.states.items() if state.balance}
    moving = {message_id: int(sent.units) for message_id, (sent, _) in model.moving.items()}
    assert places == Counter(held) + Counter(moving)
    for lot in lots:
        place = location_of(lot)
        if isinstance(place, InTransit):
            sent, _ = model.moving[place.message_id]
            wanted = (sent.account.ledger, sent.target.ledger, sent.time)
            assert (place.source, place.destination, place.since) == wanted


@given(acts)
def test_mov_8_lock_ups_are_those_of_the_ledgers_and_never_shortened(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    model = ran(steps)
    locked: Counter[tuple[AccountId, int, int]] = Counter()
    for lot in model.lots():
        place = location_of(lot)
        if isinstance(place, OnLedger) and not lot.is_free(model.now):
            assert lot.lock is not None
            locked[place.account, lot.lock.until, lot.lock.since] += int(lot.units)
    kept: Counter[tuple[AccountId, int, int]] = Counter()
    for account, state in model.states.items():
        for one in state.lots:
            if one.until > model.now:
                kept[account, one.until, one.since] += int(one.units)
    assert locked == kept
    ends = {(one.until, one.time) for rows in model.told.values() for one in rows if isinstance(one, Locked)}
    assert {(until, since) for _, until, since in locked} <= ends


@given(acts)
def test_mov_8_units_of_one_holder_keep_since_when_they_are_held_wherever_they_go(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    model = ran(steps)
    told = [one for rows in model.told.values() for one in rows]
    acquired = {one.time for one in told if isinstance(one, Issued | Transferred)}
    homes = {(one.account.ledger, one.reference) for one in told if isinstance(one, Issued)}
    for lot in model.lots():
        assert lot.acquired in acquired  # a movement is no acquisition
        assert (lot.home, lot.reference) in homes
        place, last = location_of(lot), lot.home
        for journey in lot.path:
            assert journey.source == last
            assert journey.since <= journey.arrived
            last = journey.destination
        assert last == (place.account.ledger if isinstance(place, OnLedger) else place.source)
