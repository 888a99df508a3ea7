"""Who decides on acts of consequence, and how long before they take effect (pure; VER-6, CTL-7).

The list of acts is that of the code: every function whose right is `approved act`; and who holds a
role, where the Approvals contract is the administrator of the AccessManager (CTL-12).
"""

from __future__ import annotations

from paripassu import artefacts
from paripassu.config import CHANGE_CLASSES, ApprovalsConfig, NetworkConfig
from paripassu.deploy.desired import APPROVALS
from paripassu.deploy.rights import APPROVED, rights_of
from paripassu.errors import InconsistentFile
from paripassu.identifiers import keccak256, role_id
from paripassu.ledgers.signers import signer_from_spec

PROPOSER = "upgrader"
"""The role that proposes changes of code and of these policies."""

_UPGRADES = ("upgradeToAndCall", "rollback")
_UPGRADE_APPROVERS = ("issuer", "csd", "registrar", "regulator", "bridge_operator")
_CORRECTION_ROLES = ("registrar", "transfer_agent", "csd", "regulator", "issuer_agent")
_AMENDMENTS = {
    "amendTerms": "economicTerms",
    "setHoldingCap": "economicTerms",
    "setHolderLimit": "economicTerms",
    "setIssueLimit": "corporateStructure",
    "setName": "corporateStructure",
    "setSymbol": "corporateStructure",
}
"""Changes of the security itself, each with the class whose notice it has."""

_AMENDMENT_PROPOSERS = ("issuer", "issuer_agent")
_AMENDMENT_APPROVERS = ("issuer", "csd", "registrar", "transfer_agent", "regulator")

_ROTATION = "rotate((address,bytes32)[],uint8)"
_ROTATORS = ("bridge_operator",)
"""Who proposes another set of attestors; those who approve changes of code approve it (ACC-3)."""

_TRANSPORTS = ("setTransport", "setMailbox", "setPeer")
"""Who vouches for messages, and so lets units arrive (MOV-11)."""

_GRANT, _REVOKE = "grantRole(uint64,address,uint32)", "revokeRole(uint64,address)"
"""Functions of the AccessManager, which is not ours and has no tags."""

Policy = tuple[int, ...]
"""Threshold, proposers and approvers bit by bit, notice in seconds without class and by class."""


def policies(config: ApprovalsConfig) -> list[tuple[bytes, Policy]]:
    """The policy of every act, by selector, in the order of the acts' signatures."""
    return [(selector, _policy(config, function)) for function, selector in acts(config)]


def acts(config: ApprovalsConfig) -> list[tuple[str, bytes]]:
    """Every act: signature and selector."""
    signatures = {
        right.function
        for name in artefacts.names()
        for right in rights_of(name)
        if right.who.startswith(APPROVED)
    }
    if config.quorum_names_roles:
        signatures |= {_GRANT, _REVOKE}
    return [(signature, bytes(keccak256(signature.encode())[:4])) for signature in sorted(signatures)]


def approvers_of(network: NetworkConfig) -> tuple[str, ...]:
    """The roles that approve what this network proposes: enough of them, each held by another signer.

    Raises:
        InconsistentFile: the network file has too few.
    """
    chosen: dict[str, str] = {}
    for role in _UPGRADE_APPROVERS:
        for spec in network.roles.get(role, ())[:1]:
            chosen.setdefault(signer_from_spec(spec, network.environment).address, role)
    threshold = network.approvals.threshold
    if len(chosen) < threshold:
        raise InconsistentFile(
            f"{network.path}, approvals.threshold: {threshold} roles must approve a change of code, but of "
            f"{', '.join(_UPGRADE_APPROVERS)} only {len(chosen)} are held by different signers."
        )
    return tuple(chosen.values())[:threshold]


def _policy(config: ApprovalsConfig, signature: str) -> Policy:
    function = signature.partition("(")[0]
    classes = [config.notice[name] for name in CHANGE_CLASSES]
    if function in _UPGRADES:
        return (config.threshold, _bits(PROPOSER), _bits(*_UPGRADE_APPROVERS), 0, *classes)
    if signature in {right.function for right in rights_of(APPROVALS)}:
        # else a short notice of this act could take away the long one of others
        return (config.threshold, _bits(PROPOSER), _bits(*_UPGRADE_APPROVERS), max(classes), 0, 0, 0, 0)
    if signature in (_GRANT, _REVOKE):
        # a role is taken at once from a key that was stolen; who gets one is announced
        notice = config.notice["roles"] if signature == _GRANT else 0
        return (config.threshold, _bits(PROPOSER), _bits(*_UPGRADE_APPROVERS), notice, 0, 0, 0, 0)
    if signature == _ROTATION or function in _TRANSPORTS:
        # one vote of a set moves nothing and lanes can be stopped at once: who gets a vote is announced, as
        # who holds a role is
        who = _bits(*(_ROTATORS if signature == _ROTATION else (PROPOSER,)))
        notice = config.notice["roles"]
        return (config.threshold, who, _bits(*_UPGRADE_APPROVERS), notice, 0, 0, 0, 0)
    if function in _AMENDMENTS:
        proposers, approvers = _bits(*_AMENDMENT_PROPOSERS), _bits(*_AMENDMENT_APPROVERS)
        return (config.threshold, proposers, approvers, config.notice[_AMENDMENTS[function]], 0, 0, 0, 0)
    roles = _bits(*_CORRECTION_ROLES)
    return (config.correction_threshold, roles, roles, 0, 0, 0, 0, 0)


def _bits(*roles: str) -> int:
    return sum(1 << role_id(role) for role in roles)
