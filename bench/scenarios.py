"""The scenarios, each the same for every system, with its balances checked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.chain import TRANSACTION_GAS, Reverted
from bench.parties import AMOUNT, BARRED_COUNTRY, STOCK, account
from bench.system import NotOffered, System

BATCH = 100

EXTRAS = {
    "deploy_token_platform": "deploy_token_platform",
    "onboard_batch_100": "onboard_batch",
    "act_forced_transfer_with_approvals": "forced_transfer_act",
}
"""Scenarios that only some systems have, and the method of each; no figure is wanted of the others."""


@dataclass
class Figures:
    """Gas by scenario, None where there is none, and why; gas by part of the platform."""

    gas: dict[str, int | None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)


def measure(system: System) -> Figures:
    """Deploy a system and run every scenario on it, in a fixed order, with fixed accounts."""
    figures = Figures()
    run = _Run(system)
    for name, scenario in run.scenarios().items():
        try:
            figures.gas[name] = scenario()
            if name in system.notes:
                figures.notes[name] = system.notes[name]
        except NotOffered as reason:
            figures.gas[name] = None
            figures.notes[name] = str(reason)
    figures.parts = system.parts
    return figures


class _Run:
    def __init__(self, system: System) -> None:
        self._system = system
        self._seller = account("seller")
        self._buyer = account("buyer")

    def scenarios(self) -> dict[str, Callable[[], int]]:
        """In the order in which they run; of those in EXTRAS, what the system has methods for."""
        system, seller, buyer = self._system, self._seller, self._buyer
        every = {
            "deploy_token_platform": system.deploy_token_platform,
            "deploy_platform": system.deploy_platform,
            "deploy_security": self._deploy_security,
            "onboard": lambda: system.onboard(account("newcomer")),
            "transfer_existing": lambda: self._move(seller, buyer),
            "transfer_new": lambda: self._move(seller, self._admitted("new holder")),
            "transfer_opened": lambda: self._move(seller, self._opened("opened holder")),
            "batch_transfer_100_new": lambda: self._batch(self._admitted, "batch"),
            "batch_transfer_100_opened": lambda: self._batch(self._opened, "opened batch"),
            "forced_transfer": lambda: self._forced(system.forced_transfer, buyer, seller),
            "act_forced_transfer_with_approvals": lambda: self._forced(
                system.forced_transfer_act, seller, buyer
            ),
            "onboard_batch_100": self._onboard_batch,
            "first_movement_after_record_time": self._after_record_time,
        }
        return {name: one for name, one in every.items() if name not in EXTRAS or self._offers(EXTRAS[name])}

    def _deploy_security(self) -> int:
        gas = self._system.deploy_security()
        for holder in (self._seller, self._buyer):
            self._system.issue(self._admit(holder), STOCK)
        self._check_that_rules_hold()
        return gas

    def _check_that_rules_hold(self) -> None:
        """Figures of a system whose rules were wired so that they do not run would be worth nothing."""
        stranger = account("stranger")
        if self._offers("onboard"):
            self._must_be_refused(stranger)
        if self._system.bars_countries:
            barred = account("holder of a barred country")
            self._system.onboard(barred, BARRED_COUNTRY)
            self._must_be_refused(barred)
        if self._offers("ban"):
            banned = self._admitted("banned holder")
            self._system.ban(banned)
            self._must_be_refused(banned)
            stranger = stranger if self._offers("onboard") else banned
        if self._offers("batch_transfer") and (self._offers("onboard") or self._offers("ban")):
            self._check_batch(stranger)

    def _check_batch(self, outsider: str) -> None:
        """Does a batch reach one who may have nothing? The system has to say so truly."""

        def send() -> int:
            return self._system.batch_transfer(self._seller, [outsider], AMOUNT)

        if self._system.batch_skips_rules:
            send()
        else:
            self._must_be_refused(outsider, send)

    def _offers(self, method: str) -> bool:
        """Whether the system has its own method of this name."""
        return getattr(type(self._system), method) is not getattr(System, method)

    def _must_be_refused(self, recipient: str, act: Callable[[], int] | None = None) -> None:
        with contextlib.suppress(Reverted):
            if act is None:
                self._system.transfer(self._seller, recipient, AMOUNT)
            else:
                act()
            raise AssertionError(f"{self._system.name} let {recipient} have units")

    def _admit(self, holder: str) -> str:
        with contextlib.suppress(NotOffered):  # then everybody may hold
            self._system.onboard(holder)
        return holder

    def _admitted(self, name: str) -> str:
        """A holder of nothing yet, who may receive."""
        return self._admit(account(name))

    def _opened(self, name: str) -> str:
        if not self._offers("open"):
            self._system.open(account(name))
        holder = self._admitted(name)
        self._system.open(holder)
        return holder

    def _move(self, sender: str, recipient: str) -> int:
        return self._checked([sender], [recipient], lambda: self._system.transfer(sender, recipient, AMOUNT))

    def _batch(self, prepared: Callable[[str], str], name: str) -> int:
        if not self._offers("batch_transfer"):
            return self._system.batch_transfer(self._seller, [], AMOUNT)
        recipients = [prepared(f"{name} {number}") for number in range(BATCH)]

        def send() -> int:
            return self._system.batch_transfer(self._seller, recipients, AMOUNT)

        try:
            return self._checked([self._seller] * BATCH, recipients, send)
        except Reverted as failure:
            if failure.gas < TRANSACTION_GAS * 95 // 100:
                raise
            raise NotOffered(f"{BATCH} do not fit in a transaction of {TRANSACTION_GAS:,} gas") from None

    def _forced(self, force: Callable[[str, str, int], int], source: str, recipient: str) -> int:
        def act() -> int:
            return force(source, recipient, AMOUNT)

        return self._checked([source], [recipient], act)

    def _onboard_batch(self) -> int:
        """Gas per holder, who may then receive."""
        holders = [account(f"admitted together {number}") for number in range(BATCH)]
        gas = self._system.onboard_batch(holders)
        self._move(self._seller, holders[-1])
        return gas // BATCH

    def _after_record_time(self) -> int:
        self._system.pass_record_time()
        return self._move(self._seller, self._buyer)

    def _checked(self, sources: list[str], targets: list[str], act: Callable[[], int]) -> int:
        """Run `act`; afterwards every source must have given and every target received AMOUNT."""
        wanted = {holder: self._system.balance_of(holder) for holder in {*sources, *targets}}
        gas = act()
        for holder in sources:
            wanted[holder] -= AMOUNT
        for holder in targets:
            wanted[holder] += AMOUNT
        found = {holder: self._system.balance_of(holder) for holder in wanted}
        if found != wanted:
            raise AssertionError(f"{self._system.name}: balances are {found}, should be {wanted}")
        return gas
