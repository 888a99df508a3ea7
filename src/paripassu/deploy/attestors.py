"""The attestor set that a network file asks for, and what tells it from a ledger's own (pure; ACC-3).

The first set comes with the deployment. Every later one is an act that people propose and approve: a
deployment that finds another set than the file's says so, and changes nothing.
"""

from __future__ import annotations

from paripassu.acts import RotateAttestors
from paripassu.config import NetworkConfig
from paripassu.config.types import AttestorMember
from paripassu.ledgers.port import Attestor, AttestorSet
from paripassu.ledgers.signers import signer_from_spec


def address_of(member: AttestorMember, environment: str) -> str:
    """The checksummed address of a member's key: what the file states, else its signer's.

    Raises:
        SignerUnusable: the file states none, and the key is not at hand here.
    """
    return member.address or signer_from_spec(member.signer, environment).address


def wanted_set(network: NetworkConfig, version: int = 1) -> AttestorSet:
    """The set of the network file, ascending by signer. Raises SignerUnusable."""
    members = [
        Attestor(address_of(member, network.environment), member.entity_id)
        for member in network.attestors.members
    ]
    members.sort(key=lambda member: int(member.signer, 16))
    return AttestorSet(version, network.attestors.threshold, tuple(members))


def same_set(one: AttestorSet, other: AttestorSet) -> bool:
    """Whether two sets have the same members and threshold, whatever their versions."""
    return one.threshold == other.threshold and set(one.members) == set(other.members)


def rotation_to(wanted: AttestorSet) -> RotateAttestors:
    """The act by which a set takes over."""
    members = sorted(wanted.members, key=lambda member: int(member.signer, 16))
    return RotateAttestors(wanted.threshold, tuple((one.signer, one.entity) for one in members))


def rotation_command(ledger: str) -> str:
    """What people run so that the file's set takes over on a ledger."""
    return f"pari act propose attestors --ledger {ledger}"
