"""Who may call which function: constant, for the code itself binds functions to roles (CTL-12).

Read from the artefacts, into which the build puts the access-control tags of the sources
once it has held them against the modifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paripassu import artefacts
from paripassu.errors import ArtefactUnknown
from paripassu.identifiers import ROLES
from paripassu.ledgers.evm.contracts import parts_of

ADMIN = 0
"""AccessManager's own role: may say who holds which role, and nothing else of ours. The deployer has
it first, and the Approvals contract after the set-up where the network file says so."""

APPROVED = "approved act"
"""The right of functions that only the Approvals contract calls, once k of n agreed."""


_ROLE_NAMES = {ADMIN: "admin", **{number: name for name, number in ROLES.items()}}


@dataclass(frozen=True, slots=True)
class Right:
    """One row of the permission table: `who` is a role's name, or says in words who may."""

    contract: str
    function: str
    who: str

    @property
    def is_role(self) -> bool:
        return self.who in ROLES


@cache
def rights_of(contract: str) -> tuple[Right, ...]:
    """Every restricted function of a contract, by signature; of all its parts where it has several."""
    found = {
        signature: words
        for part in parts_of(contract)
        for signature, words in artefacts.load(part).rights.items()
    }
    return tuple(Right(contract, signature, _who(found[signature])) for signature in sorted(found))


def role_for(contract: str, function: str) -> str:
    """The role that may call a function, by its name.

    Raises:
        ArtefactUnknown: the contract has no such function that one role may call.
    """
    for right in rights_of(contract):
        if right.function.partition("(")[0] == function and right.is_role:
            return right.who
    raise ArtefactUnknown(f"{contract} has no function '{function}' that a role may call.")


def _who(words: str) -> str:
    return words.lower() if words.lower() in ROLES else words


def role_name(role: int) -> str:
    """Name of an AccessManager role."""
    return _ROLE_NAMES.get(role, f"role {role}")
