"""What the rules of a chain's token read, at one block: the state that the pure verdict function takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode as abi_encode

from paripassu.identifiers import keccak256
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, View, codec
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.securities import ZERO_ADDRESS, lot_of, record_of
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    BalanceType,
    Kind,
    Movement,
    Restriction,
    RuleModule,
    RuleSet,
    RuleVersion,
    TokenState,
    Window,
    answering,
)

TOKEN, HOLDERS = "SecurityToken", "HolderRegistry"
_NO_COUNTRY = 999
"""ISO 3166-1 assigns no such number: whether it is allowed tells a deny list from an allow list."""

_RULES = ("limits", "policy", "policyCounter", "blackouts", "modules", "paused", "stoppedUntil")
_VERSION = ("version", "termsVersion", "termsHash")
_IS_ALLOWED = bytes(keccak256(b"isAllowed(uint8,address,address,uint256)"))[:4]


@dataclass(frozen=True, slots=True)
class Facts:
    """A token's state at a block as far as some accounts are concerned. Of the countries in its rules
    only theirs are known. `modules` are the addresses of its rule contracts."""

    height: int
    version: RuleVersion
    token: TokenState
    modules: tuple[str, ...]


class FactsReader:
    """Reads the facts of verdicts on one chain."""

    def __init__(self, contracts: ContractReader, logs: Logs, blocks: Blocks, first_block: int) -> None:
        self._contracts = contracts
        self._logs = logs
        self._blocks = blocks
        self._first_block = first_block

    async def read(self, accounts: Iterable[str], height: int) -> Facts:
        """The facts at a block. Lock-ups that were over by then are left out.

        Where the security has a limit of holders every account of the chain is read.
        """
        names = (*_RULES, *_VERSION)
        views = [View(TOKEN, name) for name in names]
        views.append(View(TOKEN, "isCountryAllowed", (_NO_COUNTRY,)))
        # for a redemption the first rule is the emergency stop, and the next one that nobody is registered
        views.append(View(TOKEN, "restrictionOf", (int(Kind.REDEEM), ZERO_ADDRESS, ZERO_ADDRESS, 0)))
        *found, denies, stop = await self._contracts.views(views, height)
        values: dict[str, Any] = dict(zip(names, found, strict=True))
        (capped, limited), policy = values["limits"], values["policy"]
        cap, lot, classes, paused_classes, limit, _ = policy
        chosen = {account for account in accounts if account}
        if limited:
            chosen |= set(await self._registered(height))
        then = (await self._blocks.at(height)).time
        states = await self._accounts(sorted(chosen), height, then, capped=capped)
        listed = await self._listed(states.values(), height, denies=denies)
        stopped = stop == int(Restriction.TOKEN_PAUSED)
        token = TokenState(
            RuleSet(
                frozenset(listed),
                _classes(classes),
                deny_list=denies,
                holding_cap=Units(cap) if capped else None,
                holder_limit=limit if limited else None,
                minimum_lot=Units(max(lot, 1)),
                blackout=tuple(Window(start, end) for start, end in values["blackouts"]),
            ),
            states,
            # a stop hides whether a pause stands behind it, which nothing depends on then
            paused=values["paused"] and not stopped,
            stopped_until=values["stoppedUntil"] if stopped else 0,
            paused_classes=_classes(paused_classes),
        )
        terms = f"{values['termsVersion']} 0x{bytes(values['termsHash']).hex()}"
        version = RuleVersion(values["policyCounter"], values["version"], terms)
        return Facts(height, version, token, tuple(values["modules"]))

    async def answers(self, facts: Facts, movement: Movement) -> tuple[RuleModule, ...]:
        """What each rule contract says of a movement; anything but a clear yes or no is no answer."""
        if not facts.modules:
            return ()
        accounts = (movement.source or ZERO_ADDRESS, movement.target or ZERO_ADDRESS)
        question = _IS_ALLOWED + abi_encode(
            ["uint8", "address", "address", "uint256"], [int(movement.kind), *accounts, int(movement.units)]
        )
        said = await self._contracts.raw([(module, question) for module in facts.modules], facts.height)
        return tuple(answering(_clear(word)) for word in said)

    async def payee(self, account: str, height: int) -> str:
        """Who is paid what is due to an account: its successor, unless one on the way is frozen."""
        while True:
            (successor, _), frozen = await self._contracts.views(
                [View(HOLDERS, "successorOf", (account,)), View(TOKEN, "isFrozen", (account,))], height
            )
            if successor == ZERO_ADDRESS or frozen:
                return account
            account = successor

    async def _accounts(
        self, accounts: Sequence[str], height: int, now: int, *, capped: bool
    ) -> dict[str, AccountState]:
        kinds = (BalanceType.BLOCKED, BalanceType.BLOCKED_FOR_ACTION, BalanceType.PLEDGED)
        views: list[View] = []
        for account in accounts:
            views.append(View(HOLDERS, "recordOf", (account,)))
            views += [
                View(TOKEN, name, (account,)) for name in ("isFrozen", "balanceOf", "lotsOf", "quotaOf")
            ]
            views += [View(TOKEN, "balanceOfType", (account, kind.encode("ascii"))) for kind in kinds]
        found = await self._contracts.views(views, height)
        width = 5 + len(kinds)
        states: dict[str, AccountState] = {}
        for at, account in enumerate(accounts):
            part = found[at * width : (at + 1) * width]
            record, frozen, balance, lots, quota, blocked, for_action, pledged = part
            states[account] = AccountState(
                record_of(record),
                frozen,
                balance=Units(balance),
                blocked=Units(blocked),
                blocked_for_action=Units(for_action),
                pledged=Units(pledged),
                lots=tuple(lot for lot in map(lot_of, lots) if now < lot.until),
                quota=Units(quota) if capped else None,
            )
        return states

    async def _listed(self, states: Iterable[AccountState], height: int, *, denies: bool) -> list[Any]:
        """Countries of accounts that are on the list, whether of those that may or of those that may not."""
        countries = sorted({state.record.country for state in states if state.record is not None})
        views = [View(TOKEN, "isCountryAllowed", (country.numeric,)) for country in countries]
        allowed = await self._contracts.views(views, height) if views else []
        return [country for country, yes in zip(countries, allowed, strict=True) if yes is not denies]

    async def _registered(self, height: int) -> list[str]:
        events = ("HolderOnboarded", "HolderSuperseded")
        registry = self._contracts.address(HOLDERS)
        logs = await self._logs.read(registry, codec(HOLDERS), events, self._first_block, height)
        return [str(log.args["account" if "account" in log.args else "to"]) for log in logs]


def _clear(word: bytes | None) -> bool | None:
    number = int.from_bytes(word, "big") if word is not None and len(word) == 32 else 2
    return None if number > 1 else number == 1


def _classes(bits: int) -> frozenset[int]:
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)
