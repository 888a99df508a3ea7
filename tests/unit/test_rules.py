"""Each transfer rule, passing and refusing, and the lowest code wins (CTL-1, CTL-2, CTL-4, I3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paripassu.errors import InvalidQuantity, NegativeQuantity, RuleError
from paripassu.identifiers import Country, commitment, keccak256
from paripassu.quantities import Units
from paripassu.rules import (
    APPLIES,
    CLASS_LIMIT,
    EXPIRY_LIMIT,
    MOST_LOTS,
    MOST_TRAVELLING,
    MOST_WINDOWS,
    UNLIMITED,
    AccountState,
    BalanceType,
    HolderRecord,
    Kind,
    Lot,
    Movement,
    Restriction,
    RuleSet,
    Standing,
    TokenState,
    Window,
    allowed_amount,
    apply,
    encumber,
    free,
    judge,
    lock,
    refusal,
    share,
    sub_balances,
)

ROOT = Path(__file__).parents[2]
NOW = 1_804_000_000
RULES = RuleSet(frozenset({Country("DE"), Country("FR")}), frozenset({1, 2}))
RECORD = HolderRecord(commitment(b"holder"), Country("FR"), 1, True, 0, "")
OTHER = replace(RECORD, holder=commitment(b"another"))
THIRD = replace(RECORD, holder=commitment(b"third"))


def account(record: HolderRecord = RECORD, units: int = 100, **changes: Any) -> AccountState:
    named = {field for field in HolderRecord.__dataclass_fields__ if field in changes}
    held = {key: value for key, value in changes.items() if key not in named}
    record = replace(record, **{key: changes[key] for key in named})
    return AccountState(record, balance=Units(units), **held)


STRANGER = AccountState(None, balance=Units(100))


def token(
    source: AccountState | None = None,
    target: AccountState | None = None,
    rules: RuleSet = RULES,
    **changes: Any,
) -> TokenState:
    return TokenState(
        rules,
        {"source": source or account(), "target": target or account(OTHER, 0)},
        **changes,
    )


def sent(kind: Kind, units: int = 10, source: str = "source", target: str = "target") -> Movement:
    """A movement of a kind; its sides are empty where the kind has none."""
    return Movement(kind, source if kind.takes else "", target if kind.gives else "", Units(units))


def code(state: TokenState, kind: Kind = Kind.TRANSFER, units: int = 10, now: int = NOW) -> Restriction:
    return judge(state, sent(kind, units), now)


CLOSED = replace(RULES, blackout=(Window(NOW, NOW + 10),))
DENYING: dict[Restriction, tuple[TokenState, TokenState]] = {
    Restriction.TOKEN_PAUSED: (token(paused=True), token(paused=False)),
    Restriction.SENDER_UNKNOWN: (token(STRANGER), token()),
    Restriction.SENDER_INACTIVE: (token(account(expiry=NOW - 1)), token(account(expiry=NOW))),
    Restriction.SENDER_FROZEN: (token(account(frozen=True)), token()),
    Restriction.RECIPIENT_UNKNOWN: (token(target=AccountState(None)), token()),
    Restriction.RECIPIENT_INACTIVE: (token(target=account(OTHER, active=False)), token()),
    Restriction.RECIPIENT_FROZEN: (token(target=account(OTHER, frozen=True)), token()),
    Restriction.RECIPIENT_COUNTRY: (
        token(target=account(OTHER, country=Country("BR"))),
        token(target=account(OTHER, country=Country("BR")), rules=replace(RULES, deny_list=True)),
    ),
    Restriction.RECIPIENT_CLASS: (
        token(target=account(OTHER, investor_class=3)),
        token(target=account(OTHER, investor_class=2)),
    ),
    Restriction.INSUFFICIENT_BALANCE: (token(account(units=9)), token(account(units=10))),
    Restriction.UNITS_BLOCKED: (
        token(
            account(
                blocked=Units(50), blocked_for_action=Units(30), pledged=Units(11), lots=(Lot(Units(9), 0),)
            )
        ),
        token(account(blocked=Units(50), blocked_for_action=Units(30), pledged=Units(10))),
    ),
    Restriction.UNITS_LOCKED: (
        token(account(lots=(Lot(Units(60), NOW + 1), Lot(Units(31), NOW + 1)))),
        token(account(lots=(Lot(Units(60), NOW + 1), Lot(Units(31), NOW)))),
    ),
    Restriction.SENDER_SANCTIONED: (token(account(sanctioned=True)), token()),
    Restriction.RECIPIENT_SANCTIONED: (token(target=account(OTHER, sanctioned=True)), token()),
    Restriction.HOLDING_CAP: (
        token(target=account(OTHER, 91), rules=replace(RULES, holding_cap=Units(100))),
        token(target=account(OTHER, 90), rules=replace(RULES, holding_cap=Units(100))),
    ),
    Restriction.HOLDER_COUNT: (
        token(rules=replace(RULES, holder_limit=1)),
        token(rules=replace(RULES, holder_limit=2)),
    ),
    Restriction.MINIMUM_LOT: (
        token(rules=replace(RULES, minimum_lot=Units(11))),
        token(rules=replace(RULES, minimum_lot=Units(10))),
    ),
    Restriction.BLACKOUT: (
        token(rules=CLOSED),
        token(rules=replace(RULES, blackout=(Window(NOW - 5, NOW), Window(NOW + 1, NOW + 2)))),
    ),
    Restriction.INVENTORY_PAUSED: (
        token(account(investor_class=2), account(OTHER, 0, investor_class=2), paused_classes=frozenset({2})),
        token(paused_classes=frozenset({2})),
    ),
    Restriction.MODULE_REFUSED: (
        token(modules=(lambda movement: None, lambda movement: False)),
        token(modules=(lambda movement: True,)),
    ),
    Restriction.MODULE_UNAVAILABLE: (
        token(modules=(lambda movement: True, lambda movement: None)),
        token(modules=()),
    ),
}
"""For each rule a token that it refuses 10 units on, and one on which it just lets them pass."""


@pytest.mark.parametrize("rule", DENYING, ids=lambda rule: rule.name)
def test_ctl_4_each_rule_has_one_passing_and_one_failing_case(rule: Restriction) -> None:
    kind = min(APPLIES[rule])
    refusing, passing = DENYING[rule]
    assert code(refusing, kind) is rule
    assert code(passing, kind) is Restriction.NONE


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
@pytest.mark.parametrize("rule", DENYING, ids=lambda rule: rule.name)
def test_ctl_1_each_rule_holds_for_its_kinds_and_for_no_other(rule: Restriction, kind: Kind) -> None:
    refusing, _ = DENYING[rule]
    applies = kind in APPLIES[rule] and (rule, kind) != (Restriction.TOKEN_PAUSED, Kind.REDEEM)
    assert (code(refusing, kind) is rule) is applies


def test_ctl_1_the_denial_matrix_has_every_rule() -> None:
    assert set(APPLIES) == set(DENYING) == set(Restriction) - {Restriction.NONE}


def test_ctl_1_a_rule_applies_to_the_kinds_that_the_contract_tests_walk() -> None:
    table: dict[str, Any] = json.loads((ROOT / "tests/vectors/denial-matrix.json").read_text("utf-8"))
    walked: dict[int, set[int]] = {}
    for entry in table["entries"]:
        walked.setdefault(entry["kind"], set()).update(entry["codes"])
    for kind in Kind:
        assert {int(rule) for rule, kinds in APPLIES.items() if kind in kinds} == walked[int(kind)], kind


def test_which_side_has_a_part_in_each_kind() -> None:
    taking = (Kind.TRANSFER, Kind.REDEEM, Kind.BRIDGE_OUT, Kind.FORCED, Kind.PLEDGE)
    giving = (Kind.TRANSFER, Kind.ISSUE, Kind.BRIDGE_IN, Kind.FORCED, Kind.PLEDGE, Kind.PAYOUT)
    assert tuple(kind for kind in Kind if kind.takes) == taking
    assert tuple(kind for kind in Kind if kind.gives) == giving


Change = Callable[[TokenState], TokenState]


def side(name: str, **changes: Any) -> Change:
    """A change of one account, or of its record."""

    def change(state: TokenState) -> TokenState:
        before = state.account(name)
        named = {key: value for key, value in changes.items() if key in HolderRecord.__dataclass_fields__}
        held = {key: value for key, value in changes.items() if key not in named}
        assert before.record is not None
        return state.with_account(name, replace(before, record=replace(before.record, **named), **held))

    return change


def rules(**changes: Any) -> Change:
    return lambda state: replace(state, rules=replace(state.rules, **changes))


MENDED: list[tuple[Restriction, Change]] = [
    (Restriction.TOKEN_PAUSED, lambda state: replace(state, paused=False)),
    (Restriction.SENDER_UNKNOWN, side("source", superseded=False)),
    (Restriction.SENDER_INACTIVE, side("source", active=True)),
    (Restriction.SENDER_FROZEN, side("source", frozen=False)),
    (Restriction.RECIPIENT_UNKNOWN, side("target", superseded=False)),
    (Restriction.RECIPIENT_INACTIVE, side("target", active=True)),
    (Restriction.RECIPIENT_FROZEN, side("target", frozen=False)),
    (Restriction.RECIPIENT_COUNTRY, rules(countries=frozenset({Country("FR")}))),
    (Restriction.RECIPIENT_CLASS, rules(classes=frozenset({1}))),
    (Restriction.INSUFFICIENT_BALANCE, side("source", balance=Units(110))),
    (Restriction.UNITS_BLOCKED, side("source", blocked=Units(0))),
    (Restriction.UNITS_LOCKED, side("source", lots=())),
    (Restriction.SENDER_SANCTIONED, side("source", sanctioned=False)),
    (Restriction.RECIPIENT_SANCTIONED, side("target", sanctioned=False)),
    (Restriction.HOLDING_CAP, rules(holding_cap=None)),
    (Restriction.HOLDER_COUNT, rules(holder_limit=None)),
    (Restriction.MINIMUM_LOT, rules(minimum_lot=Units(101))),
    (Restriction.BLACKOUT, rules(blackout=())),
    (Restriction.INVENTORY_PAUSED, lambda state: replace(state, paused_classes=frozenset())),
    (Restriction.MODULE_REFUSED, lambda state: replace(state, modules=state.modules[1:])),
    (Restriction.MODULE_UNAVAILABLE, lambda state: replace(state, modules=())),
]
"""Every rule and what mends it, in the order of the codes."""


def test_ctl_2_while_all_rules_are_broken_the_lowest_is_given_and_then_the_next() -> None:
    source = account(
        active=False,
        frozen=True,
        sanctioned=True,
        superseded=True,
        blocked=Units(90),
        lots=(Lot(Units(10), NOW + 1),),
    )
    target = account(OTHER, 0, active=False, frozen=True, sanctioned=True, superseded=True)
    state = token(
        source,
        target,
        RuleSet(frozenset(), frozenset(), False, Units(5), 1, Units(200), CLOSED.blackout),
        paused=True,
        paused_classes=frozenset({1}),
        modules=(lambda movement: False, lambda movement: None),
    )
    for restriction, mend in MENDED:
        assert code(state, units=101) is restriction
        state = mend(state)
    assert code(state, units=101) is Restriction.NONE


def test_the_codes_of_kinds_are_those_of_the_contract() -> None:
    assert [kind.name for kind in Kind] == [
        "TRANSFER", "ISSUE", "REDEEM", "BRIDGE_OUT", "BRIDGE_IN", "FORCED", "PLEDGE", "PAYOUT",
    ]  # fmt: skip


# ---------------------------------------------------------------- pause and standing


def test_ctl_5_a_paused_security_redeems_and_pays_and_obeys_the_law() -> None:
    passing = {kind for kind in Kind if code(token(paused=True), kind) is Restriction.NONE}
    assert passing == {Kind.REDEEM, Kind.FORCED, Kind.PAYOUT}


def test_ctl_6_an_emergency_stop_stops_redemptions_too_and_ends_by_itself() -> None:
    stopped = token(stopped_until=NOW)
    passing = {kind for kind in Kind if code(stopped, kind) is Restriction.NONE}
    assert passing == {Kind.FORCED, Kind.PAYOUT}
    assert code(stopped, Kind.REDEEM, now=NOW + 1) is Restriction.NONE


def test_a_paused_security_refuses_before_any_other_rule() -> None:
    assert code(token(STRANGER, AccountState(None), paused=True)) is Restriction.TOKEN_PAUSED


def test_a_record_is_valid_up_to_and_including_its_expiry() -> None:
    assert code(token(account(expiry=NOW), account(OTHER, 0, expiry=NOW))) is Restriction.NONE
    assert code(token(target=account(OTHER, 0, expiry=NOW - 1))) is Restriction.RECIPIENT_INACTIVE
    assert code(token(account(active=False))) is Restriction.SENDER_INACTIVE


def test_ubo_10_a_superseded_account_is_unknown_to_every_rule() -> None:
    assert code(token(account(superseded=True))) is Restriction.SENDER_UNKNOWN
    assert code(token(target=account(OTHER, superseded=True))) is Restriction.RECIPIENT_UNKNOWN
    assert code(token(target=account(OTHER, superseded=True)), Kind.PAYOUT) is Restriction.RECIPIENT_UNKNOWN


def test_the_country_rule_is_about_the_receiver_alone() -> None:
    assert code(token(account(country=Country("BR"), investor_class=9))) is Restriction.NONE


def test_ctl_4_a_deny_list_refuses_those_on_it() -> None:
    denying = replace(RULES, deny_list=True)
    assert code(token(rules=denying)) is Restriction.RECIPIENT_COUNTRY
    assert code(token(target=account(OTHER, 0, country=Country("BR")), rules=denying)) is Restriction.NONE


def test_a_class_that_no_bitmap_holds_never_receives_and_is_never_paused() -> None:
    rules = replace(RULES, classes=frozenset({32, 1}))
    assert code(token(target=account(OTHER, investor_class=32), rules=rules)) is Restriction.RECIPIENT_CLASS
    assert code(token(account(investor_class=32), paused_classes=frozenset({32}))) is Restriction.NONE


def test_ctl_5_the_inventory_of_either_side_can_be_paused() -> None:
    paused = frozenset({2})
    sender = token(account(investor_class=2), paused_classes=paused)
    recipient = token(target=account(OTHER, 0, investor_class=2), paused_classes=paused)
    assert code(sender) is code(recipient) is Restriction.INVENTORY_PAUSED
    assert code(sender, Kind.BRIDGE_IN) is Restriction.NONE
    assert code(recipient, Kind.BRIDGE_OUT) is Restriction.NONE


# ---------------------------------------------------------------- units, cap, holders, lot


def test_issue_and_arrival_pass_over_the_sender() -> None:
    assert code(token(STRANGER), Kind.ISSUE) is code(token(STRANGER), Kind.BRIDGE_IN) is Restriction.NONE


def test_redemption_and_departure_pass_over_the_recipient() -> None:
    unknown = token(target=AccountState(None))
    assert code(unknown, Kind.REDEEM) is code(unknown, Kind.BRIDGE_OUT) is Restriction.NONE


def test_a_side_that_has_no_part_in_a_movement_is_not_looked_at() -> None:
    paused = frozenset({2})
    away = token(account(investor_class=2), paused_classes=paused)
    for kind in (Kind.ISSUE, Kind.BRIDGE_IN):
        assert judge(away, Movement(kind, "source", "target", Units(1)), NOW) is Restriction.NONE
    away = token(target=account(OTHER, 0, investor_class=2), paused_classes=paused)
    for kind in (Kind.REDEEM, Kind.BRIDGE_OUT):
        assert judge(away, Movement(kind, "source", "target", Units(1)), NOW) is Restriction.NONE


def test_ctl_10_units_locked_up_come_on_top_of_units_blocked() -> None:
    both = account(blocked=Units(50), lots=(Lot(Units(45), NOW + 1),))
    assert code(token(both), units=5) is Restriction.NONE
    assert code(token(both), units=6) is Restriction.UNITS_LOCKED
    assert code(token(both), units=51) is Restriction.UNITS_BLOCKED
    with pytest.raises(InvalidQuantity, match="11 units are encumbered of 10"):
        account(units=10, blocked=Units(5), lots=(Lot(Units(6), NOW + 1),))


def test_ctl_4_an_additional_account_receives_not_one_unit_under_a_cap() -> None:
    capped = replace(RULES, holding_cap=Units(50))
    assert (
        code(token(target=account(OTHER, 0, additional=True), rules=capped), units=1)
        is Restriction.HOLDING_CAP
    )


def test_a_missing_side_is_unknown() -> None:
    assert judge(token(), Movement(Kind.TRANSFER, "", "target", Units(1)), NOW) is Restriction.SENDER_UNKNOWN
    to_nobody = Movement(Kind.TRANSFER, "source", "", Units(1))
    assert judge(token(), to_nobody, NOW) is Restriction.RECIPIENT_UNKNOWN
    forced = Movement(Kind.FORCED, "", "target", Units(0))
    assert judge(token(), forced, NOW) is Restriction.INSUFFICIENT_BALANCE


def test_any_amount_has_a_verdict() -> None:
    assert code(token(account(blocked=Units(1))), units=(1 << 128) - 1) is Restriction.INSUFFICIENT_BALANCE
    assert code(token(), Kind.ISSUE, units=(1 << 128) - 1) is Restriction.HOLDING_CAP
    assert code(token(), Kind.ISSUE, units=int(UNLIMITED)) is Restriction.NONE


def test_ctl_4_the_cap_is_the_accounts_own_quota_or_the_ledgers_share() -> None:
    capped = replace(RULES, holding_cap=Units(5))
    assert code(token(rules=capped)) is Restriction.HOLDING_CAP
    assert code(token(target=account(OTHER, 0, quota=Units(10)), rules=capped)) is Restriction.NONE
    assert code(token(target=account(OTHER, 0, quota=Units(9)), rules=capped)) is Restriction.HOLDING_CAP
    assert code(token(target=account(OTHER, 0, quota=Units(0)), rules=capped), units=0) is Restriction.NONE
    assert code(token(target=account(OTHER, 0, quota=Units(9)))) is Restriction.NONE


def test_ctl_4_a_share_of_nothing_lets_nothing_in() -> None:
    assert code(token(rules=replace(RULES, holding_cap=Units(0)))) is Restriction.HOLDING_CAP
    assert code(token(rules=replace(RULES, holder_limit=0))) is Restriction.HOLDER_COUNT
    assert code(token(rules=replace(RULES, holder_limit=0)), units=100) is Restriction.HOLDER_COUNT


def test_ctl_4_an_additional_account_has_no_cap_of_its_own() -> None:
    additional = account(OTHER, 0, additional=True)
    capped = replace(RULES, holding_cap=Units(50))
    assert code(token(target=additional, rules=capped)) is Restriction.HOLDING_CAP
    assert code(token(target=replace(additional, quota=Units(10)), rules=capped)) is Restriction.NONE
    assert code(token(target=additional)) is Restriction.NONE


def test_a_transfer_to_oneself_meets_neither_cap_nor_holder_limit() -> None:
    state = token(rules=replace(RULES, holding_cap=Units(5), holder_limit=1))
    itself = Movement(Kind.TRANSFER, "source", "source", Units(10))
    assert judge(state, itself, NOW) is Restriction.NONE
    assert apply(state, itself, NOW).account("source").balance == 100


def test_ctl_4_a_holder_who_leaves_frees_a_place() -> None:
    limited = token(rules=replace(RULES, holder_limit=1))
    assert code(limited, units=99) is Restriction.HOLDER_COUNT
    assert code(limited, units=100) is Restriction.NONE
    assert code(limited, units=0) is Restriction.NONE


def test_ctl_4_holders_are_counted_by_commitment() -> None:
    limited = replace(RULES, holder_limit=1)
    assert code(token(target=account(RECORD, 0), rules=limited)) is Restriction.NONE
    remains = token(rules=limited).with_account("second", account(RECORD, 1))
    assert code(remains, units=100) is Restriction.HOLDER_COUNT
    third = token(target=account(OTHER, 1), rules=replace(RULES, holder_limit=2))
    assert judge(third, Movement(Kind.BRIDGE_IN, "", "target", Units(1)), NOW) is Restriction.NONE
    newcomer = third.with_account("third", account(THIRD, 0))
    assert judge(newcomer, Movement(Kind.BRIDGE_IN, "", "third", Units(1)), NOW) is Restriction.HOLDER_COUNT


def test_ctl_4_the_last_units_and_no_units_may_be_below_the_minimum_lot() -> None:
    lots = replace(RULES, minimum_lot=Units(11))
    assert code(token(account(units=10), rules=lots)) is Restriction.NONE
    assert code(token(rules=lots), units=0) is Restriction.NONE
    assert code(token(rules=lots), Kind.BRIDGE_OUT) is Restriction.MINIMUM_LOT


# ---------------------------------------------------------------- how much may move


def limits(state: TokenState, source: str = "source", target: str = "target") -> tuple[int, Restriction]:
    units, restriction = allowed_amount(state, source, target, NOW)
    return int(units), restriction


def test_ctl_3_how_much_may_move_and_what_limits_it() -> None:
    assert limits(token()) == (100, Restriction.INSUFFICIENT_BALANCE)
    assert limits(token(account(blocked=Units(40)))) == (60, Restriction.UNITS_BLOCKED)
    assert limits(token(account(lots=(Lot(Units(70), NOW + 1),)))) == (30, Restriction.UNITS_LOCKED)
    assert limits(token(rules=replace(RULES, holding_cap=Units(33)))) == (33, Restriction.HOLDING_CAP)
    assert limits(token(account(frozen=True))) == (0, Restriction.SENDER_FROZEN)
    assert limits(token(), "source", "") == (100, Restriction.INSUFFICIENT_BALANCE)
    assert limits(token(), "", "target") == (int(UNLIMITED), Restriction.HOLDING_CAP)


def test_ctl_3_what_may_move_skips_what_no_amount_between_may() -> None:
    below_lot = replace(RULES, minimum_lot=Units(20), holding_cap=Units(15))
    assert limits(token(rules=below_lot)) == (0, Restriction.MINIMUM_LOT)
    assert limits(token(), "", "source") == (int(UNLIMITED) - 100, Restriction.HOLDING_CAP)
    assert limits(token(rules=below_lot), "", "target") == (15, Restriction.HOLDING_CAP)
    leaving = replace(RULES, holder_limit=1)
    assert limits(token(rules=leaving)) == (100, Restriction.INSUFFICIENT_BALANCE)


def test_ctl_3_a_single_unit_may_be_all_that_may_move() -> None:
    assert limits(token(account(blocked=Units(99)))) == (1, Restriction.UNITS_BLOCKED)
    assert limits(token(account(lots=(Lot(Units(99), NOW + 1),)))) == (1, Restriction.UNITS_LOCKED)
    quota = token(target=account(OTHER, 0, quota=Units(1)), rules=replace(RULES, holding_cap=Units(9)))
    assert limits(quota) == (1, Restriction.HOLDING_CAP)
    assert limits(token(rules=replace(RULES, holding_cap=Units(1))), "", "target") == (
        1,
        Restriction.HOLDING_CAP,
    )
    assert limits(token(account(units=1))) == (1, Restriction.INSUFFICIENT_BALANCE)
    assert limits(token(account(units=2, blocked=Units(1)))) == (1, Restriction.UNITS_BLOCKED)


def test_ctl_3_where_nothing_may_move_the_code_is_that_of_one_unit() -> None:
    lots = replace(RULES, minimum_lot=Units(2), holding_cap=Units(1))
    assert limits(token(rules=lots)) == (0, Restriction.MINIMUM_LOT)
    assert limits(token(rules=replace(RULES, holding_cap=Units(0)))) == (0, Restriction.HOLDING_CAP)
    assert limits(token(account(units=0))) == (0, Restriction.INSUFFICIENT_BALANCE)
    assert limits(token(account(units=1, blocked=Units(1)))) == (0, Restriction.UNITS_BLOCKED)


def test_ctl_3_the_minimum_lot_itself_may_move() -> None:
    lots = replace(RULES, minimum_lot=Units(20))
    assert limits(token(account(blocked=Units(80)), rules=lots)) == (20, Restriction.UNITS_BLOCKED)
    assert limits(token(account(blocked=Units(81)), rules=lots)) == (0, Restriction.MINIMUM_LOT)
    assert limits(token(account(blocked=Units(81)), rules=lots), "source", "") == (0, Restriction.MINIMUM_LOT)
    assert limits(token(account(blocked=Units(79)), rules=lots), "source", "") == (
        21,
        Restriction.UNITS_BLOCKED,
    )


def test_one_unit_moves_and_no_units_change_nothing() -> None:
    one = apply(token(), sent(Kind.TRANSFER, 1), NOW)
    assert (one.account("source").balance, one.account("target").balance) == (99, 1)
    assert apply(token(), sent(Kind.TRANSFER, 0), NOW) == token()
    assert apply(token(), sent(Kind.ISSUE, 1), NOW).supply == 101
    assert apply(token(), sent(Kind.REDEEM, 1), NOW).supply == 99


def test_a_movement_changes_no_account_but_its_own() -> None:
    bystander = account(THIRD, 7, blocked=Units(3))
    state = token().with_account("third", bystander)
    for kind in Kind:
        after = apply(state, sent(kind, 5), NOW)
        assert after.account("third") == bystander
        moved = 0 if kind in (Kind.PLEDGE, Kind.PAYOUT) else 5
        assert after.account("source").balance == 100 - moved * kind.takes, kind
        assert after.account("target").balance == moved * kind.gives, kind
        assert after.account("source").pledged == (5 if kind is Kind.PLEDGE else 0), kind


def test_a_pledge_releases_lots_whose_time_is_over() -> None:
    lapsed = account(lots=(Lot(Units(60), NOW), Lot(Units(1), NOW + 1)))
    after = apply(token(lapsed), sent(Kind.PLEDGE, 99), NOW).account("source")
    assert (after.pledged, after.lots) == (99, (Lot(Units(1), NOW + 1),))


# ---------------------------------------------------------------- sub-balances


def test_ctl_10_the_law_takes_available_units_then_locked_blocked_and_pledged_ones() -> None:
    encumbered = account(
        units=100,
        blocked=Units(20),
        blocked_for_action=Units(15),
        pledged=Units(10),
        lots=(Lot(Units(5), NOW + 2), Lot(Units(25), NOW + 9), Lot(Units(5), NOW)),
    )
    taken = {
        25: {"AWAS": 0, "RSTR": 30, "BLOK": 20, "BLCA": 15, "PLED": 10},
        30: {"AWAS": 0, "RSTR": 25, "BLOK": 20, "BLCA": 15, "PLED": 10},
        60: {"AWAS": 0, "RSTR": 0, "BLOK": 15, "BLCA": 15, "PLED": 10},
        85: {"AWAS": 0, "RSTR": 0, "BLOK": 0, "BLCA": 5, "PLED": 10},
        95: {"AWAS": 0, "RSTR": 0, "BLOK": 0, "BLCA": 0, "PLED": 5},
        100: {"AWAS": 0, "RSTR": 0, "BLOK": 0, "BLCA": 0, "PLED": 0},
    }
    for units, expected in taken.items():
        left = apply(token(encumbered), sent(Kind.FORCED, units), NOW).account("source")
        assert {str(kind): int(held) for kind, held in sub_balances(left, NOW).items()} == expected
    assert free(encumbered, Units(27), NOW).lots == (Lot(Units(5), NOW + 2), Lot(Units(23), NOW + 9))
    with pytest.raises(NegativeQuantity):
        free(encumbered, Units(101), NOW)


def test_ctl_10_lots_unlock_by_themselves() -> None:
    locked = lock(account(), Units(60), NOW + 10, NOW)
    assert sub_balances(locked, NOW)[BalanceType.RESTRICTED] == 60
    assert sub_balances(locked, NOW + 10) == {
        **dict.fromkeys(BalanceType, Units(0)), BalanceType.AVAILABLE: Units(100),
    }  # fmt: skip
    assert lock(locked, Units(100), NOW + 20, NOW + 10).lots == (Lot(Units(100), NOW + 20, NOW + 10),)


@pytest.mark.parametrize(("units", "until"), [(0, NOW + 1), (1, NOW), (101, NOW + 1)])
def test_a_lock_up_that_locks_nothing_or_too_much_is_refused(units: int, until: int) -> None:
    with pytest.raises(InvalidQuantity):
        lock(account(), Units(units), until, NOW)


def test_an_account_has_a_bounded_number_of_lock_ups() -> None:
    full = account(lots=(Lot(Units(1), NOW + 1),) * MOST_LOTS)
    with pytest.raises(InvalidQuantity, match="at most 16"):
        lock(full, Units(1), NOW + 1, NOW)
    assert len(lock(full, Units(1), NOW + 2, NOW + 1).lots) == 1


def test_ctl_10_blocks_are_set_within_what_is_available() -> None:
    blocked = encumber(account(), BalanceType.BLOCKED, Units(60), NOW)
    assert encumber(blocked, BalanceType.BLOCKED, Units(100), NOW).blocked == 100
    both = encumber(blocked, BalanceType.BLOCKED_FOR_ACTION, Units(40), NOW)
    with pytest.raises(InvalidQuantity, match="0 are available"):
        encumber(both, BalanceType.PLEDGED, Units(1), NOW)
    assert encumber(both, BalanceType.BLOCKED, Units(0), NOW).available(NOW) == 60
    with pytest.raises(InvalidQuantity):
        encumber(both, BalanceType.AVAILABLE, Units(1), NOW)
    with pytest.raises(InvalidQuantity, match="101 units are encumbered of 100"):
        account(pledged=Units(101))


def test_a_pledge_encumbers_and_a_payout_changes_nothing() -> None:
    pledged = apply(token(), sent(Kind.PLEDGE, 40), NOW)
    assert (pledged.account("source").pledged, pledged.account("source").balance) == (40, 100)
    assert code(pledged, units=61) is Restriction.UNITS_BLOCKED
    assert apply(token(), sent(Kind.PAYOUT, 40), NOW) == token()


def test_a_refused_movement_is_not_applied() -> None:
    with pytest.raises(RuleError) as refused:
        apply(token(account(frozen=True)), sent(Kind.TRANSFER), NOW)
    assert refused.value.code == "PP-RUL-004"
    assert "10 units from 'source' to 'target' is refused with code 4" in refused.value.sentence


def test_a_refusal_of_an_encumbrance_says_the_figures() -> None:
    held = account(units=100, blocked=Units(40))
    for act, sentence in (
        (lambda: lock(held, Units(61), NOW + 1, NOW), "61 units are to be encumbered, 60 are available."),
        (
            lambda: encumber(held, BalanceType.BLOCKED, Units(101), NOW),
            "61 units are to be encumbered, 60 are available.",
        ),
        (lambda: lock(held, Units(5), NOW, NOW), f"A lock-up of 5 units until {NOW} locks nothing at {NOW}."),
        (lambda: free(held, Units(101), NOW), "101 units cannot be freed of 100."),
        (
            lambda: encumber(held, BalanceType.RESTRICTED, Units(1), NOW),
            "Units of the balance type RSTR are not set, they follow.",
        ),
        (lambda: account(units=9, pledged=Units(10)), "10 units are encumbered of 9 that are held."),
    ):
        with pytest.raises((InvalidQuantity, NegativeQuantity)) as refused:
            act()
        assert refused.value.sentence == sentence


def test_ctl_10_all_that_is_there_can_be_encumbered_and_taken_to_the_last_unit() -> None:
    full = lock(encumber(account(), BalanceType.PLEDGED, Units(40), NOW), Units(60), NOW + 1, NOW)
    assert full.available(NOW) == 0
    assert free(full, Units(100), NOW).immovable == 0
    assert free(full, Units(0), NOW) == full
    assert encumber(full, BalanceType.PLEDGED, Units(40), NOW) == full
    assert encumber(full, BalanceType.PLEDGED, Units(39), NOW).available(NOW) == 1


def test_ctl_10_what_unlocks_last_is_taken_first_and_the_rest_keeps_its_order() -> None:
    lots = (Lot(Units(3), NOW + 5), Lot(Units(4), NOW + 9), Lot(Units(2), NOW + 1))
    held = account(units=9, lots=lots)
    assert free(held, Units(4), NOW).lots == (Lot(Units(2), NOW + 1), Lot(Units(3), NOW + 5))
    assert free(held, Units(5), NOW).lots == (Lot(Units(2), NOW + 1), Lot(Units(2), NOW + 5))
    assert free(held, Units(9), NOW).lots == ()
    assert free(held, Units(1), NOW + 1).lots == (Lot(Units(3), NOW + 5), Lot(Units(4), NOW + 9))


# ---------------------------------------------------------------- values


def test_the_refusal_carries_the_code_and_the_figures() -> None:
    error = refusal(Restriction.RECIPIENT_COUNTRY, source="A", target="B", units=7, ledger="book:register")
    assert type(error) is RuleError
    assert (error.code, error.restriction) == ("PP-RUL-008", 8)
    assert "7 units from 'A' to 'B' on book:register" in error.sentence


def test_a_refusal_names_the_issuer_where_a_side_is_empty() -> None:
    sentence = "Moving 0 units from 'issue' to 'redemption' is refused with code 1 TOKEN_PAUSED: "
    assert refusal(Restriction.TOKEN_PAUSED).sentence == sentence + "The security is paused."
    assert refusal(Restriction.TOKEN_PAUSED).restriction == 1


def test_ctl_3_sentences_are_those_of_the_contract() -> None:
    source = (ROOT / "contracts/token/SecurityTokenReadings.sol").read_text("utf-8")
    table = source.partition("SENTENCES =")[2].partition(";")[0]
    assert re.findall(r'"(.*)"', table) == [*(code.sentence for code in Restriction), "No such code."]


def test_every_code_has_a_sentence() -> None:
    assert len({code.sentence for code in Restriction}) == len(Restriction) == 22


@pytest.mark.parametrize(
    "changes",
    [
        {"investor_class": 256},
        {"investor_class": -1},
        {"expiry": -1},
        {"expiry": 1 << 32},
        {"holder": keccak256(b"32 bytes")},
    ],
)
def test_a_record_that_no_contract_can_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuantity, match=r"must be 0 to|A holder commitment is 24 bytes and 8 zero"):
        replace(RECORD, **changes)


def test_a_record_holds_the_least_and_the_most_that_a_contract_holds() -> None:
    assert replace(RECORD, investor_class=0, expiry=0).is_active(1 << 40)
    most = replace(RECORD, investor_class=255, expiry=(1 << 32) - 1)
    assert (most.investor_class, most.is_active((1 << 32) - 1), most.is_active(1 << 32)) == (255, True, False)


def test_a_record_and_an_account_are_plain_unless_said() -> None:
    assert (RECORD.sanctioned, RECORD.additional, RECORD.superseded) == (False, False, False)
    plain = AccountState(RECORD)
    assert (plain.frozen, plain.balance, plain.immovable, plain.lots, plain.quota) == (False, 0, 0, (), None)
    assert (RULES.deny_list, RULES.holding_cap, RULES.holder_limit) == (False, None, None)
    assert (RULES.minimum_lot, RULES.blackout) == (1, ())
    assert token().account("nobody") == AccountState(None)
    assert Standing() == Standing(paused=False, stopped_until=0, paused_classes=frozenset(), holders={})
    assert TokenState(RULES).standing == Standing()


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (-1, 5), (0, 1 << 64)])
def test_a_window_has_a_second_in_it_and_fits_a_contract(start: int, end: int) -> None:
    with pytest.raises(InvalidQuantity, match=f"A window from {start} to {end} has no second in it."):
        Window(start, end)


def test_a_window_is_from_its_start_up_to_its_end() -> None:
    window = Window(0, 1)
    assert [window.includes(second) for second in (-1, 0, 1)] == [False, True, False]
    assert Window(0, (1 << 64) - 1).includes((1 << 64) - 2)


def test_limits_are_those_of_the_contract() -> None:
    assert f"MOST_LOTS = {MOST_LOTS};" in (ROOT / "contracts/token/LockUps.sol").read_text("utf-8")
    travelling = (ROOT / "contracts/token/TravellingLots.sol").read_text("utf-8")
    assert f"MOST_TRAVELLING = {MOST_TRAVELLING};" in travelling
    assert (MOST_WINDOWS, CLASS_LIMIT, EXPIRY_LIMIT, UNLIMITED) == (8, 32, 1 << 32, (1 << 64) - 1)


def test_shares_of_what_counts_over_all_ledgers_add_up_to_the_whole() -> None:
    rules = replace(RULES, holding_cap=Units(1_003), holder_limit=9, minimum_lot=Units(5))
    home, away = share(rules, 4, home=True), share(rules, 4, home=False)
    assert (home.holding_cap, away.holding_cap) == (253, 250)
    assert (home.holder_limit, away.holder_limit) == (3, 2)
    assert replace(home, holding_cap=rules.holding_cap, holder_limit=9) == rules
    assert share(RULES, 4, home=False) == RULES
    assert (share(rules, 10, home=True).holder_limit, share(rules, 10, home=False).holder_limit) == (9, 0)
