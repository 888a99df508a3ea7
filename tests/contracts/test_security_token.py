"""Transfer rules and permit, as a wallet would meet them."""

from __future__ import annotations

import pytest
from brownie import chain
from eth_account import Account
from scripts import _suite
from support import refusal

from conftest import REASON
from paripassu.ledgers.signers import dev_key
from paripassu.rules import Restriction


def test_eligible_holders_transfer(world, issued, holder_de, holder_fr):
    assert world.token.detectTransferRestriction(holder_de, holder_fr, 400) == Restriction.NONE
    world.token.transfer(holder_fr, 400, {"from": holder_de})
    assert world.token.balanceOf(holder_de) == 600
    assert world.token.balanceOf(holder_fr) == 400
    assert world.token.totalSupply() == issued


# every rule on every path is in the denial matrix; here are those that a wallet meets first
ARRANGED = (
    Restriction.TOKEN_PAUSED,
    Restriction.SENDER_INACTIVE,
    Restriction.SENDER_FROZEN,
    Restriction.RECIPIENT_UNKNOWN,
    Restriction.RECIPIENT_INACTIVE,
    Restriction.RECIPIENT_FROZEN,
    Restriction.RECIPIENT_COUNTRY,
    Restriction.RECIPIENT_CLASS,
    Restriction.INSUFFICIENT_BALANCE,
    Restriction.UNITS_BLOCKED,
    Restriction.SENDER_SANCTIONED,
    Restriction.RECIPIENT_SANCTIONED,
)


def arrange(world, code, holder_de, holder_us):
    """Make one reason apply to a transfer from the German to the American holder."""
    if code != Restriction.RECIPIENT_UNKNOWN:
        country = "US" if code == Restriction.RECIPIENT_COUNTRY else "DE"
        investor_class = 20 if code == Restriction.RECIPIENT_CLASS else 1
        _suite.onboard(world.suite, "holder_us", country, investor_class=investor_class)
    if code == Restriction.TOKEN_PAUSED:
        world.token.pause["bytes32"](REASON, {"from": world.pauser})
    elif code == Restriction.SENDER_INACTIVE:
        world.holders.setStatus(holder_de, False, REASON, {"from": world.registrar})
    elif code == Restriction.SENDER_FROZEN:
        world.token.freeze(holder_de, True, REASON, {"from": world.freezer})
    elif code == Restriction.RECIPIENT_INACTIVE:
        world.holders.setStatus(holder_us, False, REASON, {"from": world.registrar})
    elif code == Restriction.RECIPIENT_FROZEN:
        world.token.freeze(holder_us, True, REASON, {"from": world.freezer})
    elif code == Restriction.UNITS_BLOCKED:
        world.token.freezeUnits(holder_de, 1000, REASON, {"from": world.freezer})
    elif code == Restriction.SENDER_SANCTIONED:
        world.holders.setSanctioned(holder_de, True, REASON, {"from": world.regulator})
    elif code == Restriction.RECIPIENT_SANCTIONED:
        world.holders.setSanctioned(holder_us, True, REASON, {"from": world.regulator})
    return 1001 if code == Restriction.INSUFFICIENT_BALANCE else 1


@pytest.mark.parametrize("code", ARRANGED, ids=lambda code: code.name)
def test_i3_a_refusal_has_the_code_and_the_sentence_of_the_core(world, issued, holder_de, holder_us, code):
    units = arrange(world, code, holder_de, holder_us)
    assert world.token.detectTransferRestriction(holder_de, holder_us, units) == code
    assert world.token.messageForTransferRestriction(code) == code.sentence
    assert refusal(world.token.transfer, holder_us, units, sender=holder_de) == (
        "TransferRestricted",
        (code, str(holder_de).lower(), str(holder_us).lower(), units),
    )


def test_i3_an_unknown_sender_is_refused(world, issued, stranger, holder_de):
    assert refusal(world.token.transfer, holder_de, 1, sender=stranger)[1][0] == Restriction.SENDER_UNKNOWN


def test_a_permit_signed_off_chain_lets_a_custodian_move_units(
    world, transfer_agent, custodian_de, holder_fr
):
    owner = Account.from_key(dev_key("owner"))
    _suite.onboard(world.suite, "owner", "DE")
    world.token.issue(owner.address, 50, b"an issue", {"from": transfer_agent})
    deadline = chain.time() + 3600
    signed = Account.sign_typed_data(
        owner.key,
        {
            "name": world.suite.security.name,
            "version": "1",
            "chainId": chain.id,
            "verifyingContract": world.token.address,
        },
        {
            "Permit": [
                {"name": name, "type": kind}
                for name, kind in (
                    ("owner", "address"),
                    ("spender", "address"),
                    ("value", "uint256"),
                    ("nonce", "uint256"),
                    ("deadline", "uint256"),
                )
            ]
        },
        {
            "owner": owner.address,
            "spender": str(custodian_de),
            "value": 30,
            "nonce": world.token.nonces(owner.address),
            "deadline": deadline,
        },
    )
    parts = (signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    world.token.permit(owner.address, custodian_de, 30, deadline, *parts, {"from": custodian_de})
    world.token.transferFrom(owner.address, holder_fr, 30, {"from": custodian_de})
    assert world.token.balanceOf(holder_fr) == 30
    again = refusal(
        world.token.permit, owner.address, custodian_de, 30, deadline, *parts, sender=custodian_de
    )
    assert again[0] == "ERC2612InvalidSigner"
