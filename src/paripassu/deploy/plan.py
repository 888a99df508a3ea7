"""The difference between desired and observed state, as steps (pure).

Stages: 0 what the chain itself lacks, 1 everything that the deployer signs (in nonce
order, so nothing has to be waited for in between), 2 settings, each signed by the role that
makes it, 3 to 5 changes that roles propose, approve and carry out, 6 settings that need those.
On a chain where nobody holds a role yet, the set-up is made by the AccessManager itself: the
deployer, its administrator, grants it the roles within the transaction that takes them away.
Where the network file makes the Approvals contract the administrator, the last of these calls
hands that over, and who holds which role is changed by acts from then on (CTL-12).
"""

from __future__ import annotations

from collections.abc import Sequence

from paripassu.deploy.acts import AFTER, Proposal, act_steps
from paripassu.deploy.create3 import (
    DETERMINISTIC_DEPLOYER,
    DETERMINISTIC_DEPLOYER_COST,
    DETERMINISTIC_DEPLOYER_SENDER,
    published_transaction,
)
from paripassu.deploy.desired import FACTORY, MANAGER, Creation, EvmDesired, Setting
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.rights import ADMIN, APPROVED, role_name
from paripassu.deploy.steps import Step
from paripassu.errors import CodeDrift
from paripassu.identifiers import keccak256, role_id
from paripassu.ledgers.evm.contracts import codec

DEPLOYER = "deployer"
TRANSACTION_GAS = 1 << 24
"""Most gas that a transaction may have (EIP-7825)."""

_GAS_BASE, _GAS_PER_CALL, _GAS_PER_BYTE = 60_000, 60_000, 600
_MARGIN = 3 / 2

Part = tuple[str, bytes]
Missing = list[tuple[Setting, str, bytes]]
"""Calls that settings need, each with its words."""


def steps_for(desired: EvmDesired, observed: EvmObserved) -> tuple[Step, ...]:
    """The steps that lead from the observed to the desired state, in order.

    Raises:
        CodeDrift: other code is where ours belongs; no step can mend that.
    """
    _require_our_code(desired, observed)
    steps = _published(desired, observed)
    steps += [_creation(desired, one) for one in desired.creations if not observed.has(one.address)]
    upgrades = _upgrades(desired, observed)
    outdated = {kind for kind, _ in upgrades}
    proposals = [proposal for _, proposal in upgrades]
    missing: Missing = []
    for setting, title, call in _missing(desired, observed):
        if setting.command:
            steps.append(_proposed_by_people(desired, setting, title, call))
        elif setting.role == APPROVED:
            proposals.append(_act(desired, setting.contract, title, call))
        else:
            missing.append((setting, title, call))
    if observed.members.keys() - {ADMIN}:
        if desired.deployer in observed.members.get(ADMIN, ()):
            steps += _members(desired, observed)
        else:
            proposals += [_act(desired, MANAGER, *one) for one in _grants(desired, observed)]
    else:
        steps += _bootstrap(desired, observed, [one for one in missing if one[0].after not in outdated])
        missing = [one for one in missing if one[0].after in outdated]
    steps += [_setting(desired, *one, outdated) for one in missing if one[0].after not in outdated]
    for proposal in proposals:
        steps += act_steps(desired, observed.acts, observed.final.time, proposal)
    steps += [_setting(desired, *one, outdated) for one in missing if one[0].after in outdated]
    return tuple(steps)


def _require_our_code(desired: EvmDesired, observed: EvmObserved) -> None:
    for creation in desired.creations:
        found = observed.code_hash(creation.address)
        if found is not None and found != creation.code_hash:
            raise CodeDrift(
                f"The code of {creation.name} at {creation.address} on {desired.name} has the hash {found}, "
                f"this version deploys {creation.code_hash}."
            )


def _missing(desired: EvmDesired, observed: EvmObserved) -> Missing:
    return [
        (setting, title, call)
        for setting, found in zip(desired.settings, observed.settings, strict=True)
        for title, call in setting.calls(found, observed.running)
    ]


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


def _bootstrap(desired: EvmDesired, observed: EvmObserved, missing: Missing) -> list[Step]:
    """The set-up, then every role to its holders; in as few transactions as their gas allows."""
    grants = _grants(desired, observed)
    steps: list[Step] = []
    batch: Missing = []
    for one in missing:
        if batch and _limit(_acting(desired, [*batch, one])) > TRANSACTION_GAS:
            steps.append(_multicall(desired, len(steps), "set up", _acting(desired, batch)))
            batch = []
        batch.append(one)
    last = [*_acting(desired, batch), *grants]
    if batch and _limit(last) > TRANSACTION_GAS:
        steps.append(_multicall(desired, len(steps), "set up", _acting(desired, batch)))
        last = list(grants)
    if last:
        steps.append(_multicall(desired, len(steps), "set up and give the roles", last))
    return steps


def _acting(desired: EvmDesired, missing: Missing) -> list[Part]:
    """The settings' calls by the AccessManager, which holds their roles for just as long."""
    manager, address = codec(MANAGER), desired.addresses[MANAGER]
    roles = [role_id(role) for role in dict.fromkeys(setting.role for setting, _, _ in missing)]
    return [
        *(("", manager.encode("grantRole", role, address, 0)) for role in roles),
        *(
            (title, manager.encode("execute", desired.addresses[setting.contract], call))
            for setting, title, call in missing
        ),
        *(("", manager.encode("revokeRole", role, address)) for role in roles),
    ]


def _members(desired: EvmDesired, observed: EvmObserved) -> list[Step]:
    grants = _grants(desired, observed)
    return [_multicall(desired, 0, "correct who holds which role", grants, key="roles")] if grants else []


def _act(desired: EvmDesired, contract: str, title: str, call: bytes) -> Proposal:
    """A call that only a quorum may have made, and that changes no version."""
    key = f"{contract}/{keccak256(call).hex()[:8]}"
    return Proposal(key, title, desired.addresses[contract], call, 0)


def _setting(desired: EvmDesired, setting: Setting, title: str, call: bytes, outdated: set[str]) -> Step:
    """A setting by the role that makes it; one that needs newer code waits for that."""
    late = setting.after in outdated
    return Step(
        ledger=desired.name,
        stage=AFTER if late else 2,
        key=f"set/{setting.contract}/{keccak256(call).hex()[:8]}",
        title=title,
        signer=setting.role,
        to=desired.addresses[setting.contract],
        data=call,
        gas_estimate=_gas_of(call),
        waits=f"the new code of {setting.after}" if late else "",
    )


def _proposed_by_people(desired: EvmDesired, setting: Setting, title: str, call: bytes) -> Step:
    """What a deployment only points out: it is never sent from here."""
    return Step(
        ledger=desired.name,
        stage=AFTER,
        key=f"agree/{setting.contract}/{keccak256(call).hex()[:8]}",
        title=f"{title} (the ledger has other ones)",
        signer=setting.role,
        to=desired.addresses[setting.contract],
        data=call,
        waits=setting.command,
    )


def _gas_of(call: bytes) -> int:
    return _GAS_PER_CALL + _GAS_PER_BYTE * len(call)


def _limit(parts: Sequence[Part]) -> int:
    return int((_GAS_BASE + sum(_gas_of(data) for _, data in parts)) * _MARGIN)


def _multicall(
    desired: EvmDesired, number: int, title: str, parts: Sequence[Part], *, key: str = "set-up"
) -> Step:
    """One transaction of the deployer; not simulated, for it may build on pending ones."""
    limit = min(_limit(parts), TRANSACTION_GAS)
    return Step(
        ledger=desired.name,
        stage=1,
        key=f"{key}/{number}" if number else key,
        title=f"{title} ({len(parts)} calls)",
        signer=DEPLOYER,
        to=desired.addresses[MANAGER],
        data=codec(MANAGER).encode("multicall", [data for _, data in parts]),
        gas=limit,
        gas_estimate=int(limit / _MARGIN),
        parts=tuple(words for words, _ in parts if words),
    )


def _grants(desired: EvmDesired, observed: EvmObserved) -> list[Part]:
    """Calls that bring the members of every role to exactly those desired, the administrator's last:
    who makes the calls may be administrator no longer after them."""
    manager = codec(MANAGER)
    grants: list[Part] = []
    # a manager that does not exist yet will have its admin from its constructor
    known = observed.members or {ADMIN: frozenset({desired.deployer})}
    for role in sorted({*desired.members, *known}, key=lambda role: (role == ADMIN, role)):
        wanted, found = desired.members.get(role, frozenset()), known.get(role, frozenset())
        for account in sorted(wanted - found):
            grants.append((f"{role_name(role)} to {account}", manager.encode("grantRole", role, account, 0)))
        for account in sorted(found - wanted):
            call = manager.encode("revokeRole", role, account)
            grants.append((f"no {role_name(role)} for {account}", call))
    return grants


def _upgrades(desired: EvmDesired, observed: EvmObserved) -> list[tuple[str, Proposal]]:
    """Proxies that run other code than is desired, by kind of contract, with what is proposed."""
    proposals = []
    for creation in desired.creations:
        current = observed.implementations.get(creation.name)
        if current is None or current == creation.implementation.lower():
            continue
        title = f"upgrade {creation.name} from {current} to {creation.implementation}"
        data = codec(creation.name).encode("upgradeToAndCall", creation.implementation, b"")
        proposal = Proposal(
            f"{creation.name}/{creation.implementation}",
            title,
            creation.address,
            data,
            desired.upgrades.change_class,
        )
        proposals.append((creation.kind, proposal))
    return proposals
