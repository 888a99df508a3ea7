"""What the book tells of its controls: the other half of the port, `paripassu.ledgers.control`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Row, select

from paripassu.errors import CommandImpossible
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.keycontrol import KeyRotation
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import acts, controls, encumbrances, orders, register, ruling
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import block_of
from paripassu.ledgers.book.schema import act, approval
from paripassu.ledgers.book.schema import entry as entry_table
from paripassu.ledgers.control import (
    ActRecord,
    ActState,
    Allowed,
    Correction,
    Deed,
    HolderOrder,
    Holding,
    PledgedUnits,
    RulesInForce,
    Running,
    Succession,
    VersionChange,
)
from paripassu.quantities import Units
from paripassu.rules import (
    UNLIMITED,
    Kind,
    Movement,
    Restriction,
    TokenState,
    allowed_amount,
    quota,
    sub_balances,
)

Reading = Callable[[], AbstractContextManager[Connection]]


class BookControls:
    """Implements `paripassu.ledgers.control.Controls` for a book.

    Args:
        read: opens a consistent snapshot of the book.
        configured: the set-up in force, its rules as they were last changed.
        now: the book's clock.
    """

    def __init__(
        self,
        ledger: LedgerId,
        read: Reading,
        configured: Callable[[Connection], BookConfiguration],
        now: Callable[[Connection], int],
    ) -> None:
        self._ledger = ledger
        self._read = read
        self._configured = configured
        self._now = now

    async def holding(self, account: str) -> Holding:
        with self._read() as connection:
            now, configuration = self._now(connection), self._configured(connection)
            state = encumbrances.state(connection, configuration.asset, account, now)
        most = quota(configuration.rules, state)
        return Holding(
            account=account,
            balance=state.balance,
            balances=dict(sub_balances(state, now)),
            lots=state.lots,
            frozen=state.frozen,
            quota=None if most == UNLIMITED else most,
        )

    async def allowed(self, source: str, target: str) -> Allowed:
        with self._read() as connection:
            now, configuration = self._now(connection), self._configured(connection)
            standing = ruling.standing(connection, configuration)
            # of accounts with units only their number counts, and only where it is limited
            names = {source, target} - {""}
            if configuration.rules.holder_limit is not None:
                names |= set(register.holders(connection))
            accounts = {
                name: encumbrances.state(connection, configuration.asset, name, now) for name in names
            }
        token = TokenState(
            configuration.rules,
            accounts,
            standing.paused,
            standing.stopped_until,
            standing.paused_classes,
        )
        return Allowed(*allowed_amount(token, source, target, now))

    async def restriction(self, kind: Kind, source: str, target: str, units: Units) -> Restriction:
        with self._read() as connection:
            movement = Movement(kind, source, target, units)
            return ruling.judge(connection, self._configured(connection), movement, self._now(connection))

    async def restriction_at(self, movement: Movement, height: int) -> Restriction:
        raise CommandImpossible(
            f"{self._ledger} keeps its verdicts, and no former state of accounts to judge by.",
            next_command="pari decision replay",
        )

    async def orders(self, holder: Bytes32) -> tuple[HolderOrder, ...]:
        with self._read() as connection:
            return orders.orders(connection, holder)

    async def succession(self, account: str) -> Succession | None:
        with self._read() as connection:
            found = register.successor(connection, account)
        return None if found is None else Succession(*found)

    async def key_rotation(self, source: str, target: str) -> KeyRotation | None:
        """The book knows its signers by name and asks for no proof."""
        return None

    async def pledges(self, account: str) -> tuple[PledgedUnits, ...]:
        with self._read() as connection:
            return tuple(
                PledgedUnits(Bytes32(row.id), row.pledgor, row.pledgee, Units(row.units))
                for row in controls.pledges_of(connection, self._configured(connection).asset, account)
            )

    async def rules(self) -> RulesInForce:
        with self._read() as connection:
            configuration = self._configured(connection)
            asset = configuration.asset
            rules, changes = configuration.rules, controls.count_rule_changes(connection, asset)
            limited = rules.holder_limit is not None
            holders = len(register.accounts_with_units(connection, asset)) if limited else None
            return RulesInForce(rules, ruling.standing(connection, configuration), changes, (), holders)

    async def acts(self) -> tuple[ActRecord, ...]:
        with self._read() as connection:
            configuration = self._configured(connection)
            rows = connection.execute(select(act).order_by(act.c.height)).all()
            return tuple(_record(connection, row, configuration) for row in rows)

    async def act(self, id: Bytes32) -> ActRecord | None:
        with self._read() as connection:
            configuration = self._configured(connection)
            row = connection.execute(select(act).where(act.c.id == id.text)).first()
            return None if row is None else _record(connection, row, configuration)

    async def versions(self) -> tuple[VersionChange, ...]:
        """None: the book runs in this program, whose version `pari --version` tells."""
        return ()

    async def running(self, time: int | None = None) -> tuple[Running, ...]:
        return ()


def _record(connection: Connection, row: Row[Any], configuration: BookConfiguration) -> ActRecord:
    document = json.loads(row.body)
    given = connection.execute(
        select(approval).where(approval.c.act == row.id).order_by(approval.c.height, approval.c.role)
    )
    proposed = _deed(connection, row.role, row.signer, row.height)
    done = row.state == acts.EXECUTED
    executed = _deed(connection, "", row.ended_by, row.ended) if done else None
    kind = document.pop("act")
    ready_at = proposed.block.time + acts.notice_of(configuration, kind)
    return ActRecord(
        id=Bytes32(row.id),
        contract="book"
        if row.asset == configuration.asset
        else f"book/{configuration.of_asset(row.asset).isin}",
        function=kind[0].lower() + kind[1:],
        arguments={name: str(value) for name, value in document.items()},
        change_class=0,
        reason=row.reason,
        state=ActState(row.state),
        threshold=acts.threshold_of(configuration, kind),
        ready_at=ready_at,
        last_second=ready_at + acts.LIFETIME,
        proposed=proposed,
        approvals=tuple(_deed(connection, one.role, one.signer, one.height) for one in given),
        executed=executed,
        corrections=tuple(
            Correction(account, Units(int(before)), Units(int(after)))
            for account, before, after in json.loads(row.corrections)
        ),
        effects=(),
        target="",
        call=b"",
    )


def _deed(connection: Connection, role: str, by: str, height: int) -> Deed:
    found = connection.execute(select(entry_table).where(entry_table.c.height == height)).one()
    block: BlockRef = block_of(found)
    return Deed(role, by, block, found.hash)
