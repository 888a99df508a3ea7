"""The rules on random tokens: the lowest broken rule is the verdict, and what is predicted happens."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paripassu.canonical import canonical_json
from paripassu.errors import InvalidQuantity, RuleError
from paripassu.identifiers import Bytes32, Country, LedgerId, commitment
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    BalanceType,
    Case,
    DecisionRecord,
    HolderRecord,
    Kind,
    Lot,
    Movement,
    Restriction,
    RuleModule,
    RuleSet,
    RuleVersion,
    TokenState,
    Window,
    allowed_amount,
    apply,
    encumber,
    inputs_of,
    judge,
    lock,
    sub_balances,
)

NOW = 1_804_000_000
T = TypeVar("T")
NAMES = ("a", "b", "c", "")
HOLDERS = tuple(commitment(bytes([number])) for number in range(3))


def mostly(usual: T, *seldom: T, share: int = 16) -> st.SearchStrategy[T]:
    """One of `seldom` once in `share`: most tokens let most movements pass, so that later rules show."""
    return st.sampled_from([usual] * (share - 1) * len(seldom) + list(seldom))


def few(share: int) -> st.SearchStrategy[bool]:
    return mostly(False, True, share=share)


def no_answer(movement: Movement) -> bool | None:
    return None


def small_only(movement: Movement) -> bool | None:
    """A module that refuses by amount: it lets less pass where it lets more pass."""
    return movement.units <= 12


def everything(movement: Movement) -> bool | None:
    return True


records = st.builds(
    HolderRecord,
    holder=st.sampled_from(HOLDERS),
    country=mostly("DE", "BR").map(Country),
    investor_class=mostly(2, 1, 3, 33),
    active=mostly(True, False),
    expiry=mostly(0, NOW - 1, NOW, NOW + 1),
    servicer=st.just(""),
    sanctioned=few(12),
    additional=few(4),
    superseded=few(16),
)
units = st.integers(0, 25).map(Units)
rule_sets = st.builds(
    RuleSet,
    countries=st.just(frozenset({Country("DE"), Country("FR")})),
    classes=st.just(frozenset({1, 2, 33})),
    deny_list=few(16),
    holding_cap=st.none() | st.integers(15, 40).map(Units),
    holder_limit=mostly(None, 1, 2, share=3),
    minimum_lot=mostly(1, 4, 9, share=3).map(Units),
    blackout=mostly((), (Window(NOW, NOW + 1),), (Window(NOW - 9, NOW), Window(NOW + 1, NOW + 2)), share=4),
)
modules = mostly((), (everything, small_only), (small_only, no_answer), share=4)


@st.composite
def accounts(draw: st.DrawFn) -> AccountState:
    most = draw(st.sampled_from([1, 6]))  # small ones are below a minimum lot as a whole
    parts = draw(st.lists(st.integers(0, most), min_size=6, max_size=6))
    if draw(few(3)):  # a newcomer
        parts = [0] * 6
    lots = tuple(
        Lot(Units(units), until)
        for units, until in zip(parts[4:], (NOW, draw(st.integers(NOW - 2, NOW + 9))), strict=True)
        if units
    )
    return AccountState(
        draw(records) if draw(mostly(True, False)) else None,
        draw(few(16)),
        Units(sum(parts)),
        *(Units(part) if draw(few(4)) else Units(0) for part in parts[1:4]),
        lots,
        draw(mostly(None, 0, 9, 25, share=4).map(lambda quota: None if quota is None else Units(quota))),
    )


@st.composite
def tokens(draw: st.DrawFn) -> TokenState:
    return TokenState(
        draw(rule_sets),
        {name: draw(accounts()) for name in ("a", "b", "c")},
        paused=draw(few(20)),
        stopped_until=draw(mostly(0, NOW - 1, NOW)),
        paused_classes=draw(mostly(frozenset(), frozenset({2}), frozenset({33}), share=6)),
        modules=draw(modules),
    )


movements = st.builds(
    Movement,
    kind=st.sampled_from(Kind),
    source=mostly("a", "b", "c", "", share=3),
    target=mostly("b", "a", "c", "", share=3),
    units=units,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[TokenState, Movement]:
    """A token and a movement, which is often of all that the source has or may deliver."""
    token, movement = draw(tokens()), draw(movements)
    source = token.account(movement.source)
    drawn = draw(st.sampled_from([movement.units, movement.units, source.balance, source.available(NOW)]))
    return token, replace(movement, units=drawn)


def broken(token: TokenState, movement: Movement, now: int) -> set[int]:
    """Codes of all broken rules, each looked at alone, as the table of the documentation has them."""
    kind, amount = int(movement.kind), int(movement.units)
    source, target = token.account(movement.source), token.account(movement.target)
    rules = token.rules
    sends, receives = kind in (0, 2, 3, 6), kind in (0, 1, 4, 5, 6, 7)
    found: set[int] = set()

    def check(code: int, kinds: str, refused: bool) -> None:
        if str(kind) in kinds and refused:
            found.add(code)

    stopped = now <= token.stopped_until
    check(1, "01346", token.paused or stopped)
    check(1, "2", stopped)
    for taking, part, unknown, sanctioned in ((sends, source, 2, 13), (receives, target, 5, 14)):
        if not taking:
            continue
        record = part.record
        if record is None or record.superseded:
            found.add(unknown)
        else:
            if not record.active or 0 < record.expiry < now:
                found.add(unknown + 1)
            if record.sanctioned and kind != 4:
                found.add(sanctioned)
            if record.investor_class in token.paused_classes and record.investor_class < 32:
                check(19, "012346", True)
        if part.frozen and kind not in (4, 5):
            found.add(unknown + 2)
    if receives and target.record is not None and not target.record.superseded:
        listed = target.record.country in rules.countries
        check(8, "01456", listed if rules.deny_list else not listed)
        check(9, "01456", target.record.investor_class not in (1, 2))
    blocked = int(source.blocked) + int(source.blocked_for_action) + int(source.pledged)
    locked = sum(int(lot.units) for lot in source.lots if lot.until > now)
    check(10, "02356", amount > source.balance or not movement.source)
    check(11, "0236", amount > int(source.balance) - blocked)
    check(12, "0236", amount > int(source.balance) - blocked - locked)
    stays = amount == 0 or (kind == 0 and movement.source == movement.target)
    cap = rules.holding_cap
    if cap is not None and target.quota is not None:
        cap = target.quota
    if target.quota is None and cap is not None and target.record is not None and target.record.additional:
        cap = Units(0)
    check(15, "014", cap is not None and not stays and int(target.balance) + amount > cap)
    after = holders_after(token, movement)
    newcomer = target.record is not None and target.record.holder not in holders(token)
    limit = rules.holder_limit
    check(16, "014", limit is not None and not stays and newcomer and len(after) > limit)
    check(17, "03", 0 < amount < rules.minimum_lot and amount != source.balance)
    check(18, "036", any(window.start <= now < window.end for window in rules.blackout))
    check(20, "012346", small_only in token.modules and amount > 12)
    check(21, "012346", no_answer in token.modules)
    return found


def holders(token: TokenState) -> set[Bytes32]:
    return {held.record.holder for held in token.accounts.values() if held.record and held.balance}


def holders_after(token: TokenState, movement: Movement) -> set[Bytes32]:
    """Holders once the balances have changed, whatever the rules say of that."""
    held = {name: int(account.balance) for name, account in token.accounts.items()}
    if movement.kind.takes and movement.source:
        held[movement.source] -= int(movement.units)
    if movement.target:
        held[movement.target] += int(movement.units)
    records = {name: token.accounts[name].record for name in held}
    return {record.holder for name, record in records.items() if record and held[name]}


@settings(max_examples=400)
@given(cases())
def test_ctl_1_the_lowest_of_all_broken_rules_is_the_verdict(case: tuple[TokenState, Movement]) -> None:
    token, movement = case
    expected = min(broken(token, movement, NOW), default=0)
    assert judge(token, movement, NOW) == expected


@settings(max_examples=400)
@given(cases())
def test_ctl_3_what_is_predicted_happens(case: tuple[TokenState, Movement]) -> None:
    token, movement = case
    predicted = judge(token, movement, NOW)
    if predicted is Restriction.NONE:
        apply(token, movement, NOW)
        return
    with pytest.raises(RuleError) as refused:
        apply(token, movement, NOW)
    assert refused.value.restriction == predicted


@settings(max_examples=200)
@given(tokens(), st.sampled_from(NAMES), st.sampled_from(NAMES[:3]))
def test_ctl_3_the_amount_that_may_move_is_exact(token: TokenState, source: str, target: str) -> None:
    kind = Kind.TRANSFER if source else Kind.ISSUE
    exact(token, kind, source, target)


@settings(max_examples=100)
@given(tokens(), st.sampled_from(NAMES[:3]))
def test_ctl_3_the_amount_that_may_leave_is_exact(token: TokenState, source: str) -> None:
    exact(token, Kind.BRIDGE_OUT, source, "")


def exact(token: TokenState, kind: Kind, source: str, target: str) -> None:
    """That amount passes, one more gets the code, and nothing above it passes."""
    allowed, code = allowed_amount(token, source, target, NOW)

    def verdict(units: int) -> Restriction:
        return judge(token, Movement(kind, source, target, Units(units)), NOW)

    assert allowed == 0 or verdict(int(allowed)) is Restriction.NONE
    assert code is not Restriction.NONE
    assert verdict(int(allowed) + 1) is code
    assert all(verdict(units) is not Restriction.NONE for units in range(int(allowed) + 1, 45))


@settings(max_examples=300)
@given(tokens(), movements, units)
def test_less_may_move_where_more_may(token: TokenState, movement: Movement, less: Units) -> None:
    """But for the whole balance and the minimum lot, which are exceptions of their own."""
    rules = replace(token.rules, minimum_lot=Units(1), holder_limit=None)
    token = replace(token, rules=rules)
    if less <= movement.units and judge(token, movement, NOW) is Restriction.NONE:
        assert judge(token, replace(movement, units=less), NOW) is Restriction.NONE


@settings(max_examples=400)
@given(tokens(), movements)
def test_ctl_11_every_decision_is_made_again_from_what_was_kept(
    token: TokenState, movement: Movement
) -> None:
    source = token.account(movement.source) if movement.source else None
    target = token.account(movement.target) if movement.target else None
    case = Case(token.rules, token.standing, movement, source, target, NOW, token.modules)
    said = judge(token, movement, NOW)
    version = RuleVersion(3, "1.0.0", "terms")
    made = DecisionRecord(LedgerId("book:home"), 7, "ref", "", 0, version, inputs_of(case), said)
    read = DecisionRecord.from_document(json.loads(canonical_json(made.document())))
    assert read.replayed() is said
    assert read == made
    assert read.inputs_hash == made.inputs_hash
    assert (read.movement, read.time) == (movement, NOW)


acts = st.one_of(
    st.tuples(st.just("move"), movements),
    st.tuples(st.just("encumber"), st.sampled_from(NAMES[:3]), st.sampled_from(BalanceType), units),
    st.tuples(st.just("lock"), st.sampled_from(NAMES[:3]), units, st.integers(0, 6)),
    st.tuples(st.just("wait"), st.integers(1, 4)),
)


@settings(max_examples=150)
@given(tokens(), st.lists(acts, max_size=15))
def test_ctl_10_sub_balances_sum_to_the_balance_and_supply_is_conserved(
    token: TokenState, steps: list[tuple[object, ...]]
) -> None:
    now = NOW
    for step in steps:
        supply = int(token.supply)
        match step:
            case ("wait", int(seconds)):
                now += seconds
            case ("encumber", str(name), BalanceType() as kind, Units() as amount):
                with contextlib.suppress(InvalidQuantity):
                    token = token.with_account(name, encumber(token.account(name), kind, amount, now))
            case ("lock", str(name), Units() as amount, int(ahead)):
                with contextlib.suppress(InvalidQuantity):
                    token = token.with_account(name, lock(token.account(name), amount, now + ahead, now))
            case ("move", Movement() as movement):
                with contextlib.suppress(RuleError):
                    token = apply(token, movement, now)
                    supply += created(movement)
        assert token.supply == supply
        for account in token.accounts.values():
            assert sum(map(int, sub_balances(account, now).values())) == account.balance


def created(movement: Movement) -> int:
    """Units that a movement adds to the supply here."""
    if movement.kind in (Kind.ISSUE, Kind.BRIDGE_IN):
        return int(movement.units)
    return -int(movement.units) if movement.kind in (Kind.REDEEM, Kind.BRIDGE_OUT) else 0


def test_modules_are_asked_about_the_very_movement() -> None:
    asked: list[Movement] = []

    def module(movement: Movement) -> bool | None:
        asked.append(movement)
        return True

    record = HolderRecord(HOLDERS[0], Country("DE"), 1, True, 0, "")
    rules = RuleSet(frozenset({Country("DE")}), frozenset({1}))
    plugged: tuple[RuleModule, ...] = (module,)
    held = {"a": AccountState(record, balance=Units(5)), "b": AccountState(record)}
    movement = Movement(Kind.TRANSFER, "a", "b", Units(5))
    assert judge(TokenState(rules, held, modules=plugged), movement, NOW) is Restriction.NONE
    assert set(asked) == {movement}
