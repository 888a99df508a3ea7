"""The book-entry ledger behind the `Ledger` port: an equal peer of the chains, in SQL.

Every command is one database transaction that writes one journal entry; an
entry is the book's block, and final as soon as it is committed. All calls
are short and local, so they are made without giving way to other tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from paripassu.commands import Command
from paripassu.errors import LedgerInconsistent, ReferenceConflict, RuleError, TimeNotFinal
from paripassu.identifiers import Bytes32, LedgerId, keccak256
from paripassu.keycontrol import KeyControl
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import (
    accounts,
    actions,
    caps,
    instructions,
    journal,
    lanes,
    register,
    returns,
    ruling,
)
from paripassu.ledgers.book.book import Book
from paripassu.ledgers.book.control_reads import BookControls
from paripassu.ledgers.book.evidence import BookEvidence
from paripassu.ledgers.book.history import history
from paripassu.ledgers.book.schema import breakdown, entry, inbox, outbox, outbox_return, payment
from paripassu.ledgers.port import (
    ArrivalCap,
    Arriving,
    AttestedBreakdown,
    AttestorSet,
    Delivery,
    DeliveryStatus,
    HeldEntitlement,
    KnownEvent,
    Outcome,
    OutcomeState,
    Payee,
    Payment,
    Refunded,
    SentMessage,
    Signer,
    Standing,
    StruckPositions,
)
from paripassu.lots import Record
from paripassu.messages import Lane, Message, Purpose
from paripassu.quantities import Minor, Units
from paripassu.rules import DecisionRecord, HolderRecord, Kind, Movement, Restriction


class BookLedger(Book):
    """The book as a ledger among ledgers; see `Book` for its arguments."""

    # blocks

    @property
    def first_block(self) -> int:
        return 0

    async def head(self) -> BlockRef:
        """The last entry. `time` is the book's clock now: an entry made now would carry it."""
        with self._db.read() as connection:
            last = self._last(connection)
            return BlockRef(last.height, last.hash, max(last.time, self._now(connection)))

    async def final(self) -> BlockRef:
        return await self.head()

    async def final_at(self, time: int) -> BlockRef | None:
        """The last entry up to `time`; the period is closed first, so that none can follow in it."""
        if not self._close_period(time):
            return None
        with self._db.read() as connection:
            row = connection.execute(
                select(entry).where(entry.c.time <= time).order_by(entry.c.height.desc()).limit(1)
            ).first()
        return None if row is None else journal.block_of(row)

    async def block_at(self, height: int) -> BlockRef:
        with self._db.read() as connection:
            row = connection.execute(select(entry).where(entry.c.height == height)).first()
        if row is None:
            raise LedgerInconsistent(f"{self._id} has no entry {height}.")
        return journal.block_of(row)

    # messages

    async def attestor_set(self) -> AttestorSet:
        with self._db.read() as connection:
            return self._configured(connection).attestors

    async def sent_counts(self, wanted: Sequence[Lane], height: int) -> tuple[int, ...]:
        with self._db.read() as connection:
            return tuple(
                lanes.count(connection, lanes.OUT, lane.destination, lane.purpose, height) for lane in wanted
            )

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        query = (
            select(outbox, entry.c.hash, entry.c.time)
            .join(entry, entry.c.height == outbox.c.height)
            .where(outbox.c.height.between(first, last))
            .order_by(outbox.c.height, outbox.c.destination, outbox.c.purpose, outbox.c.nonce)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            SentMessage(self._message(row), journal.block_of(row), Bytes32(row.hash).text) for row in rows
        )

    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int:
        with self._db.read() as connection:
            return lanes.count(connection, lanes.IN, lane.source, lane.purpose, height)

    async def arriving(self, lane: Lane) -> Arriving:
        with self._db.read() as connection:
            inbound = lanes.count(connection, lanes.IN, lane.source, lane.purpose, None)
            stopped = lanes.is_stopped(connection, lane.source, lane.purpose)
            time = max(self._last(connection).time, self._now(connection))
            return Arriving(inbound, stopped, time)

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        query = (
            select(inbox, entry.c.hash, entry.c.time)
            .join(entry, entry.c.height == inbox.c.height)
            .where(inbox.c.height.between(first, last))
            .order_by(inbox.c.serial)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Delivery(
                Bytes32(row.id),
                Lane(LedgerId(row.source), self._id, Purpose(row.purpose)),
                row.nonce,
                DeliveryStatus(row.status),
                row.reason,
                journal.block_of(row),
            )
            for row in rows
        )

    async def acknowledged_nonce(self, lane: Lane, height: int | None = None) -> int:
        with self._db.read() as connection:
            return lanes.count(connection, lanes.ACKNOWLEDGED, lane.destination, lane.purpose, height)

    async def standing(self, message_id: Bytes32, height: int | None = None) -> Standing:
        with self._db.read() as connection:
            return returns.standing(connection, message_id, height)

    async def refunds(self, first: int, last: int) -> tuple[Refunded, ...]:
        query = (
            select(outbox.c.id, outbox.c.destination, outbox.c.purpose, entry)
            .join(outbox, outbox.c.id == outbox_return.c.id)
            .join(entry, entry.c.height == outbox_return.c.height)
            .where(outbox_return.c.height.between(first, last))
            .where(outbox_return.c.standing == Standing.REFUNDED.value)
            .order_by(outbox_return.c.height)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Refunded(
                Bytes32(row.id),
                Lane(self._id, LedgerId(row.destination), Purpose(row.purpose)),
                journal.block_of(row),
                Bytes32(row.hash).text,
            )
            for row in rows
        )

    async def fee_coverage(self, account: str) -> None:
        return None

    async def lane_stopped(self, peer: LedgerId, purpose: Purpose) -> bool:
        with self._db.read() as connection:
            return lanes.is_stopped(connection, peer, purpose)

    async def carrier(self, peer: LedgerId, purpose: Purpose) -> str:
        return ""  # book entry has no part in other networks: attestors vouch for its lanes

    async def vouched(self, kind: str, lane: Lane, ids: Sequence[Bytes32]) -> int:
        return 0

    async def queued(self, peers: Sequence[LedgerId]) -> dict[tuple[str, LedgerId], int]:
        return {}

    async def arrival_cap(self, security_id: Bytes32, source: LedgerId) -> ArrivalCap:
        with self._db.read() as connection:
            asset = self._configured(connection).of_security(security_id).asset
            return caps.cap_of(connection, asset, source)

    # the security

    async def issued(self, height: int | None = None) -> Units:
        """Units marked up here less those marked down: what the issue account owes."""
        with self._db.read() as connection:
            asset = self._configured(connection).asset
            if height is None:
                return Units(-register.balance(connection, asset, journal.ISSUE_ACCOUNT))
            balances = accounts.balances_at(connection, asset, height=height)
        return Units(-balances.get(journal.ISSUE_ACCOUNT, 0))

    async def supply(self, height: int | None = None) -> Units:
        with self._db.read() as connection:
            asset = self._configured(connection).asset
            balances = accounts.balances_at(connection, asset, height=height)
        return Units(sum(held for account, held in balances.items() if not journal.is_technical(account)))

    async def position(self, account: str, height: int | None = None) -> Units:
        with self._db.read() as connection:
            asset = self._configured(connection).asset
            if height is None:
                return Units(register.balance(connection, asset, account))
            return Units(accounts.balances_at(connection, asset, height=height).get(account, 0))

    async def positions_at(self, time: int) -> StruckPositions:
        block = await self.final_at(time)
        if block is None:
            raise TimeNotFinal(f"Time {time} is not over on {self._id} yet, or lies before its first entry.")
        with self._db.read() as connection:
            held = accounts.balances_at(connection, self._configured(connection).asset, time=time)
        balances = {
            account: Units(units) for account, units in held.items() if not journal.is_technical(account)
        }
        return StruckPositions(self._id, time, block, balances, Units(sum(map(int, balances.values()))))

    async def eligible_on_ledger(self, account: str, time: int) -> Units | None:
        """By postings, which the book keeps for ever: every past time counts as armed."""
        if not self._close_period(time):
            return None
        with self._db.read() as connection:
            return accounts.eligible_at(connection, self._configured(connection).asset, account, time)

    async def holder(self, account: str) -> HolderRecord | None:
        with self._db.read() as connection:
            return register.holder(connection, account)

    async def holders(self) -> dict[str, HolderRecord]:
        with self._db.read() as connection:
            return register.holders(connection)

    async def breakdowns(self, account: str) -> tuple[AttestedBreakdown, ...]:
        with self._db.read() as connection:
            asset = self._configured(connection).asset
            query = select(breakdown).where(breakdown.c.asset == asset, breakdown.c.account == account)
            rows = connection.execute(query.order_by(breakdown.c.sequence)).all()
        return tuple(AttestedBreakdown(row.as_of, Bytes32(row.root), Units(row.total)) for row in rows)

    async def verdict(self, source: str, target: str, units: Units) -> Restriction:
        """The rules' verdict now; an empty account stands for the issuer or another ledger."""
        kind = Kind.TRANSFER if target else Kind.BRIDGE_OUT
        movement = Movement(kind if source else Kind.ISSUE, source, target, units)
        with self._db.read() as connection:
            return ruling.judge(connection, self._configured(connection), movement, self._now(connection))

    async def key_control(self, account: str, holder: Bytes32) -> KeyControl | None:
        """The book knows its signers by name and asks for no proof."""
        return None

    @property
    def controls(self) -> BookControls:
        """What the book tells of freezes, rules and acts."""
        return BookControls(self._id, lambda: self._db.read(), self._configured, self._now)

    async def history(self, last: int) -> tuple[Record, ...]:
        with self._db.read() as connection:
            return history(connection, self._configured(connection), last)

    @property
    def evidence(self) -> BookEvidence:
        """Where the book records what became of messages."""
        return BookEvidence(lambda: self._db.read())

    # corporate actions and cash

    async def event(self, event_id: str) -> KnownEvent | None:
        with self._db.read() as connection:
            return actions.known_event(connection, event_id)

    async def events(self) -> tuple[KnownEvent, ...]:
        with self._db.read() as connection:
            return actions.known_events(connection)

    async def payments(self, event_id: str) -> tuple[Payment, ...]:
        query = (
            select(payment, entry.c.hash, entry.c.time)
            .join(entry, entry.c.height == payment.c.height)
            .where(payment.c.event_id == event_id)
            .order_by(payment.c.height, payment.c.account)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Payment(
                row.event_id, row.account, Minor(row.amount), journal.block_of(row), Bytes32(row.hash).text
            )
            for row in rows
        )

    async def held(self, event_id: str) -> tuple[HeldEntitlement, ...]:
        with self._db.read() as connection:
            return actions.held(connection, event_id)

    async def payee(self, account: str) -> Payee:
        with self._db.read() as connection:
            return actions.payee(connection, self._configured(connection), account, self._now(connection))

    async def cash(self, account: str) -> Minor:
        with self._db.read() as connection:
            currency = str(self._configured(connection).currency)
            return Minor(register.balance(connection, currency, account))

    # writes

    async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """Carry the command out at once. A refusal raises, and leaves no trace.

        Raises:
            ReferenceConflict: the reference stands for another command.
            NotAuthorised, CommandRefused, BatchRefused, RuleError, PaymentError, EventError: refused.
        """
        digest = keccak256(repr(command).encode())
        current: journal.Entry | None = None
        try:
            with self._db.write() as connection:
                configuration = self._configured(connection)
                stored = configuration.stored(reference)
                known = connection.execute(select(entry).where(entry.c.reference == stored)).first()
                if known is not None:
                    if known.command != digest.text:
                        raise ReferenceConflict(
                            f"Reference '{reference}' stands for another {known.kind} in entry "
                            f"{known.height}."
                        )
                    return _outcome(known, reference)
                instructions.require_authority(connection, configuration, command, signer.name)
                rules = self._rule_version(connection, configuration)
                current = self._begin(connection, stored, type(command).__name__, signer.name, digest)
                instructions.carry_out(current, configuration, command, signer.name)
                block = current.close()
        except RuleError:
            if current is not None:
                self._keep(current, rules)
            raise
        self._keep(current, rules, block.hash.text)
        return Outcome(reference, OutcomeState.FINAL, block.hash.text, block)

    async def decisions(self, first: int, last: int) -> list[DecisionRecord]:
        return []

    async def keep_refusal(self, movement: Movement, reference: str) -> None:
        with self._db.read() as connection:
            configuration = self._configured(connection)
            rules = self._rule_version(connection, configuration)
            asked = self._begin(connection, reference, "", "", Bytes32(bytes(32)))
            ruling.decide(asked, configuration, movement)
        self._keep(asked, rules)

    async def outcome(self, reference: str) -> Outcome:
        with self._db.read() as connection:
            stored = self._configured(connection).stored(reference)
            row = connection.execute(select(entry).where(entry.c.reference == stored)).first()
        return Outcome(reference, OutcomeState.UNKNOWN) if row is None else _outcome(row, reference)

    async def sender_of(self, reference: str) -> str:
        return ""

    async def execute(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """`submit`: what is booked is final."""
        return await self.submit(command, signer, reference)

    def _message(self, row: Row[Any]) -> Message:
        return Message(
            Lane(self._id, LedgerId(row.destination), Purpose(row.purpose)),
            row.nonce,
            row.timestamp,
            row.expiry,
            row.version,
            bytes(row.sender),
            bytes(row.recipient),
            bytes(row.payload),
        )


def _outcome(row: Row[Any], reference: str) -> Outcome:
    return Outcome(reference, OutcomeState.FINAL, row.hash, journal.block_of(row))
