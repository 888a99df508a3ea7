"""A cash dividend on one chain: announce, entitle, pay."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from brownie import chain
from eth_abi import encode
from eth_utils import keccak
from support import DAY, in_days, midnight, refusal, travel_to, yyyymmdd

from paripassu.merkle import MerkleTree, leaf_hash


@pytest.fixture
def dividend(world, issued, issuer_agent, holder_de, holder_fr):
    """37 cents a share, announced; 700 shares with the German, 300 with the French holder."""
    world.token.transfer(holder_fr, 300, {"from": holder_de})
    record_day, pay_day = in_days(4), in_days(7)
    record = (
        b"DE2027DVCA000001",
        world.security,
        b"DVCA",
        b"MAND",
        yyyymmdd(in_days(0)),
        yyyymmdd(in_days(3)),
        yyyymmdd(record_day),
        yyyymmdd(pay_day),
        midnight(record_day) + DAY - 1,
        37,
        100,
        b"EUR",
        2,
        keccak(text="document"),
    )
    world.actions.announce(record, {"from": issuer_agent})
    key = record[0].ljust(32, b"\0")
    return SimpleNamespace(record=record, key=key, time=record[8], pay_time=midnight(pay_day))


@pytest.fixture
def lines(world, dividend, paying_agent, holder_de, holder_fr):
    """The published table, 259.00 and 111.00 EUR, on the payment date."""
    travel_to(dividend.pay_time)
    amounts = {str(holder_de): 25_900, str(holder_fr): 11_100}
    leaves = {account: leaf(dividend, account, amount) for account, amount in amounts.items()}
    tree = MerkleTree(leaves.values())
    world.actions.publishEntitlements(
        dividend.key, tree.root, sum(amounts.values()), len(amounts), {"from": paying_agent}
    )
    return [(account, amounts[account], list(tree.proof(leaves[account]))) for account in amounts]


def leaf(dividend, account, amount):
    hashed = keccak(bytes.fromhex(account[2:]))
    return leaf_hash(
        encode(["bytes32", "uint256", "bytes32", "uint256"], [dividend.key, chain.id, hashed, amount])
    )


def fund(world, paying_agent, amount):
    world.cash.mint(paying_agent, amount, amount.to_bytes(32, "big"), {"from": world.cash_issuer})
    world.cash.approve(world.actions, amount, {"from": paying_agent})


def test_ca_11_a_dividend_is_paid_once_to_the_holders_at_record_time(
    world, dividend, lines, paying_agent, holder_de, holder_fr
):
    world.token.transfer(holder_fr, 700, {"from": holder_de})  # after T: changes nothing
    assert world.token.balanceOfAt(holder_de, dividend.time) == 700
    fund(world, paying_agent, 37_000)
    world.actions.pay(dividend.key, lines, {"from": paying_agent})
    world.actions.pay(dividend.key, lines, {"from": paying_agent})
    assert world.cash.balanceOf(holder_de) == 25_900
    assert world.cash.balanceOf(holder_fr) == 11_100
    assert world.cash.balanceOf(paying_agent) == 0
    assert world.actions.paid(dividend.key, holder_de)


def test_ca_10_an_unfunded_payer_pays_nobody(world, dividend, lines, paying_agent, holder_de):
    fund(world, paying_agent, 36_999)
    assert refusal(world.actions.pay, dividend.key, lines, sender=paying_agent) == (
        "Unfunded",
        (36_999, 37_000),
    )
    assert world.cash.balanceOf(holder_de) == 0


def test_a_line_outside_the_table_is_refused(world, dividend, lines, paying_agent):
    fund(world, paying_agent, 40_000)
    account, amount, proof = lines[0]
    assert refusal(world.actions.pay, dividend.key, [(account, amount + 1, proof)], sender=paying_agent) == (
        "InvalidProof",
        (dividend.key, account.lower(), amount + 1),
    )


def test_nothing_is_paid_before_the_payment_date(world, dividend, paying_agent):
    world.actions.publishEntitlements(dividend.key, keccak(b"root"), 1, 1, {"from": paying_agent})
    name, (day, _) = refusal(world.actions.pay, dividend.key, [], sender=paying_agent)
    assert (name, day) == ("PaymentDateNotReached", dividend.record[7])


def test_ca_2_announcing_again_changes_nothing(world, dividend, issuer_agent):
    again = world.actions.announce(dividend.record, {"from": issuer_agent})
    assert len(again.logs) == 0
    other = (*dividend.record[:9], 38, *dividend.record[10:])
    assert refusal(world.actions.announce, other, sender=issuer_agent)[0] == "EventConflict"
