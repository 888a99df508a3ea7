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


BEYOND_TOKENS = (
    "CustodyRegistry",
    "CorporateActions",
    "TokenBridge",
    "Quotas",
    "Gateway",
)
"""Contracts that do what the platforms of our peers do not: custody, events, movements between ledgers."""


def platform_of(desired: EvmDesired, without: tuple[str, ...] = ()) -> EvmDesired:
    """The same chain with neither securities nor cash, nor the contracts `without` and their settings."""
    whole = {field.name: getattr(desired, field.name) for field in fields(desired)}
    left_out = (*_OF_ONE, *without)
    return _Platform(
        **{
            **whole,
            "creations": tuple(one for one in desired.creations if not one.name.startswith(left_out)),
            "settings": tuple(
                one
                for one in desired.settings
                if one.read.function not in _ABOUT_ONE and one.contract not in without
            ),
            "securities": (),
        }
    )
