"""What of a desired chain is shared by all securities: the platform, without any of them and without cash."""

from __future__ import annotations

from dataclasses import dataclass, fields

from paripassu.deploy.desired import CASH, IMPLEMENTATION, TOKEN, EvmDesired

_OF_ONE = (f"{TOKEN}/", f"{CASH}/", CASH + IMPLEMENTATION)
"""How the names of contracts begin that serve one security or currency, or all currencies."""

_ABOUT_ONE = {"securityIdOf", "instances", "blackouts", "cashOf"}
"""What is read to see whether settings of one security or currency are made."""


@dataclass(frozen=True, slots=True)
class _Platform(EvmDesired):
    """A desired chain that need not have a security."""

    @property
    def addresses(self) -> dict[str, str]:
        return {one.name: one.address for one in self.creations if not one.name.endswith(IMPLEMENTATION)}


def platform_of(desired: EvmDesired) -> EvmDesired:
    """The same chain with neither securities nor cash."""
    whole = {field.name: getattr(desired, field.name) for field in fields(desired)}
    return _Platform(
        **{
            **whole,
            "creations": tuple(one for one in desired.creations if not one.name.startswith(_OF_ONE)),
            "settings": tuple(one for one in desired.settings if one.read.function not in _ABOUT_ONE),
            "securities": (),
        }
    )
