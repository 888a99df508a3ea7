"""The book itself: opening it, setting it up, its clock, its proofs; the ledger's port builds on this."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, select

from paripassu import __version__
from paripassu.database import Database
from paripassu.errors import BookNotConfigured, CommandRefused, WrongChain
from paripassu.identifiers import Bytes32, LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.book import controls, journal, register, ruling
from paripassu.ledgers.book.check import check_book
from paripassu.ledgers.book.clock import Clock, SystemClock
from paripassu.ledgers.book.configuration import BookConfiguration, from_json, to_json
from paripassu.ledgers.book.schema import BOOK_SCHEMA, breakdown, setting
from paripassu.ledgers.book.schema import configuration as configuration_table
from paripassu.ledgers.decisions import DecisionLog
from paripassu.messages import GatewayDomain
from paripassu.quantities import Units
from paripassu.rules import DecisionRecord, RuleVersion, inputs_of


class Book:
    """A book-entry ledger's own database.

    Args:
        place: path of its database, or a SQLAlchemy URL.
        ledger_id: CAIP-2 id, `book:<name>`.
        name: the network file's name for it.
        clock: what time it is; an offset kept in the book is added to it (local networks only).
        isin: the security that is meant; the book's first one where none is named.
        decisions: where the rules' verdicts on instructions are kept; nowhere where none is given.
    """

    def __init__(
        self,
        place: Path | str,
        ledger_id: LedgerId,
        name: str = "",
        clock: Clock | None = None,
        isin: str = "",
        *,
        decisions: DecisionLog | None = None,
    ) -> None:
        self._place = place
        self._id = ledger_id
        self._name = name or ledger_id.reference
        self._clock = clock or SystemClock()
        self._isin = isin
        self._decisions = decisions
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
            CommandRefused: another ledger than before, a security that is kept no longer or with another
                id or asset, or changed attestors without a higher version.
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

    def set_time_offset(self, seconds: int) -> None:
        """Let the book's clock run `seconds` ahead of (or behind) the machine's; local networks only."""
        with self._db.write() as connection:
            ruling.set_setting(connection, "time_offset", str(int(seconds)))

    def time_offset(self) -> int:
        with self._db.read() as connection:
            return _offset(connection)

    def check(self) -> int:
        """Verify every hash and sum; returns the number of postings. Raises BookTampered."""
        with self._db.read() as connection:
            return check_book(connection)

    def breakdown_of(self, account: str) -> tuple[int, Bytes32, Units, int, bool] | None:
        """The latest attested breakdown: as-of time, root, total, sequence, and whether it is stale."""
        with self._db.read() as connection:
            asset = self._configured(connection).asset
            query = select(breakdown).where(breakdown.c.asset == asset, breakdown.c.account == account)
            row = connection.execute(query.order_by(breakdown.c.sequence.desc()).limit(1)).first()
            if row is None:
                return None
            stale = register.balance(connection, asset, account) < row.total
        return row.as_of, Bytes32(row.root), Units(row.total), row.sequence, stale

    # inside

    @property
    def _db(self) -> Database:
        if self._database is None:
            raise BookNotConfigured(f"The book {self._id} is not open.")
        return self._database

    def _configured(self, connection: Connection) -> BookConfiguration:
        """The set-up in force, with the rules as they were last changed and the security at hand."""
        found = _configuration(connection)
        if found is None:
            raise BookNotConfigured(f"The book {self._id} has not been set up yet.")
        return controls.in_force(connection, found).of(self._isin)

    @staticmethod
    def _rule_version(connection: Connection, configuration: BookConfiguration) -> RuleVersion:
        changes = controls.count_rule_changes(connection, configuration.asset)
        return RuleVersion(changes, __version__, configuration.security.security_id.text)

    def _now(self, connection: Connection) -> int:
        return self._clock.now() + _offset(connection)

    def _begin(
        self, connection: Connection, reference: str, kind: str, signer: str, command: Bytes32
    ) -> journal.Entry:
        return journal.begin(connection, self._now(connection), reference, kind, signer, command)

    def _keep(self, current: journal.Entry, rules: RuleVersion, transaction: str = "") -> None:
        """Keep the verdicts of an entry that was booked or, where no transaction is named, refused."""
        if self._decisions is None:
            return
        made = current.decisions if transaction else journal.refusals(current.decisions)
        self._decisions.append(
            [
                DecisionRecord(
                    self._id,
                    current.height - 1,
                    current.reference,
                    transaction,
                    position,
                    rules,
                    inputs_of(case),
                    code,
                )
                for position, (case, code) in enumerate(made)
            ]
        )

    def _last(self, connection: Connection) -> BlockRef:
        row = journal.last_entry(connection)
        if row is None:
            raise BookNotConfigured(f"The book {self._id} has not been set up yet.")
        return journal.block_of(row)

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


def _configuration(connection: Connection) -> BookConfiguration | None:
    document = connection.execute(
        select(configuration_table.c.document).order_by(configuration_table.c.height.desc()).limit(1)
    ).scalar()
    return None if document is None else from_json(document)


def _require_successor(known: BookConfiguration, wanted: BookConfiguration) -> None:
    kept = {(one.isin, one.security_id, one.asset) for one in wanted.securities}
    for one in known.securities:
        if (one.isin, one.security_id, one.asset) not in kept:
            raise CommandRefused(
                f"The book keeps {one.isin} with the security id {one.security_id} as {one.asset}, and goes "
                f"on to: the set-up has no such security."
            )
    if known.attestors != wanted.attestors and wanted.attestors.version <= known.attestors.version:
        raise CommandRefused(
            f"Changed attestors need a version above {known.attestors.version}, "
            f"{wanted.attestors.version} was given."
        )


def _offset(connection: Connection) -> int:
    value = connection.execute(select(setting.c.value).where(setting.c.name == "time_offset")).scalar()
    return int(value) if value is not None else 0
