"""`IntentLog` over the store: every transaction is kept with its bytes before it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, Row, insert, select, update

from paripassu.database import Database
from paripassu.errors import ClaimLost
from paripassu.ledgers.intents import Intent, Settled
from paripassu.store import audit
from paripassu.store.claims import Claims, guard
from paripassu.store.schema import submission
from paripassu.store.sharing import NONCES, nonces_of

OUTSTANDING, FINAL, REFUSED, DEAD = "OUTSTANDING", "FINAL", "REFUSED", "DEAD"


_AT_ONCE = 500


class SqlIntentLog:
    """See `paripassu.ledgers.intents.IntentLog`; durable when a call returns."""

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, claims: Sequence[Claims] = ()
    ) -> None:
        self._database = database
        self._clock = clock
        self._claims = claims

    def tenure(self, ledger: str, sender: str) -> str:
        covering = [claims for claims in self._claims if claims.covers(ledger, sender)]
        tokens = self._tokens(ledger, sender)
        if covering and not tokens:
            raise ClaimLost(f"The nonces of {sender} on {ledger} belong to another relayer.")
        return "".join(tokens)

    def _tokens(self, ledger: str, sender: str) -> list[str]:
        name = nonces_of(ledger, sender)
        held = [claims.tenure(NONCES).tokens.get(name, "") for claims in self._claims]
        return [token for token in held if token]

    def find(self, reference: str) -> tuple[Intent, ...]:
        query = select(submission).where(submission.c.reference == reference).order_by(submission.c.id)
        with self._database.read() as connection:
            return tuple(_intent(row) for row in connection.execute(query))

    def settled(self, reference: str) -> Settled | None:
        """The end of a reference: FINAL or REFUSED by any of its transactions; DEAD when all are dead."""
        query = select(submission).where(submission.c.reference == reference).order_by(submission.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.status in (FINAL, REFUSED):
                return _settled(row)
        if rows and all(row.status == DEAD for row in rows):
            return _settled(rows[-1])
        return None

    def outstanding(self, ledger: str, sender: str) -> tuple[Intent, ...]:
        query = (
            select(submission)
            .where(
                submission.c.ledger == ledger,
                submission.c.sender == sender,
                submission.c.status == OUTSTANDING,
            )
            .order_by(submission.c.nonce, submission.c.id)
        )
        with self._database.read() as connection:
            return tuple(_intent(row) for row in connection.execute(query))

    def references(self, transactions: Iterable[str]) -> dict[str, str]:
        """The callers' references of transactions that were sent from here, by transaction."""
        names = sorted(set(transactions))
        query = select(submission.c.transaction, submission.c.reference)
        with self._database.read() as connection:
            return {
                row.transaction: row.reference.rpartition("@")[0] or row.reference
                for start in range(0, len(names), _AT_ONCE)
                for row in connection.execute(
                    query.where(submission.c.transaction.in_(names[start : start + _AT_ONCE]))
                )
            }

    def record(self, intent: Intent) -> None:
        """Store one intent; the same transaction again is a no-op.

        Raises:
            ClaimLost, ClaimHeld: another process owns the key's nonces there, or was faster with the
                reference; nothing is stored.
        """
        known = select(submission.c.id).where(
            submission.c.ledger == intent.ledger, submission.c.transaction == intent.transaction
        )
        with self._database.write() as connection:
            tokens = self._tokens(intent.ledger, intent.sender)
            guard(connection, self._clock, intent.ledger, intent.sender, tokens)
            if connection.execute(known).first() is not None:
                return
            _require_one_nonce(connection, intent)
            connection.execute(
                insert(submission).values(
                    reference=intent.reference,
                    ledger=intent.ledger,
                    sender=intent.sender,
                    nonce=intent.nonce,
                    transaction=intent.transaction,
                    raw=intent.raw,
                    status=OUTSTANDING,
                    height=0,
                    reason="",
                    gas_used=0,
                )
            )
            audit.append(
                connection,
                self._clock(),
                "intent.recorded",
                intent.reference,
                {
                    "ledger": intent.ledger,
                    "nonce": intent.nonce,
                    "sender": intent.sender,
                    "transaction": intent.transaction,
                },
            )

    def settle(self, result: Settled) -> None:
        """Record how a transaction ended. Others with its key and nonce are dead once one is in a block."""
        with self._database.write() as connection:
            row = connection.execute(
                select(submission).where(
                    submission.c.reference == result.reference,
                    submission.c.transaction == result.transaction,
                )
            ).first()
            if row is None or row.status == result.status:
                return
            connection.execute(
                update(submission)
                .where(submission.c.id == row.id)
                .values(
                    status=result.status, height=result.height, reason=result.reason, gas_used=result.gas_used
                )
            )
            if result.status in (FINAL, REFUSED):
                connection.execute(
                    update(submission)
                    .where(
                        submission.c.ledger == row.ledger,
                        submission.c.sender == row.sender,
                        submission.c.nonce == row.nonce,
                        submission.c.status == OUTSTANDING,
                    )
                    .values(status=DEAD, reason=f"nonce {row.nonce} was used by {result.transaction}")
                )
            audit.append(
                connection,
                self._clock(),
                "intent.settled",
                result.reference,
                {
                    "status": result.status,
                    "transaction": result.transaction,
                    "height": result.height,
                    "reason": result.reason,
                    "gas_used": result.gas_used,
                },
            )


def _require_one_nonce(connection: Connection, intent: Intent) -> None:
    """A reference has one nonce of one key at a time: what is about to be sent may only replace it."""
    same = (submission.c.sender == intent.sender) & (submission.c.nonce == intent.nonce)
    other = select(submission.c.id).where(
        submission.c.reference == intent.reference,
        submission.c.ledger == intent.ledger,
        submission.c.status == OUTSTANDING,
        ~same,
    )
    if connection.execute(other).first() is not None:
        raise ClaimLost(f"Another process is sending {intent.reference} on {intent.ledger} already.")


def _intent(row: Row[tuple[object, ...]]) -> Intent:
    values = row._mapping
    return Intent(
        reference=str(values["reference"]),
        ledger=str(values["ledger"]),
        sender=str(values["sender"]),
        nonce=int(values["nonce"]),
        transaction=str(values["transaction"]),
        raw=bytes(values["raw"]),
    )


def _settled(row: Row[tuple[object, ...]]) -> Settled:
    values = row._mapping
    return Settled(
        reference=str(values["reference"]),
        transaction=str(values["transaction"]),
        status=str(values["status"]),
        height=int(values["height"]),
        reason=str(values["reason"]),
        gas_used=int(values["gas_used"]),
    )
