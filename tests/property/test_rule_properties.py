"""The verdict is the lowest code that applies, whatever else is wrong (I3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paripassu.identifiers import Country, keccak256
from paripassu.quantities import Units
from paripassu.rules import AccountState, HolderRecord, Restriction, RuleSet, verdict

NOW = 1_804_000_000
RULES = RuleSet(frozenset({Country("DE"), Country("FR")}), frozenset({1, 2}))
records = st.builds(
    HolderRecord,
    holder=st.just(keccak256(b"holder")),
    country=st.sampled_from(["DE", "FR", "BR"]).map(Country),
    investor_class=st.integers(1, 3),
    active=st.booleans(),
    expiry=st.sampled_from([0, NOW - 1, NOW, NOW + 1]),
    servicer=st.just(""),
)
sides = st.none() | st.builds(
    AccountState, record=st.none() | records, frozen=st.booleans(), available=st.integers(0, 20).map(Units)
)


def applying(
    paused: bool, source: AccountState | None, target: AccountState | None, units: int
) -> set[Restriction]:
    """Every rule that is broken, each looked at alone, as a table."""
    found = {Restriction.TOKEN_PAUSED} if paused else set()
    for side, unknown in ((source, Restriction.SENDER_UNKNOWN), (target, Restriction.RECIPIENT_UNKNOWN)):
        if side is None:
            continue
        if side.record is None:
            found.add(unknown)
        elif not side.record.active or 0 < side.record.expiry < NOW:
            found.add(Restriction(unknown + 1))
        if side.frozen:
            found.add(Restriction(unknown + 2))
    if target is not None and target.record is not None:
        if target.record.country == "BR":
            found.add(Restriction.RECIPIENT_COUNTRY)
        if target.record.investor_class == 3:
            found.add(Restriction.RECIPIENT_CLASS)
    if source is not None and source.available < units:
        found.add(Restriction.INSUFFICIENT_BALANCE)
    return found


@given(st.booleans(), sides, sides, st.integers(0, 25))
def test_ctl_1_the_lowest_of_all_broken_rules_is_the_verdict(
    paused: bool, source: AccountState | None, target: AccountState | None, units: int
) -> None:
    expected = min(applying(paused, source, target, units), default=Restriction.NONE)
    assert verdict(RULES, paused, source, target, Units(units), NOW) is expected
