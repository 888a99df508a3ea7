"""The difference between desired and observed state, as steps (pure).

Stages: 0 what the chain itself lacks, 1 everything that the deployer signs (in nonce
order, so nothing has to be waited for in between), 2 what role holders sign. On a chain
where no right is given yet the whole set-up is one transaction of the deployer, who holds
the roles it needs within that transaction only.
"""

from __future__ import annotations

from collections.abc import Iterable

from paripassu.deploy.create3 import (
    DETERMINISTIC_DEPLOYER,
    DETERMINISTIC_DEPLOYER_COST,
    DETERMINISTIC_DEPLOYER_SENDER,
    published_transaction,
)
from paripassu.deploy.desired import FACTORY, MANAGER, Creation, EvmDesired, Setting
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.rights import ADMIN
from paripassu.deploy.steps import Step
from paripassu.errors import CodeDrift
from paripassu.identifiers import ROLES, role_id
from paripassu.ledgers.evm.contracts import codec

DEPLOYER = "deployer"
_GAS_PER_PART = 110_000


def steps_for(desired: EvmDesired, observed: EvmObserved) -> tuple[Step, ...]:
    """The steps that lead from the observed to the desired state, in order.

    Raises:
        CodeDrift: other code is where ours belongs; no step can mend that.
    """
    _require_our_code(desired, observed)
    steps = _published(desired, observed)
    steps += [_creation(desired, one) for one in desired.creations if not observed.has(one.address)]
    missing = [
        setting
        for setting, found in zip(desired.settings, observed.settings, strict=True)
        if found is None or not setting.matches(found)
    ]
    if not observed.functions:
        return (*steps, _bootstrap(desired, observed, missing))
    steps += _manager_steps(desired, observed)
    steps += _upgrades(desired, observed)
    for role in dict.fromkeys(setting.role for setting in missing):
        steps.append(_set_up(desired, role, [one for one in missing if one.role == role]))
    return tuple(steps)


def _require_our_code(desired: EvmDesired, observed: EvmObserved) -> None:
    for creation in desired.creations:
        found = observed.code_hashes[creation.address]
        if found is not None and found != creation.code_hash:
            raise CodeDrift(
                f"The code of {creation.name} at {creation.address} on {desired.name} has the hash {found}, "
                f"this version deploys {creation.code_hash}."
            )


def _published(desired: EvmDesired, observed: EvmObserved) -> list[Step]:
    if observed.has_deterministic_deployer or observed.has(desired.addresses[FACTORY]):
        return []
    return [
        Step(
            ledger=desired.name,
            stage=0,
            key="deterministic-deployer",
            title=f"deploy the deterministic-deployment proxy at {DETERMINISTIC_DEPLOYER}",
            signer=DEPLOYER,
            to=DETERMINISTIC_DEPLOYER_SENDER,
            value=DETERMINISTIC_DEPLOYER_COST,
            gas=21_000,
            gas_estimate=121_000,
            published=published_transaction(),
        )
    ]


def _creation(desired: EvmDesired, creation: Creation) -> Step:
    if creation.name == FACTORY:
        to, data = DETERMINISTIC_DEPLOYER, creation.init_code
    else:
        to = desired.addresses[FACTORY]
        data = codec(FACTORY).encode("deploy", creation.salt, creation.init_code)
    return Step(
        ledger=desired.name,
        stage=1,
        key=f"create/{creation.name}",
        title=f"deploy {creation.name} at {creation.address}",
        signer=DEPLOYER,
        to=to,
        data=data,
        gas=creation.gas,
        gas_estimate=creation.gas,
    )


def _bootstrap(desired: EvmDesired, observed: EvmObserved, missing: list[Setting]) -> Step:
    """All rights and all set-up in one transaction, in which the deployer acts for the roles."""
    functions, grants = _rights(desired, observed)
    acting = [role_id(role) for role in dict.fromkeys(setting.role for setting in missing)]
    temporary = [role for role in acting if desired.deployer not in desired.members.get(role, ())]
    manager = codec(MANAGER)
    parts = [
        *functions,
        *(("", manager.encode("grantRole", role, desired.deployer, 0)) for role in temporary),
        *((setting.title, _executed(desired, setting)) for setting in missing),
        *(("", manager.encode("revokeRole", role, desired.deployer)) for role in temporary),
        *grants,
    ]
    return _multicall(desired, 1, "set-up", "give rights and set up", DEPLOYER, parts, simulated=False)


def _manager_steps(desired: EvmDesired, observed: EvmObserved) -> list[Step]:
    functions, grants = _rights(desired, observed)
    if not functions and not grants:
        return []
    parts = [*functions, *grants]
    return [_multicall(desired, 1, "rights", "correct the rights", DEPLOYER, parts, simulated=True)]


def _set_up(desired: EvmDesired, role: str, settings: list[Setting]) -> Step:
    parts = [(setting.title, _executed(desired, setting)) for setting in settings]
    return _multicall(desired, 2, f"set-up/{role}", f"set up, as {role}", role, parts, simulated=True)


def _executed(desired: EvmDesired, setting: Setting) -> bytes:
    """The setting's call, made through the AccessManager so that many fit one transaction."""
    return codec(MANAGER).encode("execute", desired.addresses[setting.contract], setting.call)


def _multicall(
    desired: EvmDesired,
    stage: int,
    key: str,
    title: str,
    signer: str,
    parts: Iterable[tuple[str, bytes]],
    *,
    simulated: bool,
) -> Step:
    calls = list(parts)
    estimate = 100_000 + _GAS_PER_PART * len(calls)
    return Step(
        ledger=desired.name,
        stage=stage,
        key=key,
        title=f"{title} ({len(calls)} calls)",
        signer=signer,
        to=desired.addresses[MANAGER],
        data=codec(MANAGER).encode("multicall", [data for _, data in calls]),
        gas=None if simulated else estimate * 3 // 2,
        gas_estimate=estimate,
        parts=tuple(words for words, _ in calls if words),
    )


def _rights(
    desired: EvmDesired, observed: EvmObserved
) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Calls that bring function roles, and then role members, to exactly what is desired."""
    manager = codec(MANAGER)
    names = {address: name for name, address in desired.addresses.items()}
    groups: dict[tuple[str, int], list[bytes]] = {}
    for key in {**observed.functions, **desired.functions}:
        wanted = desired.functions.get(key, ADMIN)
        if observed.functions.get(key, ADMIN) != wanted:
            groups.setdefault((key[0], wanted), []).append(key[1])
    functions = [
        (
            f"{names.get(target, target)}: {len(selectors)} functions to {role_name(role)}",
            manager.encode("setTargetFunctionRole", target, selectors, role),
        )
        for (target, role), selectors in groups.items()
    ]
    grants = []
    # a manager that does not exist yet will have its admin from its constructor
    known = observed.members or {ADMIN: desired.members[ADMIN]}
    for role in sorted({*desired.members, *known}):
        wanted_members, found = desired.members.get(role, frozenset()), known.get(role, frozenset())
        for account in sorted(wanted_members - found):
            grants.append((f"{role_name(role)} to {account}", manager.encode("grantRole", role, account, 0)))
        for account in sorted(found - wanted_members):
            grants.append(
                (f"no {role_name(role)} for {account}", manager.encode("revokeRole", role, account))
            )
    return functions, grants


def _upgrades(desired: EvmDesired, observed: EvmObserved) -> list[Step]:
    steps = []
    for creation in desired.creations:
        current = observed.implementations.get(creation.name)
        if current is None or current == creation.implementation.lower():
            continue
        steps.append(
            Step(
                ledger=desired.name,
                stage=2,
                key=f"upgrade/{creation.name}",
                title=f"upgrade {creation.name} from {current} to {creation.implementation}",
                signer="upgrader",
                to=creation.address,
                data=codec(creation.name).encode("upgradeToAndCall", creation.implementation, b""),
                gas_estimate=60_000,
            )
        )
    return steps


def role_name(role: int) -> str:
    """Name of an AccessManager role."""
    names = {number: name for name, number in ROLES.items()}
    return "admin" if role == ADMIN else names.get(role, f"role {role}")
