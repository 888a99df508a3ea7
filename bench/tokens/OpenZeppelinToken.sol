// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice OpenZeppelin's plain ERC-20, and units to start with. No rules at all: the lower bound.
contract OpenZeppelinToken is ERC20 {
    constructor() ERC20("Plain", "PLAIN") {
        _mint(msg.sender, type(uint128).max);
    }
}
