"""Acts of consequence in book entry: k of n roles agree before the book does them (VER-6, CTL-7).

As on chains: each role counts once, and so does each signer; an act is carried out within 30 days.
Upgrades are none of the book's acts; its name, terms and shares of limits come with its configuration.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from paripassu import acts
from paripassu.controls import Reason
from paripassu.errors import ActRefused, CommandImpossible, CommandRefused, NotAuthorised
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.book import attestors, caps, encumbrances, register
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import ISSUE_ACCOUNT, Entry
from paripassu.ledgers.book.ruling import decide
from paripassu.ledgers.book.schema import act, approval
from paripassu.ledgers.book.schema import entry as entry_table
from paripassu.quantities import Units
from paripassu.rules import Kind, Movement, Restriction, refusal

ROLES = ("registrar", "transfer_agent", "csd", "regulator", "issuer_agent")
"""Who proposes and approves corrections, and arrivals above a cap."""

ROTATORS = ("bridge_operator",)
ROTATION_APPROVERS = ("issuer", "csd", "registrar", "regulator", "bridge_operator")
"""Who proposes another set of attestors, and who approves it: those who approve changes of code on chains."""

LIFETIME = 30 * 86_400
OPEN, EXECUTED, WITHDRAWN = "OPEN", "EXECUTED", "WITHDRAWN"

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        acts.ForcedTransfer,
        acts.ForcedTransfers,
        acts.Burn,
        acts.Burns,
        acts.Cancel,
        acts.Recover,
        acts.ApproveArrival,
        acts.RotateAttestors,
    )
}


def carry_out(entry: Entry, configuration: BookConfiguration, command: acts.Decision, signer: str) -> None:
    """Do what somebody decided about an act.

    Raises:
        ActRefused: not at this stage, not by this role, or not enough approvals.
        CommandRefused, RuleError: what carrying it out meets.
    """
    if isinstance(command, acts.ProposeAct):
        _propose(entry, configuration, command, signer)
        return
    row = _open(entry.connection, command.id)
    match command:
        case acts.ApproveAct(id, role):
            given = _approvals(entry.connection, id)
            if role in given or signer in given.values():
                raise ActRefused(f"The role {role} or '{signer}' has approved the act {id} before.")
            _approve(entry, id, role, signer)
        case acts.WithdrawAct(id, role):
            _withdraw(entry, row, role, signer)
        case acts.ExecuteAct(id):
            _execute(entry, configuration, row, signer)


def require_say(
    connection: Connection,
    configuration: BookConfiguration,
    command: acts.ProposeAct | acts.ApproveAct | acts.WithdrawAct,
    signer: str,
) -> None:
    """Raise NotAuthorised unless the signer may speak for the role about this act of the book."""
    role = command.role
    may: tuple[str, ...] = ROLES
    if _rotates(connection, command):
        may = ROTATORS if isinstance(command, acts.ProposeAct) else ROTATION_APPROVERS
    if role not in may:
        raise NotAuthorised(f"The role {role} has no say in acts of {configuration.ledger}.")
    if not configuration.holds(role, signer):
        raise NotAuthorised(f"'{signer}' does not hold the role {role} on {configuration.ledger}.")


def threshold_of(configuration: BookConfiguration, kind: str) -> int:
    """How many roles must approve an act of a kind, named as in its document."""
    rotates = kind == acts.RotateAttestors.__name__
    return configuration.rotation_threshold if rotates else configuration.correction_threshold


def notice_of(configuration: BookConfiguration, kind: str) -> int:
    """Seconds from the proposal of an act to its execution at least."""
    return configuration.rotation_notice if kind == acts.RotateAttestors.__name__ else 0


def to_document(value: Any) -> Any:
    """An act as JSON. Raises CommandImpossible for one that the book cannot do."""
    if isinstance(value, tuple):
        return [to_document(part) for part in value]
    if isinstance(value, Units):
        return str(int(value))
    if type(value) in _KINDS.values():
        parts = {one.name: to_document(getattr(value, one.name)) for one in fields(value)}
        return {"act": type(value).__name__, **{k: part for k, part in parts.items() if part != b""}}
    if isinstance(value, Bytes32):
        return value.text
    if isinstance(value, (str, int, bytes)):
        return value
    raise CommandImpossible(
        f"A book-entry ledger does no {type(value).__name__}: what it is set up with comes by deployment.",
        next_command="pari deploy apply",
    )


def from_document(document: dict[str, Any]) -> acts.Act:
    """Inverse of `to_document`."""
    if document["act"] == acts.RotateAttestors.__name__:
        members = tuple((signer, Bytes32(entity)) for signer, entity in document["members"])
        return acts.RotateAttestors(document["threshold"], members)
    parts: dict[str, Any] = {
        name: [from_document(one) for one in value] if isinstance(value, list) else value
        for name, value in document.items()
        if name != "act"
    }
    if "units" in parts:
        parts["units"] = Units(int(parts["units"]))
    if "message_id" in parts:
        parts["message_id"] = Bytes32(parts["message_id"])
    made: acts.Act = _KINDS[document["act"]](
        **{name: tuple(value) if isinstance(value, list) else value for name, value in parts.items()}
    )
    return made


def _propose(entry: Entry, configuration: BookConfiguration, command: acts.ProposeAct, signer: str) -> None:
    body = json.dumps(to_document(command.act), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    id = keccak256(f"{configuration.ledger} {entry.height} {command.role} {body}".encode())
    values = {
        "id": id.text,
        "asset": configuration.asset,
        "body": body,
        "role": command.role,
        "signer": signer,
        "reason": command.reason.text,
        "height": entry.height,
        "state": OPEN,
        "corrections": "[]",
    }
    entry.connection.execute(insert(act).values(**values))
    entry.note(proposed=id.text, act=json.loads(body), role=command.role, reason=command.reason.text)
    _approve(entry, id, command.role, signer)


def _approve(entry: Entry, id: Bytes32, role: str, signer: str) -> None:
    values = {"act": id.text, "role": role, "signer": signer, "height": entry.height}
    entry.connection.execute(insert(approval).values(**values))
    entry.note(approved=id.text, role=role)


def _withdraw(entry: Entry, row: Row[Any], role: str, signer: str) -> None:
    if row.role == role:
        _end(entry, row, WITHDRAWN, signer, [])
        entry.note(withdrawn=row.id, role=role)
        return
    where = (approval.c.act == row.id, approval.c.role == role)
    if entry.connection.execute(delete(approval).where(*where)).rowcount == 0:
        raise ActRefused(f"The role {role} has not approved the act {row.id}.")
    entry.note(approval_withdrawn=row.id, role=role)


def _execute(entry: Entry, configuration: BookConfiguration, row: Row[Any], signer: str) -> None:
    given = _approvals(entry.connection, Bytes32(row.id))
    standing = [role for role, by in given.items() if configuration.holds(role, by)]
    kind = json.loads(row.body)["act"]
    needed = threshold_of(configuration, kind)
    if len(standing) < needed:
        raise ActRefused(
            f"The act {row.id} has {len(standing)} approvals, {needed} are needed.",
            next_command=f"pari act approve {row.id} --role ROLE",
        )
    proposed = entry.connection.execute(
        select(entry_table.c.time).where(entry_table.c.height == row.height)
    ).scalar_one()
    ready_at = proposed + notice_of(configuration, kind)
    if entry.time < ready_at:
        raise ActRefused(f"The act {row.id} has notice until {ready_at}, it is {entry.time}.")
    if entry.time > ready_at + LIFETIME:
        raise ActRefused(f"The act {row.id} was to be carried out until {ready_at + LIFETIME}.")
    changed: list[list[str]] = []
    _do(entry, configuration.of_asset(row.asset), from_document(json.loads(row.body)), row.reason, changed)
    _end(entry, row, EXECUTED, signer, changed)
    entry.note(executed=row.id, corrections=changed)


def _do(
    entry: Entry, configuration: BookConfiguration, what: acts.Act, reason: str, changed: list[list[str]]
) -> None:
    match what:
        case acts.ForcedTransfer(source, target, units):
            movement = Movement(Kind.FORCED, source, target, units)
            code = decide(entry, configuration, movement)
            if code is not Restriction.NONE:
                raise refusal(code, source=source, target=target, units=units, ledger=configuration.ledger)
            _take(entry, configuration.asset, source, target, units, changed)
        case acts.ForcedTransfers(transfers):
            for one in transfers:
                _do(entry, configuration, one, reason, changed)
        case acts.Burn(account, units):
            if not configuration.home:
                raise CommandRefused(f"{configuration.ledger} is not the home ledger: units end there alone.")
            if units > register.balance(entry.connection, configuration.asset, account):
                code = Restriction.INSUFFICIENT_BALANCE
                raise refusal(code, source=account, units=units, ledger=configuration.ledger)
            _take(entry, configuration.asset, account, ISSUE_ACCOUNT, units, changed)
        case acts.Burns(burns):
            for burn in burns:
                _do(entry, configuration, burn, reason, changed)
        case acts.Cancel(account, units, reference):
            issued = {configuration.stored(f"issue/{reference}")}
            if configuration.security == configuration.securities[0]:  # what is meant where none is named
                issued.add(f"issue/{reference}")
            where = (entry_table.c.reference.in_(issued), entry_table.c.kind == "Issue")
            if entry.connection.execute(select(entry_table.c.height).where(*where)).first() is None:
                raise CommandRefused(f"Nothing was issued under the reference '{reference}'.")
            _do(entry, configuration, acts.Burn(account, units), reason, changed)
        case acts.Recover(lost, target):
            register.supersede(entry, configuration, lost, target, Reason(reason))
        case acts.ApproveArrival(message_id):
            caps.approve(entry, message_id)
        case acts.RotateAttestors():
            attestors.rotate(entry, what)
        case _:
            raise CommandImpossible(f"A book-entry ledger does no {type(what).__name__}.")


def _take(entry: Entry, asset: str, source: str, target: str, units: Units, changed: list[list[str]]) -> None:
    before = {
        account: register.balance(entry.connection, asset, account)
        for account in dict.fromkeys((source, target))
        if account != ISSUE_ACCOUNT
    }
    encumbrances.seize(entry, asset, source, units)
    if units and source != target:
        entry.move(asset, source, target, units)
    for account, held in before.items():
        after = register.balance(entry.connection, asset, account)
        changed.append([account, str(held), str(after)])


def _end(entry: Entry, row: Row[Any], state: str, signer: str, changed: list[list[str]]) -> None:
    values = {
        "state": state,
        "ended": entry.height,
        "ended_by": signer,
        "corrections": json.dumps(changed),
    }
    entry.connection.execute(update(act).where(act.c.id == row.id).values(**values))


def _open(connection: Connection, id: Bytes32) -> Row[Any]:
    row = connection.execute(select(act).where(act.c.id == id.text)).first()
    if row is None or row.state != OPEN:
        raise ActRefused(
            f"The act {id} is {'unknown' if row is None else row.state} here.",
            next_command=f"pari act show {id}",
        )
    return row


def _rotates(connection: Connection, command: acts.ProposeAct | acts.ApproveAct | acts.WithdrawAct) -> bool:
    if isinstance(command, acts.ProposeAct):
        return isinstance(command.act, acts.RotateAttestors)
    body = connection.execute(select(act.c.body).where(act.c.id == command.id.text)).scalar()
    return body is not None and json.loads(body)["act"] == acts.RotateAttestors.__name__


def _approvals(connection: Connection, id: Bytes32) -> dict[str, str]:
    """Signer by role."""
    rows = connection.execute(select(approval).where(approval.c.act == id.text).order_by(approval.c.height))
    return {row.role: row.signer for row in rows}
