"""What a contract's refusal means to a person: revert data → an error with code and sentence.

`TransferRestricted` becomes the rule error with the restriction's code (I3). Errors that
name a situation of the domain become the leaf of their branch; any other custom error is
named with its arguments. The text of an error can be stored and revived after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from paripassu.errors import (
    ActRefused,
    BatchRefused,
    BreakdownRefused,
    CommandRefused,
    ContractRefused,
    EventConflict,
    EventUnknown,
    InvalidEventRecord,
    LaneHalted,
    NotAuthorised,
    OrderUnknown,
    PariError,
    PaymentRefused,
    QuotaRefused,
    ReferenceConflict,
    RuleError,
    Unfunded,
)
from paripassu.identifiers import ROLES
from paripassu.ledgers.evm.codec import Contract, CustomError, Parameters
from paripassu.rules import Restriction

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")

Args = dict[str, Any]


def _restricted(args: Args) -> PariError:
    values = list(args.values())
    code = int(values[0])
    known = code in Restriction.__members__.values()
    why = Restriction(code).sentence if known else f"Restriction code {code}."
    return RuleError(
        f"The movement of {values[3]} units from {values[1]} to {values[2]} is refused: {why}",
        restriction=code,
    )


def _unfunded(args: Args) -> PariError:
    available, needed = list(args.values())[:2]
    return Unfunded(f"The payer can be debited for {available} minor units, the payments need {needed}.")


def _quota_in_use(args: Args) -> PariError:
    """Of an account's holding cap, or of the ledger's places of holders."""
    unused, amount = args["unused"], args["amount"]
    if int(args["account"], 16) == 0:
        return QuotaRefused(f"The ledger has {unused} free places of holders, {amount} cannot move.")
    return QuotaRefused(
        f"'{args['account']}' does not use {unused} units of its quota, {amount} cannot move."
    )


def _event_conflict(args: Args) -> PariError:
    return EventConflict(
        f"Event '{_event_id(args)}' is known with the hash {_shown(args['known'])}, "
        f"not {_shown(args['given'])}."
    )


def _unauthorised(args: Args) -> PariError:
    caller = next(iter(args.values()), "the signer")
    return NotAuthorised(f"The account {caller} has no authority for this command.")


def _role_missing(args: Args) -> PariError:
    names = {number: name for name, number in ROLES.items()}
    role = names.get(args["role"], f"number {args['role']}")
    return NotAuthorised(f"The account {args['caller']} does not hold the role {role}.")


def _quorum_missing(args: Args) -> PariError:
    """Of an act of consequence, which has an id, or of a batch of messages."""
    if "id" in args:
        return ActRefused(
            f"The act {_shown(args['id'])} has approvals of {args['given']} roles that hold, "
            f"{args['threshold']} are needed."
        )
    return BatchRefused(
        f"QuorumMissing: {args['entities']} distinct entities signed the batch, {args['threshold']} must."
    )


_MEANINGS: dict[str, Callable[[Args], PariError]] = {
    "TransferRestricted": _restricted,
    "Unfunded": _unfunded,
    "EventConflict": _event_conflict,
    "Unauthorised": _role_missing,
    "ApprovalNeeded": lambda args: NotAuthorised(
        f"The account {args['caller']} cannot do this alone: it is an act that roles approve."
    ),
    "AccessManagerUnauthorizedAccount": _unauthorised,
    "AccessManagerUnauthorizedCall": _unauthorised,
    "NotServicer": lambda args: NotAuthorised(
        f"The account {args['caller']} does not service {args['account']}."
    ),
    "AboveBalance": lambda args: BreakdownRefused(
        f"The breakdown states {args['total']} units, the account holds {args['balance']}."
    ),
    "BadAsOf": lambda args: BreakdownRefused(
        f"The breakdown is as of {args['asOf']}, it must be between {args['earliest']} and {args['latest']}."
    ),
    "EventUnknown": lambda args: EventUnknown(f"The event {_event_id(args)} is not known on this ledger."),
    "NotPublished": lambda args: PaymentRefused(
        f"The entitlements of {_event_id(args)} are not published on this ledger."
    ),
    "PaymentDateNotReached": lambda args: PaymentRefused(
        f"The payment date {args['paymentDate']} has not come: the ledger's time is {args['blockTimestamp']}."
    ),
    "InvalidProof": lambda args: PaymentRefused(
        f"{args['amount']} minor units for {args['account']} are not among the entitlements of "
        f"{_event_id(args)}."
    ),
    "AboveEligible": lambda args: PaymentRefused(
        f"{args['amount']} minor units for {args['account']} are above the {args['limit']} "
        f"that its units at record time give."
    ),
    "NothingOrdered": lambda args: OrderUnknown(
        f"Nothing of this was ever ordered on this ledger against the holder {_shown(args['holder'])}."
    ),
    "QuorumMissing": _quorum_missing,
    "QuotaInUse": _quota_in_use,
    "AnotherHolder": lambda args: QuotaRefused(
        f"Account '{args['account']}' is not registered, another took its place, or the quota is "
        f"for another holder."
    ),
    "LockUpUnknown": lambda args: CommandRefused(
        f"Account '{args['account']}': {args['missing']} units more would have to be locked up until "
        f"{args['until']}."
    ),
    "LockedForAnother": lambda args: CommandRefused(
        f"Units that are locked up stay with their holder, '{args['account']}' is another's."
    ),
    "NoSuchRule": lambda args: QuotaRefused("The terms of the security set no such limit."),
    "ReferenceUsed": lambda args: ReferenceConflict(
        f"The ledger has carried out the reference 0x{args['ref'].hex()} before."
    ),
}

_KINDS: dict[str, type[PariError]] = {
    **dict.fromkeys(
        (
            "BadSignature",
            "EmptyBatch",
            "FromTheFuture",
            "InsufficientGas",
            "LaneBusy",
            "LaneClosed",
            "MalformedBatch",
            "MessageExpired",
            "NeverSent",
            "NonceGap",
            "NotParked",
            "NotReturned",
            "SignaturesMismatch",
            "WrongSetVersion",
        ),
        BatchRefused,
    ),
    **dict.fromkeys(
        ("InvalidDate", "DateOrder", "RecordTimeOffDate", "IncompleteRecord"), InvalidEventRecord
    ),
    **dict.fromkeys(
        (
            "AlreadyApproved",
            "AlreadyProposed",
            "BadChangeClass",
            "Expired",
            "NotAnAct",
            "NothingToRollBack",
            "NoticeRuns",
            "NotOpen",
            "NotParty",
            "NotThisAct",
            "PointOfNoReturn",
            "RoleHasNoSay",
        ),
        ActRefused,
    ),
    **dict.fromkeys(("CurrencyUnknown", "EmptyEntitlements"), PaymentRefused),
    "LaneHalted": LaneHalted,
}
"""Errors that are named with their arguments under a code of the domain."""


class RevertDecoder:
    """Decodes the revert data of all contracts whose ABIs it was given."""

    def __init__(self, ledger: str, contracts: Iterable[Contract]) -> None:
        self._ledger = ledger
        self._errors: dict[bytes, tuple[str, Parameters]] = {}
        for contract in contracts:
            self._errors.update(contract.errors)

    def custom_error(self, data: bytes) -> CustomError | None:
        """Name and arguments of a custom error; None where no ABI has it or the data is malformed."""
        found = self._errors.get(data[:4])
        if found is None:
            return None
        name, parameters = found
        try:
            values = parameters.decode(data[4:])
        except (DecodingError, OverflowError):
            return None
        return CustomError(name, dict(zip(parameters.names, values, strict=True)))

    def error(self, data: bytes) -> PariError:
        """The error to raise for revert data."""
        custom = self.custom_error(data)
        if custom is not None:
            meaning = _MEANINGS.get(custom.name)
            if meaning is not None:
                return meaning(custom.args)
        kind = _KINDS.get(custom.name, ContractRefused) if custom is not None else ContractRefused
        return kind(f"A contract on {self._ledger} refuses the call: {self.text(data)}.")

    def text(self, data: bytes) -> str:
        """Revert data in words: the custom error, the reason string, the panic code, or hex."""
        custom = self.custom_error(data)
        if custom is not None:
            return str(custom)
        try:
            if data[:4] == _ERROR_STRING:
                return str(abi_decode(["string"], data[4:])[0]).rstrip(".")
            if data[:4] == _PANIC:
                return f"Panic({abi_decode(['uint256'], data[4:])[0]:#04x})"
        except (DecodingError, OverflowError, UnicodeDecodeError):
            pass
        return "no reason given" if not data else f"unknown error 0x{data[:68].hex()}"


def revived(reason: str) -> PariError:
    """The error whose text was stored as the reason of a refusal (`str(error)`)."""
    code, _, sentence = reason.partition(": ")
    if code.startswith("PP-RUL-") and code[7:].isdigit():
        return RuleError(sentence, restriction=int(code[7:]))
    return _classes().get(code, ContractRefused)(sentence or reason)


def _classes() -> dict[str, type[PariError]]:
    found: dict[str, type[PariError]] = {}
    waiting: list[type[PariError]] = [PariError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return found


def _event_id(args: Args) -> str:
    return bytes(args["eventKey"]).rstrip(b"\0").decode("ascii", "replace")


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
