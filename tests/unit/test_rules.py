"""One verdict function; the lowest code wins (I3, CTL-1)."""

from __future__ import annotations

import dataclasses

import pytest

from paripassu.errors import InvalidQuantity, RuleError
from paripassu.identifiers import Country, keccak256
from paripassu.quantities import Units
from paripassu.rules import AccountState, HolderRecord, Restriction, RuleSet, refusal, verdict

NOW = 1_804_000_000
RULES = RuleSet(frozenset({Country("DE"), Country("FR")}), frozenset({1, 2}))
RECORD = HolderRecord(keccak256(b"holder"), Country("FR"), 1, True, 0, "")


def account(
    *, frozen: bool = False, available: int = 100, registered: bool = True, **changes: object
) -> AccountState:
    record = dataclasses.replace(RECORD, **changes) if registered else None  # type: ignore[arg-type]
    return AccountState(record, frozen, Units(available))


def judge(
    source: AccountState | None, target: AccountState | None, units: int = 10, paused: bool = False
) -> Restriction:
    return verdict(RULES, paused, source, target, Units(units), NOW)


def test_a_movement_between_eligible_accounts_is_allowed() -> None:
    assert judge(account(), account()) is Restriction.NONE


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (account(registered=False), account(), Restriction.SENDER_UNKNOWN),
        (account(active=False), account(), Restriction.SENDER_INACTIVE),
        (account(expiry=NOW - 1), account(), Restriction.SENDER_INACTIVE),
        (account(frozen=True), account(), Restriction.SENDER_FROZEN),
        (account(), account(registered=False), Restriction.RECIPIENT_UNKNOWN),
        (account(), account(active=False), Restriction.RECIPIENT_INACTIVE),
        (account(), account(expiry=NOW - 1), Restriction.RECIPIENT_INACTIVE),
        (account(), account(frozen=True), Restriction.RECIPIENT_FROZEN),
        (account(), account(country=Country("BR")), Restriction.RECIPIENT_COUNTRY),
        (account(), account(investor_class=3), Restriction.RECIPIENT_CLASS),
        (account(available=9), account(), Restriction.INSUFFICIENT_BALANCE),
    ],
)
def test_each_rule_gives_its_own_code(
    source: AccountState, target: AccountState, expected: Restriction
) -> None:
    assert judge(source, target) is expected


def test_a_paused_security_refuses_before_any_other_rule() -> None:
    assert judge(account(registered=False), account(frozen=True), paused=True) is Restriction.TOKEN_PAUSED
    assert judge(None, account(), paused=True) is Restriction.TOKEN_PAUSED


def test_a_record_is_valid_up_to_and_including_its_expiry() -> None:
    assert judge(account(expiry=NOW), account(expiry=NOW)) is Restriction.NONE


def test_the_country_rule_is_about_the_receiver_alone() -> None:
    assert judge(account(country=Country("BR"), investor_class=9), account()) is Restriction.NONE


def test_issue_and_arrival_pass_over_the_sender() -> None:
    assert judge(None, account()) is Restriction.NONE
    assert judge(None, account(registered=False)) is Restriction.RECIPIENT_UNKNOWN


def test_redemption_and_departure_pass_over_the_recipient() -> None:
    assert judge(account(), None) is Restriction.NONE
    assert judge(account(frozen=True), None) is Restriction.SENDER_FROZEN
    assert judge(account(), None, units=101) is Restriction.INSUFFICIENT_BALANCE


def test_the_refusal_carries_the_code_and_the_figures() -> None:
    error = refusal(Restriction.RECIPIENT_COUNTRY, source="A", target="B", units=7, ledger="book:register")
    assert type(error) is RuleError
    assert (error.code, error.restriction) == ("PP-RUL-008", 8)
    assert "7 units from 'A' to 'B' on book:register" in error.sentence


def test_every_code_has_a_sentence() -> None:
    assert len({code.sentence for code in Restriction}) == len(Restriction) == 11


@pytest.mark.parametrize(
    "changes", [{"investor_class": 256}, {"investor_class": -1}, {"expiry": -1}, {"expiry": 1 << 40}]
)
def test_a_record_that_no_contract_can_hold_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(InvalidQuantity):
        dataclasses.replace(RECORD, **changes)  # type: ignore[arg-type]
