"""Commands as calls: which contract and function carries out a command on a chain."""

from __future__ import annotations

from dataclasses import replace

from paripassu.commands import (
    Acknowledge,
    AllowUnits,
    Announce,
    AttestBreakdown,
    AuthoriseDebit,
    Command,
    Deliver,
    Flush,
    FundCash,
    Issue,
    Move,
    MovePlaces,
    MoveQuota,
    Onboard,
    Pay,
    PublishEntitlements,
    Redeem,
    Refund,
    Refuse,
    ResumeLane,
    Retry,
    SetArrivalCap,
    StopLane,
    Transfer,
)
from paripassu.errors import CommandImpossible
from paripassu.events import event_key
from paripassu.identifiers import ZERO32, Country, account_to_bytes
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.control_calls import AddressOf, control_call, reference_word
from paripassu.ledgers.evm.preparation import Call
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.ledgers.evm.transports import TRANSPORTS
from paripassu.messages import (
    MovementPayload,
    Purpose,
    acknowledgement_head,
    execution,
    has_lots,
    packed_signatures,
)

_MESSAGE_GAS = {
    Purpose.MOVEMENT: 220_000,
    Purpose.CORPORATE_ACTION: 700_000,
    Purpose.RECEIPT: 220_000,
    Purpose.QUOTA: 220_000,
    Purpose.ORDER: 400_000,
}
_LOT_GAS = 80_000
_PROOF_GAS = 4_000
"""A transport is asked for each message, by one cold slot."""

_TRANSACTION_GAS = 1 << 24
"""No transaction may have more gas since EIP-7825 (Osaka)."""


def call_for(
    command: Command,
    signer: str,
    reference: str,
    address_of: AddressOf,
    signers: int = 0,
    parties_known: bool = False,
) -> Call:
    """The call that carries out `command`, signed by the address `signer`.

    `reference` becomes the contract's own reference where the contract keeps one (issues of
    units and of cash), so that it is once there too. `signers` says of a delivery or an acknowledgement
    which members of the attestor set signed, bit by bit.

    Raises:
        CommandImpossible: the command names an account that this signer cannot act for.
    """

    def call(contract: str, function: str, *args: object) -> Call:
        return Call(address_of(contract), codec(contract).encode(function, *args))

    once = reference_word(reference)
    match command:
        case Onboard():
            return call("HolderRegistry", "onboard", *_onboarding(command))
        case Issue():
            return call("SecurityToken", "issue", command.account, int(command.units), once)
        case AllowUnits():
            return call("SecurityToken", "approve", command.spender, int(command.units))
        case Redeem():
            return call("SecurityToken", "redeem", command.account, int(command.units), once)
        case Transfer() if _same(command.source, signer):
            return call("SecurityToken", "transfer", command.target, int(command.units))
        case Transfer():
            return call("SecurityToken", "transferFrom", command.source, command.target, int(command.units))
        case Move():
            return _move(command, signer, address_of)
        case MoveQuota():
            # the contract asks whether the signer may: it is the account, or a transfer agent
            target = account_to_bytes(command.destination, command.target)
            where = (address_of("SecurityToken"), command.account, command.destination.numeric)
            return call("Quotas", "moveQuota", *where, target, int(command.units))
        case MovePlaces():
            token = address_of("SecurityToken")
            return call("Quotas", "movePlaces", token, command.destination.numeric, command.places)
        case AttestBreakdown():
            return call(
                "CustodyRegistry",
                "attestBreakdown",
                address_of("SecurityToken"),
                command.account,
                command.as_of,
                bytes(command.root),
                int(command.total),
            )
        case Announce():
            return call("CorporateActions", "announce", command.record.abi_tuple())
        case PublishEntitlements():
            return call(
                "CorporateActions",
                "publishEntitlements",
                bytes(event_key(command.event_id)),
                bytes(command.root),
                int(command.total),
                command.lines,
            )
        case FundCash():
            return call("CashToken", "mint", command.account, int(command.amount), once)
        case AuthoriseDebit():
            return call("CashToken", "approve", address_of("CorporateActions"), int(command.amount))
        case Pay():
            lines = [
                (line.account, int(line.amount), [bytes(node) for node in line.proof])
                for line in command.lines
            ]
            return call("CorporateActions", "pay", bytes(event_key(command.event_id)), lines)
        case Deliver():
            arguments = execution(command.batch, signers, command.signatures, known=parties_known)
            delivery = call("Gateway", "execute", *arguments)
            return replace(delivery, gas=_delivery_gas(command, len(delivery.data)), tried=True)
        case Retry():
            return call("Gateway", "retry", command.message.abi_tuple())
        case Refuse():
            why = command.reason.word if command.reason else ZERO32
            return call("Gateway", "refuse", command.message.abi_tuple(), bytes(why))
        case Acknowledge(said, signatures):
            refused = [bytes(id) for id in said.refused]
            head = acknowledgement_head(said, signers)
            told = (said.lane.destination.numeric, head, refused, packed_signatures(signatures))
            return call("Gateway", "acknowledge", *told)
        case Refund():
            return call("Gateway", "refund", command.message.abi_tuple())
        case Flush(transport, destination):
            return call(TRANSPORTS[transport], "flush", destination.numeric)
        case StopLane(ledger, purpose, reason):
            return call("Gateway", "stopLane", ledger.numeric, int(purpose), bytes(reason.word))
        case ResumeLane(ledger, purpose, reason):
            return call("Gateway", "resumeLane", ledger.numeric, int(purpose), bytes(reason.word))
        case SetArrivalCap(security, source, units, window):
            cap = (bytes(security), source.numeric, int(units), window)
            return call("TokenBridge", "setArrivalCap", *cap)
    return control_call(command, signer, address_of)


def _delivery_gas(command: Deliver, data_bytes: int) -> int:
    """Gas limit of a delivery, from what a message can cost at most in practice.

    The gateway wants the receiver's whole allowance of 1,000,000 to be there before each message;
    what is left over is not paid. Too little consumes nothing: the relayer then sends fewer at once.
    """
    purpose = command.batch.lane.purpose
    messages = len(command.batch.messages) * _MESSAGE_GAS[purpose]
    if purpose is Purpose.MOVEMENT:
        with_lots = (one.payload for one in command.batch.messages if has_lots(one.payload))
        lots = (MovementPayload.decode(payload).lots for payload in with_lots)
        messages += _LOT_GAS * sum(map(len, lots))
    proof = 15_000 * len(command.signatures) or _PROOF_GAS * len(command.batch.messages)
    needed = 1_250_000 + proof + 40 * data_bytes + messages
    return min(needed, _TRANSACTION_GAS)


def _onboarding(command: Onboard) -> tuple[object, ...]:
    return (
        command.account,
        bytes(command.holder),
        Country(command.country).numeric,
        command.investor_class,
        command.expiry,
        command.servicer or ZERO_ADDRESS,
        command.additional,
        command.proof,
    )


def _move(command: Move, signer: str, address_of: AddressOf) -> Call:
    if not _same(command.source, signer):
        raise CommandImpossible(
            f"Units of {command.source} leave the ledger by its own signature, {signer} cannot move them."
        )
    target = account_to_bytes(command.destination, command.target)
    parts = (address_of("SecurityToken"), command.destination.numeric, target, int(command.units))
    if command.locked:
        lock_ups = [(int(lot.units), lot.until) for lot in command.locked]
        data = codec("TokenBridge").encode("moveLocked", *parts, lock_ups, command.expiry)
    else:
        data = codec("TokenBridge").encode("move", *parts, command.expiry)
    return Call(address_of("TokenBridge"), data)


def _same(account: str, address: str) -> bool:
    return account.lower() == address.lower()
