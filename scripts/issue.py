"""`brownie run issue`: the example equity is issued, held by three holders, and refused to a stranger."""

from __future__ import annotations

from scripts import _suite

from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.rules import Restriction


def main() -> _suite.Suite:
    suite = _suite.deploy()
    _suite.issue(suite)
    print(f"\nissued {suite.token.totalSupply():>9,} {suite.security.symbol}")
    for name in _suite.HOLDERS:
        print(f"  {name:<10} {suite.token.balanceOf(suite.parties[name]):>9,}")
    stranger = KeySigner("stranger", dev_key("stranger")).address
    code = suite.token.detectTransferRestriction(suite.holder_de, stranger, 1)
    if Restriction(code) is not Restriction.RECIPIENT_UNKNOWN:
        raise SystemExit(f"a stranger would be refused by code {code}")
    print(f"  stranger   refused: {code} {suite.token.messageForTransferRestriction(code)}")
    _suite.finish()
    return suite
