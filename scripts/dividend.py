"""`brownie run dividend`: announce the example dividend, strike at record time, pay it once."""

from __future__ import annotations

import datetime

from scripts import _suite
from scripts._suite import Suite

from paripassu.entitlements import EntitlementTable, Position, consolidate, entitle, merkle_tree_of, strike
from paripassu.events import EventRecord
from paripassu.quantities import Units


def main() -> EntitlementTable:
    suite = _suite.deploy()
    _suite.issue(suite)
    record = _suite.example_dividend(suite.security).record
    suite.send("issuer_agent", suite.actions.announce, record.abi_tuple())
    _suite.travel_to(record.record_time + 60)
    # after record time shares move without changing who is paid
    suite.send("holder_fr", suite.token.transfer, suite.holder_gb, 100_000)
    table = _entitlements(suite, record)
    _fund_and_publish(suite, record, table)
    _pay(suite, record, table)
    for name in _suite.HOLDERS:
        euros, cents = divmod(suite.cash.balanceOf(suite.parties[name]), 100)
        print(f"  {name:<10} {euros:>9,}.{cents:02d} EUR")
    _suite.finish()
    return table


def _entitlements(suite: Suite, record: EventRecord) -> EntitlementTable:
    parties = {suite.account_id(suite.parties[name].address): name for name in _suite.HOLDERS}
    positions = [
        Position(account, Units(suite.token.eligibleBalanceOfAt(suite.parties[name], record.record_time)))
        for account, name in parties.items()
    ]
    holders = {account: _suite.commitment(name) for account, name in parties.items()}
    return entitle(record, consolidate(strike(positions, (), record.record_time), holders))


def _fund_and_publish(suite: Suite, record: EventRecord, table: EntitlementTable) -> None:
    key, root, total = bytes(record.key), bytes(merkle_tree_of(table).root), int(table.total)
    suite.send("paying_agent", suite.actions.publishEntitlements, key, root, total, len(table.lines))
    suite.send("cash_issuer", suite.cash.mint, suite.paying_agent, total, key)
    suite.send("paying_agent", suite.cash.approve, suite.actions, total)


def _pay(suite: Suite, record: EventRecord, table: EntitlementTable) -> None:
    tree = merkle_tree_of(table)
    lines = [
        (line.account.account, int(line.amount), [bytes(sibling) for sibling in tree.proof(line.leaf)])
        for line in table.lines
    ]
    _suite.travel_to(_midnight(record) + 8 * 3600)
    first = suite.send("paying_agent", suite.actions.pay, bytes(record.key), lines)
    again = suite.send("paying_agent", suite.actions.pay, bytes(record.key), lines)
    paid, repeated = (tx.events.count("EntitlementPaid") for tx in (first, again))
    print(f"\n{record.official_event_id}: {paid} accounts paid, {repeated} paid again")
    if (paid, repeated) != (len(lines), 0) or suite.cash.balanceOf(suite.paying_agent) != 0:
        raise SystemExit("the dividend was not paid exactly once")


def _midnight(record: EventRecord) -> int:
    day = datetime.datetime.combine(record.payment_date, datetime.time(), datetime.UTC)
    return int(day.timestamp())
