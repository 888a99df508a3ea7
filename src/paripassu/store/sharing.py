"""How work is shared among relayers: a decision over who holds what, taken by each for itself.

Nobody assigns work. Each relayer takes free units up to its fair share, asks for units of others
while it has less than that, and gives up what others ask for while it has more. A unit that nobody
took for some time goes to whoever can do it, fair or not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NONCES, READ, DELIVER, ACKNOWLEDGE = "nonces", "read", "deliver", "acknowledge"
ORPHANED_SECONDS = 3.0
"""A unit that was free for so long goes to a relayer that has its fair share already."""

Name = tuple[str, str]
"""A unit's kind, and its name within the kind."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that one relayer does at a time. `ledger` is where it has to send for that, if anywhere."""

    kind: str
    name: str
    ledger: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A unit as the store has it: its holder ("" where it is free), who asked for it, and for how many
    seconds it has been free."""

    kind: str
    name: str
    holder: str = ""
    wanted: str = ""
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What one relayer does: units to take, to ask for, and to give up."""

    take: tuple[Name, ...] = ()
    want: tuple[Name, ...] = ()
    give: tuple[Name, ...] = ()

    def __add__(self, other: Decision) -> Decision:
        return Decision(self.take + other.take, self.want + other.want, self.give + other.give)


def nonces_of(ledger: str, key: str) -> str:
    """The name of a key's nonces on a ledger."""
    return f"{ledger}/{key}"


def share(units: int, contenders: int) -> int:
    """Units that each of so many gets at most, rounded up so that none is left over."""
    return -(-units // max(contenders, 1))


def decide(me: str, places: Sequence[Place], contenders: int) -> Decision:
    """What `me` does about units that `contenders` could do, itself among them."""
    fair = share(len(places), contenders)
    mine = [place for place in places if place.holder == me]
    give = [place for place in mine if place.wanted not in ("", me)][: max(0, len(mine) - fair)]
    room = max(0, fair - len(mine))
    free = [place for place in places if not place.holder]
    take = free[:room] + [place for place in free[room:] if place.idle >= ORPHANED_SECONDS]
    holders = Counter(place.holder for place in places if place.holder)
    asked = sum(place.wanted == me and place.holder not in ("", me) for place in places)
    missing = max(0, room - len(free[:room]) - asked)
    rich = [
        place
        for place in places
        if place.holder not in ("", me) and not place.wanted and holders[place.holder] > fair
    ]
    return Decision(_names(take), _names(rich[:missing]), _names(give))


def decide_all(
    me: str, key: str, units: Iterable[Unit], places: Sequence[Place], live: Mapping[str, str]
) -> Decision:
    """What `me` does about everything.

    Args:
        key: by which it sends.
        units: what it can do.
        places: every unit that the store knows.
        live: relayers that live, each with its key.
    """
    known = {(place.kind, place.name): place for place in places}
    groups: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for unit in units:
        groups[unit.kind, unit.ledger if unit.kind in (DELIVER, ACKNOWLEDGE) else ""].append(
            known[unit.kind, unit.name]
        )
    senders: dict[str, set[str]] = defaultdict(set)
    for place in places:
        if place.kind == NONCES and place.holder:
            senders[place.name.rpartition("/")[0]].add(place.holder)
    decision = Decision()
    for (kind, ledger), found in groups.items():
        if kind in (NONCES, READ):
            rivals = [one for one, own in live.items() if kind == READ or own == key]
            decision += decide(me, found, len({*rivals, me}))
        elif me in senders[ledger]:
            decision += decide(me, found, len(senders[ledger]))
        else:
            decision += Decision(give=_names([place for place in found if place.holder == me]))
    lost = {name.rpartition("/")[0] for kind, name in decision.give if kind == NONCES}
    for (_, ledger), found in groups.items():
        if ledger in lost:  # who may not send there any more gives up the lanes with it
            decision += Decision(give=_names([place for place in found if place.holder == me]))
    return decision


def _names(places: Iterable[Place]) -> tuple[Name, ...]:
    return tuple((place.kind, place.name) for place in places)
