"""Transfer rules and permit, as a wallet would meet them."""

from __future__ import annotations

import pytest
from brownie import chain
from eth_account import Account
from support import refusal

from conftest import UNITED_STATES, onboard
from paripassu.rules import Restriction


def test_eligible_holders_transfer(world, issued, holder_de, holder_fr):
    assert world.token.detectTransferRestriction(holder_de, holder_fr, 400) == Restriction.NONE
    world.token.transfer(holder_fr, 400, {"from": holder_de})
    assert world.token.balanceOf(holder_de) == 600
    assert world.token.balanceOf(holder_fr) == 400
    assert world.token.totalSupply() == issued


def arrange(world, code, holder_de, holder_us):
    """Make one reason apply to a transfer from the German to the American holder."""
    admin = {"from": world.admin}
    if code != Restriction.RECIPIENT_UNKNOWN:
        country = UNITED_STATES if code == Restriction.RECIPIENT_COUNTRY else 276
        onboard(world, holder_us, "holder us", country)
    if code == Restriction.TOKEN_PAUSED:
        world.token.pause(admin)
    elif code == Restriction.SENDER_INACTIVE:
        world.holders.setStatus(holder_de, False, admin)
    elif code == Restriction.SENDER_FROZEN:
        world.token.freeze(holder_de, True, admin)
    elif code == Restriction.RECIPIENT_INACTIVE:
        world.holders.setStatus(holder_us, False, admin)
    elif code == Restriction.RECIPIENT_FROZEN:
        world.token.freeze(holder_us, True, admin)
    elif code == Restriction.RECIPIENT_CLASS:
        world.holders.onboard(
            holder_us, world.holders.recordOf(holder_us)[0], 276, 200, 0, "0x" + "00" * 20, admin
        )
    return 1001 if code == Restriction.INSUFFICIENT_BALANCE else 1


@pytest.mark.parametrize(
    "code", [c for c in Restriction if c not in (Restriction.NONE, Restriction.SENDER_UNKNOWN)]
)
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
    owner = Account.create()
    onboard(world, owner.address, "owner", 276)
    world.token.issue(owner.address, 50, b"an issue", {"from": transfer_agent})
    deadline = chain.time() + 3600
    signed = Account.sign_typed_data(
        owner.key,
        {
            "name": "Example share",
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
