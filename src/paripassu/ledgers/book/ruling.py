"""The rules' verdict on a movement in the book, from what the book stores (CTL-2)."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from paripassu.ledgers.book import encumbrances, register
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import setting
from paripassu.quantities import Units
from paripassu.rules import (
    AccountState,
    Case,
    Kind,
    Movement,
    Restriction,
    Standing,
    refusal,
    verdict,
)

PAUSED = "paused"
PAUSED_CLASSES = "paused_classes"
STOPPED_UNTIL = "stopped_until"


def judge(
    connection: Connection,
    configuration: BookConfiguration,
    movement: Movement,
    now: int,
) -> Restriction:
    """The verdict of the rules on a movement; an empty account is the issuer or another ledger."""
    return verdict(
        Case(
            configuration.rules,
            standing(connection, configuration),
            movement,
            _state(connection, movement.source, now),
            _state(connection, movement.target, now),
            now,
        )
    )


def require_allowed(
    entry: Entry, configuration: BookConfiguration, kind: Kind, source: str, target: str, units: Units
) -> None:
    """Raise the RuleError of the restriction that refuses the movement."""
    restriction = judge(entry.connection, configuration, Movement(kind, source, target, units), entry.time)
    if restriction is not Restriction.NONE:
        raise refusal(restriction, source=source, target=target, units=units, ledger=configuration.ledger)


def paused_classes(connection: Connection) -> frozenset[int]:
    """Investor classes whose holders' units do not move."""
    bits = int(read_setting(connection, PAUSED_CLASSES) or 0)
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def stopped_until(connection: Connection) -> int:
    """Last second of an emergency stop; 0 when there was none."""
    return int(read_setting(connection, STOPPED_UNTIL) or 0)


def standing(connection: Connection, configuration: BookConfiguration) -> Standing:
    limited = configuration.rules.holder_limit is not None
    return Standing(
        paused=read_setting(connection, PAUSED) == "1",
        stopped_until=stopped_until(connection),
        paused_classes=paused_classes(connection),
        holders=register.accounts_with_units(connection) if limited else {},
    )


def _state(connection: Connection, account: str, now: int) -> AccountState | None:
    return encumbrances.state(connection, account, now) if account else None


def setread_setting(connection: Connection, name: str, value: str) -> None:
    """Change one setting of the book."""
    connection.execute(delete(setting).where(setting.c.name == name))
    connection.execute(insert(setting).values(name=name, value=value))


def read_setting(connection: Connection, name: str) -> str | None:
    """One setting of the book; None where it was never made."""
    return connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar()
