"""Acts of consequence: what k of n roles must agree to before a ledger carries it out (VER-6, CTL-7).

An act is proposed for one role, approved for others, and then carried out. `Act` says what is to
be done; the commands here say what somebody does about an act.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paripassu.controls import Reason
from paripassu.errors import CommandImpossible, InconsistentFile
from paripassu.identifiers import Bytes32, role_id
from paripassu.quantities import Units

CORRECTION_ROLE = "registrar"
AMENDMENT_ROLE = "issuer"
UPGRADE_ROLE = "upgrader"
ROTATION_ROLE = "bridge_operator"
"""For which role each kind of act is proposed unless another one is named."""


@dataclass(frozen=True, slots=True)
class ForcedTransfer:
    """Move units because the law orders it, whatever freezes, blocks or pauses stand against it."""

    source: str
    target: str
    units: Units


@dataclass(frozen=True, slots=True)
class ForcedTransfers:
    """Several forced transfers of one order: all or none."""

    transfers: tuple[ForcedTransfer, ...]


@dataclass(frozen=True, slots=True)
class Burn:
    """Destroy units by law, on the home ledger; they are no longer issued."""

    account: str
    units: Units


@dataclass(frozen=True, slots=True)
class Burns:
    """Several destructions of one order: all or none."""

    burns: tuple[Burn, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel units that were issued in error under a reference (of `pari security issue`)."""

    account: str
    units: Units
    issue_reference: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Let another account take the place of one whose key is lost or stolen."""

    lost: str
    target: str
    proof_to: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SetIssueLimit:
    """Change the most units that may be issued."""

    units: Units


@dataclass(frozen=True, slots=True)
class SetHoldingCap:
    """Change this ledger's share of the holding cap."""

    units: Units


@dataclass(frozen=True, slots=True)
class SetHolderLimit:
    """Change this ledger's share of the limit of holders."""

    holders: int


@dataclass(frozen=True, slots=True)
class SetName:
    """Change the security's name."""

    name: str


@dataclass(frozen=True, slots=True)
class SetSymbol:
    """Change the security's symbol."""

    symbol: str


@dataclass(frozen=True, slots=True)
class AmendTerms:
    """Put amended terms in force, by the hash of their canonical form."""

    terms_hash: Bytes32


@dataclass(frozen=True, slots=True)
class Rollback:
    """Return a contract, named as in the deployment record, to the version before its last upgrade."""

    contract: str
    change_class: int

    def __post_init__(self) -> None:
        if not 1 <= self.change_class <= 4:
            raise CommandImpossible(f"A change of version is of class 1 to 4, not {self.change_class}.")


@dataclass(frozen=True, slots=True)
class GrantRole:
    """Give an account a role, where the quorum is the administrator (CTL-12)."""

    account: str
    granted: str

    def __post_init__(self) -> None:
        role_id(self.granted)


@dataclass(frozen=True, slots=True)
class RevokeRole:
    """Take a role from an account, where the quorum is the administrator (CTL-12)."""

    account: str
    revoked: str

    def __post_init__(self) -> None:
        role_id(self.revoked)


@dataclass(frozen=True, slots=True)
class ApproveArrival:
    """Let a parked movement arrive although it exceeds its cap; a retry carries it out (MOV-13)."""

    message_id: Bytes32


@dataclass(frozen=True, slots=True)
class RotateAttestors:
    """Let another set of attestors take over on a ledger: its gateway gives it the next version (ACC-3).

    Args:
        threshold: distinct entities that must sign, 2 or more.
        members: address of each signer with its legal entity, ascending by address.

    Raises:
        InconsistentFile: a threshold that one entity could meet or that all together cannot, a signer twice,
            or more than 32 members.
    """

    threshold: int
    members: tuple[tuple[str, Bytes32], ...]

    def __post_init__(self) -> None:
        entities = {entity for _, entity in self.members}
        if not 2 <= self.threshold <= len(entities):
            raise InconsistentFile(
                f"The attestor threshold {self.threshold} must be at least 2 and at most the "
                f"{len(entities)} distinct entities."
            )
        if len({signer for signer, _ in self.members}) != len(self.members) or len(self.members) > 32:
            raise InconsistentFile("A set has at most 32 attestors, each with a key of its own.")


Correction = ForcedTransfer | ForcedTransfers | Burn | Burns | Cancel | Recover | ApproveArrival
Amendment = SetIssueLimit | SetHoldingCap | SetHolderLimit | SetName | SetSymbol | AmendTerms
Administration = Rollback | GrantRole | RevokeRole | RotateAttestors
Act = Correction | Amendment | Administration


@dataclass(frozen=True, slots=True)
class ProposeAct:
    """Propose an act for a role; where the role may approve it too, that is its approval."""

    act: Act
    role: str
    reason: Reason

    def __post_init__(self) -> None:
        role_id(self.role)


@dataclass(frozen=True, slots=True)
class ApproveAct:
    """Approve an act for a role."""

    id: Bytes32
    role: str


@dataclass(frozen=True, slots=True)
class WithdrawAct:
    """Take a role's approval back, or the act itself where the role proposed it."""

    id: Bytes32
    role: str


@dataclass(frozen=True, slots=True)
class ExecuteAct:
    """Carry out an act that has its approvals, once its notice is over.

    `target` and `call` are those of its proposal, where the ledger keeps but their hash.
    """

    id: Bytes32
    target: str = ""
    call: bytes = field(default=b"", repr=False)


Decision = ProposeAct | ApproveAct | WithdrawAct | ExecuteAct


def usual_role(act: Act) -> str:
    """The role for which an act is proposed where none is named."""
    match act:
        case RotateAttestors():
            return ROTATION_ROLE
        case Rollback() | GrantRole() | RevokeRole():
            return UPGRADE_ROLE
        case (
            ForcedTransfer() | ForcedTransfers() | Burn() | Burns() | Cancel() | Recover() | ApproveArrival()
        ):
            return CORRECTION_ROLE
    return AMENDMENT_ROLE
