"""Contract and Python core under the same random acts: same verdict, same code, same state (CTL-2, I3).

The contract is the shipped bytecode in an in-process chain, the core is `paripassu.rules`. What is
tried is tried on both, whether it is allowed or not; after every act every account is compared.
`PARI_DEEP=true` runs many times as many examples, as `make campaign` does.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

pytest.importorskip("pyrevm", reason="has no build for this Python")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from paripassu.errors import InvalidQuantity, RuleError
from paripassu.identifiers import Bytes32, Country, InteropAddress, LedgerId
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    BalanceType,
    HolderRecord,
    Kind,
    Movement,
    Restriction,
    RuleSet,
    TokenState,
    Window,
    allowed_amount,
    apply,
    encumber,
    judge,
    lock,
    sub_balances,
)
from paripassu.testing.evm import Contract, Reverted
from paripassu.testing.platform import Platform, reference

NOBODY = "0x" + "00" * 20
# few actors meet often; two may not receive, one is nobody's, and one has a holder in common with another
HOLDERS: dict[str, dict[str, Any]] = {
    "holder_de": {"country": "DE", "investor_class": 1},
    "holder_fr": {"country": "FR", "investor_class": 2},
    "holder_us": {"country": "US", "investor_class": 1},
    "holder_odd": {"country": "DE", "investor_class": 3},
    "holder_new": {"country": "FR", "investor_class": 1},
    "holder_de_again": {"country": "DE", "investor_class": 1, "holder": "holder_de", "additional": True},
}
ACCOUNTS = (*HOLDERS, "stranger")
CLEAR = {"frozen": False, "suspended": False, "sanctioned": False}


def holder_of(account: str) -> str:
    """Whose account it is."""
    return str(HOLDERS.get(account, {}).get("holder", account))


ANY = st.sampled_from(ACCOUNTS)
# most movements are between accounts that may hold units, so that later rules show
LIKELY = st.sampled_from((*("holder_de", "holder_fr") * 4, "holder_new", "holder_de_again", *ACCOUNTS))
# what stops everything must not happen too often, or nothing else happens at all
RARELY = st.sampled_from((*[False] * 9, True))
SOMETIMES = st.sampled_from((False, False, False, True))
ALL, AVAILABLE, TOO_MANY = -1, -2, -3
"""Amounts that depend on the account: all that it has, all that it may deliver, one more than that."""

AMOUNTS = st.one_of(
    st.integers(0, 12),
    st.integers(0, 60),
    st.sampled_from([ALL, AVAILABLE, AVAILABLE, TOO_MANY, 350, (1 << 64) - 1, 1 << 64]),
)
CAP, LIMIT = 300, 2
COUNTRIES = ("DE", "FR", "US")
ENDOWED = {"holder_de": 150, "holder_fr": 90}


TRIED: Counter[type] = Counter()
"""Acts on each pair; reading and comparing is not counted."""

VERDICTS: Counter[tuple[type, Kind, Restriction]] = Counter()
"""What the rules said of the movements that were tried on each pair."""


@cache
def platform(capped: bool) -> Platform:
    """Deployed once; every example starts from there."""
    deployed = Platform(
        capped=capped,
        limited=capped,
        holdingcap=CAP,
        holderlimit=LIMIT,
        issuelimit=(1 << 64) - 1,
        bridge="bridge",  # accounts in place of contracts: their acts are called directly
        approvals="approvals",
    )
    deployed.deployed("HolderRegistry", "SecurityToken")
    token, instances = deployed.token, deployed["InstanceRegistry"]
    settings = deployed.settings
    terms = (settings["isin"], settings["lei"], bytes(settings["termshash"]))
    instances.send("registerSecurity", *terms, sender="tokenizer")
    chain = deployed.chain.chain_id
    place = InteropAddress(LedgerId(f"eip155:{chain}"), token.address).encode()
    instance = (chain, place, token.call("codeHash"), token.call("versionTag"), True, bytes(9))
    instances.send("registerInstances", token.call("securityId"), [instance], sender="tokenizer")
    return deployed


@cache
def questions(token: Contract, name: str) -> tuple[bytes, bytes, dict[BalanceType, bytes]]:
    """Calldata of what every act is followed by: is the account frozen, its balance, its sub-balances.

    Encoding them anew would take most of the time of the test.
    """
    parts = {kind: token.data("balanceOfType", name, kind.value.encode()) for kind in BalanceType}
    return token.data("isFrozen", name), token.data("balanceOf", name), parts


class Pair(RuleBasedStateMachine):
    """One token twice: on the chain, and as a value."""

    capped = False

    @initialize()
    def set_up(self) -> None:
        self.platform = platform(self.capped)
        self.token = self.platform.token
        self.scope = self.platform.chain.undone()
        self.scope.__enter__()
        rules = RuleSet(
            countries=frozenset({Country("DE"), Country("FR")}),
            classes=frozenset({1, 2}),
            holding_cap=Units(CAP) if self.capped else None,
            holder_limit=LIMIT if self.capped else None,
        )
        self.model = TokenState(rules)
        self.references = 0
        self.own: dict[str, dict[str, bool]] = {name: dict(CLEAR) for name in ACCOUNTS}
        self.ordered: set[tuple[str, str]] = set()
        self.stop_stands = False
        self.compared = 0
        for name, given in HOLDERS.items():
            self.platform.onboard(name, **given)
            self.model = self.model.with_account(name, AccountState(self.record_of(given | {"name": name})))
        for name, units in ENDOWED.items():
            self.token.send("issue", name, units, self.reference(), sender="transfer_agent")
            self.model = apply(self.model, Movement(Kind.ISSUE, "", name, Units(units)), self.now)

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            TRIED[type(self)] += self.compared - 1  # the first time is before any act
            self.scope.__exit__(None, None, None)

    def record_of(self, given: dict[str, Any]) -> HolderRecord:
        return HolderRecord(
            holder=Bytes32(Platform.commitment(given.get("holder", given["name"]))),
            country=Country(given["country"]),
            investor_class=given["investor_class"],
            active=True,
            expiry=given.get("expiry", 0),
            servicer="",
            additional=given.get("additional", False),
        )

    def number(self, question: bytes) -> int:
        """The token's answer, which is one word."""
        chain = self.platform.chain
        return int.from_bytes(chain.static(self.token.address, question, "reader"), "big")

    @property
    def now(self) -> int:
        return self.platform.chain.now

    def reference(self) -> bytes:
        self.references += 1
        return reference(f"{self.references}")

    # ------------------------------------------------------------------ movements

    def amount(self, name: str, drawn: int) -> int:
        """The units that were drawn, where they depend on what an account has."""
        account = self.model.account(name)
        available = int(account.available(self.now))
        return {ALL: int(account.balance), AVAILABLE: available, TOO_MANY: available + 1}.get(drawn, drawn)

    def move(self, kind: Kind, source: str, target: str, units: int, *acts: tuple[Any, ...]) -> None:
        """Try a movement on both; `acts` are the transactions: sender, function, arguments."""
        sender, function, *arguments = acts[-1]
        for other, name, *values in acts[:-1]:
            self.token.send(name, *values, sender=other)
        predicted = self.token.call("restrictionOf", int(kind), source or NOBODY, target or NOBODY, units)
        # the core knows no more units than a token can have; more is more than anybody holds
        movement = Movement(kind, source, target, Units(units))
        expected = judge(self.model, movement, self.now)
        assert Restriction(predicted) is expected, f"predicted on chain: {predicted}"
        VERDICTS[type(self), kind, expected] += 1
        refused = self.refusal(sender, function, *arguments)
        if refused is None:
            self.model = apply(self.model, movement, self.now)
        elif refused.error == "AboveIssueLimit":
            # more units than a token can have: no rule of the security
            assert kind in (Kind.ISSUE, Kind.BRIDGE_IN)
        else:
            assert (refused.error, refused.arguments[0]) == ("TransferRestricted", int(expected))
            with pytest.raises(RuleError):
                apply(self.model, movement, self.now)

    def refusal(self, sender: str, function: str, *arguments: Any) -> Reverted | None:
        """Send a transaction; what it was refused with."""
        try:
            self.token.send(function, *arguments, sender=sender)
        except Reverted as refused:
            return refused
        return None

    @rule(source=LIKELY, recipient=LIKELY, units=AMOUNTS)
    def transfer(self, source: str, recipient: str, units: int) -> None:
        units = self.amount(source, units)
        self.move(Kind.TRANSFER, source, recipient, units, (source, "transfer", recipient, units))

    @rule(source=LIKELY, recipient=LIKELY, units=AMOUNTS)
    def transfer_from(self, source: str, recipient: str, units: int) -> None:
        units = self.amount(source, units)
        allow = (source, "approve", "stranger", (1 << 256) - 1)
        take = ("stranger", "transferFrom", source, recipient, units)
        self.move(Kind.TRANSFER, source, recipient, units, allow, take)

    @rule(source=LIKELY, recipient=LIKELY, units=AMOUNTS)
    def batch_of_one(self, source: str, recipient: str, units: int) -> None:
        units = self.amount(source, units)
        self.move(Kind.TRANSFER, source, recipient, units, (source, "batchTransfer", [recipient], [units]))

    @rule(source=LIKELY, first=LIKELY, second=LIKELY, units=st.integers(0, 60), more=st.integers(0, 60))
    def batch_of_two(self, source: str, first: str, second: str, units: int, more: int) -> None:
        """All or nothing: the later item is judged on what the earlier one leaves."""
        after = self.model
        expected = Restriction.NONE
        for target, amount in ((first, units), (second, more)):
            movement = Movement(Kind.TRANSFER, source, target, Units(amount))
            expected = judge(after, movement, self.now)
            if expected is not Restriction.NONE:
                break
            after = apply(after, movement, self.now)
        refused = self.refusal(source, "batchTransfer", [first, second], [units, more])
        if refused is not None:
            assert (refused.error, refused.arguments[0]) == ("TransferRestricted", int(expected))
            return
        assert expected is Restriction.NONE
        self.model = after

    @rule(recipient=LIKELY, units=st.integers(1, 60) | st.integers(1, 400))
    def issue(self, recipient: str, units: int) -> None:
        act = ("transfer_agent", "issue", recipient, units, self.reference())
        self.move(Kind.ISSUE, "", recipient, units, act)

    @rule(source=LIKELY, units=AMOUNTS)
    def redeem(self, source: str, units: int) -> None:
        units = max(self.amount(source, units), 1)
        # on the home ledger more is never redeemed than issued: arrivals without an issue are put aside
        if units > self.token.call("issuedTotal"):
            return
        allow = (source, "approve", "transfer_agent", (1 << 256) - 1)
        act = ("transfer_agent", "redeem", source, units, self.reference())
        self.move(Kind.REDEEM, source, "", units, allow, act)

    @rule(recipient=LIKELY, units=AMOUNTS)
    def arrive(self, recipient: str, units: int) -> None:
        units = self.amount(recipient, units)
        self.move(Kind.BRIDGE_IN, "", recipient, units, ("bridge", "crosschainMint", recipient, units))

    @rule(source=LIKELY, units=AMOUNTS)
    def depart(self, source: str, units: int) -> None:
        units = self.amount(source, units)
        self.move(Kind.BRIDGE_OUT, source, "", units, ("bridge", "crosschainBurn", source, units))

    @rule(source=LIKELY, recipient=LIKELY, units=AMOUNTS)
    def forced(self, source: str, recipient: str, units: int) -> None:
        units = self.amount(source, units)
        act = ("approvals", "forcedTransfer", source, recipient, units)
        self.move(Kind.FORCED, source, recipient, units, act)

    @rule(source=LIKELY, recipient=LIKELY, units=st.integers(1, 100))
    def pledge(self, source: str, recipient: str, units: int) -> None:
        self.move(Kind.PLEDGE, source, recipient, units, (source, "pledge", recipient, units))

    @rule(recipient=ANY)
    def payout(self, recipient: str) -> None:
        movement = Movement(Kind.PAYOUT, "", recipient, Units(0))
        assert self.token.call("payoutRestriction", recipient) == int(judge(self.model, movement, self.now))

    @rule(source=LIKELY, recipient=LIKELY)
    def allowed(self, source: str, recipient: str) -> None:
        units, code = self.token.call("allowedAmount", source, recipient)
        assert (units, Restriction(code)) == allowed_amount(self.model, source, recipient, self.now)

    # ------------------------------------------------------------------ accounts

    def change(self, name: str, **changes: Any) -> None:
        self.model = self.model.with_account(name, replace(self.model.account(name), **changes))

    @rule(name=ANY, frozen=SOMETIMES)
    def freeze(self, name: str, frozen: bool) -> None:
        self.token.send("freeze", name, frozen, reference("order"), sender="freezer")
        self.restrict(name, frozen=frozen)

    @rule(name=LIKELY, units=st.integers(0, 90))
    def freeze_units(self, name: str, units: int) -> None:
        act = ("freezeUnits", name, units, reference("order"))
        self.encumbered(name, "freezer", act, lambda: encumber(
            self.model.account(name), BalanceType.BLOCKED, Units(units), self.now
        ))  # fmt: skip

    @rule(name=LIKELY, units=st.integers(1, 90), seconds=st.integers(1, 200))
    def lock(self, name: str, units: int, seconds: int) -> None:
        until = self.now + seconds
        act = ("lock", name, units, until, reference("vesting"))
        self.encumbered(name, "transfer_agent", act, lambda: lock(
            self.model.account(name), Units(units), until, self.now
        ))  # fmt: skip

    def encumbered(self, name: str, sender: str, act: tuple[Any, ...], model: Any) -> None:
        refused = self.refusal(sender, *act)
        if refused is not None:
            assert refused.error in ("UnitsUnavailable", "TooManyLots")
            with pytest.raises(InvalidQuantity):
                model()
            return
        self.model = self.model.with_account(name, model())

    @rule(name=st.sampled_from(tuple(HOLDERS)), suspended=SOMETIMES)
    def suspend(self, name: str, suspended: bool) -> None:
        active = not suspended
        self.platform.holders.send("setStatus", name, active, reference("review"), sender="registrar")
        self.restrict(name, suspended=not active)

    @rule(name=st.sampled_from(tuple(HOLDERS)), sanctioned=SOMETIMES)
    def sanction(self, name: str, sanctioned: bool) -> None:
        self.platform.holders.send("setSanctioned", name, sanctioned, reference("list"), sender="regulator")
        self.restrict(name, sanctioned=sanctioned)

    @rule(
        holder=st.sampled_from(sorted({holder_of(name) for name in ACCOUNTS})),
        what=st.sampled_from(tuple(CLEAR)),
    )
    def order(self, holder: str, what: str) -> None:
        """Against a holder, on all ledgers: for each of its accounts; lifted where it stands (CTL-8)."""
        scopes = {"sanctioned": bytes(32), "suspended": bytes(31) + b"\1"}
        scope = scopes.get(what) or self.token.call("securityId")
        role = {"sanctioned": "regulator", "suspended": "registrar"}.get(what, "freezer")
        stands = (holder, what) not in self.ordered
        arguments = (Platform.commitment(holder), scope, stands, reference("order"))
        self.platform.holders.send("order", *arguments, sender=role)
        self.ordered ^= {(holder, what)}
        for name in ACCOUNTS:
            self.restrict(name)

    def restrict(self, name: str, **own: bool) -> None:
        """What is done to an account itself, and what is ordered against its holder, together."""
        self.own[name] |= own
        record = self.model.account(name).record
        stands = {what: on or (holder_of(name), what) in self.ordered for what, on in self.own[name].items()}
        if record is None:
            self.change(name, frozen=self.own[name]["frozen"])  # nobody's account
            return
        record = replace(record, active=not stands["suspended"], sanctioned=stands["sanctioned"])
        self.change(name, record=record, frozen=stands["frozen"])

    @rule(
        name=st.sampled_from(tuple(HOLDERS)),
        moved=RARELY,
        country=st.sampled_from(COUNTRIES),
        seconds=st.sampled_from((0, 0, 1, 100, 90_000)),
    )
    def onboard_again(self, name: str, moved: bool, country: str, seconds: int) -> None:
        """A record is updated: it moves, or its validity changes."""
        country = country if moved else HOLDERS[name]["country"]
        given = HOLDERS[name] | {"country": country, "expiry": self.now + seconds if seconds else 0}
        self.platform.onboard(name, **given)
        self.with_record(name, country=Country(country), expiry=given["expiry"])

    def with_record(self, name: str, **changes: Any) -> None:
        record = self.model.account(name).record
        assert record is not None
        self.change(name, record=replace(record, **changes))

    # ------------------------------------------------------------------ the token

    def rule_change(self, function: str, *arguments: Any, sender: str = "rule_manager") -> None:
        self.token.send(function, *arguments, reference("rules"), sender=sender)

    @rule(changed=RARELY, countries=st.sets(st.sampled_from(COUNTRIES)), deny=st.booleans())
    def countries(self, changed: bool, countries: set[str], deny: bool) -> None:
        countries, deny = (countries, deny) if changed else ({"DE", "FR"}, False)
        chosen = frozenset(Country(country) for country in countries)
        self.rule_change("setCountries", sorted(country.numeric for country in chosen), deny)
        self.model = replace(self.model, rules=replace(self.model.rules, countries=chosen, deny_list=deny))

    @rule(changed=RARELY, classes=st.sets(st.integers(1, 3)))
    def classes(self, changed: bool, classes: set[int]) -> None:
        classes = classes if changed else {1, 2}
        self.rule_change("setClasses", sum(1 << number for number in classes))
        self.model = replace(self.model, rules=replace(self.model.rules, classes=frozenset(classes)))

    @rule(units=st.integers(1, 20))
    def minimum_lot(self, units: int) -> None:
        self.rule_change("setMinimumLot", units)
        self.model = replace(self.model, rules=replace(self.model.rules, minimum_lot=Units(units)))

    @rule(after=st.sampled_from((0, 0, 1, 30)), seconds=st.integers(1, 30))
    def blackout(self, after: int, seconds: int) -> None:
        start = self.now + after
        self.rule_change("setBlackouts", [(start, start + seconds)])
        windows = (Window(start, start + seconds),)
        self.model = replace(self.model, rules=replace(self.model.rules, blackout=windows))

    @rule(paused=RARELY)
    def pause(self, paused: bool) -> None:
        role = "pauser" if paused else "unpauser"
        function = "pause(bytes32)" if paused else "unpause(bytes32)"
        self.token.send(function, reference("halt"), sender=role)
        self.stop_stands = self.stop_stands and paused
        self.model = replace(
            self.model, paused=paused, stopped_until=self.model.stopped_until if paused else 0
        )

    @rule(meant=RARELY, seconds=st.sampled_from((0, 1, 20, 300)))
    def stop(self, meant: bool, seconds: int) -> None:
        if not meant:
            return
        until = self.now + seconds
        refused = self.refusal("pauser", "emergencyStop", until, reference("attack"))
        if self.stop_stands and until > self.model.stopped_until:
            # a stop can be made shorter; none follows it until another role has ended it (CTL-6)
            assert refused is not None
            assert refused.error == "StopTooLong"
            return
        assert refused is None
        self.stop_stands = True
        self.model = replace(self.model, stopped_until=until)

    @rule(number=st.integers(1, 3), paused=RARELY)
    def inventory(self, number: int, paused: bool) -> None:
        if paused:
            self.rule_change("pauseClasses", 1 << number, sender="pauser")
        else:
            self.rule_change("unpauseClasses", 1 << number, sender="unpauser")
        before = self.model.paused_classes
        after = before | {number} if paused else before - {number}
        self.model = replace(self.model, paused_classes=frozenset(after))

    @rule(seconds=st.sampled_from((1, 20, 120, 400, 86_400)))
    def wait(self, seconds: int) -> None:
        self.platform.chain.advance(seconds)

    @rule(past=st.integers(0, 1))
    def wait_until_something_ends(self, past: int) -> None:
        """Up to the very second of it, or the one after: random times hardly ever meet one."""
        accounts, rules = self.model.accounts.values(), self.model.rules
        times = {lot.until for account in accounts for lot in account.lots}
        times |= {account.record.expiry for account in accounts if account.record}
        times |= {time for window in rules.blackout for time in (window.start, window.end)}
        ahead = [time for time in {*times, self.model.stopped_until} if time > self.now]
        if ahead:
            self.platform.chain.advance(min(ahead) + past - self.now)

    # ------------------------------------------------------------------ after every act

    @invariant()
    def same_state(self) -> None:
        if not hasattr(self, "model"):
            return
        self.compared += 1
        total = 0
        for name in ACCOUNTS:
            account = self.model.account(name)
            frozen, whole, each = questions(self.token, name)
            balance = self.number(whole)
            assert balance == int(account.balance)
            parts = {kind: self.number(question) for kind, question in each.items()}
            assert parts == {kind: int(units) for kind, units in sub_balances(account, self.now).items()}
            assert sum(parts.values()) == balance  # CTL-10
            assert self.number(frozen) == int(account.frozen)
            total += balance
        assert self.token.call("totalSupply") == total == int(self.model.supply)
        if self.capped:
            assert self.token.call("policy")[-1] == len(self.model.holders)


class CappedPair(Pair):
    capped = True


DEEP = os.environ.get("PARI_DEEP", "").lower() == "true"
RUNS = settings(
    max_examples=2_500 if DEEP else 250,
    stateful_step_count=50,
    suppress_health_check=list(HealthCheck),
)


def test_ctl_2_contract_and_core_say_and_do_the_same() -> None:
    driven(Pair)


def test_ctl_4_contract_and_core_say_and_do_the_same_under_caps() -> None:
    driven(CappedPair)


def driven(pair: type[Pair]) -> None:
    # a subclass of the machine's own TestCase would not pass its settings on
    run_state_machine_as_test(pair, settings=RUNS)
    enough(pair)


def enough(pair: type[Pair]) -> None:
    """Not everything was refused, nor was everything allowed, and most rules had their say."""
    said = {kind: Counter[Restriction]() for kind in Kind}
    for (of, kind, restriction), count in VERDICTS.items():
        said[kind][restriction] += count if of is pair else 0
    everything = sum(said.values(), Counter())
    assert TRIED[pair] > RUNS.max_examples * RUNS.stateful_step_count // 2
    print(f"\n{TRIED[pair]:,} acts on {pair.__name__}, {everything[Restriction.NONE]:,} movements allowed of")
    print(f"{everything.total():,}:", *(f"{int(code)}:{everything[code]}" for code in sorted(everything)))
    for kind in set(Kind) - {Kind.PAYOUT}:
        assert said[kind][Restriction.NONE] >= 10, kind
        assert said[kind].total() - said[kind][Restriction.NONE] >= 10, kind
    assert len(everything) >= 14, "rules that had their say, and none"
    if pair.capped:
        assert everything[Restriction.HOLDING_CAP] >= 5
        assert everything[Restriction.HOLDER_COUNT] >= 5
