"""The book-entry ledger behind the `Ledger` port: an equal peer of the chains, in SQL.

Every command is one database transaction that writes one journal entry; an
entry is the book's block, and final as soon as it is committed. All calls
are short and local, so they are made without giving way to other tasks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from paripassu.commands import Command
from paripassu.database import Database
from paripassu.errors import (
    BookNotConfigured,
    CommandRefused,
    LedgerInconsistent,
    ReferenceConflict,
    TimeNotFinal,
    WrongChain,
)
from paripassu.identifiers import Bytes32, LedgerId, keccak256
from paripassu.ledgers.book import accounts, actions, gateway, instructions, journal
from paripassu.ledgers.book.check import check_book
from paripassu.ledgers.book.clock import Clock, SystemClock
from paripassu.ledgers.book.configuration import BookConfiguration, from_json, to_json
from paripassu.ledgers.book.journal import UNITS
from paripassu.ledgers.book.schema import BOOK_SCHEMA, breakdown, entry, inbox, outbox, payment, setting
from paripassu.ledgers.book.schema import configuration as configuration_table
from paripassu.ledgers.port import (
    AttestorSet,
    BlockRef,
    Delivery,
    DeliveryStatus,
    KnownEvent,
    Outcome,
    OutcomeState,
    Payment,
    SentMessage,
    Signer,
    StruckPositions,
)
from paripassu.messages import GatewayDomain, Lane, Message, Purpose
from paripassu.quantities import Minor, Units
from paripassu.rules import HolderRecord, Restriction


class BookLedger:
    """A book-entry ledger in its own database.

    Args:
        place: path of its database, or a SQLAlchemy URL.
        ledger_id: CAIP-2 id, `book:<name>`.
        name: the network file's name for it.
        clock: what time it is; an offset kept in the book is added to it (local networks only).
    """

    def __init__(
        self, place: Path | str, ledger_id: LedgerId, name: str = "", clock: Clock | None = None
    ) -> None:
        self._place = place
        self._id = ledger_id
        self._name = name or ledger_id.reference
        self._clock = clock or SystemClock()
        self._database: Database | None = None
        self._offset: int | None = None

    @property
    def id(self) -> LedgerId:
        return self._id

    @property
    def name(self) -> str:
        return self._name

    @property
    def domain(self) -> GatewayDomain:
        return GatewayDomain(self._id)

    async def open(self) -> None:
        """Open the database. Raises StoreError leaves, WrongChain where it is another ledger's."""
        if self._database is None:
            self._database = Database.open(self._place, BOOK_SCHEMA)
        configured = self.configuration()
        if configured is not None and configured.ledger != self._id:
            raise WrongChain(f"The book at hand is that of {configured.ledger}, not of {self._id}.")

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    # what the deploy engine and local networks use

    def configure(self, configuration: BookConfiguration) -> bool:
        """Set the book up, or change its set-up; False where it is set up so already.

        Raises:
            CommandRefused: another ledger or security than before, or changed attestors without a
                higher version.
        """
        if configuration.ledger != self._id:
            raise CommandRefused(f"A set-up for {configuration.ledger} does not fit the book {self._id}.")
        document = to_json(configuration)
        with self._db.write() as connection:
            known = _configuration(connection)
            if known is not None:
                if to_json(known) == document:
                    return False
                _require_successor(known, configuration)
            last = journal.last_entry(connection)
            height = 0 if last is None else int(last.height) + 1
            current = self._begin(
                connection, f"configure:{height}", "Configure", "", keccak256(document.encode())
            )
            connection.execute(insert(configuration_table).values(height=current.height, document=document))
            current.note(configuration=keccak256(document.encode()).text)
            current.close()
        return True

    def configuration(self) -> BookConfiguration | None:
        """The set-up in force; None before the first."""
        with self._db.read() as connection:
            return _configuration(connection)

    def set_paused(self, paused: bool, signer: Signer) -> None:
        """Pause or release all movements; PAUSER and UNPAUSER are different roles."""
        role = "pauser" if paused else "unpauser"
        with self._db.write() as connection:
            if not self._configured(connection).holds(role, signer.name):
                raise CommandRefused(f"'{signer.name}' does not hold the role {role} on {self._id}.")
            reference = f"{role}:{journal.begin(connection, 0, '', '', '', Bytes32(bytes(32))).height}"
            current = self._begin(connection, reference, "Pause", signer.name, keccak256(role.encode()))
            _set(connection, "paused", "1" if paused else "0")
            current.note(paused=paused)
            current.close()

    def set_time_offset(self, seconds: int) -> None:
        """Let the book's clock run `seconds` ahead of (or behind) the machine's; local networks only."""
        with self._db.write() as connection:
            _set(connection, "time_offset", str(int(seconds)))

    def time_offset(self) -> int:
        with self._db.read() as connection:
            return _offset(connection)

    def check(self) -> int:
        """Verify every hash and sum; returns the number of postings. Raises BookTampered."""
        with self._db.read() as connection:
            return check_book(connection)

    def breakdown_of(self, account: str) -> tuple[int, Bytes32, Units, int, bool] | None:
        """The latest attested breakdown: as-of time, root, total, sequence, and whether it is stale."""
        query = select(breakdown).where(breakdown.c.account == account).order_by(breakdown.c.sequence.desc())
        with self._db.read() as connection:
            row = connection.execute(query.limit(1)).first()
            if row is None:
                return None
            stale = accounts.balance(connection, UNITS, account) < row.total
        return row.as_of, Bytes32(row.root), Units(row.total), row.sequence, stale

    # blocks

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
        return None if row is None else _block(row)

    async def block_at(self, height: int) -> BlockRef:
        with self._db.read() as connection:
            row = connection.execute(select(entry).where(entry.c.height == height)).first()
        if row is None:
            raise LedgerInconsistent(f"{self._id} has no entry {height}.")
        return _block(row)

    # messages

    async def attestor_set(self) -> AttestorSet:
        with self._db.read() as connection:
            return self._configured(connection).attestors

    async def sent_count(self, lane: Lane, height: int) -> int:
        with self._db.read() as connection:
            return gateway.count(connection, "out", lane.destination, lane.purpose, height)

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        query = (
            select(outbox, entry.c.hash, entry.c.time)
            .join(entry, entry.c.height == outbox.c.height)
            .where(outbox.c.height.between(first, last))
            .order_by(outbox.c.height, outbox.c.destination, outbox.c.purpose, outbox.c.nonce)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return tuple(SentMessage(self._message(row), _block(row), Bytes32(row.hash).text) for row in rows)

    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int:
        with self._db.read() as connection:
            return gateway.count(connection, "in", lane.source, lane.purpose, height)

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
                _block(row),
            )
            for row in rows
        )

    # the security

    async def issued(self, height: int | None = None) -> Units:
        """Units marked up here less those marked down: what the issue account owes."""
        with self._db.read() as connection:
            if height is None:
                return Units(-accounts.balance(connection, UNITS, journal.ISSUE_ACCOUNT))
            balances = accounts.balances_at(connection, UNITS, height=height)
        return Units(-balances.get(journal.ISSUE_ACCOUNT, 0))

    async def supply(self, height: int | None = None) -> Units:
        with self._db.read() as connection:
            balances = accounts.balances_at(connection, UNITS, height=height)
        return Units(sum(held for account, held in balances.items() if not journal.is_technical(account)))

    async def position(self, account: str, height: int | None = None) -> Units:
        with self._db.read() as connection:
            if height is None:
                return Units(accounts.balance(connection, UNITS, account))
            return Units(accounts.balances_at(connection, UNITS, height=height).get(account, 0))

    async def positions_at(self, time: int) -> StruckPositions:
        block = await self.final_at(time)
        if block is None:
            raise TimeNotFinal(f"Time {time} is not over on {self._id} yet, or lies before its first entry.")
        with self._db.read() as connection:
            held = accounts.balances_at(connection, UNITS, time=time)
        balances = {
            account: Units(units) for account, units in held.items() if not journal.is_technical(account)
        }
        return StruckPositions(self._id, time, block, balances, Units(sum(map(int, balances.values()))))

    async def eligible_on_ledger(self, account: str, time: int) -> Units | None:
        """By postings, which the book keeps for ever: every past time counts as armed."""
        if not self._close_period(time):
            return None
        with self._db.read() as connection:
            return accounts.eligible_at(connection, account, time)

    async def holder(self, account: str) -> HolderRecord | None:
        with self._db.read() as connection:
            return accounts.holder(connection, account)

    async def holders(self) -> dict[str, HolderRecord]:
        with self._db.read() as connection:
            return accounts.holders(connection)

    async def verdict(self, source: str, target: str, units: Units) -> Restriction:
        """The rules' verdict now; an empty account stands for the issuer or another ledger."""
        with self._db.read() as connection:
            return accounts.judge(
                connection,
                self._configured(connection),
                source or None,
                target or None,
                units,
                self._now(connection),
            )

    # corporate actions and cash

    async def event(self, event_id: str) -> KnownEvent | None:
        with self._db.read() as connection:
            return actions.known_event(connection, event_id)

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
            Payment(row.event_id, row.account, Minor(row.amount), _block(row), Bytes32(row.hash).text)
            for row in rows
        )

    async def cash(self, account: str) -> Minor:
        with self._db.read() as connection:
            currency = str(self._configured(connection).currency)
            return Minor(accounts.balance(connection, currency, account))

    # writes

    async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """Carry the command out at once. A refusal raises, and leaves no trace.

        Raises:
            ReferenceConflict: the reference stands for another command.
            NotAuthorised, CommandRefused, BatchRefused, RuleError, PaymentError, EventError: refused.
        """
        digest = keccak256(repr(command).encode())
        with self._db.write() as connection:
            configuration = self._configured(connection)
            known = connection.execute(select(entry).where(entry.c.reference == reference)).first()
            if known is not None:
                if known.command != digest.text:
                    raise ReferenceConflict(
                        f"Reference '{reference}' stands for another {known.kind} in entry {known.height}."
                    )
                return _outcome(known)
            instructions.require_authority(connection, configuration, command, signer.name)
            current = self._begin(connection, reference, type(command).__name__, signer.name, digest)
            instructions.carry_out(current, configuration, command, signer.name)
            block = current.close()
        return Outcome(reference, OutcomeState.FINAL, block.hash.text, block)

    async def outcome(self, reference: str) -> Outcome:
        with self._db.read() as connection:
            row = connection.execute(select(entry).where(entry.c.reference == reference)).first()
        return Outcome(reference, OutcomeState.UNKNOWN) if row is None else _outcome(row)

    async def execute(self, command: Command, signer: Signer, reference: str) -> Outcome:
        """`submit`: what is booked is final."""
        return await self.submit(command, signer, reference)

    # inside

    @property
    def _db(self) -> Database:
        if self._database is None:
            raise BookNotConfigured(f"The book {self._id} is not open.")
        return self._database

    def _configured(self, connection: Connection) -> BookConfiguration:
        found = _configuration(connection)
        if found is None:
            raise BookNotConfigured(f"The book {self._id} has not been set up yet.")
        return found

    def _now(self, connection: Connection) -> int:
        return self._clock.now() + _offset(connection)

    def _begin(
        self, connection: Connection, reference: str, kind: str, signer: str, command: Bytes32
    ) -> journal.Entry:
        return journal.begin(connection, self._now(connection), reference, kind, signer, command)

    def _last(self, connection: Connection) -> BlockRef:
        row = journal.last_entry(connection)
        if row is None:
            raise BookNotConfigured(f"The book {self._id} has not been set up yet.")
        return _block(row)

    def _close_period(self, time: int) -> bool:
        """Make sure that no later entry can carry a time up to `time`; False while that time runs."""
        with self._db.read() as connection:
            last, now = self._last(connection), self._now(connection)
        if last.time > time:
            return True
        if now <= time:
            return False
        with self._db.write() as connection:
            current = self._begin(connection, f"close:{time}:{last.height}", "Close", "", Bytes32(bytes(32)))
            if current.height == last.height + 1:
                current.note(closed=time)
                current.close()
        return True

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


def _configuration(connection: Connection) -> BookConfiguration | None:
    document = connection.execute(
        select(configuration_table.c.document).order_by(configuration_table.c.height.desc()).limit(1)
    ).scalar()
    return None if document is None else from_json(document)


def _require_successor(known: BookConfiguration, wanted: BookConfiguration) -> None:
    if (known.isin, known.security_id) != (wanted.isin, wanted.security_id):
        raise CommandRefused(
            f"The book keeps {known.isin} with the security id {known.security_id}; it cannot become the "
            f"book of {wanted.isin} with {wanted.security_id}."
        )
    if known.attestors != wanted.attestors and wanted.attestors.version <= known.attestors.version:
        raise CommandRefused(
            f"Changed attestors need a version above {known.attestors.version}, "
            f"{wanted.attestors.version} was given."
        )


def _block(row: Row[Any]) -> BlockRef:
    return BlockRef(row.height, Bytes32(row.hash), row.time)


def _outcome(row: Row[Any]) -> Outcome:
    return Outcome(row.reference, OutcomeState.FINAL, row.hash, _block(row))


def _offset(connection: Connection) -> int:
    value = connection.execute(select(setting.c.value).where(setting.c.name == "time_offset")).scalar()
    return int(value) if value is not None else 0


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(delete(setting).where(setting.c.name == name))
    connection.execute(insert(setting).values(name=name, value=value))
