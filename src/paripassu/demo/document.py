"""The demo's result as one JSON document, schema `paripassu.demo/1`.

Each part is an object with `ok` and the figures behind it. Amounts are
integers in minor units, times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paripassu.demo.holding import Refusal
from paripassu.entitlements import HolderEntitlement
from paripassu.identifiers import AccountId, Bytes32, LedgerId
from paripassu.invariants import InvariantResult
from paripassu.jobs.entitling import Struck
from paripassu.jobs.reconciling import Reconciliation
from paripassu.jobs.session import Session
from paripassu.ledgers.port import DeliveryStatus, KnownEvent, Payment
from paripassu.quantities import ZERO_MINOR

SCHEMA = "paripassu.demo/1"


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the demo saw and that the document is made from."""

    struck: Struck
    known: Mapping[LedgerId, KnownEvent]
    refusals: tuple[Refusal, ...]
    reconciliation: Reconciliation
    names: Mapping[Bytes32, str]
    omnibus: frozenset[AccountId]
    seconds: Mapping[str, float]


def document(session: Session, findings: Findings) -> dict[str, Any]:
    """The whole document; `ok` at the top is true where every part is."""
    parts = {
        "ledgers": _ledgers(session, findings),
        "security": _security(session),
        "event": _event(findings),
        "positions": _positions(session, findings),
        "entitlements": _entitlements(session, findings),
        "payments": _payments(session, findings),
        "messages": _messages(session, findings),
        "refusals": _refusals(findings.refusals),
        "invariants": _invariants(findings.reconciliation.results),
    }
    return {
        "schema": SCHEMA,
        "ok": all(part["ok"] for part in parts.values()),
        **parts,
        "milliseconds": {stage: round(1000 * value) for stage, value in findings.seconds.items()},
    }


def _name(session: Session, ledger: LedgerId) -> str:
    return session.ledgers[ledger].name


def _paid_on(findings: Findings, ledger: LedgerId) -> int:
    payments = findings.reconciliation.payments.get(ledger, ())
    return int(sum((payment.amount for payment in payments), ZERO_MINOR))


def _ledgers(session: Session, findings: Findings) -> dict[str, Any]:
    rows = []
    for config in session.network.ledgers.values():
        struck = findings.struck.reading.positions[config.id]
        rows.append(
            {
                "name": config.name,
                "caip2": str(config.id),
                "kind": "book entry"
                if not config.id.is_evm
                else config.devnet.client
                if config.devnet
                else "EVM",
                "home": config.name == session.network.home,
                "blockTime": config.blocks.estimate_block_time if config.id.is_evm else None,
                "reorgPeriod": config.blocks.reorg_period if config.id.is_evm else None,
                "blockAtRecordTime": {"height": struck.block.height, "hash": struck.block.hash.text},
                "unitsAtRecordTime": int(struck.supply),
                "paid": _paid_on(findings, config.id),
                "recordHash": findings.known[config.id].record_hash.text,
            }
        )
    return {"ok": len(rows) == len(findings.known), "rows": rows}


def _security(session: Session) -> dict[str, Any]:
    security = session.security
    return {
        "ok": True,
        "isin": str(security.isin),
        "lei": str(security.lei),
        "cfi": str(security.cfi),
        "name": security.name,
        "securityId": security.security_id.text,
        "termsHash": security.terms_hash.text,
        "issueSize": int(security.issue_size),
    }


def _event(findings: Findings) -> dict[str, Any]:
    record = findings.struck.event
    hashes = {str(ledger): known.record_hash.text for ledger, known in findings.known.items()}
    return {
        "ok": set(hashes.values()) == {record.record_hash.text},
        "officialEventId": record.official_event_id,
        "eventType": record.event_type,
        "participation": record.participation.value,
        "announcementDate": record.announcement_date.isoformat(),
        "exDate": record.ex_date.isoformat() if record.ex_date else None,
        "recordDate": record.record_date.isoformat(),
        "paymentDate": record.payment_date.isoformat(),
        "recordTime": record.record_time,
        "rate": str(record.rate),
        "currency": str(record.currency),
        "currencyExponent": record.currency.exponent,
        "recordHash": record.record_hash.text,
        "recordHashes": hashes,
    }


def _positions(session: Session, findings: Findings) -> dict[str, Any]:
    reading = findings.struck.reading
    issued = int(session.security.issue_size)
    accounted = int(reading.units_on_ledgers + reading.units_in_transit)
    return {
        "ok": accounted == issued == int(findings.struck.table.units),
        "recordTime": reading.time,
        "issued": issued,
        "accounted": accounted,
        "inTransit": int(reading.units_in_transit),
        "perLedger": {
            _name(session, ledger): int(struck.supply) for ledger, struck in reading.positions.items()
        },
        "rows": [
            {"ledger": _name(session, ledger), "account": account, "units": int(units)}
            for ledger, struck in reading.positions.items()
            for account, units in sorted(struck.balances.items())
        ],
        "transit": [
            {
                "messageId": item.message_id.text,
                "from": _name(session, item.source),
                "to": str(item.target),
                "units": int(item.units),
                "since": item.dispatched,
                "until": item.executed,
            }
            for item in reading.in_transit
        ],
    }


def _entitlements(session: Session, findings: Findings) -> dict[str, Any]:
    table, event = findings.struck.table, findings.struck.event
    exact = event.rate.exact_minor(table.units, event.currency.exponent)
    lines = {line.account: line for line in table.lines}
    paid = {
        AccountId(ledger, payment.account): payment
        for ledger, payments in findings.reconciliation.payments.items()
        for payment in payments
    }
    rows = [_holder_row(session, findings, holder, set(lines) & set(paid)) for holder in table.holders]
    return {
        "ok": int(table.total) + table.residue == exact and all(row["amount"] == row["paid"] for row in rows),
        "root": findings.struck.root.text,
        "units": int(table.units),
        "total": int(table.total),
        "exact": str(exact),
        "residue": str(table.residue),
        "rows": sorted(rows, key=lambda row: -row["units"]),
        "lines": [
            {"account": str(line.account), "units": int(line.units), "amount": int(line.amount)}
            for line in table.lines
        ],
    }


def _holder_row(
    session: Session, findings: Findings, holder: HolderEntitlement, paid_accounts: set[AccountId]
) -> dict[str, Any]:
    transit = {item.target: int(item.units) for item in findings.struck.reading.in_transit}
    parts = [
        {
            "ledger": _name(session, part.account.ledger),
            "account": str(part.account),
            "how": "in the omnibus account"
            if part.account in findings.omnibus
            else f"direct, {transit[part.account]:,} of them in transit at record time"
            if part.account in transit
            else "direct",
            "units": int(part.units),
            "amount": int(part.amount),
        }
        for part in holder.parts
    ]
    return {
        "holder": holder.holder.text,
        "name": findings.names.get(holder.holder, "Not attested by the custodian"),
        "holderType": holder.kind.value,
        "units": int(holder.units),
        "amount": int(holder.amount),
        # A zero part needs no payment; any other counts as paid only where its account was.
        "paid": sum(
            int(part.amount) for part in holder.parts if part.account in paid_accounts or part.amount == 0
        ),
        "parts": parts,
    }


def _payments(session: Session, findings: Findings) -> dict[str, Any]:
    booked = findings.reconciliation.payments
    rows = [_payment_row(session, ledger, payment) for ledger, each in booked.items() for payment in each]
    accounts = {(row["ledger"], row["account"]) for row in rows}
    total = sum(row["amount"] for row in rows)
    return {
        "ok": len(accounts) == len(rows) and total == int(findings.struck.table.total),
        "total": total,
        "rows": rows,
    }


def _payment_row(session: Session, ledger: LedgerId, payment: Payment) -> dict[str, Any]:
    return {
        "ledger": _name(session, ledger),
        "account": payment.account,
        "amount": int(payment.amount),
        "transaction": payment.transaction,
        "height": payment.block.height,
        "time": payment.block.time,
    }


def _messages(session: Session, findings: Findings) -> dict[str, Any]:
    traffic = findings.reconciliation.reading.traffic
    rows = []
    for item in traffic.sent:
        fate = traffic.fate(item.message.id)
        rows.append(
            {
                "id": item.message.id.text,
                "source": _name(session, item.message.lane.source),
                "destination": _name(session, item.message.lane.destination),
                "purpose": item.message.lane.purpose.name,
                "nonce": item.message.nonce,
                "sentAt": item.message.timestamp,
                "deliveredAt": fate.block.time if fate else None,
                "state": fate.status.value if fate else DeliveryStatus.PENDING.value,
            }
        )
    delivered = sum(row["state"] == DeliveryStatus.EXECUTED.value for row in rows)
    return {"ok": delivered == len(rows), "sent": len(rows), "delivered": delivered, "rows": rows}


def _refusals(refusals: Sequence[Refusal]) -> dict[str, Any]:
    codes: dict[str, set[str]] = {}
    for refusal in refusals:
        codes.setdefault(refusal.movement, set()).add(refusal.code)
    rows = [
        {"movement": each.movement, "ledger": each.ledger, "code": each.code, "text": each.text}
        for each in refusals
    ]
    return {"ok": all(len(said) == 1 for said in codes.values()), "rows": rows}


def _invariants(results: Sequence[InvariantResult]) -> dict[str, Any]:
    rows = [
        {
            "id": result.id,
            "title": result.title,
            "ok": result.ok,
            "figures": {name: str(figure) for name, figure in result.figures.items()},
            "explanation": result.explanation,
        }
        for result in sorted(results, key=lambda result: result.id)
    ]
    by_id: dict[str, Any] = {str(row["id"]): row for row in rows}
    return {"ok": all(row["ok"] for row in rows), "rows": rows, **by_id}
