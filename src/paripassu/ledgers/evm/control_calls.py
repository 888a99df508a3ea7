"""Controls and acts as calls: which contract and function carries one out on a chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from paripassu import acts, controls
from paripassu.errors import CommandImpossible
from paripassu.identifiers import keccak256, role_id
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.preparation import Call

AddressOf = Callable[[str], str]
Made = tuple[str, str, tuple[object, ...]]
"""Contract, function and arguments."""

TOKEN, HOLDERS, APPROVALS, MANAGER = "SecurityToken", "HolderRegistry", "Approvals", "AccessManager"
BRIDGE, GATEWAY = "TokenBridge", "Gateway"


def control_call(command: controls.Control | acts.Decision, signer: str, address_of: AddressOf) -> Call:
    """The call that carries out a control or a decision on an act, signed by the address `signer`.

    Raises:
        CommandImpossible: the command acts for an account whose signature is another one's.
    """
    contract, function, args = _made(command, signer, address_of)
    return Call(address_of(contract), codec(contract).encode(function, *args))


def reference_word(reference: str) -> bytes:
    """What a chain keeps of the caller's reference of an issue."""
    return bytes(keccak256(reference.encode("utf-8")))


def act_call(act: acts.Act, reason: controls.Reason, address_of: AddressOf) -> tuple[str, bytes]:
    """The contract, and the call to it, that carry out an act once it is approved."""
    contract, function, args = _act(act, reason, address_of)
    return contract, codec(contract).encode(function, *args)


def _made(command: controls.Control | acts.Decision, signer: str, address_of: AddressOf) -> Made:
    match command:
        case controls.SetStatus(account, active, reason):
            return HOLDERS, "setStatus", (account, active, bytes(reason.word))
        case controls.Sanction(account, sanctioned, reason):
            return HOLDERS, "setSanctioned", (account, sanctioned, bytes(reason.word))
        case controls.Order(holder, scope, stands, reason):
            return HOLDERS, "order", (bytes(holder), bytes(scope), stands, bytes(reason.word))
        case controls.Rotate(source, target, reason, proof_from, proof_to):
            return HOLDERS, "rotate", (source, target, bytes(reason.word), proof_from, proof_to)
        case controls.Succeed(lost, successor):
            return TOKEN, "recoveryAddress", (lost, successor, "0x" + "00" * 20)
        case controls.Freeze(account, frozen, reason):
            return TOKEN, "freeze", (account, frozen, bytes(reason.word))
        case controls.FreezeUnits(account, units, reason):
            return TOKEN, "freezeUnits", (account, int(units), bytes(reason.word))
        case controls.Lock(account, units, until, reason):
            return TOKEN, "lock", (account, int(units), until, bytes(reason.word))
        case controls.Pledge(account, pledgee, units):
            _own(account, signer)
            return TOKEN, "pledge", (pledgee, int(units))
        case controls.EndPledge(pledge, enforced):
            return TOKEN, "enforcePledge" if enforced else "releasePledge", (bytes(pledge),)
        case controls.BatchTransfer(source, transfers):
            _own(source, signer)
            accounts = [account for account, _ in transfers]
            return TOKEN, "batchTransfer", (accounts, [int(units) for _, units in transfers])
        case controls.OpenAccounts(opened):
            return TOKEN, "open", (list(opened),)
        case controls.Pause(paused, reason):
            return TOKEN, "pause(bytes32)" if paused else "unpause(bytes32)", (bytes(reason.word),)
        case controls.EmergencyStop(until, reason):
            return TOKEN, "emergencyStop", (until, bytes(reason.word))
        case controls.PauseClasses(classes, paused, reason):
            function = "pauseClasses" if paused else "unpauseClasses"
            return TOKEN, function, (class_bits(classes), bytes(reason.word))
        case controls.SetCountries(countries, deny_list, reason):
            numbers = sorted(country.numeric for country in countries)
            return TOKEN, "setCountries", (numbers, deny_list, bytes(reason.word))
        case controls.SetClasses(classes, reason):
            return TOKEN, "setClasses", (class_bits(classes), bytes(reason.word))
        case controls.SetMinimumLot(units, reason):
            return TOKEN, "setMinimumLot", (int(units), bytes(reason.word))
        case controls.SetBlackouts(windows, reason):
            spans = [(window.start, window.end) for window in windows]
            return TOKEN, "setBlackouts", (spans, bytes(reason.word))
        case controls.SetModules(modules, reason):
            return TOKEN, "setModules", (list(modules), bytes(reason.word))
        case acts.ProposeAct(act, role, reason):
            contract, data = act_call(act, reason, address_of)
            changed = act.change_class if isinstance(act, acts.Rollback) else 0
            args = (role_id(role), address_of(contract), data, changed, bytes(reason.word))
            return APPROVALS, "propose", args
        case acts.ApproveAct(id, role):
            return APPROVALS, "approve", (role_id(role), bytes(id))
        case acts.WithdrawAct(id, role):
            return APPROVALS, "withdraw", (role_id(role), bytes(id))
        case acts.ExecuteAct(id, target, data):
            return APPROVALS, "execute", (bytes(id), target, data)


def _act(act: acts.Act, reason: controls.Reason, address_of: AddressOf) -> Made:
    match act:
        case acts.ForcedTransfer(source, target, units):
            return TOKEN, "forcedTransfer", (source, target, int(units))
        case acts.ForcedTransfers(transfers):
            columns = (
                [one.source for one in transfers],
                [one.target for one in transfers],
                [int(one.units) for one in transfers],
            )
            return TOKEN, "batchForcedTransfer", columns
        case acts.Burn(account, units):
            return TOKEN, "burn", (account, int(units))
        case acts.Burns(burns):
            return TOKEN, "batchBurn", ([one.account for one in burns], [int(one.units) for one in burns])
        case acts.Cancel(account, units, reference):
            return TOKEN, "cancel", (account, int(units), reference_word(f"issue/{reference}"))
        case acts.Recover(lost, target, proof):
            return HOLDERS, "recover", (lost, target, bytes(reason.word), proof)
        case acts.ApproveArrival(message):
            return BRIDGE, "approveArrival", (bytes(message),)
        case acts.SetIssueLimit(units):
            return TOKEN, "setIssueLimit", (int(units),)
        case acts.SetHoldingCap(units):
            return TOKEN, "setHoldingCap", (int(units),)
        case acts.SetHolderLimit(holders):
            return TOKEN, "setHolderLimit", (holders,)
        case acts.SetName(name):
            return TOKEN, "setName", (name,)
        case acts.SetSymbol(symbol):
            return TOKEN, "setSymbol", (symbol,)
        case acts.AmendTerms(terms_hash):
            return TOKEN, "amendTerms", (bytes(terms_hash),)
        case acts.RotateAttestors(threshold, members):
            return GATEWAY, "rotate", ([(signer, bytes(entity)) for signer, entity in members], threshold)
        case acts.Rollback(contract):
            return APPROVALS, "rollback", (address_of(contract),)
        case acts.GrantRole(account, role):
            return MANAGER, "grantRole", (role_id(role), account, 0)
        case acts.RevokeRole(account, role):
            return MANAGER, "revokeRole", (role_id(role), account)


def class_bits(classes: Iterable[int]) -> int:
    """Investor classes as a chain keeps them, bit by bit."""
    return sum(1 << number for number in set(classes))


def _own(account: str, signer: str) -> None:
    if account.lower() != signer.lower():
        raise CommandImpossible(f"Only {account} itself can do that with its units, {signer} cannot.")
