"""What commands that change a security share: reasons, times, and how their outcome is printed."""

# annotations are no texts here: groups of options are inherited in other modules, which cannot resolve them

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, SecurityPlace, print_json
from paripassu.controls import Reason
from paripassu.errors import FileUnreadable, InvalidArgument, InvalidValue
from paripassu.jobs.controlling import Done
from paripassu.jobs.ordering import Reach
from paripassu.quantities import Units

Account = Annotated[
    str, Parameter(help="Account as '<ledger>:<account>': the ledger's name in the network file, or CAIP-10.")
]
WhyText = Annotated[
    str,
    Parameter(
        name="--reason",
        help="Why, for the ledger's record: on a chain the text up to 31 ASCII characters, else its hash.",
    ),
]
Ledgers = Annotated[
    list[str] | None,
    Parameter(name="--ledger", negative="", help="Only on this ledger; repeatable. All where none is named."),
]
Here = Annotated[
    bool,
    Parameter(
        name="--here", negative="", help="Only this account, on its ledger alone; no other ledger is told."
    ),
]
Reference = Annotated[
    str, Parameter(name="--reference", help="Your reference; under the same one this is done once only.")
]
OwnerKey = Annotated[
    str, Parameter(name="--signer", help="Signer of the account: dev:<name>, ${VAR}, keystore:<path>.")
]


_SPANS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def because(text: str) -> Reason:
    """The reason that was given. Raises InvalidArgument for none."""
    if not text.strip() or len(text) > 1_000:
        raise InvalidArgument("A privileged act states its reason: give --reason and a text.")
    return Reason(text)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Stated(SecurityPlace):
    """A privileged act on a security: why it is done, and how its outcome is printed."""

    reason: WhyText
    json: JsonFlag = False

    @property
    def why(self) -> Reason:
        """The reason that was given. Raises InvalidArgument for none."""
        return because(self.reason)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StatedOn(Stated):
    """The same on all ledgers, or on some."""

    ledger: Ledgers = None


def kept(reason: Reason) -> str:
    """What a chain keeps of a reason, in words."""
    if reason.fits:
        return f"reason on record: {reason.text}"
    return f"reason on record: {reason.word} (keccak-256 of the text, which a chain has no room for)"


def moment(text: str) -> int:
    """Seconds of a time written as such, or by ISO 8601 with its zone. Raises InvalidArgument."""
    try:
        found = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise InvalidArgument(f"'{text}' is no time: write 2027-03-05T23:00:00Z, or seconds.") from None
    if found.tzinfo is None:
        raise InvalidArgument(f"The time '{text}' names no zone, as 2027-03-05T23:00:00Z does.")
    return int(found.timestamp())


def deadline(text: str, now: int) -> int:
    """Seconds of a time, or of as much later than `now` as `90s`, `30m`, `2h` or `1d` say. Raises
    InvalidArgument."""
    number, unit = text[:-1], text[-1:]
    if unit in _SPANS and number.isdecimal() and number.isascii() and len(number) < 10:
        return now + int(number) * _SPANS[unit]
    return moment(text)


def written(seconds: int) -> str:
    """A time for people."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def print_done(done: Sequence[Done], json: bool, reason: Reason | None = None, **more: object) -> None:
    """The outcome on each ledger, and what is kept of the reason."""
    if json:
        rows = [
            {
                "ledger": one.ledger.name,
                "state": one.outcome.state.value,
                "transaction": one.outcome.transaction,
                "height": one.outcome.block.height if one.outcome.block else None,
            }
            for one in done
        ]
        told = {} if reason is None else {"reason": reason.text, "reasonWord": reason.word.text}
        print_json({"schema": "paripassu.done/1", "done": rows, **told, **more})
        return
    for one in done:
        print(f"{one.outcome.state.value} {one.outcome.transaction} on {one.ledger.name}")
    if reason is not None:
        print(kept(reason))


def print_reach(reach: Reach, json: bool, reason: Reason) -> None:
    """The outcome of an order, when it is in force on the other ledgers, and which were not told."""
    order = reach.order
    if json:
        print_done(
            [reach.done],
            True,
            reason,
            holder=order.holder.text,
            within=reach.within,
            notSent=list(reach.not_sent),
        )
        return
    print_done([reach.done], json=False)
    state = "in force" if order.stands else "lifted"
    print(f"{state} on {reach.done.ledger.name} for every account of the holder {order.holder}")
    for name, seconds in reach.within.items():
        print(f"{state} on {name} within {seconds:g} s of its block, while the bridge runs")
    for name in reach.not_sent:
        print(f"not sent to {name}, whose lane is closed: say it again once it is open")
    print(kept(reason))


def read_lines(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Rows of a CSV file with these columns, named in its first line.

    Raises:
        FileUnreadable, InvalidValue: names the file and the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"{path} cannot be read ({type(error).__name__}).") from None
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.strip()]
    if not rows or rows[0] != list(columns):
        raise InvalidValue(f"{path}: the first line must be '{','.join(columns)}'.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(columns) or not all(row):
            raise InvalidValue(f"{path}, line {number}: {len(columns)} values are needed.")
    if len(rows) == 1:
        raise InvalidValue(f"{path} has no line but the first.")
    return rows[1:]


def units_in(path: Path, text: str) -> Units:
    """Whole units of a file. Raises InvalidValue."""
    if not text.isdigit():
        raise InvalidValue(f"{path}: '{text}' is no whole number of units.")
    return Units(int(text))
