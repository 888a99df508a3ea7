"""Claims: who works on what, where any number of relayers share one store.

Units of work, each a row that at most one process holds:

* `nonces`: a key on a ledger. Only its holder chooses nonces for it.
* `deliver`, `acknowledge`: a lane's way there and its way back. Only who may send to the ledger
  in question holds one: it holds the nonces of its own key there too.
* `read`: a ledger, read for the relayers' records.

A claim ends when it is given back, when its holder's process is gone (seen at once on the same
machine), or when it was not renewed in time. Every act that follows from a claim is fenced by the
token of that very tenure, in the transaction that stores the act: a process that was paused and wakes
up finds its token gone or run out, and does nothing. Time is the database server's where there is
one, since clocks of machines differ.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    Float,
    Label,
    Row,
    cast,
    delete,
    extract,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy import tuple_ as row_of

from paripassu.database import Database
from paripassu.errors import ClaimHeld, ClaimLost
from paripassu.store import audit, processes
from paripassu.store.schema import claim as claim_table
from paripassu.store.schema import relayer as relayer_table
from paripassu.store.sharing import NONCES, Decision, Place, Unit, decide_all, nonces_of

CLAIM_SECONDS = 20.0
LOOKS = 4
"""Looks at the claims in one tick at most."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Tenure:
    """Units of one kind that are ours now, each with the token by which this tenure of it is known."""

    kind: str
    tokens: Mapping[str, str]
    clock: Clock

    def __contains__(self, name: str) -> bool:
        return name in self.tokens

    def check(self, connection: Connection, name: str) -> None:
        """Fence what follows in the transaction. Raises ClaimLost unless the unit is still ours."""
        row = connection.execute(
            select(claim_table.c.token, claim_table.c.expires, _now(connection, self.clock))
            .where(claim_table.c.kind == self.kind, claim_table.c.name == name)
            .with_for_update()
        ).first()
        if row is None or row.token != self.tokens.get(name, "none") or row.expires <= float(row.now):
            raise ClaimLost(f"The claim on {self.kind} {name} went to another process, or ran out.")


class Claims:
    """The claims of one relayer in one process.

    Args:
        name: the relayer's, for people.
        key: address by which it sends; relayers of one key share the key's ledgers among themselves.
        units: all that this relayer can do.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        name: str,
        key: str,
        units: Iterable[Unit],
        process: processes.Process | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self.key = key
        self._units = tuple(units)
        self._process = process or processes.this_process()
        self.id = uuid.uuid4().hex
        self._held: dict[tuple[str, str], str] = {}

    def join(self) -> None:
        """Make this relayer known, and take what is free."""
        with self._database.write() as connection:
            self._register(connection)
            known = {(row.kind, row.name) for row in connection.execute(select(claim_table))}
            new = {(unit.kind, unit.name) for unit in self._units} - known
            blank = {"holder": "", "token": "", "wanted": "", "expires": 0.0}
            if new:
                rows = [{"kind": kind, "name": name, **blank} for kind, name in sorted(new)]
                connection.execute(insert(claim_table), rows)
        self.tick()

    def tick(self) -> bool:
        """Renew what is ours, give up, take and ask for what is due; True where what is ours changed."""
        before = dict(self._held)
        # who got the nonces of a key may do lanes, which is to be seen in another look
        for _ in range(LOOKS):
            if not self._share():
                break
        return before != self._held

    def leave(self) -> None:
        """Give everything back; nothing happens to what is no longer ours."""
        self._held = {}
        with self._database.write() as connection:
            now = _time(connection, self._clock)
            ours = claim_table.c.holder == self.id
            connection.execute(update(claim_table).where(ours).values(**_free(now)))
            connection.execute(delete(relayer_table).where(relayer_table.c.id == self.id))

    def tenure(self, kind: str) -> Tenure:
        """What of a kind is ours now, as far as this process knows; `Tenure.check` asks the store."""
        held = {name: token for (own, name), token in self._held.items() if own == kind}
        return Tenure(kind, held, self._clock)

    def covers(self, ledger: str, sender: str) -> bool:
        """Whether nonces of a key on a ledger are among what this relayer may claim."""
        return sender == self.key and any(
            unit.kind == NONCES and unit.name == nonces_of(ledger, sender) for unit in self._units
        )

    def owned(self, ledger: str, sender: str) -> bool:
        """Whether a live relayer, this or another, owns the nonces of a key on a ledger."""
        where = (claim_table.c.kind == NONCES, claim_table.c.name == nonces_of(ledger, sender))
        with self._database.read() as connection:
            row = connection.execute(select(claim_table).where(*where)).first()
            now = _time(connection, self._clock)
            return row is not None and bool(_place(row, now, _live(connection, now)).holder)

    def _share(self) -> bool:
        """One look at all claims; True where something was taken or given up."""
        with self._database.read() as connection:
            now = _time(connection, self._clock)
            rows = connection.execute(
                select(claim_table).order_by(claim_table.c.kind, claim_table.c.name)
            ).all()
            keys = _live(connection, now)
        mine = [row for row in rows if row.holder == self.id and row.expires > now]
        self._held = {(row.kind, row.name): row.token for row in mine}
        if self.id not in keys or any(row.expires < now + 0.75 * CLAIM_SECONDS for row in mine):
            self._renew()
        if self.id not in keys:
            return True  # thought dead meanwhile: looked at again as one that lives
        decision = decide_all(self.id, self.key, self._units, [_place(row, now, keys) for row in rows], keys)
        return decision != Decision() and self._carry_out(decision)

    def _renew(self) -> None:
        """Extend what is ours and has not run out; a relayer that was thought dead is known again."""
        with self._database.aside() as connection:
            now = _time(connection, self._clock)
            until = {"expires": now + CLAIM_SECONDS}
            here = connection.execute(
                update(relayer_table).where(relayer_table.c.id == self.id).values(**until)
            )
            if here.rowcount == 0:
                self._register(connection)
            ours = claim_table.c.holder == self.id
            connection.execute(update(claim_table).where(ours, claim_table.c.expires > now).values(**until))

    def _register(self, connection: Connection) -> None:
        who = self._process
        connection.execute(
            insert(relayer_table).values(
                id=self.id,
                name=self._name,
                key=self.key,
                pid=who.pid,
                host=who.host,
                realm=who.realm,
                started=who.started,
                expires=_time(connection, self._clock) + CLAIM_SECONDS,
            )
        )

    def _carry_out(self, decision: Decision) -> bool:
        """What was decided, as far as it still holds; rows that somebody else is at are passed over."""
        changed = False
        with self._database.write() as connection:
            now = _time(connection, self._clock)
            keys = _live(connection, now)
            wanted = sorted({*decision.take, *decision.want, *decision.give})
            rows = connection.execute(
                select(claim_table)
                .where(row_of(claim_table.c.kind, claim_table.c.name).in_(wanted))
                .with_for_update(skip_locked=True)
            ).all()
            taken: list[Row[tuple[object, ...]]] = []
            for row in rows:
                unit, held = (row.kind, row.name), bool(_place(row, now, keys).holder)
                if unit in decision.take and not held:
                    token = uuid.uuid4().hex
                    until = now + CLAIM_SECONDS
                    _set(connection, unit, holder=self.id, token=token, wanted="", expires=until)
                    self._held[unit] = token
                    taken.append(row)
                elif unit in decision.give and row.holder == self.id:
                    _set(connection, unit, **_free(now))
                    self._held.pop(unit, None)
                    changed = True
                elif unit in decision.want and held:
                    _set(connection, unit, wanted=self.id)
            gone = connection.execute(select(relayer_table.c.id)).scalars().all()
            connection.execute(
                delete(relayer_table).where(relayer_table.c.id.in_([one for one in gone if one not in keys]))
            )
            if taken:
                self._note(connection, now, taken)
        return changed or bool(taken)

    def _note(self, connection: Connection, now: float, rows: Sequence[Row[tuple[object, ...]]]) -> None:
        """In the audit log: what was taken, and from whom where its holder died or was silent."""
        facts = {
            "relayer": self.id,
            "pid": self._process.pid,
            "host": self._process.host,
            "units": [f"{row.kind} {row.name}" for row in rows],
            "from": sorted({str(row.holder) for row in rows if row.token}),
        }
        audit.append(connection, now, "claims.taken", self._name, facts)


def live_relayers(connection: Connection, clock: Clock) -> tuple[str, ...]:
    """Who works on the store now: name, process and host of each relayer that lives."""
    keys = _live(connection, _time(connection, clock))
    rows = connection.execute(select(relayer_table).order_by(relayer_table.c.id))
    return tuple(f"'{row.name}', process {row.pid} on {row.host}" for row in rows if row.id in keys)


def guard(connection: Connection, clock: Clock, ledger: str, sender: str, tokens: Iterable[str]) -> None:
    """Let only the owner of a key's nonces on a ledger store what it is about to send.

    Args:
        tokens: of the tenures that this process has of them.

    Raises:
        ClaimLost: this process had a tenure, and has it no more.
        ClaimHeld: another live process owns them; the sentence names it.
    """
    name = nonces_of(ledger, sender)
    ours = tuple(tokens)
    for token in ours:
        Tenure(NONCES, {name: token}, clock).check(connection, name)
    row = connection.execute(
        select(claim_table).where(claim_table.c.kind == NONCES, claim_table.c.name == name)
    ).first()
    if ours or row is None:
        return
    now = _time(connection, clock)
    holder = _place(row, now, _live(connection, now)).holder
    if holder:
        who = connection.execute(select(relayer_table).where(relayer_table.c.id == holder)).one()
        raise ClaimHeld(
            f"Only relayer '{who.name}', process {who.pid} on {who.host}, sends by {sender} on {ledger} now; "
            f"stop it, or send by another key."
        )


def _now(connection: Connection, clock: Clock) -> Label[float]:
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Float).label("now")
    return literal(clock(), Float).label("now")


def _time(connection: Connection, clock: Clock) -> float:
    """Seconds since the epoch: the database server's, this machine's where the database is a file."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(select(_now(connection, clock))).scalar_one())
    return clock()


def _live(connection: Connection, now: float) -> dict[str, str]:
    """Relayers that live, as far as can be told from here, each with its key."""
    rows = connection.execute(select(relayer_table).where(relayer_table.c.expires > now))
    return {row.id: row.key for row in rows if processes.alive(row.pid, row.started, row.realm)}


def _place(row: Row[tuple[object, ...]], now: float, live: Mapping[str, str]) -> Place:
    held = bool(row.token) and row.expires > now and row.holder in live
    wanted = row.wanted if row.wanted in live else ""
    return Place(row.kind, row.name, row.holder if held else "", wanted, max(0.0, now - row.expires))


def _free(now: float) -> dict[str, object]:
    return {"holder": "", "token": "", "wanted": "", "expires": now}


def _set(connection: Connection, unit: tuple[str, str], **values: object) -> None:
    where = (claim_table.c.kind == unit[0], claim_table.c.name == unit[1])
    connection.execute(update(claim_table).where(*where).values(**values))
