"""Decisions of a chain's rules, rebuilt from what its contracts say: who moved what, and what the rules read.

What was carried out is found in the logs, whoever sent it. What was refused leaves no trace on a chain,
but for payments that were passed over and arrivals that were parked: those that go through here are
kept when they are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from paripassu.acts import ExecuteAct
from paripassu.commands import Command, Move
from paripassu.controls import EndPledge
from paripassu.errors import InvalidQuantity
from paripassu.identifiers import LedgerId
from paripassu.ledgers.decisions import movements_of
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.contracts import ContractReader, codec
from paripassu.ledgers.evm.facts import TOKEN, Facts, FactsReader
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.traces import Happened, TraceReader
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    Case,
    DecisionRecord,
    Kind,
    Movement,
    Restriction,
    TokenState,
    free,
    inputs_of,
    release_lapsed,
    take_lots,
    verdict,
)


class DecisionReader:
    """Rebuilds decisions of one chain."""

    def __init__(
        self,
        ledger: LedgerId,
        contracts: ContractReader,
        logs: Logs,
        blocks: Blocks,
        first_block: int,
    ) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._blocks = blocks
        self._facts = FactsReader(contracts, logs, blocks, first_block)
        self._traces = TraceReader(ledger, contracts, logs)

    async def made(self, first: int, last: int) -> list[DecisionRecord]:
        """Every decision that the blocks `first` to `last` tell of, in chain order.

        Raises:
            NodeRefused, LedgerInconsistent: the node does not have the state of these blocks any more.
        """
        records: list[DecisionRecord] = []
        happened = await self._traces.read(first, last)
        for height, group in groupby(happened, lambda one: one.height):
            records += await self._of_block(height, list(group))
        return records

    async def instructed(self, command: Command) -> list[Happened]:
        """What a command was to move: by itself, or by the pledge or the act that it names."""
        if isinstance(command, EndPledge) and command.enforced:
            pledgor, units, pledgee = await self._contracts.view(TOKEN, "pledgeOf", bytes(command.pledge))
            taken = Movement(Kind.TRANSFER, pledgor, pledgee, Units(units))
            return [replace(Happened.of(taken), enforced=True)]
        movements = _ordered(command.call) if isinstance(command, ExecuteAct) else movements_of(command)
        lifted = command.locked if isinstance(command, Move) else ()
        return [Happened.of(movement, lifted) for movement in movements]

    async def refused(
        self, instructed: Sequence[Happened], code: Restriction, reference: str
    ) -> DecisionRecord | None:
        """The refusal of an instruction, as of the head: of several movements that of the first that the
        rules refuse. None where they refuse none of them now."""
        movements = [one.movement for one in instructed]
        head = await self._blocks.head()
        facts = await self._facts.read(_parties(movements), head.height)
        token = facts.token
        for position, one in enumerate(instructed):
            token = _unpledged(token, one, head.time)
            case = await self._case(facts, token, one.movement, head.time)
            found = verdict(case)
            if found is not Restriction.NONE:
                given = found if code is Restriction.NONE else code
                refused = replace(one, code=given, position=position)
                record = self._record(facts, case, refused, exact=token is facts.token)
                return replace(record, reference=reference)
            token = _after(token, one, head.time)
        return None

    async def _of_block(self, height: int, happened: list[Happened]) -> list[DecisionRecord]:
        """Decisions of one block, on the state before it as the block's own movements left it each time.

        Whatever else in the block changed what the rules read shows in the state after it: where the
        state before does not explain a verdict, that one's rules, records and freezes are taken.
        """
        now = (await self._blocks.at(height)).time
        happened = [await self._paid(one, height - 1) for one in happened]
        parties = _parties([one.movement for one in happened])
        before = await self._facts.read(parties, height - 1)
        token, after, records = before.token, None, []
        for one in happened:
            token = _unpledged(token, one, now)
            if one.judged:
                case = await self._case(before, token, one.movement, now)
                facts = before
                if verdict(case) is not one.code:
                    after = after or await self._facts.read(parties, height)
                    other = await self._case(after, _with_balances(after.token, token), one.movement, now)
                    if verdict(other) is one.code:
                        case, facts = other, after
                exact = facts is before and token is before.token
                records.append(self._record(facts, case, one, exact=exact))
            if one.code is Restriction.NONE:
                token = _after(token, one, now)
        return records

    async def _paid(self, one: Happened, height: int) -> Happened:
        if one.movement.kind is not Kind.PAYOUT:
            return one
        payee = await self._facts.payee(one.movement.target, height)
        return replace(one, movement=replace(one.movement, target=payee))

    async def _case(self, facts: Facts, token: TokenState, movement: Movement, now: int) -> Case:
        return Case(
            token.rules,
            token.standing,
            movement,
            token.account(movement.source) if movement.source else None,
            token.account(movement.target) if movement.target else None,
            now,
            await self._facts.answers(facts, movement),
        )

    def _record(self, facts: Facts, case: Case, one: Happened, *, exact: bool) -> DecisionRecord:
        return DecisionRecord(
            self._ledger,
            facts.height,
            "",
            one.transaction,
            one.position,
            facts.version,
            inputs_of(case),
            one.code,
            exact,
        )


def _ordered(call: bytes) -> list[Movement]:
    """Forced transfers of an act, by the call that carries it out."""
    try:
        function, values = codec(TOKEN).decode_call(call)
    except KeyError:
        return []
    if function.startswith("forcedTransfer"):
        rows = [values]
    elif function.startswith("batchForcedTransfer"):
        rows = list(zip(*values, strict=True))
    else:
        return []
    return [Movement(Kind.FORCED, source, target, Units(units)) for source, target, units in rows]


def _parties(movements: Iterable[Movement]) -> set[str]:
    return {account for one in movements for account in (one.source, one.target) if account}


def _after(token: TokenState, one: Happened, now: int) -> TokenState:
    """The token after a movement that took place, whatever the rules say of it."""
    movement = one.movement
    if movement.kind is Kind.PAYOUT or not movement.units:
        return token
    if movement.kind is Kind.PLEDGE:
        pledgor = release_lapsed(token.account(movement.source), now)
        return _set(token, movement.source, pledged=pledgor.pledged + movement.units)
    if movement.source:
        source = token.account(movement.source)
        freed = free(source, min(movement.units, source.balance), now)
        token = token.with_account(
            movement.source, replace(freed, balance=freed.balance - min(movement.units, freed.balance))
        )
    if movement.target:
        held = token.account(movement.target)
        token = token.with_account(movement.target, replace(held, balance=held.balance + movement.units))
    return token


def _unpledged(token: TokenState, one: Happened, now: int) -> TokenState:
    """The pledgor's units of a pledge that is enforced are free before they are taken, and so are those whose
    lock-ups leave with them."""
    if one.lifted:
        try:
            unlocked, _ = take_lots(token.account(one.movement.source), one.lifted, now)
        except InvalidQuantity:  # they are not there: the refusal is another contract's
            return token
        return token.with_account(one.movement.source, unlocked)
    if not one.enforced:
        return token
    pledgor = release_lapsed(token.account(one.movement.source), now)
    left = max(int(pledgor.pledged) - int(one.movement.units), 0)
    return _set(token, one.movement.source, pledged=Units(left))


def _set(token: TokenState, account: str, *, pledged: Units) -> TokenState:
    try:
        return token.with_account(account, replace(token.account(account), pledged=pledged))
    except InvalidQuantity:  # more than it held before the block: what came in within it is not all known
        return token


def _with_balances(token: TokenState, running: TokenState) -> TokenState:
    """The rules, records and freezes of one state with the units of another."""
    accounts: dict[str, AccountState] = {}
    for name, account in token.accounts.items():
        units = running.account(name)
        accounts[name] = replace(units, record=account.record, frozen=account.frozen, quota=account.quota)
    return replace(token, accounts=accounts)
