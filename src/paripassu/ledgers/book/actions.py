"""Official events, entitlements and payments in book entry (CA-1, CA-6, CA-11)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from paripassu.commands import Announce, Pay, PaymentLine, PublishEntitlements
from paripassu.entitlements import EntitlementLine
from paripassu.errors import CommandRefused, EventConflict, EventUnknown, PaymentRefused, Unfunded
from paripassu.events import EVENT_RECORD_ABI, EventRecord, event_key, require_legal
from paripassu.identifiers import AccountId, Bytes32, account_to_bytes
from paripassu.ledgers.book import gateway, register
from paripassu.ledgers.book.accounts import eligible_at
from paripassu.ledgers.book.configuration import BookConfiguration
from paripassu.ledgers.book.journal import CASH_ACCOUNT, Entry, block_of
from paripassu.ledgers.book.register import balance
from paripassu.ledgers.book.ruling import Judge, decide, judge
from paripassu.ledgers.book.schema import debit_authority, event, payment
from paripassu.ledgers.book.schema import entry as entry_table
from paripassu.ledgers.port import HeldEntitlement, KnownEvent, Payee
from paripassu.merkle import verify_proof
from paripassu.messages import EntitlementPayload, EventPayload, Message, Purpose, decode_corporate_action
from paripassu.quantities import ZERO_UNITS, Minor
from paripassu.rules import Kind, Movement, Restriction


def announce(entry: Entry, configuration: BookConfiguration, command: Announce) -> None:
    """Announce on the home ledger; the same record again is a no-op."""
    _require_home(configuration)
    if not record_event(entry, configuration, command.record):
        return
    payload = EventPayload(command.record).encode()
    _send_to_all(entry, configuration, payload)


def publish(entry: Entry, configuration: BookConfiguration, command: PublishEntitlements) -> None:
    """Publish the entitlement table's root on the home ledger; the same one again is a no-op."""
    _require_home(configuration)
    payload = EntitlementPayload(event_key(command.event_id), command.root, command.total, command.lines)
    if record_entitlements(entry, payload):
        _send_to_all(entry, configuration, payload.encode())


def receive(entry: Entry, configuration: BookConfiguration, message: Message) -> None:
    """Take in what the home ledger sent: an event record or an entitlement root."""
    payload = decode_corporate_action(message.payload)
    if isinstance(payload, EventPayload):
        record_event(entry, configuration, payload.record)
    else:
        record_entitlements(entry, payload)


def record_event(entry: Entry, configuration: BookConfiguration, record: EventRecord) -> bool:
    """Keep an official record; False where it was known.

    Raises:
        CommandRefused: it is of a security that the book does not keep, or its dates are out of order.
        EventConflict: another one is known.
    """
    cfi = configuration.of_security(record.security_id).security.cfi
    _require_date_order(record)
    if cfi is not None:
        require_legal(record.event_type, cfi)
    known = _row(entry.connection, record.key)
    if known is not None:
        if known.record_hash != record.record_hash.text:
            raise EventConflict(
                f"Event '{record.official_event_id}' is known with the record hash {known.record_hash}, "
                f"not {record.record_hash}."
            )
        return False
    entry.connection.execute(
        insert(event).values(
            key=record.key.text,
            event_id=record.official_event_id,
            record=abi_encode([EVENT_RECORD_ABI], [record.abi_tuple()]),
            record_hash=record.record_hash.text,
            height=entry.height,
        )
    )
    entry.note(event=record.official_event_id, record_hash=record.record_hash.text)
    return True


def record_entitlements(entry: Entry, payload: EntitlementPayload) -> bool:
    """Keep an event's entitlement root; False where it was known. Raises EventConflict where another was."""
    known = _row(entry.connection, payload.event_key)
    if known is None:
        raise EventUnknown(f"No event has the key {payload.event_key}.")
    values = {"root": payload.root.text, "total": int(payload.total), "lines": payload.lines}
    if known.root is not None:
        if {name: known._mapping[name] for name in values} != values:
            raise EventConflict(
                f"The entitlements of '{known.event_id}' are published with the root {known.root} and the "
                f"total {known.total}, not {payload.root} and {int(payload.total)}."
            )
        return False
    entry.connection.execute(update(event).where(event.c.key == payload.event_key.text).values(**values))
    entry.note(entitlements=known.event_id, root=payload.root.text, total=str(int(payload.total)))
    return True


def known_event(connection: Connection, event_id: str) -> KnownEvent | None:
    """The event as the book has it; the record's hash is computed anew from what is kept."""
    row = _row(connection, event_key(event_id))
    if row is None:
        return None
    (values,) = abi_decode([EVENT_RECORD_ABI], bytes(row.record))
    record = EventRecord.from_abi(values)
    return KnownEvent(
        record,
        record.record_hash,
        None if row.root is None else Bytes32(row.root),
        None if row.total is None else Minor(row.total),
    )


def known_events(connection: Connection) -> tuple[KnownEvent, ...]:
    """Every event that the book has, by official id."""
    rows = connection.execute(select(event.c.event_id, event.c.lines).order_by(event.c.event_id)).all()
    return tuple(
        replace(known, entitlement_lines=row.lines)
        for row in rows
        if (known := known_event(connection, row.event_id)) is not None
    )


def pay(entry: Entry, configuration: BookConfiguration, command: Pay, payer: str) -> None:
    """Pay the lines that are not paid yet: all of them, or none.

    An account whose payee the rules let receive nothing is passed over and noted: its entitlement is
    held, neither paid nor lost, and the others go on (CTL-1, CA-23).

    Raises:
        PaymentRefused: before the payment date, a line that the published table does not hold, or
            more than the position at record time can bring.
        Unfunded: the payer's cash or debit authority is below the sum.
    """
    known = known_event(entry.connection, command.event_id)
    if known is None:
        raise EventUnknown(f"No event '{command.event_id}' is known on {configuration.ledger}.")
    configuration = configuration.of_security(known.record.security_id)
    _require_payable(entry, configuration, known)
    paid = set(
        entry.connection.execute(
            select(payment.c.account).where(payment.c.key == known.record.key.text)
        ).scalars()
    )
    due: dict[str, PaymentLine] = {}
    payees: dict[str, str] = {}
    for line in command.lines:
        _require_entitled(entry.connection, configuration, known, line)
        if line.account in paid:
            continue
        to = _payee(
            entry.connection,
            configuration.asset,
            line.account,
            lambda payout: decide(entry, configuration, payout),
        )
        if to.code is Restriction.NONE:
            due[line.account] = line
            payees[line.account] = to.account
        else:
            entry.note(
                held=line.account, amount=str(int(line.amount)), event=command.event_id, code=int(to.code)
            )
    needed = sum(int(line.amount) for line in due.values())
    currency = str(configuration.currency)
    _draw(entry.connection, payer, currency, needed)
    for line in due.values():
        entry.connection.execute(
            insert(payment).values(
                key=known.record.key.text,
                account=line.account,
                event_id=command.event_id,
                amount=int(line.amount),
                payer=payer,
                height=entry.height,
            )
        )
        entry.move(currency, payer, payees[line.account], line.amount)
        entry.note(paid=line.account, amount=str(int(line.amount)), event=command.event_id)


def payee(connection: Connection, configuration: BookConfiguration, account: str, now: int) -> Payee:
    """Who would be paid what is due to an account, and what speaks against it now."""
    asset = configuration.asset
    return _payee(connection, asset, account, lambda payout: judge(connection, configuration, payout, now))


def _payee(connection: Connection, asset: str, account: str, judged: Judge) -> Payee:
    """The account's successor where one took its place (UBO-10), unless an account on the way is frozen."""
    paid = account
    found = register.successor(connection, paid)
    while found is not None:
        if register.is_frozen(connection, asset, paid):
            return Payee(paid, Restriction.RECIPIENT_FROZEN)
        paid = found[0]
        found = register.successor(connection, paid)
    payout = Movement(Kind.PAYOUT, "", paid, ZERO_UNITS)
    return Payee(paid, judged(payout))


def held(connection: Connection, event_id: str) -> tuple[HeldEntitlement, ...]:
    """Payments of an event that the book passed over, as its journal notes them."""
    rows = connection.execute(select(entry_table).where(entry_table.c.kind == Pay.__name__))
    return tuple(
        HeldEntitlement(
            event_id, note["held"], Minor(int(note["amount"])), Restriction(note["code"]), block_of(row)
        )
        for row in rows
        for note in json.loads(row.body)
        if "held" in note and note["event"] == event_id
    )


def fund(entry: Entry, configuration: BookConfiguration, account: str, amount: Minor) -> None:
    """Post cash to an account."""
    account_to_bytes(configuration.ledger, account)
    entry.move(str(configuration.currency), CASH_ACCOUNT, account, amount)
    entry.note(funded=account, amount=str(int(amount)))


def authorise_debit(entry: Entry, configuration: BookConfiguration, account: str, amount: Minor) -> None:
    """Set (not add to) what payments in the security's currency may debit from the signer's cash account."""
    key = {"currency": str(configuration.currency), "account": account}
    changed = entry.connection.execute(
        update(debit_authority).where(*_granted(**key)).values(amount=int(amount))
    )
    if changed.rowcount == 0:
        entry.connection.execute(insert(debit_authority).values(**key, amount=int(amount)))
    entry.note(debit_authority=account, amount=str(int(amount)), currency=key["currency"])


def _require_payable(entry: Entry, configuration: BookConfiguration, known: KnownEvent) -> None:
    record = known.record
    opens = int(datetime.combine(record.payment_date, datetime.min.time(), UTC).timestamp())
    now = datetime.fromtimestamp(entry.time, UTC)
    if entry.time < opens or entry.time <= record.record_time:
        raise PaymentRefused(
            f"Event '{record.official_event_id}' is paid from {record.payment_date} 00:00 UTC on; by the "
            f"clock of {configuration.ledger} it is {now:%Y-%m-%d %H:%M} UTC."
        )
    if known.entitlement_root is None:
        raise PaymentRefused(f"No entitlements of '{record.official_event_id}' are published yet.")
    if record.currency != configuration.currency:
        raise PaymentRefused(
            f"Event '{record.official_event_id}' pays {record.currency}, "
            f"the security is paid in {configuration.currency}."
        )


def _require_entitled(
    connection: Connection, configuration: BookConfiguration, known: KnownEvent, line: PaymentLine
) -> None:
    record = known.record
    account = AccountId(configuration.ledger, line.account)
    leaf = EntitlementLine(record.key, account, ZERO_UNITS, line.amount).leaf
    if known.entitlement_root is None or not verify_proof(known.entitlement_root, leaf, line.proof):
        raise PaymentRefused(
            f"The entitlements of '{record.official_event_id}' hold no line of {int(line.amount)} "
            f"minor units for '{line.account}'."
        )
    eligible = eligible_at(connection, configuration.asset, line.account, record.record_time)
    exact = record.rate.exact_minor(eligible, record.currency.exponent)
    ceiling = -(-exact.numerator // exact.denominator)
    if line.amount > ceiling:
        raise PaymentRefused(
            f"'{line.account}' held {int(eligible)} units at record time, which bring at most {ceiling} "
            f"minor units, not {int(line.amount)}."
        )


def _draw(connection: Connection, payer: str, currency: str, needed: int) -> None:
    available = balance(connection, currency, payer)
    granted = connection.execute(select(debit_authority.c.amount).where(*_granted(currency, payer))).scalar()
    if needed > available:
        raise Unfunded(f"'{payer}' has {available} minor units of {currency}, {needed} are needed.")
    if needed > (granted or 0):
        raise Unfunded(
            f"'{payer}' has authorised debits of {granted or 0} minor units of {currency}, "
            f"{needed} are needed."
        )
    if needed:
        connection.execute(
            update(debit_authority).where(*_granted(currency, payer)).values(amount=(granted or 0) - needed)
        )


def _granted(currency: str, account: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return debit_authority.c.currency == currency, debit_authority.c.account == account


def _require_home(configuration: BookConfiguration) -> None:
    if not configuration.home:
        raise CommandRefused(
            f"{configuration.ledger} is not the home ledger: events are announced there alone."
        )


def _require_date_order(record: EventRecord) -> None:
    dates = [record.announcement_date, record.ex_date, record.record_date, record.payment_date]
    given = [day for day in dates if day is not None]
    if given != sorted(given):
        raise CommandRefused(
            f"The dates of '{record.official_event_id}' are out of order: "
            f"{', '.join(str(day) for day in given)}."
        )


def _send_to_all(entry: Entry, configuration: BookConfiguration, payload: bytes) -> None:
    for ledger in sorted(configuration.peers):
        peer = configuration.peers[ledger]
        if peer.open and Purpose.CORPORATE_ACTION in peer.applications:
            gateway.send(entry, configuration, ledger, Purpose.CORPORATE_ACTION, payload)


def _row(connection: Connection, key: Bytes32) -> Row[Any] | None:
    return connection.execute(select(event).where(event.c.key == key.text)).first()
