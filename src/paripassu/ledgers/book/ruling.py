"""The rules' verdict on a movement in the book, from what the book stores (CTL-2)."""

from __future__ import annotations

from sqlalchemy import Connection, select

from paripassu.ledgers.book import register
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import UNITS, Entry
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
            _standing(connection, configuration),
            movement,
            _state(connection, movement.source),
            _state(connection, movement.target),
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
    bits = int(_setting(connection, PAUSED_CLASSES) or 0)
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def _standing(connection: Connection, configuration: BookConfiguration) -> Standing:
    limited = configuration.rules.holder_limit is not None
    return Standing(
        paused=_setting(connection, PAUSED) == "1",
        paused_classes=paused_classes(connection),
        holders=register.accounts_with_units(connection) if limited else {},
    )


def _state(connection: Connection, account: str) -> AccountState | None:
    if not account:
        return None
    return AccountState(
        register.holder(connection, account),
        register.is_frozen(connection, account),
        Units(register.balance(connection, UNITS, account)),
    )


def _setting(connection: Connection, name: str) -> str | None:
    return connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar()
