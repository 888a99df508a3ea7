"""The rules' verdict on a movement in the book, from what the book stores (CTL-2)."""

from __future__ import annotations

from collections.abc import Callable

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

Judge = Callable[[Movement], Restriction]
PAUSED = "paused"
PAUSED_CLASSES = "paused_classes"
STOPPED_UNTIL = "stopped_until"


def case(
    connection: Connection,
    configuration: BookConfiguration,
    movement: Movement,
    now: int,
) -> Case:
    """A movement with all that the rules read of it; an empty account is the issuer or another ledger."""
    return Case(
        configuration.rules,
        standing(connection, configuration),
        movement,
        _state(connection, configuration.asset, movement.source, now),
        _state(connection, configuration.asset, movement.target, now),
        now,
    )


def judge(
    connection: Connection,
    configuration: BookConfiguration,
    movement: Movement,
    now: int,
) -> Restriction:
    """What the rules would say of a movement."""
    return verdict(case(connection, configuration, movement, now))


def decide(entry: Entry, configuration: BookConfiguration, movement: Movement) -> Restriction:
    """What the rules say of a movement that was instructed; kept with what it was made from (CTL-11)."""
    found = case(entry.connection, configuration, movement, entry.time)
    restriction = verdict(found)
    entry.decisions.append((found, restriction))
    return restriction


def require_allowed(
    entry: Entry, configuration: BookConfiguration, kind: Kind, source: str, target: str, units: Units
) -> None:
    """Raise the RuleError of the restriction that refuses the movement."""
    restriction = decide(entry, configuration, Movement(kind, source, target, units))
    if restriction is not Restriction.NONE:
        raise refusal(restriction, source=source, target=target, units=units, ledger=configuration.ledger)


def paused_classes(connection: Connection, asset: str) -> frozenset[int]:
    """Investor classes whose holders' units do not move."""
    bits = int(read_setting(connection, PAUSED_CLASSES, asset) or 0)
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def stopped_until(connection: Connection, asset: str) -> int:
    """Last second of an emergency stop; 0 when there was none."""
    return int(read_setting(connection, STOPPED_UNTIL, asset) or 0)


def standing(connection: Connection, configuration: BookConfiguration) -> Standing:
    limited, asset = configuration.rules.holder_limit is not None, configuration.asset
    return Standing(
        paused=read_setting(connection, PAUSED, asset) == "1",
        stopped_until=stopped_until(connection, asset),
        paused_classes=paused_classes(connection, asset),
        holders=register.accounts_with_units(connection, asset) if limited else {},
    )


def _state(connection: Connection, asset: str, account: str, now: int) -> AccountState | None:
    return encumbrances.state(connection, asset, account, now) if account else None


def set_setting(connection: Connection, name: str, value: str, asset: str = "") -> None:
    """Change one setting of the book, or of a security in it."""
    where = (setting.c.asset == asset, setting.c.name == name)
    connection.execute(delete(setting).where(*where))
    connection.execute(insert(setting).values(asset=asset, name=name, value=value))


def read_setting(connection: Connection, name: str, asset: str = "") -> str | None:
    """One setting of the book, or of a security in it; None where it was never made."""
    where = (setting.c.asset == asset, setting.c.name == name)
    return connection.execute(select(setting.c.value).where(*where)).scalar()
