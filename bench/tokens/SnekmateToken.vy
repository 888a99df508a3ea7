# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Snekmate's plain ERC-20, and units to start with
@license Apache-2.0
@notice No rules at all: the lower bound, in Vyper.
"""

from snekmate.auth import ownable
from snekmate.tokens import erc20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: erc20.__interface__


@deploy
def __init__():
    ownable.__init__()
    erc20.__init__("Plain", "PLAIN", 0, "Plain", "1")
    erc20._mint(msg.sender, convert(max_value(uint128), uint256))
